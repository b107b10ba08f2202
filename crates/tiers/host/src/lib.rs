//! An application as data: its configuration, its modules, who refers to whom, and its life from opening to stopping.
//!
//! ```text
//! Config::read → Modules::open → choose a module for each component, open one after the other, bind
//!              → Opened::start → background modules run → Opened::stop, in reverse
//! ```
//!
//! Whatever is missing, doubled or unknown is an error by name before anything serves.
//!
//! # Assumed world
//!
//! | | |
//! |---|---|
//! | process failures | crash: nothing here is kept |
//! | links, timing | none: it sends nothing itself; a component elsewhere is connected at the first call to it |
//! | disk | `terrace.toml` and files of secrets can be read at start |
//!
//! Promised: no call runs before every module is open; a background module is told to stop before any that was opened
//! before it, and stopping ends within [`limits::STOP_MAX`].
//!
//! # What it is not
//!
//! It knows no HTTP, no command line and no process: `app` does.

mod background;
mod bindings;
pub mod config;
#[cfg(feature = "database")]
pub mod databases;
mod description;
mod external;
pub mod limits;
#[cfg(feature = "database")]
mod mailing;
mod modules;
mod opened;
mod setup;
#[cfg(feature = "database")]
mod working;

pub use crate::background::Background;
pub use crate::config::{AddressRange, Config, Secret, SecretReference};
pub use crate::description::{ComponentDescription, Description, MethodDescription};
pub use crate::modules::{Modules, Open, OpenBackground, OpenError, OpenFront, OpenRunning};
pub use crate::opened::{NotHere, Opened};
pub use crate::setup::{Setup, SetupError};
