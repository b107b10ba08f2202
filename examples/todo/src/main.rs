//! `cargo run --release -p todo` opens the to-do application, and prints where its pages are.

use std::process::ExitCode;

use terrace::App;
use todo::accounts::{Accounts, Registry};
use todo::events::{Agenda, Events};
use todo::reminders::{Bell, Reminders};
use todo::todos::{Notebook, Todos};
use todo::{commands, site};

fn main() -> ExitCode {
    let app = App::new("todo")
        .version(env!("CARGO_PKG_VERSION"))
        .about("To-dos, reminders by mail, events of calendars, pages and a JSON API.")
        .provide::<dyn Accounts>(Registry::open)
        .provide::<dyn Todos>(Notebook::open)
        .provide::<dyn Reminders>(Bell::open)
        .provide::<dyn Events>(Agenda::open)
        .front("Site", site::open)
        .command(commands::add_user());
    #[cfg(feature = "simulate")]
    let app = app.scenario(todo::simulation::scenario());
    app.run()
}
