//! The to-do application: `cargo run --release -p todo` opens it.

pub mod accounts;
pub mod hidden;
pub mod reminders;
pub mod todos;
