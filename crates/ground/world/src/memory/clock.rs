//! A node's clocks: a line from true time to local time, bent by [`World::skew`](super::World::skew) and broken by
//! jumps.

use crate::time::{Instant, Wall};

/// True time zero of every world: 2026-01-01T00:00:00Z, in nanoseconds since the Unix epoch.
const BEGINNING_NANOS: i128 = 1_767_225_600_000_000_000;

const MILLION: i128 = 1_000_000;

/// The true time of what never happens.
pub(super) const NEVER: u64 = u64::MAX;

pub(super) struct Clock {
    /// The true time at which the line was last changed, and what both clocks showed then.
    since: u64,
    local: u64,
    wall: i128,
    drift_ppm: i32,
}

impl Clock {
    pub(super) fn new(now: u64, origin: u64) -> Clock {
        Clock {
            since: now,
            local: origin,
            wall: true_wall(now),
            drift_ppm: 0,
        }
    }

    pub(super) fn instant(&self, now: u64) -> Instant {
        let elapsed = u64::try_from(self.elapsed(now)).unwrap_or(u64::MAX);
        Instant::from_nanos(self.local.saturating_add(elapsed))
    }

    pub(super) fn wall(&self, now: u64) -> Wall {
        wall_of(self.wall + self.elapsed(now))
    }

    /// The true time at which the monotonic clock reaches `local`, rounded up so that it then has. The last
    /// instant is what a deadline too far away saturates to: it never comes.
    pub(super) fn due(&self, local: Instant) -> u64 {
        if local.as_nanos() == u64::MAX {
            return NEVER;
        }
        let Some(ahead) = local.as_nanos().checked_sub(self.local) else {
            return self.since;
        };
        let elapsed = (i128::from(ahead) * MILLION)
            .unsigned_abs()
            .div_ceil(self.rate().unsigned_abs());
        u64::try_from(elapsed).map_or(NEVER, |elapsed| self.since.saturating_add(elapsed))
    }

    pub(super) fn skew(&mut self, now: u64, offset_nanos: i64, drift_ppm: i32) {
        self.rest(now);
        self.wall = true_wall(now) + i128::from(offset_nanos);
        self.drift_ppm = drift_ppm;
    }

    pub(super) fn jump(&mut self, now: u64, by_nanos: i64) {
        self.rest(now);
        self.wall += i128::from(by_nanos);
        self.local = self.local.saturating_add(u64::try_from(by_nanos).unwrap_or(0));
    }

    /// The monotonic clock of a new incarnation begins at `origin`; the wall clock is the machine's and goes on.
    pub(super) fn restart(&mut self, now: u64, origin: u64) {
        self.rest(now);
        self.local = origin;
    }

    fn rest(&mut self, now: u64) {
        let (local, wall) = (self.instant(now).as_nanos(), self.wall + self.elapsed(now));
        (self.since, self.local, self.wall) = (now, local, wall);
    }

    fn elapsed(&self, now: u64) -> i128 {
        i128::from(now.saturating_sub(self.since)) * self.rate() / MILLION
    }

    fn rate(&self) -> i128 {
        MILLION + i128::from(self.drift_ppm)
    }
}

/// The true civil time.
pub(super) fn civil(now: u64) -> Wall {
    wall_of(true_wall(now))
}

fn true_wall(now: u64) -> i128 {
    BEGINNING_NANOS + i128::from(now)
}

fn wall_of(nanos: i128) -> Wall {
    Wall::from_micros(i64::try_from(nanos.div_euclid(1000)).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Clock, Instant};

    #[test]
    fn a_clock_has_reached_an_instant_when_it_is_due_and_not_a_nanosecond_before() {
        for drift_ppm in [-900_000, -200, -1, 0, 1, 200, 1_000_000] {
            let mut clock = Clock::new(0, 77);
            clock.skew(1_000, 5, drift_ppm);
            for ahead in [1, 999, 1_000_000_007, 86_400_000_000_000] {
                let at = Instant::from_nanos(clock.instant(1_000).as_nanos() + ahead);
                let due = clock.due(at);
                assert!(clock.instant(due) >= at, "drift {drift_ppm}, {ahead} ns ahead");
                assert!(clock.instant(due - 1) < at, "drift {drift_ppm}, {ahead} ns ahead");
            }
        }
    }
}
