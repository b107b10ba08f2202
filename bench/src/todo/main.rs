//! The to-do application beside its two routes by hand: CPU of listing and adding, its start and its memory.
//!
//! Run it by `./bench/run todo`, which builds the program `todo` beside this one. Servers and client are processes of their
//! own; both sub-commands can be run by hand:
//!
//! ```text
//! bench-todo serve --folder /tmp/data           prints {"listening":"http://127.0.0.1:40123"} and ["TOKEN"]
//! bench-todo client list --url http://127.0.0.1:40123 --tokens TOKEN --in-flight 16
//! ```
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures the machine's own clock, and the side by hand uses what any program does"
)]

mod client;
mod comparison;
mod cpu;
mod hand;
mod http;
mod process;
mod promises;
mod rows;
mod server;
mod start;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    about = "The to-do application beside its routes by hand",
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(flatten)]
    comparison: comparison::Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the two routes by hand on a free port of the loopback address, until it is killed
    Serve(hand::Settings),
    /// Ask one server for a while and print what it took
    Client(client::Settings),
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.command {
        None => comparison::run(&arguments.comparison),
        Some(Command::Serve(settings)) => hand::run(settings),
        Some(Command::Client(settings)) => client::run(&settings),
    }
}
