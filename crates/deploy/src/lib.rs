//! Keeps the programs running of which an application consists. So far that is one thing: a supervisor of the children of
//! this process, each of which is an external component.
//!
//! ```text
//! Supervisor::start → a free port and a token → start the program → ask until it answers → whereabouts say where
//!                   → it ends → whereabouts say why it is nowhere → wait, longer each time → the same again
//! Supervisor::stop  → SIGTERM → wait → kill
//! ```
//!
//! A program is told by [`ADDRESS`] where to serve the HTTP face, on loopback, and by [`TOKEN`] which bearer token its
//! callers show. Both are new at each start. It inherits the rest of the environment but for what configures this process:
//! variables that begin with `TERRACE_`, and those that hold secrets. Its standard input is empty and ends
//! with this process, however that ends. What it writes goes to the log, line by line.
//!
//! # Assumed world
//!
//! | | |
//! |---|---|
//! | process failures | a program may end at any time; this process too, and then nothing here is kept |
//! | links | loopback, on which others of this machine may listen too: hence the token, and a port that was free |
//! | timing | none: a program that is slow to start is given up after [`limits::READY_MAX`] |
//!
//! Promised: a program that has ended is started again, at most every [`limits::WAIT_FIRST`] and at least every
//! [`limits::WAIT_MAX`]; after [`Supervisor::stop`], or when the supervisor is dropped, none of them runs.
//!
//! # What it is not
//!
//! It knows no component and no configuration: `app` says which programs there are. A program that runs and does not answer
//! any more is left alone: its callers' deadlines tell them.

mod backoff;
pub mod limits;
mod supervisor;

pub use crate::supervisor::{ADDRESS, Child, StartError, Supervisor, TOKEN};
