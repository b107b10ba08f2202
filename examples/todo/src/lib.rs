//! The to-do application: `cargo run --release -p todo` opens it.

pub mod accounts;
pub mod commands;
pub mod events;
pub mod hidden;
pub mod outgoing;
mod recorded;
pub mod reminders;
#[cfg(feature = "simulate")]
pub mod simulation;
pub mod site;
pub mod todos;

use terrace::App;

use self::accounts::{Accounts, Registry};
use self::events::{Agenda, Events};
use self::reminders::{Bell, Reminders};
use self::todos::{Notebook, Todos};

/// The application. It stands here, and not in `main.rs`, so that what is compiled for its modules is compiled once.
pub fn app() -> App {
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
    let app = app.scenario(simulation::scenario());
    app
}
