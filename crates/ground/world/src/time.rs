//! Points in time and what waits for them. An [`Instant`] belongs to one node; a [`Wall`] may cross to another.

use std::ops::Add;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::env::Env;
use crate::network::BoxFuture;

/// A point of one node's monotonic clock: nanoseconds since an arbitrary origin of that node. It means nothing on
/// another node, or after a restart. Arithmetic saturates; the range is 584 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The instant `nanos` nanoseconds after the node's origin.
    pub const fn from_nanos(nanos: u64) -> Instant {
        Instant(nanos)
    }

    /// Nanoseconds since the node's origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this, or zero if `earlier` is later.
    pub const fn saturating_duration_since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, after: Duration) -> Instant {
        Instant(self.0.saturating_add(nanos(after)))
    }
}

/// A point of civil time: microseconds since the Unix epoch, as this node's wall clock shows it. It may go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(i64);

impl Wall {
    /// The earliest that can be written.
    pub const MIN: Wall = Wall(i64::MIN);
    /// The latest that can be written.
    pub const MAX: Wall = Wall(i64::MAX);

    /// The point `micros` microseconds after the Unix epoch; negative before it.
    pub const fn from_micros(micros: i64) -> Wall {
        Wall(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The time from `earlier` to this, or zero if `earlier` is later.
    pub const fn saturating_duration_since(self, earlier: Wall) -> Duration {
        match self.0 > earlier.0 {
            true => Duration::from_micros(self.0.abs_diff(earlier.0)),
            false => Duration::ZERO,
        }
    }

    /// This point moved into the past.
    pub fn saturating_sub(self, before: Duration) -> Wall {
        Wall(self.0.saturating_sub(micros(before)))
    }
}

impl Add<Duration> for Wall {
    type Output = Wall;

    fn add(self, after: Duration) -> Wall {
        Wall(self.0.saturating_add(micros(after)))
    }
}

/// Civil time with its uncertainty: the true time lies between the two, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// True time is not before this.
    pub earliest: Wall,
    /// True time is not after this.
    pub latest: Wall,
}

impl Interval {
    /// What is known when nothing bounds the clock's error.
    pub const UNBOUNDED: Interval = Interval {
        earliest: Wall::MIN,
        latest: Wall::MAX,
    };

    /// `wall`, wrong by at most `uncertainty`.
    pub fn around(wall: Wall, uncertainty: Duration) -> Interval {
        Interval {
            earliest: wall.saturating_sub(uncertainty),
            latest: wall + uncertainty,
        }
    }
}

/// A future that is ready when the node's clock has reached its instant. Dropping it takes the timer away.
pub struct Sleep(BoxFuture<'static, ()>);

impl Sleep {
    pub(crate) fn new(timer: impl Future<Output = ()> + Send + 'static) -> Sleep {
        Sleep(Box::pin(timer))
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

/// The time ran out before the future was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not ready within {} ms", after.as_millis())]
pub struct Elapsed {
    /// The time it was given.
    pub after: Duration,
}

/// Ticks of a fixed period. A tick that comes late skips those it missed; it does not make them up in a burst.
pub struct Every {
    env: Env,
    period: Duration,
    next: Instant,
}

impl Every {
    /// The shortest period: a shorter one is lengthened to it, so that a tick always lets time pass.
    pub const PERIOD_MIN: Duration = Duration::from_micros(1);

    pub(crate) fn new(env: Env, period: Duration) -> Every {
        let period = period.max(Every::PERIOD_MIN);
        let next = env.deadline(period);
        Every { env, period, next }
    }

    /// Waits for the next tick and returns the instant it was due; the first is one period after the start. Dropping
    /// the future loses no tick.
    pub async fn tick(&mut self) -> Instant {
        self.env.sleep_until(self.next).await;
        let due = self.next;
        let late = nanos(self.env.now().saturating_duration_since(due));
        let period = nanos(self.period);
        self.next = due + Duration::from_nanos((late / period).saturating_add(1).saturating_mul(period));
        due
    }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
