//! Real servers for tests and benches, started on free ports.
//!
//! A server belongs to the value that started it: dropping the value stops the server and removes its folder. A keeper
//! process sees to both where the owner cannot, because it was killed or ended with the server in a static.
#![expect(
    clippy::disallowed_methods,
    reason = "real servers are the machine's: processes, folders, ports and clocks outside of every world"
)]

pub mod postgres;
pub mod smtp;

mod browser;
mod cache;
mod error;
mod folder;
mod openapi;
mod port;
mod process;

pub use browser::Browser;
pub use error::Error;
pub use openapi::OpenApi;
pub use postgres::Postgres;
pub use smtp::Smtp;
