//! [`Timeout`]: a peer is suspected after a fixed time of silence.

use std::time::Duration;

use super::{Detector, Suspicion};
use crate::time::Instant;

/// Suspects a peer that was silent for longer than a fixed time. The level is the share of that time which has passed,
/// the threshold 1.
///
/// It is *perfect* (Chandra and Toueg 1996: complete, and it suspects nobody before they crash) only in a synchronous
/// world, where messages, steps and clocks have known bounds, and only if `after` is at least the period of the
/// heartbeats plus the longest delay, by the listener's clock: on top of both comes what that clock may run fast. In a
/// partially synchronous world it is wrong until the bounds hold; in an asynchronous one no time is long enough.
#[derive(Clone, Debug)]
pub struct Timeout {
    /// The longest silence that raises no suspicion.
    pub after: Duration,
    heard: Instant,
}

impl Timeout {
    /// A detector that begins to listen at `now`: a peer that never says anything is suspected too.
    pub const fn new(after: Duration, now: Instant) -> Timeout {
        Timeout { after, heard: now }
    }
}

impl Detector for Timeout {
    fn heard(&mut self, now: Instant) {
        self.heard = self.heard.max(now);
    }

    fn suspicion(&self, now: Instant) -> Suspicion {
        let silence = now.saturating_duration_since(self.heard);
        let level = match (silence.is_zero(), self.after.is_zero()) {
            (true, _) => 0.0,
            (false, true) => f64::INFINITY,
            (false, false) => silence.as_secs_f64() / self.after.as_secs_f64(),
        };
        Suspicion { level, threshold: 1.0 }
    }
}
