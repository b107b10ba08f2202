//! When a failed call is made again: only if that is harmless, inside its deadline, and under a budget.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use wire::{CallError, CallErrorKind};

use crate::limits::{ATTEMPTS_MAX, BACKOFF_FIRST, BACKOFF_MAX, RETRY_BURST_MAX, RETRY_PERCENT};

/// The attempts at one call.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    failed: u8,
}

impl Retry {
    pub(crate) fn new() -> Retry {
        Retry::default()
    }

    /// How often the call has failed so far.
    pub(crate) fn failed(&self) -> u8 {
        self.failed
    }

    /// Takes note of a failure: how long to wait before the next attempt, or `None` if there is none. `random` is in
    /// `0.0..1.0`; the wait is drawn below a bound that doubles (exponential backoff with full jitter: M. Brooker,
    /// "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
    pub(crate) fn next(
        &mut self,
        error: &CallError,
        repeatable: bool,
        left: Option<Duration>,
        budget: &Budget,
        random: f64,
    ) -> Option<Duration> {
        self.failed = self.failed.saturating_add(1);
        let bound = BACKOFF_FIRST
            .saturating_mul(1 << u32::from(self.failed - 1).min(16))
            .min(BACKOFF_MAX);
        let wait = bound.mul_f64(random.clamp(0.0, 1.0));
        let allowed = may_retry(error, repeatable)
            && self.failed < ATTEMPTS_MAX
            && left.is_none_or(|left| wait < left)
            && budget.spend();
        allowed.then_some(wait)
    }
}

/// Whether making the call again is harmless and may help.
fn may_retry(error: &CallError, repeatable: bool) -> bool {
    let passing = match error.kind() {
        CallErrorKind::Unavailable | CallErrorKind::Overloaded => true,
        CallErrorKind::DeadlineExceeded
        | CallErrorKind::Cancelled
        | CallErrorKind::Denied
        | CallErrorKind::Incompatible
        | CallErrorKind::Failed => false,
    };
    passing && (repeatable || error.certainly_did_not_run()) && !error.was_retried()
}

/// Retries allowed to one callee: each call saves up a part of one, each retry spends one, so that a callee in trouble
/// gets at most a tenth more load.
#[derive(Debug)]
pub(crate) struct Budget {
    /// In hundredths of a retry.
    saved: AtomicU32,
}

const ONE: u32 = 100;
const SAVED_MAX: u32 = RETRY_BURST_MAX * ONE;

impl Budget {
    /// A tenth of what may be saved up is there from the start, so that the first calls of a process are retried too.
    pub(crate) fn new() -> Budget {
        Budget {
            saved: AtomicU32::new(SAVED_MAX / 10),
        }
    }

    /// Takes note of a call.
    pub(crate) fn call(&self) {
        let _ = self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |saved| {
            (saved < SAVED_MAX).then(|| (saved + RETRY_PERCENT).min(SAVED_MAX))
        });
    }

    fn spend(&self) -> bool {
        self.saved
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |saved| saved.checked_sub(ONE))
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, Retry};
    use crate::limits::{ATTEMPTS_MAX, BACKOFF_MAX, RETRY_BURST_MAX};
    use std::time::Duration;
    use wire::{CallError, CallErrorKind};

    fn next(error: &CallError, repeatable: bool) -> Option<Duration> {
        Retry::new().next(error, repeatable, None, &Budget::new(), 0.5)
    }

    #[test]
    fn an_unmarked_call_that_may_have_run_is_never_retried() {
        let maybe = CallError::maybe_run(CallErrorKind::Unavailable, "cut");
        assert_eq!(next(&maybe, false), None);
        assert!(next(&maybe, true).is_some());
        let no = CallError::not_run(CallErrorKind::Unavailable, "refused");
        assert!(next(&no, false).is_some());
    }

    #[test]
    fn a_callee_that_was_retried_is_not_retried_again() {
        assert_eq!(
            next(&CallError::not_run(CallErrorKind::Unavailable, "down").retried(), true),
            None
        );
    }

    #[test]
    fn only_a_passing_failure_is_retried() {
        for kind in CallErrorKind::ALL {
            let passing = matches!(kind, CallErrorKind::Unavailable | CallErrorKind::Overloaded);
            assert_eq!(
                next(&CallError::not_run(kind, "x"), true).is_some(),
                passing,
                "{kind:?}"
            );
        }
    }

    #[test]
    fn waits_grow_to_a_bound_and_attempts_end() {
        let error = CallError::not_run(CallErrorKind::Unavailable, "down");
        let (budget, mut retry) = (Budget::new(), Retry::new());
        let waits: Vec<_> = std::iter::from_fn(|| retry.next(&error, true, None, &budget, 1.0)).collect();
        assert_eq!(waits.len(), usize::from(ATTEMPTS_MAX) - 1);
        assert!(waits.is_sorted() && waits.iter().all(|wait| *wait <= BACKOFF_MAX));
    }

    #[test]
    fn a_wait_that_does_not_fit_the_deadline_ends_the_call() {
        let error = CallError::not_run(CallErrorKind::Unavailable, "down");
        let left = Some(Duration::from_millis(5));
        assert_eq!(Retry::new().next(&error, true, left, &Budget::new(), 1.0), None);
    }

    #[test]
    fn retries_are_a_tenth_of_calls() {
        let (budget, error) = (Budget::new(), CallError::not_run(CallErrorKind::Unavailable, "down"));
        let mut retries = 0;
        for _ in 0..10_000 {
            budget.call();
            retries += u32::from(Retry::new().next(&error, true, None, &budget, 0.0).is_some());
        }
        assert!((1_000..=1_000 + RETRY_BURST_MAX).contains(&retries), "{retries}");
    }
}
