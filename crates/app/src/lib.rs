//! [`App`]: the one place that composes components into a program and its commands.
//!
//! ```text
//! App::run → command line → terrace.toml → logs → runtime
//!   up, serve   listen → open → start → serve … Ctrl-C or SIGTERM … drain → stop, in reverse → counts to the log
//!   describe    open → table or JSON
//!   a command   its own handler, which opens the application when it first asks for a component
//! ```
//!
//! Data goes to standard output, everything else to standard error. Status 0 is success, 1 an error, 2 a wrong command
//! line, 130 a second Ctrl-C.
//!
//! # Assumed world
//!
//! The production world: one process, which may be killed at any time. Promised: whatever does not fit together is an
//! error before anything is served; after Ctrl-C, SIGTERM or SIGHUP the process ends within [`limits::DRAIN_MAX`] and
//! [`host::limits::STOP_MAX`].
//!
//! # What it is not
//!
//! It adds nothing to what a call means: a program without it uses `component`'s `serve` and `Client`.

#[cfg(feature = "front")]
mod admin;
mod application;
mod check;
mod command;
mod command_line;
mod console;
#[cfg(feature = "database")]
mod database;
mod describe;
mod doctor;
mod external;
mod failure;
#[cfg(feature = "database")]
mod jobs;
pub mod limits;
#[cfg(feature = "database")]
mod operator;
#[cfg(feature = "front")]
mod pages;
mod run;
mod scratch;
#[cfg(feature = "simulate")]
mod simulate;
#[cfg(not(feature = "simulate"))]
#[path = "simulate/absent.rs"]
mod simulate;
#[cfg(feature = "simulate")]
pub mod simulated;
mod up;

pub use crate::application::App;
pub use crate::command::{Argument, Command, Invocation};
pub use crate::console::Console;
pub use crate::failure::CommandError;

/// What the macros' code names, as the face has it for users.
#[cfg(feature = "database")]
mod face {
    pub(crate) use macros::Shape;
    pub(crate) mod __macro {
        pub(crate) use component::__macro::{
            Body, BoxFuture, Case, Channel, Component, Data, Declared, Direct, ErrorCode, Execution, Failure, Field,
            FromCallError, Holds, Incoming, Interface, Marks, Method, Ref, Refusal, Server, Shape, TypeRef, Types,
            arguments_hold_call_error, careful, caught, derivation, lean_derived, lean_read, serde,
        };
    }
}
