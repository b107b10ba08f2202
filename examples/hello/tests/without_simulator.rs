//! The program as it is shipped, without the simulator.
#![cfg(not(feature = "simulate"))]
#![allow(clippy::disallowed_methods, reason = "a test drives real processes from outside")]

#[path = "simulated/symbols.rs"]
mod symbols;

use std::process::Command;

use symbols::{OVERRIDDEN, defined};

const HELLO: &str = env!("CARGO_BIN_EXE_hello");

/// What is said on standard error; nothing on standard output, status 1.
fn refusal(arguments: &[&str]) -> String {
    let mut command = Command::new(HELLO);
    let output = command.args(arguments).current_dir(env!("CARGO_TARGET_TMPDIR"));
    let output = output.output().expect("hello runs");
    assert_eq!(
        (output.status.code(), output.stdout),
        (Some(1), Vec::new()),
        "{arguments:?}"
    );
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn whoever_asks_for_the_simulator_is_told_which_build_has_it() {
    for (arguments, command) in [
        (&["simulate", "bank", "--seeds", "500"][..], "simulate bank --seeds 500"),
        (
            &["simulate", "bank", "--model", "asynchronous + byzantine(1)", "--json"],
            "simulate bank --model 'asynchronous + byzantine(1)' --json",
        ),
        (&["simulate", "--minutes", "2"], "simulate --minutes 2"),
        (&["describe", "--models"], "describe --models"),
        (
            &["simulate", "--replay", "failures/bank-1.json"],
            "simulate --replay failures/bank-1.json",
        ),
    ] {
        let expected = format!(
            "error: this program was built without the simulator; the one that has it: \
             cargo run --release -p hello --features simulate -- {command}\n"
        );
        assert_eq!(refusal(arguments), expected);
    }
}

#[test]
fn the_clock_and_the_randomness_are_those_of_the_machine() {
    let defined = defined(HELLO);
    assert!(defined.is_empty(), "of {OVERRIDDEN:?} the program defines {defined:?}");
}
