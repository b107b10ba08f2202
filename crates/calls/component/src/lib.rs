//! Traits as components. A component is a trait, a module is a struct that implements it, and a [`Ref`] to the trait calls
//! the module wherever it runs: directly in one process, over the wire between two, with the same meaning.
//!
//! Life of a call:
//!
//! ```text
//! Ref → local.lean                 almost every call in one process: virtual dispatch, no copy, no clock
//!     → local.careful              timed, traced, guarded, faulty or remote calls
//!         → remote.call            client adapter: connect, agree on a codec, send, wait, retry under a budget
//!             → server.start       server adapter at the peer: read the arguments, run the module, write the answer
//! ```
//!
//! A program in any language, which serves the HTTP face, is a peer like any other: `remote.call` speaks JSON to it.
//!
//! Assumed world: processes crash and come back without memory; links lose, delay and cut, and do not corrupt (TCP's
//! checksum); clocks of two processes differ by anything, so deadlines cross as time remaining. Promised: a call ends by
//! its deadline; *certainly did not run* is never said of a call that ran; an unmarked call runs at most once. Outside
//! it: a peer that lies, but for [`Voted`], which outvotes up to f of 2f + 1.
//!
//! Not here: which component runs where (`host`), and what a process is.

pub mod call_id;
mod client;
mod component;
mod cx;
mod faults;
mod finishing;
pub mod limits;
mod local;
mod no_calls;
pub mod once;
mod reference;
mod remote;
mod retry;
mod server;
mod stop;
pub mod testing;
mod voted;

pub use crate::call_id::CallId;
pub use crate::client::{Client, Serving, serve, serve_all, serve_on, serve_with};
pub use crate::component::{Component, Data, Declared, Failure, Holds, MethodFacts};
pub use crate::cx::{Canceller, Cx, Root};
pub use crate::faults::Faults;
pub use crate::finishing::finished;
pub use crate::no_calls::{NoCalls, no_calls};
pub use crate::reference::{Binding, Ref};
pub use crate::remote::Channel;
pub use crate::server::{Offered, OfferedService, Served};
pub use crate::voted::{Voted, VotedError};

/// What the macros' code names. Not for people.
#[doc(hidden)]
pub mod __macro {
    pub use serde;
    pub use wire::shape::{Body, Case, Field, Shape, TypeDef, TypeRef, Types};
    pub use wire::{CallError, ErrorCode, Interface, Marks, Method};
    pub use world::{BoxFuture, Execution};

    pub use crate::component::{Component, Data, Declared, Direct, Failure, FromCallError, Holds};
    pub use crate::local::{arguments_hold_call_error, careful, caught, derivation, lean_derived, lean_read};
    pub use crate::reference::Ref;
    pub use crate::remote::Channel;
    pub use crate::server::{Incoming, Refusal, Server};
}
