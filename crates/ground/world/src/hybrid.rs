//! Time that nodes agree on: a hybrid logical clock, and waiting until a moment is over everywhere.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use crate::env::Env;
use crate::time::{Interval, Wall};

/// A point of hybrid time: milliseconds since the Unix epoch in the upper 48 bits (until the year 10889), a count of
/// events in the lower 16. An event that may have caused another has the smaller timestamp; of two that know nothing of
/// each other, either may. It crosses as a plain number, [`Timestamp::as_u64`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

const COUNT_BITS: u32 = 16;
const MILLIS_MAX: u64 = u64::MAX >> COUNT_BITS;

impl Timestamp {
    /// The timestamp that `packed` is.
    pub const fn from_u64(packed: u64) -> Timestamp {
        Timestamp(packed)
    }

    /// The whole of it in one number, of the same order.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The first timestamp of the millisecond of `wall`. Civil time before 1970 is taken for 1970.
    pub fn at(wall: Wall) -> Timestamp {
        let millis = u64::try_from(wall.as_micros() / 1000).unwrap_or_default();
        Timestamp(millis.min(MILLIS_MAX) << COUNT_BITS)
    }

    /// The millisecond of civil time that it lies in.
    pub fn wall(self) -> Wall {
        let millis = i64::try_from(self.0 >> COUNT_BITS).unwrap_or(i64::MAX);
        Wall::from_micros(millis.saturating_mul(1000))
    }

    /// Its number among those of the same millisecond.
    pub const fn count(self) -> u16 {
        self.0 as u16
    }

    /// The next one. A full count carries into the millisecond, which only makes the clock run ahead by that.
    const fn next(self) -> Timestamp {
        Timestamp(self.0.saturating_add(1))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:05} ms", self.0 >> COUNT_BITS, self.count())
    }
}

/// A hybrid logical clock (S. Kulkarni, M. Demirbas, D. Madappa, B. Avva and M. Leone, "Logical physical clocks",
/// OPODIS 2014): it follows the wall clock as far as that goes forward, and orders what depends on each other where
/// wall clocks do not.
///
/// It reads no clock: the caller gives it [`Env::wall`]. It forgets with its process: a node whose timestamps have to
/// grow across a restart, while its wall clock may go back in between, keeps the last one and [resumes] there.
///
/// [resumes]: HybridClock::resumed
#[derive(Clone, Debug)]
pub struct HybridClock {
    ahead_max: Duration,
    last: Timestamp,
}

/// A timestamp of another node is too far ahead to be believed: taking it would pull this clock, and all that hear from
/// it, to where one broken or lying node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "timestamp {timestamp} is {} ms ahead of this node's wall clock, more than the {} ms allowed; set the clock of one of the two",
    by.as_millis(), ahead_max.as_millis()
)]
pub struct Ahead {
    /// The timestamp, which was not taken over.
    pub timestamp: Timestamp,
    /// How far it is ahead of this node's wall clock.
    pub by: Duration,
    /// How far it may be.
    pub ahead_max: Duration,
}

impl HybridClock {
    /// A clock that believes other nodes up to `ahead_max` ahead of this one's wall clock: what the clocks of a
    /// deployment may differ by.
    pub const fn new(ahead_max: Duration) -> HybridClock {
        HybridClock::resumed(ahead_max, Timestamp(0))
    }

    /// The same, after the timestamp `last` of the node's life before.
    pub const fn resumed(ahead_max: Duration, last: Timestamp) -> HybridClock {
        HybridClock { ahead_max, last }
    }

    /// The timestamp of an event of this node, such as sending a message, when its wall clock shows `wall`. It is
    /// greater than each before it.
    pub fn now(&mut self, wall: Wall) -> Timestamp {
        self.last = self.last.next().max(Timestamp::at(wall));
        self.last
    }

    /// The timestamp of receiving a message that was sent at `remote`. It is greater than that and than each before it.
    /// The error leaves the clock as it was.
    pub fn observe(&mut self, wall: Wall, remote: Timestamp) -> Result<Timestamp, Ahead> {
        let by = remote.wall().saturating_duration_since(wall);
        // What this clock has reached already pulls it nowhere, even when the wall clock went back.
        if by > self.ahead_max && remote > self.last {
            return Err(Ahead {
                timestamp: remote,
                by,
                ahead_max: self.ahead_max,
            });
        }
        self.last = self.last.max(remote);
        Ok(self.now(wall))
    }

    /// The last timestamp it gave.
    pub const fn last(&self) -> Timestamp {
        self.last
    }
}

/// Nothing bounds the error of this node's clock, so no wait would ever be long enough.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "node `{node}` cannot wait until a moment is past: nothing bounds its clock's error; \
     give it a bound (`env.interval()`), or order events by `HybridClock`, which needs none"
)]
pub struct Unbounded {
    /// The node.
    pub node: String,
}

/// The longest sleep before the interval is looked at again: its uncertainty may shrink, and the wall clock may be set.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Waits until `at` is over by every clock that keeps its bound: until `env.interval().earliest` is after it. What a
/// node timestamps with its `interval().latest` and publishes after this wait is in the past of whoever sees it (the
/// *commit wait* of J. Corbett et al., "Spanner: Google's globally distributed database", OSDI 2012).
///
/// It costs about twice the uncertainty. Where that is [`Interval::UNBOUNDED`] it fails at once instead of waiting for
/// ever.
pub async fn wait_until_past(env: &Env, at: Wall) -> Result<(), Unbounded> {
    loop {
        let Interval { earliest, .. } = env.interval();
        if earliest == Interval::UNBOUNDED.earliest {
            let node = env.node().to_owned();
            return Err(Unbounded { node });
        }
        if earliest > at {
            return Ok(());
        }
        let left = at.saturating_duration_since(earliest) + Duration::from_micros(1);
        env.sleep(left.min(LOOK_AGAIN)).await;
    }
}
