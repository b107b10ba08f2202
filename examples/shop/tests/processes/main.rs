//! The shop as a person meets it: a program, its commands, and what is left when it is killed.
#![expect(clippy::disallowed_methods, reason = "a test drives real processes from outside")]

mod books;
mod commands;
mod customers;
mod killed;
mod place;
mod shop;

use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long anything may take on a machine that does much else.
const SOON: Duration = Duration::from_secs(120);

/// What a test shares with its threads.
type Shared<T> = Arc<Mutex<T>>;
