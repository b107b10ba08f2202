//! While a transaction's closure is polled, no component is called: the database would wait for it with all who wait for
//! the database.

use std::cell::Cell;

thread_local! {
    static FORBIDDEN: Cell<bool> = const { Cell::new(false) };
}

/// Calls through a [`Ref`](crate::Ref) on this thread are denied until this is dropped.
pub struct NoCalls {
    before: bool,
}

/// Denies calls on this thread, while a transaction's closure is polled.
pub fn no_calls() -> NoCalls {
    NoCalls {
        before: FORBIDDEN.replace(true),
    }
}

/// Whether calls are denied on this thread.
#[inline]
pub(crate) fn are_forbidden() -> bool {
    FORBIDDEN.get()
}

impl Drop for NoCalls {
    fn drop(&mut self) {
        FORBIDDEN.set(self.before);
    }
}
