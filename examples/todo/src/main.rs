//! `cargo run --release -p todo` opens the to-do application, and prints where its pages are.

use std::process::ExitCode;

fn main() -> ExitCode {
    todo::app().run()
}
