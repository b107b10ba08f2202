//! [`PhiAccrual`]: suspicion learnt from the intervals between heartbeats.

use std::collections::VecDeque;
use std::f64::consts::{LN_10, TAU};
use std::time::Duration;

use super::{Detector, Suspicion};
use crate::time::{Instant, nanos};

/// What a [`PhiAccrual`] goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhiSettings {
    /// The level above which the peer is suspected. At level φ the chance that the heartbeat is still to come is
    /// 10^−φ, if intervals go on as they did: about one false suspicion in 10^φ decisions.
    pub threshold: f64,
    /// How many of the last intervals are kept, from 2 to [`PhiAccrual::SAMPLES_MAX`].
    pub samples_max: usize,
    /// The standard deviation is never taken for less, so that very regular heartbeats do not make a small delay look
    /// like a crash. At least a microsecond.
    pub deviation_min: Duration,
    /// Silence that is added to the mean interval before it counts, for a collection of garbage, a backup, a slow disk.
    pub pause_acceptable: Duration,
    /// What the interval is taken for before any was seen. It enters as two intervals, a quarter above and below.
    pub first_estimate: Duration,
}

impl Default for PhiSettings {
    /// For a heartbeat each second inside one data centre.
    fn default() -> PhiSettings {
        PhiSettings {
            threshold: 8.0,
            samples_max: 200,
            deviation_min: Duration::from_millis(100),
            pause_acceptable: Duration::ZERO,
            first_estimate: Duration::from_secs(1),
        }
    }
}

/// The φ accrual failure detector (N. Hayashibara, X. Défago, R. Yared and T. Katayama, "The φ accrual failure
/// detector", SRDS 2004): it learns how the intervals between heartbeats are spread, and says how unlikely the present
/// silence is. The level is φ = −log₁₀ of the chance that a heartbeat comes later than this, with intervals taken to be
/// normally distributed.
///
/// It follows a network that grows slower, where [`Timeout`](super::Timeout) needs another setting; it is right often,
/// never surely, and in no model perfect. All arithmetic on the intervals is in whole nanoseconds, so nothing drifts
/// however long it runs.
#[derive(Clone, Debug)]
pub struct PhiAccrual {
    settings: PhiSettings,
    heard: Instant,
    /// In nanoseconds, the oldest first.
    intervals: VecDeque<u64>,
    sum: u128,
    sum_of_squares: u128,
}

/// An interval counts as no longer than this, 104 days in nanoseconds, so that no sum overflows.
const INTERVAL_NANOS_MAX: u64 = 1 << 53;

const _: () = {
    let samples = PhiAccrual::SAMPLES_MAX as u128;
    let squared = (INTERVAL_NANOS_MAX as u128) * (INTERVAL_NANOS_MAX as u128);
    assert!(samples * samples <= u128::MAX / squared);
};

impl PhiAccrual {
    /// The most intervals that are kept; 8 bytes each.
    pub const SAMPLES_MAX: usize = 1000;

    /// A detector that begins to listen at `now`: a peer that never says anything is suspected too.
    pub fn new(settings: PhiSettings, now: Instant) -> PhiAccrual {
        let settings = PhiSettings {
            samples_max: settings.samples_max.clamp(2, PhiAccrual::SAMPLES_MAX),
            deviation_min: settings.deviation_min.max(Duration::from_micros(1)),
            ..settings
        };
        let mut detector = PhiAccrual {
            settings,
            heard: now,
            intervals: VecDeque::new(),
            sum: 0,
            sum_of_squares: 0,
        };
        let estimate = settings.first_estimate;
        detector.add(estimate - estimate / 4);
        detector.add(estimate.saturating_add(estimate / 4));
        detector
    }

    /// What it goes by, within its bounds.
    pub fn settings(&self) -> PhiSettings {
        self.settings
    }

    /// The mean of the intervals that are kept.
    pub fn mean(&self) -> Duration {
        let mean = self.sum / self.intervals.len() as u128;
        Duration::from_nanos(u64::try_from(mean).unwrap_or(u64::MAX))
    }

    /// Their standard deviation, as it was and not as the least that is taken for it.
    pub fn deviation(&self) -> Duration {
        let count = self.intervals.len() as u128;
        // Whole numbers: the difference of two large sums keeps every digit.
        let variance = (count * self.sum_of_squares - self.sum * self.sum) as f64 / (count * count) as f64;
        Duration::from_nanos(variance.sqrt() as u64)
    }

    /// How many intervals are kept.
    pub fn samples(&self) -> usize {
        self.intervals.len()
    }

    fn add(&mut self, interval: Duration) {
        if self.intervals.len() == self.settings.samples_max
            && let Some(oldest) = self.intervals.pop_front()
        {
            self.sum -= u128::from(oldest);
            self.sum_of_squares -= u128::from(oldest) * u128::from(oldest);
        }
        let interval = nanos(interval).min(INTERVAL_NANOS_MAX);
        self.intervals.push_back(interval);
        self.sum += u128::from(interval);
        self.sum_of_squares += u128::from(interval) * u128::from(interval);
    }
}

impl Detector for PhiAccrual {
    fn heard(&mut self, now: Instant) {
        self.add(now.saturating_duration_since(self.heard));
        self.heard = self.heard.max(now);
    }

    fn suspicion(&self, now: Instant) -> Suspicion {
        let silence = now.saturating_duration_since(self.heard).as_secs_f64();
        let expected = self.mean().saturating_add(self.settings.pause_acceptable).as_secs_f64();
        let deviation = self.deviation().max(self.settings.deviation_min).as_secs_f64();
        Suspicion {
            level: phi((silence - expected) / deviation),
            threshold: self.settings.threshold,
        }
    }
}

/// −log₁₀ of the chance that a normally distributed value is more than `deviations` above its mean.
pub(super) fn phi(deviations: f64) -> f64 {
    if deviations < 0.0 {
        -f64::ln_1p(-ln_upper_tail(-deviations).exp()) / LN_10
    } else {
        -ln_upper_tail(deviations) / LN_10
    }
}

/// From here on the continued fraction is exact to 14 digits, and up to here the series is to 12.
const FRACTION_FROM: f64 = 3.0;

/// The logarithm of the upper tail of the normal distribution, for `x` from zero up. It is taken in logarithms, since
/// the tail itself is too small for a number beyond 38 deviations.
fn ln_upper_tail(x: f64) -> f64 {
    let ln_density = -0.5 * (x * x + TAU.ln());
    if x < FRACTION_FROM {
        // Half the mass less what lies between the mean and x: the series of G. Marsaglia, "Evaluating the normal
        // distribution", Journal of Statistical Software 11(4), 2004.
        let (mut term, mut sum, mut odd) = (x, x, 1.0);
        while term > sum * f64::EPSILON {
            odd += 2.0;
            term *= x * x / odd;
            sum += term;
        }
        (0.5 - sum * ln_density.exp()).ln()
    } else {
        // Laplace's continued fraction 1/(x + 1/(x + 2/(x + 3/(x + ..)))) for the ratio of tail and density.
        let fraction = (1..=100).rev().fold(x, |below, nth| x + f64::from(nth) / below);
        ln_density - fraction.ln()
    }
}
