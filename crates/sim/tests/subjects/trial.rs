//! What the tests do with a subject: look for its bug, see it hold, and see that a seed says the same twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sim::model::Processes;
use sim::{Outcome, Run, Scenario, Verdict, World};
use terrace::CallError;
use world::{Env, Random};

/// Seeds within which each bug has to be found, and over which the stronger model has to be clean.
pub(crate) const SEEDS: u64 = 500;

/// The share of them that a quick run takes.
const FIFTIETH: u64 = 50;

/// A bug on purpose.
pub(crate) struct Planted {
    /// What it is.
    pub(crate) name: &'static str,
    /// The program with the bug.
    pub(crate) wrong: fn() -> Scenario,
    /// The program without it.
    pub(crate) right: fn() -> Scenario,
    /// A model in which it shows.
    pub(crate) weak: &'static str,
    /// One that is stronger in one point only, in which it does not.
    pub(crate) strong: &'static str,
    /// The weakest one that the right program holds in.
    pub(crate) holds: &'static str,
    /// What the verdict says of the promise that was broken.
    pub(crate) promise: &'static str,
}

/// A bug that was found.
pub(crate) struct Found {
    /// By which seed.
    pub(crate) seed: u64,
    /// After how much processor time.
    pub(crate) cpu: Duration,
}

/// So many seeds with `TERRACE_FULL`, a fiftieth of them without.
pub(crate) fn seeds(full: u64) -> u64 {
    match std::env::var_os("TERRACE_FULL") {
        Some(_) => full,
        None => full.div_ceil(FIFTIETH),
    }
}

impl Planted {
    /// Runs the wrong program under `model`, seed after seed from `first` on, until the bug is found.
    pub(crate) fn find(&self, model: &str, first: u64) -> Found {
        let (scenario, mut cpu_us) = ((self.wrong)(), 0);
        for seed in first..first + SEEDS {
            let outcome = once(&scenario, model, seed);
            cpu_us += outcome.cpu_us;
            match outcome.verdict {
                Verdict::Holds => {}
                Verdict::WrongAnswer => {
                    let said = &outcome.message;
                    assert!(said.contains(self.promise), "{}, seed {seed}: {said}", self.name);
                    let cpu = Duration::from_micros(cpu_us);
                    return Found { seed, cpu };
                }
                other => panic!("{}, seed {seed}: {}: {}", self.name, other.name(), outcome.message),
            }
        }
        panic!("{} was not found within {SEEDS} seeds of `{model}`", self.name);
    }
}

/// Runs a program that holds; returns the processor time.
pub(crate) fn holds(scenario: &Scenario, model: &str, seeds: u64) -> Duration {
    let mut cpu_us = 0;
    for seed in 0..seeds {
        let outcome = once(scenario, model, seed);
        assert_eq!(
            outcome.verdict,
            Verdict::Holds,
            "{} under `{model}`, seed {seed}: {}",
            scenario.name,
            outcome.message
        );
        cpu_us += outcome.cpu_us;
    }
    Duration::from_micros(cpu_us)
}

/// Runs each of some seeds twice, which has to say the same.
pub(crate) fn repeats(scenario: &Scenario, model: &str) {
    for seed in 0..3 {
        let (one, two) = (once(scenario, model, seed), once(scenario, model, seed));
        assert_eq!(
            (one.hash, &one.message, one.messages),
            (two.hash, &two.message, two.messages),
            "{} under `{model}`, seed {seed}",
            scenario.name
        );
        assert!(one.messages > 0, "{} sends nothing", scenario.name);
    }
}

/// One run.
pub(crate) fn once(scenario: &Scenario, model: &str, seed: u64) -> Outcome {
    let run = Run {
        scenario: scenario.name.to_owned(),
        model: model.to_owned(),
        seed,
        ..Run::default()
    };
    sim::run::once(scenario, &run).unwrap_or_else(|error| panic!("`{model}`: {error}"))
}

/// Whether clients are to go on; a clone is the same.
#[derive(Clone)]
pub(crate) struct Working(Arc<AtomicBool>);

impl Default for Working {
    fn default() -> Working {
        Working(Arc::new(AtomicBool::new(true)))
    }
}

impl Working {
    /// Whether they are.
    pub(crate) fn goes_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// They are not.
    pub(crate) fn stop(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Sleeps for a random time below so many milliseconds.
pub(crate) async fn wait(env: &Env, random: &mut Random, below_ms: u64) {
    env.sleep(Duration::from_millis(random.below(below_ms))).await;
}

/// Asks until there is an answer. Whoever is gone for good never answers; in every other model all are back.
pub(crate) async fn asked<T, F>(world: &World, mut ask: impl FnMut() -> F) -> Option<T>
where
    F: Future<Output = Result<T, CallError>>,
{
    let (env, mut answer) = (world.env(), None);
    let comes_back = world.model().processes != Processes::CrashStop;
    let deadline = env.deadline(Duration::from_secs(if comes_back { 120 } else { 5 }));
    while answer.is_none() && env.now() < deadline {
        match ask().await {
            Ok(value) => answer = Some(value),
            Err(_) => env.sleep(Duration::from_millis(500)).await,
        }
    }
    if comes_back {
        let here = || answer.is_some();
        world.settle("an answer of the server", Duration::ZERO, here).await;
    }
    answer
}
