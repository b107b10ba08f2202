//! What `check` says of a change, and what two builds really do to each other: the same, for every kind of change.
#![allow(clippy::disallowed_methods, reason = "two builds talk over a real port")]
#![allow(unreachable_pub, reason = "each build is a module of its own")]

mod calls;
mod data;
mod sessions;
mod table;
