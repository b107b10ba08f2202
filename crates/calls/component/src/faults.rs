//! Faults put into direct calls on purpose, so that a call inside one process can fail like one between two.

use wire::CallError;

use crate::cx::Cx;

/// Decides which calls of a `Ref` fail.
pub trait Faults: Send + Sync {
    /// Asked before the callee runs; an error certainly means that it did not.
    fn before(&self, cx: &Cx, component: &str, method: &str) -> Option<CallError>;

    /// Asked after the callee has answered; an error takes the answer's place and means that it may have run.
    fn after(&self, cx: &Cx, component: &str, method: &str) -> Option<CallError>;
}
