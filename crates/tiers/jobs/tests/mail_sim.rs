//! What mail promises, held in a simulated world: the real dialogue, with a mail server on another node.

#[path = "mail_sim/office.rs"]
mod office;
#[path = "mail_sim/repeats.rs"]
mod repeats;
#[path = "mail_sim/scenario.rs"]
mod scenario;
#[path = "mail_sim/server.rs"]
mod server;

use sim::harness;

/// Seeds for each model in `./test`, and with `TERRACE_FULL`.
const SEEDS: u64 = 60;
const SEEDS_FULL: u64 = 10_000;

fn hold(model: &'static str, test: &str) {
    let seeds = match std::env::var_os("TERRACE_FULL") {
        Some(_) => SEEDS_FULL,
        None => SEEDS,
    };
    let scenario = scenario::scenario(model).seeds(seeds);
    harness::test(scenario, env!("CARGO_MANIFEST_DIR"), &format!("mail_sim::{test}"));
}

#[test]
fn mail_is_not_lost_and_each_repeat_is_counted_under_asynchronous() {
    hold(
        "asynchronous",
        "mail_is_not_lost_and_each_repeat_is_counted_under_asynchronous",
    );
}

#[test]
fn mail_is_not_lost_and_each_repeat_is_counted_under_datacentre() {
    hold(
        "datacentre",
        "mail_is_not_lost_and_each_repeat_is_counted_under_datacentre",
    );
}

#[test]
fn without_faults_no_mail_is_repeated() {
    harness::test(
        scenario::calm().seeds(20),
        env!("CARGO_MANIFEST_DIR"),
        "mail_sim::without_faults_no_mail_is_repeated",
    );
}
