//! The table of promises in the crate's documentation, held in a simulated world.

#[path = "sim/parties.rs"]
mod parties;
#[path = "sim/scenario.rs"]
mod scenario;
#[path = "sim/shop.rs"]
mod shop;

use sim::harness;

/// Seeds for each model in `./test`, and with `TERRACE_FULL`.
const SEEDS: u64 = 40;
const SEEDS_FULL: u64 = 10_000;

fn hold(model: &'static str, test: &str) {
    let seeds = match std::env::var_os("TERRACE_FULL") {
        Some(_) => SEEDS_FULL,
        None => SEEDS,
    };
    let scenario = scenario::scenario(model).seeds(seeds);
    harness::test(scenario, env!("CARGO_MANIFEST_DIR"), &format!("sim::{test}"));
}

#[test]
fn every_order_agrees_or_is_parked_under_asynchronous() {
    hold("asynchronous", "every_order_agrees_or_is_parked_under_asynchronous");
}

#[test]
fn every_order_agrees_or_is_parked_under_datacentre() {
    hold("datacentre", "every_order_agrees_or_is_parked_under_datacentre");
}
