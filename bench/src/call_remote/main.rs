//! A call between two processes: ours beside tonic and tarpc; a raw socket ping-pong of the same bytes is the limit.
//!
//! Run it by `./bench/run call-remote`, which compares everything. It starts itself as `serve` and as `client`, so that
//! each measurement has two fresh processes; both sub-commands can be run by hand:
//!
//! ```text
//! call-remote serve tonic --runtime current          prints {"port":40123}, then its usage for each line on stdin
//! call-remote client tonic --runtime current --port 40123 --bytes 64 --in-flight 64
//! ```
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures the machine's own clock, sockets and runtimes"
)]

mod client;
mod comparison;
mod process;
mod server;
mod side;

use clap::{Parser, Subcommand};
use terrace_bench::options::Options;

#[derive(Parser)]
#[command(
    about = "A call between two processes, beside tonic and tarpc",
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve one side on a free port of the loopback address, until stdin ends
    Serve(server::Settings),
    /// Call one side for a while and print what it took
    Client(client::Settings),
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.command {
        None => comparison::run(&arguments.options),
        Some(Command::Serve(settings)) => server::run(&settings),
        Some(Command::Client(settings)) => client::run(&settings),
    }
}
