//! Clocks that a library reads on its own, and whose time nobody uses.
//!
//! hyper looks at the system's date whenever it polls a connection, though it is told to write none. A simulator that
//! accuses whoever reads a clock other than the node's must know of such a reading, and of no other: what the library
//! calls of ours is heeded again.

use std::cell::Cell;

thread_local! {
    static IGNORED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`, of which no reading of the system's clocks has an effect.
pub fn ignored<T>(f: impl FnOnce() -> T) -> T {
    within(true, f)
}

/// Runs `f`, which is called by what is [`ignored`] and is not so itself.
pub fn heeded<T>(f: impl FnOnce() -> T) -> T {
    within(false, f)
}

/// Whether this thread is in what is [`ignored`].
pub fn is_ignored() -> bool {
    IGNORED.get()
}

fn within<T>(ignored: bool, f: impl FnOnce() -> T) -> T {
    struct Back(bool);
    impl Drop for Back {
        fn drop(&mut self) {
            IGNORED.set(self.0);
        }
    }
    let _back = Back(IGNORED.replace(ignored));
    f()
}

#[cfg(test)]
mod tests {
    use super::{heeded, ignored, is_ignored};

    #[test]
    fn what_is_called_from_within_is_heeded_also_after_a_panic() {
        assert!(!is_ignored());
        ignored(|| {
            assert!(is_ignored());
            heeded(|| assert!(!is_ignored()));
            let panicked = std::panic::catch_unwind(|| heeded(|| panic!("as a handler may")));
            assert!(panicked.is_err() && is_ignored());
        });
        assert!(!is_ignored());
    }
}
