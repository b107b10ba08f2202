//! First subjects of the simulator: small programs, each right and wrong. A planted bug is found and named under a model
//! that shows it, and not under a stronger one, and the right program holds under both.

mod durable;
mod liar;
mod lock;
mod log;
mod register;
mod retry;
mod suspicion;
mod trial;

use std::io::Write;
use std::time::Duration;

use sim::{Model, Verdict};

use register::Built;
use trial::{Planted, SEEDS, holds, once, repeats, seeds};

/// A model under which something is to come in the end, too.
const PROGRESS: &str = "datacentre";

const BUGS: [Planted; 5] = [lock::BUG, durable::BUG, retry::BUG, suspicion::BUG, liar::BUG];

#[test]
fn a_lock_without_a_fence_is_found_under_clock_jumps_only() {
    tried(&lock::BUG);
}

#[test]
fn an_acknowledgement_before_the_sync_is_found_under_crash_recovery_only() {
    tried(&durable::BUG);
}

#[test]
fn a_retry_of_an_unmarked_call_is_found_under_omission_only() {
    tried(&retry::BUG);
    let found = retry::BUG.find(retry::LOSS_ALONE, 0);
    say(&format!("  found under `{}` by seed {}", retry::LOSS_ALONE, found.seed));
}

#[test]
fn a_timeout_taken_for_death_is_found_under_asynchrony_only() {
    tried(&suspicion::BUG);
}

#[test]
fn a_lying_replica_without_votes_is_found_under_byzantine_processes_only() {
    tried(&liar::BUG);
}

#[test]
fn one_liar_more_than_a_vote_tolerates_breaks_it() {
    let voted = Planted {
        wrong: liar::BUG.right,
        ..liar::BUG
    };
    voted.find(liar::BREAKS, 0);
}

#[test]
fn fences_are_needed_where_they_hold() {
    for (bug, refused) in [(lock::BUG, lock::REFUSED), (suspicion::BUG, suspicion::REFUSED)] {
        let scenario = (bug.right)();
        let happened = (0..SEEDS).any(|seed| once(&scenario, bug.weak, seed).sometimes.get(refused) == Some(&true));
        assert!(happened, "{refused}: not within {SEEDS} seeds of `{}`", bug.weak);
    }
}

#[test]
fn a_register_by_majorities_is_linearizable() {
    let register = register::scenario(Built::Right);
    let cpu = holds(&register, register::MODEL, seeds(SEEDS));
    say(&format!("{}: {} seeds hold, {cpu:.1?}", register.name, seeds(SEEDS)));
    repeats(&register, register::MODEL);
}

#[test]
fn a_register_without_write_back_or_without_a_majority_is_not() {
    for built in [Built::NoWriteBack, Built::OneHasIt] {
        let register = register::scenario(built);
        let first = (0..SEEDS)
            .map(|seed| once(&register, register::MODEL, seed))
            .find(|outcome| outcome.verdict != Verdict::Holds);
        let Some(first) = first else {
            panic!("`{}`: not found", register.name)
        };
        assert_eq!(first.verdict, Verdict::WrongAnswer, "{}", first.message);
        assert!(first.message.contains(register::PROMISE), "{}", first.message);
        say(&format!("{}: found by seed {}", register.name, first.seed));
    }
}

#[test]
fn all_bugs_are_found_again_and_again() {
    /// So many searches for each bug, each from a seed of its own.
    const SEARCHES: u64 = 50;
    let (mut found, mut cpu) = (0, Duration::ZERO);
    for bug in &BUGS {
        let searches = seeds(SEARCHES);
        let each: Vec<_> = (0..searches).map(|search| bug.find(bug.weak, search * SEEDS)).collect();
        let took: Duration = each.iter().map(|found| found.cpu).sum();
        let seeds: Vec<u64> = each
            .iter()
            .zip(0..)
            .map(|(found, search)| found.seed - search * SEEDS + 1)
            .collect();
        say(&format!(
            "{}: {searches} searches, {took:.1?}, {:.1} seeds, at most {}",
            bug.name,
            seeds.iter().sum::<u64>() as f64 / searches as f64,
            seeds.iter().max().copied().unwrap_or_default()
        ));
        found += searches;
        cpu += took;
    }
    let per_minute = found as f64 * 60.0 / cpu.as_secs_f64().max(f64::EPSILON);
    say(&format!("bugs found per CPU minute: {per_minute:.0}"));
}

fn tried(bug: &Planted) {
    let parsed = |text: &str| text.parse::<Model>().unwrap_or_else(|error| panic!("{error}"));
    let (weak, strong) = (parsed(bug.weak), parsed(bug.strong));
    assert_eq!(strong.at_least_as_strong_as(&weak), Ok(()), "{}", bug.name);
    let weaker = weak.at_least_as_strong_as(&strong).err().unwrap_or_default();
    assert!(!weaker.is_empty(), "{}: the models are the same", bug.name);

    let seeds = seeds(SEEDS);
    let found = bug.find(bug.weak, 0);
    bug.find(bug.holds, 0);
    let hidden = holds(&(bug.wrong)(), bug.strong, seeds);
    let right = [bug.weak, bug.holds, PROGRESS].map(|model| holds(&(bug.right)(), model, seeds));
    let held: Duration = right.iter().sum();
    say(&format!("{}: {}", bug.name, weaker.join("; ")));
    say(&format!(
        "  found under `{}` by seed {} in {:.2?}",
        bug.weak, found.seed, found.cpu
    ));
    say(&format!(
        "  {seeds} seeds of `{}` are clean in {hidden:.2?}",
        bug.strong
    ));
    say(&format!(
        "  the right one holds for {seeds} seeds of each of 3 models in {held:.2?}"
    ));
    for (scenario, model) in [(bug.wrong, bug.weak), (bug.right, bug.weak), (bug.right, bug.holds)] {
        repeats(&scenario(), model);
    }
}

/// For whoever looks; to be told or not makes no difference to a test.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
