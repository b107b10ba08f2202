//! How long to wait before a job is tried again.

use std::time::Duration;

/// When a job that failed is tried again: each wait is drawn between nothing and a bound that grows by `factor` from
/// `first` up to `most`, so that jobs that failed together do not come back together ("full jitter": Marc Brooker,
/// *Exponential Backoff And Jitter*, AWS Architecture Blog, 2015).
///
/// ```
/// # use std::time::Duration;
/// let backoff = jobs::Backoff { first: Duration::from_secs(1), factor: 2, most: Duration::from_secs(10), attempts_max: 6 };
/// assert_eq!(backoff.bound(4), Duration::from_secs(8));
/// assert_eq!(backoff.longest_life(), Duration::from_secs(1 + 2 + 4 + 8 + 10));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first attempt.
    pub first: Duration,
    /// By how much the bound grows with each attempt; 0 counts as 1.
    pub factor: u32,
    /// The bound never grows above this.
    pub most: Duration,
    /// After so many attempts there is no other; 0 counts as 1.
    pub attempts_max: u32,
}

/// What is done where nothing else was asked: 12 attempts, the last within 5 hours and 23 minutes.
impl Default for Backoff {
    fn default() -> Backoff {
        Backoff {
            first: Duration::from_secs(1),
            factor: 4,
            most: Duration::from_secs(60 * 60),
            attempts_max: 12,
        }
    }
}

impl Backoff {
    /// The wait before the next attempt, when `attempts` have failed; nothing when they were the last. `random` is any
    /// number, drawn evenly.
    pub fn delay(&self, attempts: u32, random: u64) -> Option<Duration> {
        (attempts < self.attempts_max.max(1)).then(|| part(self.bound(attempts), random))
    }

    /// The longest that [`delay`](Backoff::delay) may answer after `attempts` failed ones.
    pub fn bound(&self, attempts: u32) -> Duration {
        let factor = u128::from(self.factor.max(1));
        let grown = factor
            .checked_pow(attempts.saturating_sub(1))
            .and_then(|factor| factor.checked_mul(self.first.as_nanos()));
        match grown {
            Some(grown) if grown < self.most.as_nanos() => nanos(grown),
            // Nothing stays nothing, however often it grows.
            None if self.first.is_zero() => Duration::ZERO,
            _ => self.most,
        }
    }

    /// The longest time between the end of the first attempt and the begin of the last one: the sum of all bounds.
    /// The attempts' own time comes on top.
    pub fn longest_life(&self) -> Duration {
        let waits = self.attempts_max.saturating_sub(1);
        if self.factor <= 1 {
            return nanos(self.bound(1).as_nanos().saturating_mul(u128::from(waits)));
        }
        let mut life: u128 = 0;
        for attempts in 1..=waits {
            let bound = self.bound(attempts);
            // From here on all are the same: growth ends, at the latest, after as many steps as a number has bits.
            if bound == self.most || bound.is_zero() {
                let rest = u128::from(waits - attempts + 1);
                life = life.saturating_add(bound.as_nanos().saturating_mul(rest));
                break;
            }
            life = life.saturating_add(bound.as_nanos());
        }
        nanos(life)
    }
}

/// `random / 2^64` of `whole`; the end itself is never reached.
fn part(whole: Duration, random: u64) -> Duration {
    // A duration has fewer than 2^94 nanoseconds: the product is taken in two halves, so that it fits.
    let whole = whole.as_nanos();
    let (high, low) = (whole >> 64, whole & u128::from(u64::MAX));
    let random = u128::from(random);
    nanos(high * random + ((low * random) >> 64))
}

/// As long as durations can be, at most.
fn nanos(nanos: u128) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    match u64::try_from(nanos / SECOND) {
        Ok(seconds) => Duration::new(seconds, u32::try_from(nanos % SECOND).unwrap_or(0)),
        Err(_) => Duration::MAX,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn backoffs() -> impl Strategy<Value = Backoff> {
        (any::<Duration>(), any::<u32>(), any::<Duration>(), any::<u32>()).prop_map(
            |(first, factor, most, attempts_max)| Backoff {
                first,
                factor,
                most,
                attempts_max,
            },
        )
    }

    fn small() -> impl Strategy<Value = Backoff> {
        (0..5_000_u64, 0..5_u32, 0..60_000_u64, 0..40_u32).prop_map(|(first, factor, most, attempts_max)| Backoff {
            first: Duration::from_millis(first),
            factor,
            most: Duration::from_millis(most),
            attempts_max,
        })
    }

    #[test]
    fn the_bound_grows_by_its_factor_up_to_the_most() {
        let backoff = Backoff {
            first: Duration::from_secs(1),
            factor: 3,
            most: Duration::from_secs(20),
            attempts_max: 9,
        };
        let bounds: Vec<u64> = (1..=5).map(|attempts| backoff.bound(attempts).as_secs()).collect();
        assert_eq!(bounds, [1, 3, 9, 20, 20]);
    }

    #[test]
    fn waits_are_spread_over_the_whole_bound() {
        let backoff = Backoff::default();
        assert_eq!(backoff.delay(2, 0), Some(Duration::ZERO));
        assert_eq!(backoff.delay(2, u64::MAX / 2 + 1), Some(Duration::from_secs(2)));
        assert!(backoff.delay(2, u64::MAX).expect("not the last") > Duration::from_millis(3_999));
    }

    #[test]
    fn after_the_last_attempt_there_is_no_other() {
        let backoff = Backoff {
            attempts_max: 2,
            ..Backoff::default()
        };
        assert!(backoff.delay(1, 7).is_some());
        assert_eq!(backoff.delay(2, 7), None);
        assert_eq!(backoff.delay(u32::MAX, 7), None);
    }

    #[test]
    fn the_default_lives_as_long_as_its_words_say() {
        assert_eq!(Backoff::default().longest_life().as_secs() / 60, 5 * 60 + 22);
    }

    proptest! {
        #[test]
        fn no_wait_is_above_its_bound_nor_a_bound_above_the_most(backoff in backoffs(), attempts: u32, random: u64) {
            prop_assert!(backoff.bound(attempts) <= backoff.most);
            if let Some(delay) = backoff.delay(attempts, random) {
                prop_assert!(delay <= backoff.bound(attempts));
            }
            prop_assert!(backoff.longest_life() >= backoff.delay(1, random).unwrap_or_default());
        }

        #[test]
        fn the_longest_life_is_the_sum_of_the_bounds(backoff in small()) {
            let sum: Duration = (1..backoff.attempts_max.max(1)).map(|attempts| backoff.bound(attempts)).sum();
            prop_assert_eq!(backoff.longest_life(), sum);
        }
    }
}
