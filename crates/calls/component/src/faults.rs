//! Faults put into direct calls on purpose, so that a call inside one process can fail like one between two.

use wire::{CallError, Shape};
use world::Instant;

use crate::component::Component;
use crate::cx::Cx;
use crate::reference::Edge;
use crate::retry::Retry;

/// Decides which calls of a `Ref` fail.
pub trait Faults: Send + Sync {
    /// Asked before the callee runs; an error certainly means that it did not.
    fn before(&self, cx: &Cx, component: &str, method: &str) -> Option<CallError>;

    /// Asked after the callee has answered; an error takes the answer's place and means that it may have run.
    fn after(&self, cx: &Cx, component: &str, method: &str) -> Option<CallError>;
}

/// Faults before the callee runs are retried like those of a network: the callee certainly did not run.
pub(crate) async fn before<C: Component + ?Sized>(
    edge: &Edge<C>,
    cx: &Cx,
    method: usize,
    deadline: Option<Instant>,
) -> Result<(), CallError> {
    let Some(faults) = &edge.faults else { return Ok(()) };
    let name = &edge.declared.interface.methods[method].name;
    let budget = &edge.budget;
    let mut retry = Retry::new();
    budget.call();
    loop {
        let Some(error) = faults.before(cx, edge.declared.name(), name) else {
            return Ok(());
        };
        let random = cx.env().random("backoff").fraction();
        let left = deadline.map(|deadline| deadline.saturating_duration_since(cx.env().now()));
        match retry.next(&error, true, left, budget, random) {
            Some(wait) => {
                cx.env().sleep(wait).await;
                edge.methods[method].slot.retried();
            }
            None => return Err(error),
        }
    }
}

pub(crate) fn after<C: Component + ?Sized>(edge: &Edge<C>, cx: &Cx, method: usize) -> Option<CallError> {
    let faults = edge.faults.as_ref()?;
    let mut error = faults.after(cx, edge.declared.name(), &edge.declared.interface.methods[method].name)?;
    // The callee ran, whatever the fault says of it.
    error.crossed();
    Some(error)
}
