//! The time for which a job is a worker's, as a pure function of the worker's own monotonic clock.
//!
//! A lease is counted from before it was asked for, so that it ends here no later than in the database as long as both
//! clocks run equally fast. Where they do not, or the worker stood still, the fence sees to it that what a former holder
//! writes changes nothing (Martin Kleppmann, *How to do distributed locking*, 2016).

use std::time::Duration;

use world::Instant;

/// What part of a lease is over when it is renewed.
const RENEW_AT: u32 = 3;

/// What part of a lease is waited for after a renewal that failed.
const AGAIN_AT: u32 = 12;

/// A lease that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    length: Duration,
    ends: Instant,
    renews: Instant,
    /// When the attempt has run for as long as it may.
    longest: Instant,
}

/// What is to be done about a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing, until then.
    Wait(Instant),
    /// Ask for more time.
    Renew,
    /// It is over: whatever runs is stopped, and somebody else takes over.
    Lost,
    /// The attempt runs for too long: it is stopped, and has failed.
    TooLong,
}

impl Lease {
    /// A lease of `length` that was asked for at `asked`, for an attempt that begins then and may run for `longest`.
    pub(crate) fn given(asked: Instant, length: Duration, longest: Duration) -> Lease {
        Lease {
            length,
            ends: asked + length,
            renews: asked + length / RENEW_AT,
            longest: asked + longest,
        }
    }

    /// What is to be done at `now`.
    pub(crate) fn step(&self, now: Instant) -> Action {
        if now >= self.ends {
            Action::Lost
        } else if now >= self.longest {
            Action::TooLong
        } else if now >= self.renews {
            Action::Renew
        } else {
            Action::Wait(self.ends.min(self.longest).min(self.renews))
        }
    }

    /// It was renewed, by a statement that was begun at `asked`.
    pub(crate) fn renewed(&mut self, asked: Instant) {
        self.ends = self.ends.max(asked + self.length);
        self.renews = asked + self.length / RENEW_AT;
    }

    /// It could not be renewed at `now`, and is the holder's for a while yet.
    pub(crate) fn not_renewed(&mut self, now: Instant) {
        self.renews = now + self.length / AGAIN_AT;
    }

    /// Another attempt begins under the same lease.
    pub(crate) fn begins(&mut self, now: Instant, longest: Duration) {
        self.longest = now + longest;
    }

    /// When it ends, unless it is renewed.
    pub(crate) fn ends(&self) -> Instant {
        self.ends
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use world::Instant;

    use super::{Action, Lease};

    fn at(secs: u64) -> Instant {
        Instant::from_nanos(secs * 1_000_000_000)
    }

    #[test]
    fn a_lease_is_renewed_until_the_attempt_has_run_for_too_long() {
        let secs = Duration::from_secs;
        let mut lease = Lease::given(at(0), secs(30), secs(100));
        assert_eq!(lease.step(at(0)), Action::Wait(at(10)));
        for renewed in [10, 40, 65, 94] {
            assert_eq!(
                lease.step(at(renewed)),
                if renewed == 40 { Action::Lost } else { Action::Renew }
            );
            lease.renewed(at(renewed));
        }
        assert_eq!(lease.step(at(99)), Action::Wait(at(100)));
        assert_eq!(lease.step(at(100)), Action::TooLong);
        lease.begins(at(100), secs(100));
        assert_eq!(lease.step(at(100)), Action::Wait(at(104)));
    }

    #[test]
    fn a_lease_that_cannot_be_renewed_is_lost_when_it_ends() {
        let mut lease = Lease::given(at(0), Duration::from_secs(30), Duration::from_secs(100));
        let mut now = at(0);
        while lease.step(now) != Action::Lost {
            match lease.step(now) {
                Action::Wait(until) => now = until,
                _ => lease.not_renewed(now),
            }
        }
        assert_eq!(now, at(30));
    }
}
