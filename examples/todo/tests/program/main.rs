//! The application as a person and a script meet it: a program, its address, its commands, and what is left when it is killed.
#![expect(clippy::disallowed_methods, reason = "a test drives real processes from outside")]

mod api;
mod bad_input;
mod calendars;
mod client;
mod commands;
mod feed;
mod idempotency;
mod killed;
mod place;
mod played;
mod refused;
mod todo;

use std::time::Duration;

/// How long anything may take on a machine that does much else.
const SOON: Duration = Duration::from_secs(120);

/// A test for each engine: the same promise on both.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name($crate::place::Place::sqlite(concat!(module_path!(), stringify!($name)))); })*
        }
        mod postgres {
            $(#[test] fn $name() { super::$name($crate::place::Place::postgres(concat!(module_path!(), stringify!($name)))); })*
        }
    };
}
use on_both;
