//! One run of a scenario under one seed: what is asked for, and what came of it.

mod listed;
mod panics;
mod polls;
mod processor;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::determinism::{self, Clock, Leak, Options, arm};
use crate::fault::Fault;
use crate::inner::{Core, Seen};
use crate::machine;
use crate::model::{Model, ModelError};
use crate::plan::{self, FaultKind};
use crate::scenario::Scenario;
use crate::source::{Source, micros};
use crate::trace::Trace;
use crate::world::{Stopped, World};
pub(crate) use listed::check;
pub use listed::{FAULT_US_MAX, FaultError};
use panics::Panicked;
pub use polls::Polls;

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
    /// Whether to keep which task was polled when.
    pub polls: bool,
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
    /// The kinds of fault that the model and the scenario make possible; [`FaultKind::Buggify`] is in `offered`.
    pub possible: BTreeSet<FaultKind>,
    /// What was looked at by `sometimes!`, and whether it ever held.
    pub sometimes: BTreeMap<String, bool>,
    /// What was offered to `buggify!`, and whether it ever happened.
    pub offered: BTreeMap<String, bool>,
    /// Components whose required model is stronger than this one.
    pub unmet: BTreeSet<String>,
    /// What the scenario counted.
    pub counts: BTreeMap<String, u64>,
    /// Messages that were sent.
    pub messages: u64,
    /// Simulated time, in microseconds.
    pub simulated_us: u64,
    /// Processor time of the run's thread, in microseconds.
    pub cpu_us: u64,
    /// What went around the world, if the run is recorded, or if it is not deterministic for that alone.
    pub leaks: Vec<Leak>,
    /// The trace, if it was asked for.
    pub trace: Option<Trace>,
    /// The polls, if they were asked for.
    pub polls: Option<Polls>,
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

impl Verdict {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::WrongAnswer => "wrong answer",
            Verdict::Crash => "crash",
            Verdict::NoProgress => "no progress",
            Verdict::NotDeterministic => "not deterministic",
        }
    }
}

/// Why there is no run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RunError {
    /// The model is none.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A fault that is told is none.
    #[error("among the faults of the run, {0}")]
    Fault(#[from] FaultError),
}

/// Runs `scenario` once, in this process, on a thread of its own: for tests and benches. A campaign gives each run its
/// own process, for a static that outlives a run is seen by the next.
pub fn once(scenario: &Scenario, run: &Run) -> Result<Outcome, RunError> {
    let model: Model = run.model.parse()?;
    listed::check(run.faults.as_deref().unwrap_or_default())?;
    match machine::on_fresh_thread(|| execute(scenario, run, model)) {
        Ok(outcome) => Ok(outcome),
        Err(error) => Ok(Outcome::without_a_run(
            run.seed,
            Verdict::Crash,
            format!("cannot start the thread of a run: {error}"),
        )),
    }
}

impl Outcome {
    /// What is known of a run that did not live to tell.
    pub(crate) fn without_a_run(seed: u64, verdict: Verdict, message: String) -> Outcome {
        Outcome {
            seed,
            verdict,
            message,
            hash: 0,
            faults: Vec::new(),
            possible: BTreeSet::new(),
            sometimes: BTreeMap::new(),
            offered: BTreeMap::new(),
            unmet: BTreeSet::new(),
            counts: BTreeMap::new(),
            messages: 0,
            simulated_us: 0,
            cpu_us: 0,
            leaks: Vec::new(),
            trace: None,
            polls: None,
        }
    }
}

/// The memory of the world, for clocks that are read before there is one.
type Late = Rc<OnceCell<world::memory::World>>;

fn execute(scenario: &Scenario, run: &Run, model: Model) -> Outcome {
    let before = processor::used();
    let late = Late::default();
    let armed = arm(Options {
        entropy: run.entropy,
        clock: clock(run.entropy, late.clone()),
    });
    let mut outcome = unfold(scenario, run, model, &late);
    if run.record || armed.has_fatal() {
        outcome.leaks = armed.leaks();
    }
    drop(armed);
    if outcome.leaks.iter().any(Leak::is_fatal) {
        outcome.verdict = Verdict::NotDeterministic;
        outcome.message = determinism::explain(&outcome.leaks, "");
    }
    outcome.cpu_us = micros(processor::used().saturating_sub(before));
    outcome
}

