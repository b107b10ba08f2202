//! A simulated world: many nodes in one process, with virtual time and faults on purpose.

pub mod campaign;
mod chaos;
pub mod check;
pub mod child;
pub mod determinism;
pub mod diagram;
pub mod fault;
pub mod harness;
pub mod history;
mod inner;
mod liar;
pub mod linearizability;
mod machine;
pub mod minimise;
pub mod model;
mod network;
pub mod plan;
mod random;
mod recorder;
pub mod report;
pub mod run;
pub mod saved;
mod scenario;
mod session;
mod source;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod trace;
mod transport;
mod watch;
mod world;

pub use crate::model::Model;
pub use crate::run::{Outcome, Run, Verdict};
pub use crate::scenario::Scenario;
pub use crate::world::{PORT, World, reference, serve};
