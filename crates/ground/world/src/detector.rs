//! Failure detectors: how much a silent peer is to be suspected. None ever says that a peer is dead.
//!
//! A detector is told of each sign of life, a heartbeat or any other message, and asked for its [`Suspicion`]. It reads
//! no clock and sends nothing, so it is the same in every world and a test of it needs none. T. Chandra and S. Toueg
//! ("Unreliable failure detectors for reliable distributed systems", Journal of the ACM 43(2), 1996) name what it can
//! be measured by: *completeness*, that whoever has crashed is suspected in the end and from then on, and *accuracy*,
//! that whoever has not is not. Both detectors here are complete in every model; how accurate one is depends on the
//! timing of the world it runs in. So act on a suspicion only where acting on a wrong one is safe: ask another replica,
//! elect a new leader *and fence the old one*.

mod phi_accrual;
#[cfg(test)]
mod tests;
mod timeout;

use crate::time::Instant;

pub use phi_accrual::{PhiAccrual, PhiSettings};
pub use timeout::Timeout;

/// Turns signs of life of one peer into suspicion of it. All instants are those of the node that listens.
pub trait Detector: Send {
    /// A sign of life came at `now`.
    fn heard(&mut self, now: Instant);

    /// How much the peer is to be suspected at `now`. It grows while nothing is heard.
    fn suspicion(&self, now: Instant) -> Suspicion;
}

/// How much a peer is suspected. It is an opinion, and may be wrong: the peer may be slow, paused or cut off, and may
/// still act.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suspicion {
    /// How strong the suspicion is, from zero up, in the detector's own scale.
    pub level: f64,
    /// The level above which the detector suspects.
    pub threshold: f64,
}

impl Suspicion {
    /// Whether the level is above the threshold.
    pub fn is_suspected(self) -> bool {
        self.level > self.threshold
    }
}
