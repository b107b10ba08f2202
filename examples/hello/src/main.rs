//! `cargo run -p hello` greets; `cargo run -p hello -- serve --service-listen 127.0.0.1:7001` serves, and
//! `cargo run -p hello -- call --at 127.0.0.1:7001 Ada` greets over the wire.

#[cfg(feature = "simulate")]
pub mod bank;
pub mod greeter;
pub mod names;

use std::process::ExitCode;

use terrace::{App, Argument, Command, CommandError, Invocation};

use crate::greeter::{Greeter, Polite};
use crate::names::{Book, Names};

fn main() -> ExitCode {
    let app = App::new("hello")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Greets somebody by two components.")
        .provide::<dyn Greeter>(Polite::open)
        .provide::<dyn Names>(Book::open)
        .command(Command::new("greet", "Greets in this process", greet).argument(name()))
        .command(
            Command::new("call", "Greets by the components of another process", call)
                .argument(Argument::option("at", "Where it serves, such as 127.0.0.1:7001").required())
                .argument(name()),
        )
        .default_command("greet");
    #[cfg(feature = "simulate")]
    let app = app.scenario(bank::scenario::scenario());
    app.run()
}

fn name() -> Argument {
    Argument::positional("name", "Whom to greet").default("World")
}

/// The caller of a component does not see where it runs: these two differ by where the `Ref` comes from.
async fn greet(invocation: Invocation) -> Result<(), CommandError> {
    let greeter = invocation.reference::<dyn Greeter>().await?;
    let greeting = greeter
        .greet(invocation.cx(), invocation.text("name").to_owned())
        .await?;
    invocation.print(&greeting)
}

async fn call(invocation: Invocation) -> Result<(), CommandError> {
    let greeter = invocation.connect::<dyn Greeter>(invocation.text("at")).await?;
    let greeting = greeter
        .greet(invocation.cx(), invocation.text("name").to_owned())
        .await?;
    invocation.print(&greeting)
}
