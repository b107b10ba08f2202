//! Whether a request is to stop: one flag, which spares every call below a clock.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;
use wire::{CallError, CallErrorKind, Ran};

/// Whether a request is to stop, and why. Whoever owns the deadline sets it, so that calls need not read a clock.
#[derive(Default)]
pub(crate) struct Stop {
    state: AtomicU8,
    changed: Notify,
}

const STOP_CANCELLED: u8 = 1;
const STOP_DEADLINE: u8 = 2;
/// The call is over and nobody owns its deadline any more: a task that outlives it has to watch for itself.
const RELEASED: u8 = 3;

impl Stop {
    /// Whether a call has to look closer.
    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.state.load(Ordering::Relaxed) != 0
    }

    pub(crate) fn set(&self, kind: CallErrorKind) {
        let state = if kind == CallErrorKind::DeadlineExceeded {
            STOP_DEADLINE
        } else {
            STOP_CANCELLED
        };
        // The first reason stays.
        let _ = self
            .state
            .compare_exchange(0, state, Ordering::Release, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    pub(crate) fn release(&self) {
        let _ = self
            .state
            .compare_exchange(0, RELEASED, Ordering::Release, Ordering::Relaxed);
        // Calls of tasks that live on have to watch the deadline themselves.
        self.changed.notify_waiters();
    }

    pub(crate) fn is_released(&self) -> bool {
        self.state.load(Ordering::Relaxed) == RELEASED
    }

    pub(crate) fn reason(&self) -> Option<CallErrorKind> {
        match self.state.load(Ordering::Acquire) {
            0 | RELEASED => None,
            STOP_DEADLINE => Some(CallErrorKind::DeadlineExceeded),
            _ => Some(CallErrorKind::Cancelled),
        }
    }

    pub(crate) async fn wait(&self) -> CallErrorKind {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(reason) = self.reason() {
                return reason;
            }
            changed.await;
        }
    }
}

/// The failure of a call that was stopped.
pub(crate) fn stopped_error(kind: CallErrorKind, ran: Ran) -> CallError {
    let message = match kind {
        CallErrorKind::DeadlineExceeded => "the time for this call is over",
        _ => "the caller gave up",
    };
    CallError::new(kind, ran, message)
}
