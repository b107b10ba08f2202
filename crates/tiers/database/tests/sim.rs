//! The table of promises in the crate's documentation, held in a simulated world: ledgers over databases on nodes that
//! crash, with clients that repeat what was not answered.

#[path = "sim/ledger.rs"]
mod ledger;
#[path = "sim/scenario.rs"]
mod scenario;

use std::collections::BTreeSet;

use sim::campaign::{self, Campaign};
use sim::{Scenario, child, harness};

use scenario::FORGETS;

/// Seeds for each model in `./test`, and with `TERRACE_FULL`.
const SEEDS: u64 = 200;
const SEEDS_FULL: u64 = 10_000;

/// Seeds in which a ledger that forgets has to be found.
const SEEDS_FORGETTING: u64 = 10;

fn seeds() -> u64 {
    match std::env::var_os("TERRACE_FULL") {
        Some(_) => SEEDS_FULL,
        None => SEEDS,
    }
}

fn hold(model: &'static str, test: &str) {
    let scenario = scenario::scenario(model).seeds(seeds());
    harness::test(scenario, env!("CARGO_MANIFEST_DIR"), &format!("sim::{test}"));
}

#[test]
fn no_acknowledged_effect_is_lost_or_doubled_under_asynchronous() {
    hold(
        "asynchronous",
        "no_acknowledged_effect_is_lost_or_doubled_under_asynchronous",
    );
}

#[test]
fn no_acknowledged_effect_is_lost_or_doubled_under_datacentre() {
    hold(
        "datacentre",
        "no_acknowledged_effect_is_lost_or_doubled_under_datacentre",
    );
}

/// A test of the tests: what the record behind `once` prevents is found where there is none.
#[test]
fn a_ledger_that_keeps_no_record_is_found() {
    let scenario: Scenario = scenario::scenario("asynchronous").seeds(SEEDS_FORGETTING);
    if let Some(status) = child::answer(std::slice::from_ref(&scenario)) {
        std::process::exit(i32::from(status));
    }
    let launch = harness::launch("sim::a_ledger_that_keeps_no_record_is_found");
    let forgetting = |run: &sim::Run| {
        let mut command = launch(run);
        command.env(FORGETS, "1");
        command
    };
    let report = campaign::run(&scenario, &Campaign::default(), &forgetting, &mut |_| {}).expect("a report");
    let said: BTreeSet<String> = report.failures.iter().map(|failure| failure.text("")).collect();
    assert!(
        said.iter()
            .any(|text| text.contains("more than once") || text.contains(" and then ")),
        "{}\n{said:?}",
        report.text()
    );
}
