//! `cargo run` opens the application, and prints where its pages are.

use std::process::ExitCode;

use terrace::App;

use application_name::items::{Items, Shelf};
use application_name::site;

fn main() -> ExitCode {
    App::new(env!("CARGO_PKG_NAME"))
        .version(env!("CARGO_PKG_VERSION"))
        .about("Items on a list: a component, its database, and pages.")
        .provide::<dyn Items>(Shelf::open)
        .front("Site", site::open)
        .run()
}
