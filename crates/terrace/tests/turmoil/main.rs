//! The real frames and the real HTTP face over turmoil, a simulated network that others have made: latency, lost
//! segments, partitions, links that stall, hosts that crash. The promises of a call hold there too, and what happens
//! follows from the seed alone.

#![allow(unreachable_pub, reason = "components are `pub`, as a user writes them")]

mod callers;
mod journal;
mod network;
mod plan;
mod run;

use std::collections::BTreeMap;

use crate::journal::{Book, Ended, Outcome};
use crate::plan::Plan;
use crate::run::{Drained, draining, rough};

/// Seeds of a run of all tests, and of one with `TERRACE_FULL`.
const SEEDS: [u64; 2] = [20, 1_000];

fn seeds() -> std::ops::Range<u64> {
    let one = std::env::var("TERRACE_SEED").ok().and_then(|seed| seed.parse().ok());
    match one {
        Some(seed) => seed..seed + 1,
        None => 0..SEEDS[usize::from(std::env::var_os("TERRACE_FULL").is_some())],
    }
}

/// What a set of runs has shown, so that a network on which nothing happens is noticed.
#[derive(Debug, Default)]
struct Shown(BTreeMap<&'static str, u64>);

impl Shown {
    fn add(&mut self, book: &Book) {
        for outcome in &book.outcomes {
            let is_http = outcome.caller == "web";
            let what = match (&outcome.ended, is_http) {
                (Ended::Answered, false) => "answered",
                (Ended::Answered, true) => "answered over HTTP",
                (
                    Ended::Failed {
                        certainly_did_not_run: true,
                        ..
                    },
                    false,
                ) => "certainly did not run",
                (Ended::Failed { .. }, false) => "may have run",
                (Ended::Failed { .. }, true) => "failed over HTTP",
                (Ended::Broke(_), _) => "broke over HTTP",
            };
            *self.0.entry(what).or_default() += 1;
        }
        let again = book.runs.values().filter(|ids| ids.len() > 1).count();
        *self.0.entry("ran again").or_default() += again as u64;
    }

    fn check(&self, all: &[&'static str]) {
        if seeds().count() > 1 {
            for what in all {
                assert!(self.0.contains_key(what), "no call {what}: {self:?}");
            }
        }
    }
}

#[test]
fn calls_keep_their_promises_while_the_network_fails() {
    let mut shown = Shown::default();
    for seed in seeds() {
        let book = rough(seed, &Plan::new(seed));
        check(seed, &book);
        shown.add(&book);
    }
    shown.check(&[
        "answered",
        "answered over HTTP",
        "certainly did not run",
        "may have run",
        "failed over HTTP",
        "broke over HTTP",
        "ran again",
    ]);
}

#[test]
fn a_seed_decides_all_that_happens() {
    for seed in seeds().take(3) {
        let (first, second) = (rough(seed, &Plan::new(seed)), rough(seed, &Plan::new(seed)));
        let differ = first
            .outcomes
            .iter()
            .zip(&second.outcomes)
            .find(|(one, other)| one != other);
        assert_eq!(differ, None, "seed {seed} went two ways");
        assert_eq!(first.outcomes.len(), second.outcomes.len(), "seed {seed}");
        assert_eq!(first.runs, second.runs, "seed {seed}");
    }
}

#[test]
fn a_drain_leaves_no_call_in_doubt() {
    let mut shown = Shown::default();
    for seed in seeds() {
        let Drained { book, drains } = draining(seed, &Plan::calm(seed));
        check(seed, &book);
        assert!(drains > 1, "seed {seed}: {drains} drains");
        for outcome in &book.outcomes {
            let ran = book.runs.contains_key(&outcome.number);
            let in_doubt = match &outcome.ended {
                Ended::Answered => !ran,
                Ended::Failed { kind, .. } => ran && *kind != terrace::CallErrorKind::DeadlineExceeded,
                // The face has no frame that refuses: a request on its way when it closes is not read.
                Ended::Broke(_) => ran,
            };
            assert!(!in_doubt, "seed {seed}: {outcome:?}, ran: {ran}");
        }
        shown.add(&book);
    }
    shown.check(&["answered", "answered over HTTP"]);
}

fn check(seed: u64, book: &Book) {
    let none: Vec<String> = Vec::new();
    assert_eq!(book.violations, none, "seed {seed}");
    assert!(
        book.outcomes.len() > 50,
        "seed {seed}: {} calls ended",
        book.outcomes.len()
    );
    for outcome in &book.outcomes {
        check_outcome(seed, outcome, book.runs.get(&outcome.number).map_or(&[], Vec::as_slice));
    }
    for (number, ids) in &book.runs {
        assert!(
            ids.iter().all(|id| id == &ids[0]),
            "seed {seed}: call {number} ran as {ids:?}"
        );
        assert_eq!(book.effects.get(&ids[0]), Some(number), "seed {seed}");
    }
}

fn check_outcome(seed: u64, outcome: &Outcome, ran: &[u128]) {
    let late = outcome.took.saturating_sub(outcome.within).as_millis();
    assert!(late <= 50, "seed {seed}: {late} ms late: {outcome:?}");
    let times = ran.len();
    assert!(
        outcome.is_repeatable || times <= 1,
        "seed {seed}: ran {times} times: {outcome:?}"
    );
    match outcome.ended {
        Ended::Answered => assert!(times >= 1, "seed {seed}: an answer without a run: {outcome:?}"),
        Ended::Failed {
            certainly_did_not_run: true,
            ..
        } => {
            assert_eq!(times, 0, "seed {seed}: it ran: {outcome:?}");
        }
        Ended::Failed { .. } | Ended::Broke(_) => {}
    }
}
