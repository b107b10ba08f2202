//! One run of a scenario under one seed: what is asked for, and what came of it.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::model::Model;
use crate::plan::FaultKind;
use crate::scenario::Scenario;
use crate::source::{Source, micros};
use crate::trace::Trace;
use crate::world::{Stopped, World};

/// Panics that are kept of one run.
const PANICS_MAX: usize = 20;

/// What to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The scenario's name.
    pub scenario: String,
    /// The model, as text.
    pub model: String,
    /// The seed.
    pub seed: u64,
    /// Exactly these faults, instead of those that the seed draws.
    pub faults: Option<Vec<Fault>>,
    /// Whether to keep the trace.
    pub record: bool,
    /// What the operating system's randomness is made of: a run must not depend on it.
    pub entropy: u64,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// What it shows.
    pub verdict: Verdict,
    /// What is wrong, in words; empty if nothing is.
    pub message: String,
    /// Two runs with different hashes were two different runs.
    pub hash: u64,
    /// The faults that struck.
    pub faults: Vec<Fault>,
    /// The kinds of fault that the model and the scenario's nodes make possible.
    pub possible: BTreeSet<FaultKind>,
    /// What was looked at by `sometimes!`, and whether it ever held.
    pub sometimes: BTreeMap<String, bool>,
    /// Components whose required model is stronger than this one.
    pub unmet: BTreeSet<String>,
    /// Messages that were sent.
    pub messages: u64,
    /// Simulated time, in microseconds.
    pub simulated_us: u64,
    /// Processor time, in microseconds.
    pub cpu_us: u64,
    /// The trace, if it was asked for.
    pub trace: Option<Trace>,
}

/// What a run shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything that was checked holds.
    Holds,
    /// A check failed.
    WrongAnswer,
    /// Code of a node panicked.
    Crash,
    /// Something that was to come did not, or nothing could happen any more.
    NoProgress,
    /// The run depends on something else than its seed.
    NotDeterministic,
}

/// Runs `scenario` once, on this thread.
pub(crate) fn execute(scenario: &Scenario, run: &Run, model: Model) -> Outcome {
    let possible = model.kinds();
    let source = match &run.faults {
        Some(faults) => Source::Listed(faults.clone()),
        None => Source::Quiet,
    };
    let world = World::new(run.seed, model, source, run.record);
    listen();
    PANICS.with_borrow_mut(|panics| *panics = Some((world.inner.memory.clone(), Vec::new())));
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let memory = world.inner.memory.clone();
        world.phase("warm-up");
        memory.run(scenario.start(world.clone()));
    }));
    let panics = PANICS.with_borrow_mut(Option::take).map(|kept| kept.1).unwrap_or_default();
    let trace = run.record.then(|| world.trace());
    let (verdict, message) = judge(&world, ended.err(), &panics);
    let inner = world.inner.clone();
    let mut core = inner.core();
    let seen = std::mem::take(&mut core.seen);
    let outcome = Outcome {
        seed: run.seed,
        verdict,
        message,
        hash: inner.memory.fingerprint(),
        faults: seen.faults,
        possible,
        sometimes: seen.sometimes,
        unmet: seen.unmet,
        messages: core.message_next,
        simulated_us: micros(inner.memory.now()),
        cpu_us: 0,
        trace,
    };
    drop(core);
    inner.end();
    outcome
}

fn judge(world: &World, ended: Option<Box<dyn Any + Send>>, panics: &[Panicked]) -> (Verdict, String) {
    let core = world.inner.core();
    if let Some(violation) = core.seen.violations.first() {
        return (Verdict::WrongAnswer, violation.clone());
    }
    let of_node = panics.iter().find(|panic| panic.task.is_some());
    let of_scenario = panics.iter().find(|panic| panic.task.is_none());
    if let Some(panic) = of_node {
        return (Verdict::Crash, panic.to_string());
    }
    if ended.is_some_and(|ended| !ended.is::<Stopped>())
        && let Some(panic) = of_scenario
    {
        let stuck = panic.message.starts_with(STUCK) || panic.message.starts_with(ENDLESS);
        let verdict = if stuck { Verdict::NoProgress } else { Verdict::WrongAnswer };
        return (verdict, panic.to_string());
    }
    match core.seen.no_progress.first() {
        Some(why) => (Verdict::NoProgress, why.clone()),
        None => (Verdict::Holds, String::new()),
    }
}

/// How the world in memory says that a run cannot go on, or does not end.
const STUCK: &str = "nothing can ever happen again";
const ENDLESS: &str = "the run did not end";

/// A panic in a run.
struct Panicked {
    message: String,
    place: String,
    /// The node and the task it was in; none for the scenario itself.
    task: Option<(String, &'static str)>,
}

impl std::fmt::Display for Panicked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Panicked { message, place, task } = self;
        match task {
            Some((node, task)) => write!(f, "{node} panicked in its task `{task}` at {place}: {message}"),
            None => write!(f, "the scenario panicked at {place}: {message}"),
        }
    }
}

thread_local! {
    /// The panics of the run on this thread, and the world that says whose they are.
    static PANICS: RefCell<Option<(world::memory::World, Vec<Panicked>)>> = const { RefCell::new(None) };
}

/// Keeps the panics of a run instead of printing them: a callee's panic is an answer to its caller, but to a campaign it
/// is a finding.
fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let kept = PANICS.with(|panics| {
                let Ok(mut panics) = panics.try_borrow_mut() else { return false };
                let Some((memory, panics)) = panics.as_mut() else { return false };
                if panics.len() < PANICS_MAX {
                    let payload = panic.payload_as_str().unwrap_or("a panic without a message");
                    let place = panic.location().map(ToString::to_string).unwrap_or_default();
                    let task = memory.current().filter(|(node, _)| node != crate::inner::WITNESS);
                    panics.push(Panicked {
                        message: payload.to_owned(),
                        place,
                        task,
                    });
                }
                true
            });
            if !kept {
                before(panic);
            }
        }));
    });
}
