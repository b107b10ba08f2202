//! What the seeds of a campaign have shown together.

use std::collections::{BTreeMap, BTreeSet};

use super::difference::differ;
use super::process::Done;
use crate::plan::FaultKind;
use crate::report::{Report, Verdicts};
use crate::run::{Outcome, Verdict};

/// Different failures that are told apart; more are only counted.
const DIFFERENT_MAX: usize = 100;

/// What makes two failures the same one.
pub(super) type Key = (Verdict, String);

#[derive(Default)]
pub(super) struct Tally {
    possible: BTreeSet<FaultKind>,
    struck: BTreeSet<FaultKind>,
    sometimes: BTreeMap<String, bool>,
    offered: BTreeMap<String, bool>,
    pub(super) unmet: BTreeSet<String>,
    /// Of each failure the seed with the fewest faults, which is the easiest to see through; the first of those.
    pub(super) failed: BTreeMap<Key, Done>,
    pub(super) seeds: u64,
    verdicts: Verdicts,
    counts: BTreeMap<String, u64>,
    faults: u64,
    messages: u64,
    simulated_us: u64,
    cpu_us: u64,
}

impl Tally {
    /// Adds what came of a seed.
    pub(super) fn add(&mut self, done: Done) {
        let outcome = &done.outcome;
        self.seeds += 1;
        self.verdicts.count(outcome.verdict);
        self.possible.extend(&outcome.possible);
        self.struck.extend(outcome.faults.iter().map(|fault| fault.kind()));
        merge(&mut self.sometimes, &outcome.sometimes);
        merge(&mut self.offered, &outcome.offered);
        self.unmet.extend(outcome.unmet.iter().cloned());
        for (name, count) in &outcome.counts {
            *self.counts.entry(name.clone()).or_default() += count;
        }
        self.faults += outcome.faults.len() as u64;
        self.messages += outcome.messages;
        self.simulated_us += outcome.simulated_us;
        self.cpu_us += outcome.cpu_us;
        if outcome.verdict == Verdict::Holds {
            return;
        }
        let key = key(outcome);
        let earlier = self
            .failed
            .get(&key)
            .is_none_or(|known| simplicity(outcome) < simplicity(&known.outcome));
        if earlier && (self.failed.len() < DIFFERENT_MAX || self.failed.contains_key(&key)) {
            self.failed.insert(key, done);
        }
    }

    pub(super) fn failing(&self) -> u64 {
        self.seeds - self.verdicts.holds
    }

    /// What was declared and did not happen in any seed.
    pub(super) fn not_exercised(&self, declared: &[&str]) -> Vec<String> {
        let faults = self
            .possible
            .difference(&self.struck)
            .map(|kind| format!("fault: {kind}"));
        let mut sometimes: BTreeMap<&str, bool> = declared.iter().map(|name| (*name, false)).collect();
        sometimes.extend(self.sometimes.iter().map(|(name, held)| (name.as_str(), *held)));
        let never = |(name, held): (&str, bool)| (!held).then(|| format!("sometimes: {name}"));
        let offered = self.offered.iter().filter(|(_, happened)| !**happened);
        faults
            .chain(sometimes.into_iter().filter_map(never))
            .chain(offered.map(|(name, _)| format!("buggify: {name}")))
            .collect()
    }

    /// The counts so far, for `report`.
    pub(super) fn fill(&self, report: &mut Report) {
        report.seeds = self.seeds;
        report.verdicts = self.verdicts.clone();
        report.unmet = self.unmet.clone();
        report.counts = self.counts.clone();
        report.faults = self.faults;
        report.messages = self.messages;
        report.simulated_s = self.simulated_us as f64 / 1e6;
        report.cpu_s = self.cpu_us as f64 / 1e6;
    }
}

/// What came of a seed that was run once or twice.
pub(super) fn settled(mut done: Vec<Done>) -> Option<Done> {
    let twice = (done.len() == 2).then(|| done.pop()).flatten();
    let mut first = done.pop()?;
    if let Some(twice) = twice.as_ref().filter(|twice| twice.told != first.told) {
        // Somebody may have killed it: what it says itself is more use than that the other one lived.
        let mut died = if first.told { twice.clone() } else { first };
        died.outcome.message = format!("in one of two runs of this seed {}", died.outcome.message);
        return Some(died);
    }
    let different = twice.is_some_and(|twice| match (first.told, twice.told) {
        (true, true) => differ(&first.outcome, &twice.outcome),
        // What a process said when it died may hold its number.
        _ => first.outcome.verdict != twice.outcome.verdict,
    });
    if different && first.outcome.verdict != Verdict::NotDeterministic {
        first.outcome.verdict = Verdict::NotDeterministic;
        first.outcome.message = "two runs of this seed differ".to_owned();
    }
    Some(first)
}

/// Which failure it is: its numbers and ids do not matter.
pub(super) fn key(outcome: &Outcome) -> Key {
    let words = outcome.message.split_whitespace();
    let plain = words.map(|word| if is_number(word) { "#" } else { word });
    (outcome.verdict, plain.collect::<Vec<_>>().join(" "))
}

/// Whether a word is a number, or an id in hexadecimal digits as a request's label ends with.
fn is_number(word: &str) -> bool {
    let has_digit = word.contains(|letter: char| letter.is_ascii_digit());
    has_digit || word.len() == 4 && word.chars().all(|letter| letter.is_ascii_hexdigit())
}

/// The less, the easier a failure is to see through.
fn simplicity(outcome: &Outcome) -> (usize, u64) {
    (outcome.faults.len(), outcome.seed)
}

fn merge(all: &mut BTreeMap<String, bool>, some: &BTreeMap<String, bool>) {
    for (name, held) in some {
        *all.entry(name.clone()).or_default() |= held;
    }
}

#[cfg(test)]
mod tests {
    use super::settled;
    use crate::campaign::process::Done;
    use crate::run::{Outcome, Verdict};

    #[test]
    fn a_process_that_was_killed_is_a_crash_also_where_its_twin_lived() {
        let done = |verdict, told| Done {
            outcome: Outcome::without_a_run(7, verdict, "ended (signal: 9)".to_owned()),
            told,
        };
        let (lived, died) = (done(Verdict::Holds, true), done(Verdict::Crash, false));
        for both in [vec![lived.clone(), died.clone()], vec![died, lived]] {
            let outcome = settled(both).expect("two runs").outcome;
            assert_eq!(
                (outcome.verdict, outcome.message.as_str()),
                (Verdict::Crash, "in one of two runs of this seed ended (signal: 9)")
            );
        }
    }
}
