//! A simulated world: many nodes in one process, with virtual time and faults on purpose.

pub mod fault;
pub mod model;
pub mod trace;
