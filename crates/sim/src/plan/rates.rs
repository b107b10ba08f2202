//! How often something happens to messages.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::fault::Lie;
use crate::model::{Links, Model, Processes, Timing};
use crate::plan::{FaultKind, Window};
use crate::random::Draw;

/// How much of the bound a late message takes at most on top of its ordinary way, which takes no more than the rest.
const LATE_OF_BOUND: f64 = 0.8;
/// How often a message is late: often enough that orders change, seldom enough that most do not.
const LATE: f64 = 0.1;
/// How late a message may be where there is no bound: later than any ordinary timeout.
const LATE_MAX: Duration = Duration::from_secs(10);
/// How much of what an omitting node sends or gets is lost: far more than a link loses.
const OMISSION: f64 = 0.1;
/// How many of a liar's answers are lies: enough truth that it is believed.
const LIE: f64 = 0.3;

/// Shares of messages, 0 to 1, to which something happens at one moment of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Messages that vanish.
    pub loss: f64,
    /// Messages in whose place the connection is reset.
    pub reset: f64,
    /// Messages that arrive twice.
    pub duplication: f64,
    /// Messages that arrive late, and by how many microseconds at most, on top of their ordinary way. Once delays are
    /// bounded this is four fifths of the bound: the ordinary way must take no more than the last one. Where they are
    /// bounded from the beginning nothing is late: ordinary ways take up to the whole bound.
    pub late: (f64, u64),
    /// Messages that are changed.
    pub corruption: f64,
    /// Answers of a liar that are lies.
    pub lie: f64,
    /// Messages of, or to, an omitting node that are lost besides.
    pub omission: f64,
}

impl Model {
    /// The rates at a moment, of the kinds that a run has enabled. Outside the chaos nothing happens; once delays are
    /// bounded, only bounded delays and lies do, for a liar is not cured by a stable network.
    pub fn rates(&self, enabled: &BTreeSet<FaultKind>, now_us: u64, window: Window) -> Rates {
        let mut rates = Rates::default();
        if now_us < window.chaos_begins_us || now_us >= window.chaos_ends_us {
            return rates;
        }
        if enabled.contains(&FaultKind::Late) && !self.is_synchronous() {
            rates.late = (LATE, self.late_max_us(now_us, window));
        }
        let lies = |lie: Lie| enabled.contains(&FaultKind::Lie(lie));
        if self.processes == Processes::Byzantine && Lie::ALL.into_iter().any(lies) {
            rates.lie = LIE;
        }
        if now_us >= window.faults_end_us {
            return rates;
        }
        if self.processes >= Processes::Omission && enabled.contains(&FaultKind::Loss) {
            rates.omission = OMISSION;
        }
        let (loss, duplication, corruption) = match self.links {
            Links::Perfect | Links::Authenticated => (0.0, 0.0, 0.0),
            Links::FairLossy { loss, duplication, .. } => (loss, duplication, 0.0),
            Links::Corrupting {
                loss,
                duplication,
                corruption,
            } => (loss, duplication, corruption),
        };
        let share = |kind, share| if enabled.contains(&kind) { share } else { 0.0 };
        rates.loss = share(FaultKind::Loss, loss);
        rates.reset = share(FaultKind::Reset, loss);
        rates.duplication = share(FaultKind::Duplication, duplication);
        rates.corruption = share(FaultKind::Corruption, corruption);
        rates
    }

    /// A message that is sent before delays are bounded arrives within the bound after that at the latest (C. Dwork,
    /// N. Lynch and L. Stockmeyer, *Consensus in the presence of partial synchrony*, 1988). Where there is no bound it
    /// arrives before the chaos ends, so that a healed world is healed.
    fn late_max_us(&self, now_us: u64, window: Window) -> u64 {
        let left_us = window.faults_end_us.saturating_sub(now_us);
        match self.timing {
            Timing::Synchronous { .. } => 0,
            Timing::PartiallySynchronous { delay_max, .. } => {
                let unbounded_us = us(LATE_MAX).max(within(delay_max));
                unbounded_us.min(left_us.saturating_add(within(delay_max)))
            }
            Timing::Asynchronous => us(LATE_MAX).min(left_us),
        }
    }
}

/// How often delays become bounded at the latest moment that the model allows: there the chaos is longest.
const STABLE_LATEST: f64 = 0.25;

impl Window {
    /// The chaos of this seed. Where delays become bounded in the end, nobody may know when: each seed has its own moment,
    /// after the chaos began and no later than the model says.
    pub fn new(model: &Model, seed: u64, chaos_begins_us: u64, chaos_ends_us: u64) -> Window {
        let faults_end_us = match model.timing {
            Timing::PartiallySynchronous { stable_after, .. } => {
                let mut draw = Draw::new(seed, "delays become bounded");
                let latest_us = us(stable_after);
                let stable_us = match draw.chance(STABLE_LATEST) {
                    true => latest_us,
                    false => 1 + draw.below(latest_us),
                };
                chaos_begins_us.saturating_add(stable_us).min(chaos_ends_us)
            }
            Timing::Synchronous { .. } | Timing::Asynchronous => chaos_ends_us,
        };
        Window {
            chaos_begins_us,
            chaos_ends_us,
            faults_end_us,
        }
    }
}

fn within(delay_max: Duration) -> u64 {
    us(delay_max.mul_f64(LATE_OF_BOUND))
}

/// Microseconds; models have no longer durations than a day.
pub(super) fn us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
