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
