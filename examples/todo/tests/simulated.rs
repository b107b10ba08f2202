//! The scenario `todo`, under few seeds; `TERRACE_FULL` runs as many as it is meant for.

use terrace::simulation;

const SEEDS: u64 = 20;
const SEEDS_FULL: u64 = 500;

fn hold(model: &'static str, test: &str) {
    let seeds = match std::env::var_os("TERRACE_FULL") {
        Some(_) => SEEDS_FULL,
        None => SEEDS,
    };
    let scenario = todo::simulation::scenario().model(model).seeds(seeds);
    simulation::test(scenario, env!("CARGO_MANIFEST_DIR"), &format!("simulated::{test}"));
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_under_asynchronous() {
    hold(
        "asynchronous",
        "nothing_acknowledged_is_lost_or_doubled_under_asynchronous",
    );
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_under_datacentre() {
    hold("datacentre", "nothing_acknowledged_is_lost_or_doubled_under_datacentre");
}
