//! How long a program that ended stays away.

use std::time::Duration;

use crate::limits::{STEADY, WAIT_FIRST, WAIT_MAX};

/// The ends of one program.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    ends: u32,
}

impl Backoff {
    /// The wait after an end of a program that answered for `steady`.
    pub(crate) fn ended(&mut self, steady: Duration) -> Duration {
        if steady >= STEADY {
            self.ends = 0;
        }
        let wait = WAIT_FIRST.saturating_mul(1 << self.ends.min(16)).min(WAIT_MAX);
        self.ends = self.ends.saturating_add(1);
        wait
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Backoff;
    use crate::limits::{STEADY, WAIT_FIRST, WAIT_MAX};

    #[test]
    fn waits_double_to_a_bound_and_begin_anew_after_a_steady_time() {
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..100).map(|_| backoff.ended(Duration::ZERO)).collect();
        assert_eq!(waits[..3], [WAIT_FIRST, WAIT_FIRST * 2, WAIT_FIRST * 4]);
        assert!(waits.is_sorted());
        assert_eq!(waits.last(), Some(&WAIT_MAX));
        assert_eq!(backoff.ended(STEADY), WAIT_FIRST);
        assert_eq!(backoff.ended(Duration::ZERO), WAIT_FIRST * 2);
    }
}