/// Shows virtual time from an origin that the entropy moves, so that whoever reads it differs between two runs.
fn clock(entropy: u64, late: Late) -> Clock {
    /// Within some four months.
    const ORIGINS_S: u64 = 10_000_000;
    /// In November 2023.
    const EPOCH_S: u64 = 1_700_000_000;
    let origin = Duration::from_secs(entropy.wrapping_mul(0x9e37_79b9_7f4a_7c15) % ORIGINS_S);
    Box::new(move || {
        let now = late.get().map(world::memory::World::now).unwrap_or_default();
        (origin + now, Duration::from_secs(EPOCH_S) + origin + now)
    })
}

fn unfold(scenario: &Scenario, run: &Run, model: Model, late: &Late) -> Outcome {
    let source = match &run.faults {
        Some(faults) => Source::Listed(faults.clone()),
        None => Source::Quiet,
    };
    let world = World::new(run.seed, model, source, run.record);
    let memory = world.inner.memory.clone();
    // It is empty so far.
    let _ = late.set(memory.clone());
    if run.polls {
        memory.record_polls();
    }
    panics::keep(&memory);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        world.phase("warm-up");
        memory.run(scenario.start(world.clone()));
    }));
    let panics = panics::take();
    let trace = run.record.then(|| world.trace());
    let (verdict, message) = judge(&world, ended.err(), &panics);
    let inner = world.inner.clone();
    let mut core = inner.core();
    let possible = possible(&inner.model, &core);
    let seen = std::mem::take(&mut core.seen);
    let outcome = Outcome {
        seed: run.seed,
        verdict,
        message,
        hash: memory.fingerprint(),
        offered: offered(&seen),
        faults: seen.faults.into_iter().map(|struck| struck.fault).collect(),
        counts: seen.counts,
        possible,
        sometimes: seen.sometimes,
        unmet: seen.unmet,
        messages: core.message_next,
        simulated_us: micros(memory.now()),
        cpu_us: 0,
        leaks: Vec::new(),
        trace,
        polls: run.polls.then(|| Polls::of(&memory.polls())),
    };
    drop(core);
    inner.end();
    outcome
}

/// What of the model could have struck: nothing where the scenario has no chaos, nothing that these nodes cannot show
/// (a ring needs four), and no lie that its answers leave no room for. Everything else is held to, also where
/// the scenario happens to give a fault no work, as rot on a disk that nobody reads: that is what *not exercised* is for.
fn possible(model: &Model, core: &Core) -> BTreeSet<FaultKind> {
    let chaos = core.healed || !matches!(core.source, Source::Quiet);
    if !chaos {
        return BTreeSet::new();
    }
    let nodes: Vec<plan::Node> = core.nodes.iter().map(|node| node.planned()).collect();
    let mut kinds = model.kinds_among(&nodes);
    kinds.retain(|kind| !matches!(kind, FaultKind::Lie(lie) if !core.liars.can(*lie)));
    kinds
}

fn offered(seen: &Seen) -> BTreeMap<String, bool> {
    let names = seen.offered.keys().map(|(_, name)| ((*name).to_owned(), false));
    let mut offered: BTreeMap<String, bool> = names.collect();
    for struck in &seen.faults {
        if let Fault::Buggify { name, .. } = &struck.fault {
            offered.insert(name.clone(), true);
        }
    }
    offered
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
    if ended.is_some_and(|ended| !ended.is::<Stopped>()) {
        let Some(panic) = of_scenario else {
            // An unwinding that was begun without the panic's hook.
            let why = "the scenario ended by a panic without a message".to_owned();
            return (Verdict::WrongAnswer, why);
        };
        let stuck = panic.message.starts_with(STUCK) || panic.message.starts_with(ENDLESS);
        return match stuck {
            true => (Verdict::NoProgress, panic.message.clone()),
            false => (Verdict::WrongAnswer, panic.to_string()),
        };
    }
    match core.seen.no_progress.first() {
        Some(why) => (Verdict::NoProgress, why.clone()),
        None => (Verdict::Holds, String::new()),
    }
}

/// How the world in memory says that a run cannot go on, or does not end.
const STUCK: &str = "nothing can ever happen again";
const ENDLESS: &str = "the run did not end";
