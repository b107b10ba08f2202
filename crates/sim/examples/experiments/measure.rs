//! How an experiment is run: one scenario under one model and one seed, and what it saw of itself.

use std::sync::{Arc, Mutex, PoisonError};

use sim::fault::Fault;
use sim::{Outcome, Run, Scenario, Verdict, World};

/// What goes on a page.
pub(crate) struct Measured {
    /// Tables, as markdown.
    pub(crate) tables: String,
    /// Pictures: the name of each without its ending, and the SVG.
    pub(crate) pictures: Vec<(&'static str, String)>,
}

/// What the nodes of a run tell whoever measures, and nobody else; a clone is the same.
pub(crate) struct Seen<T>(Arc<Mutex<T>>);

impl<T> Clone for Seen<T> {
    fn clone(&self) -> Seen<T> {
        Seen(self.0.clone())
    }
}

impl<T> Seen<T> {
    /// Looks at it, or adds to it.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Runs `body` once. A panic of a node is an error of the experiment; a wrong answer is what it looks for.
pub(crate) fn ran<T, F, O>(run: Run, body: F) -> (T, Outcome)
where
    T: Default + Send + 'static,
    F: Fn(World, Seen<T>) -> O + Send + Sync + 'static,
    O: Future<Output = ()> + 'static,
{
    let seen = Seen(Arc::new(Mutex::new(T::default())));
    let told = seen.clone();
    let scenario = Scenario::new("experiment", move |world| body(world, told.clone()));
    let outcome = sim::run::once(&scenario, &run).unwrap_or_else(|error| panic!("`{}`: {error}", run.model));
    let broken = matches!(outcome.verdict, Verdict::Crash | Verdict::NotDeterministic);
    assert!(!broken, "`{}`, seed {}: {}", run.model, run.seed, outcome.message);
    (seen.with(std::mem::take), outcome)
}

/// A run of a model, with the faults that the seed draws.
pub(crate) fn drawn(model: &str, seed: u64) -> Run {
    Run {
        model: model.to_owned(),
        seed,
        ..Run::default()
    }
}

/// The same with a trace.
pub(crate) fn recorded(model: &str, seed: u64) -> Run {
    Run {
        record: true,
        ..drawn(model, seed)
    }
}

/// Whether the node had stopped for good by then, in microseconds.
pub(crate) fn is_gone(faults: &[Fault], name: &str, by_us: u64) -> bool {
    faults
        .iter()
        .any(|fault| matches!(fault, Fault::Crash { node, at_us, .. } if node == name && *at_us <= by_us))
}

/// A table in markdown.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[&str]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(head) + &line(&vec!["---"; head.len()]);
    for row in rows {
        text += &line(&row.iter().map(String::as_str).collect::<Vec<_>>());
    }
    text
}
