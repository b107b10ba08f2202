//! The call layer's promises, held by generated programs of calls under five models: certainty, answers, at most once,
//! effects made once, call ids, the budget of retries, deadlines, cancellation, leaks, progress, determinism.

mod book;
mod caller;
mod keeper;
mod program;
mod scenario;
mod tally;
mod verify;
mod wiretap;
mod worker;

use std::io::Write;
use std::sync::PoisonError;

use sim::{Outcome, Run, Verdict};

use tally::Tally;

/// The models, each with as many seeds.
const MODELS: [&str; 6] = [
    "synchronous",
    "datacentre",
    "web",
    "asynchronous",
    "asynchronous + omission",
    "synchronous + crash-recovery + one-way + ring + halves",
];

/// Runs over all models in `./test`, and with `TERRACE_FULL`.
const RUNS: u64 = 200;
const RUNS_FULL: u64 = 10_000;

/// The runs are split over so many tests, which run side by side.
const PARTS: u64 = 2;

/// Every so many runs one is made twice; a prime, so that every model gets its turn.
const TWICE_EVERY: u64 = 7;

/// The environment variable that names the one seed to run, and to tell the faults of.
const ONLY: &str = "TERRACE_CALLS_SEED";

#[test]
fn every_promise_of_a_call_holds_in_even_runs() {
    part(0);
}

#[test]
fn every_promise_of_a_call_holds_in_odd_runs() {
    part(1);
}

fn part(part: u64) {
    let runs = match std::env::var_os("TERRACE_FULL") {
        Some(_) => RUNS_FULL,
        None => RUNS,
    };
    let only: Option<u64> = std::env::var(ONLY).ok().and_then(|seed| seed.parse().ok());
    let (mut tally, mut wrong) = (Tally::default(), Vec::new());
    let of_part = |number: &u64| number % PARTS == part && only.is_none_or(|only| only == *number);
    for number in (0..runs).filter(of_part) {
        // Each part gets every model.
        let model = MODELS[(number / PARTS) as usize % MODELS.len()];
        let outcome = once(model, (number, 0), &mut wrong, Some(&mut tally));
        if only.is_some() {
            outcome.faults.iter().for_each(|fault| say(&fault.to_string()));
        }
        if (number / PARTS).is_multiple_of(TWICE_EVERY) {
            let again = once(model, (number, 1), &mut Vec::new(), None);
            if (again.hash, again.messages) != (outcome.hash, outcome.messages) {
                wrong.push(format!("`{model}`, seed {number}: deterministic: two runs differ"));
            }
        }
    }
    say(&tally.text());
    let missing = if only.is_none() {
        tally.not_exercised()
    } else {
        Vec::new()
    };
    assert!(wrong.is_empty(), "{} violations:\n{}", wrong.len(), wrong.join("\n"));
    assert!(missing.is_empty(), "never happened: {missing:?}");
}

/// One run, by seed and by what it must not depend on, with what is wrong with it.
fn once(model: &str, (seed, entropy): (u64, u64), wrong: &mut Vec<String>, tally: Option<&mut Tally>) -> Outcome {
    let (scenario, kept) = scenario::scenario();
    let run = Run {
        scenario: scenario.name.to_owned(),
        model: model.to_owned(),
        seed,
        entropy,
        ..Run::default()
    };
    let outcome = sim::run::once(&scenario, &run).unwrap_or_else(|error| panic!("`{model}`: {error}"));
    let book = kept.lock().unwrap_or_else(PoisonError::into_inner).take();
    let mut found = match &book {
        Some(book) if outcome.verdict == Verdict::Holds => verify::violations(book, &outcome),
        _ => vec![format!("{}: {}", outcome.verdict.name(), outcome.message)],
    };
    wrong.extend(found.drain(..).map(|why| format!("`{model}`, seed {seed}: {why}")));
    if let (Some(tally), Some(book)) = (tally, &book) {
        tally.add(book, &outcome);
    }
    outcome
}

/// For whoever looks.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
