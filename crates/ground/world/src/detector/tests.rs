//! What the detectors promise, on instants made by hand.

use std::time::Duration;

use super::phi_accrual::phi;
use super::{Detector, PhiAccrual, PhiSettings, Timeout};
use crate::time::Instant;

const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

/// A detector that heard a heartbeat each of `intervals`, and when the last one came.
fn heard(settings: PhiSettings, intervals: impl IntoIterator<Item = u64>) -> (PhiAccrual, u64) {
    let mut detector = PhiAccrual::new(settings, at(0));
    let mut now = 0;
    for interval in intervals {
        now += interval;
        detector.heard(at(now));
    }
    (detector, now)
}

#[test]
fn a_timeout_suspects_nobody_whose_messages_keep_their_bound() {
    // A heartbeat each 800 ms, which takes at most 200 ms: as late as can be is one second apart.
    let mut detector = Timeout::new(SECOND, at(0));
    for arrival in (1..=100).map(|nth| nth * 1000) {
        assert!(!detector.suspicion(at(arrival)).is_suspected(), "{arrival}");
        detector.heard(at(arrival));
    }
}

#[test]
fn a_timeout_suspects_from_the_first_nanosecond_past_its_bound() {
    let mut detector = Timeout::new(2 * SECOND, at(0));
    detector.heard(at(5000));
    assert!(!detector.suspicion(at(7000)).is_suspected());
    let past = detector.suspicion(at(7000) + Duration::from_nanos(1));
    assert!(past.is_suspected(), "{past:?}");
    assert_eq!(detector.suspicion(at(6000)).level, 0.5);
}

#[test]
fn whoever_never_says_anything_is_suspected() {
    let (timeout, phi) = (
        Timeout::new(SECOND, at(0)),
        PhiAccrual::new(PhiSettings::default(), at(0)),
    );
    let detectors: [&dyn Detector; 2] = [&timeout, &phi];
    for detector in detectors {
        assert!(!detector.suspicion(at(0)).is_suspected());
        assert!(detector.suspicion(at(60_000)).is_suspected());
    }
}

#[test]
fn a_sign_of_life_ends_a_suspicion() {
    let (timeout, phi) = (
        Timeout::new(SECOND, at(0)),
        PhiAccrual::new(PhiSettings::default(), at(0)),
    );
    let detectors: [Box<dyn Detector>; 2] = [Box::new(timeout), Box::new(phi)];
    for mut detector in detectors {
        assert!(detector.suspicion(at(60_000)).is_suspected());
        detector.heard(at(60_000));
        assert!(!detector.suspicion(at(60_001)).is_suspected());
    }
}

#[test]
fn a_timeout_of_zero_suspects_any_silence_and_no_number_is_lost() {
    let mut detector = Timeout::new(Duration::ZERO, at(1));
    assert_eq!(detector.suspicion(at(1)).level, 0.0);
    assert!(detector.suspicion(at(2)).is_suspected());
    // An instant from before does not take a sign of life back.
    detector.heard(at(9));
    detector.heard(at(3));
    assert!(!detector.suspicion(at(9)).is_suspected());
}

#[test]
fn phi_is_the_logarithm_of_the_normal_tail() {
    assert!(phi(1e6).is_finite(), "where the tail itself is zero");
    // Quantiles of the standard normal distribution; the first and last by C's `erfc`.
    let known = [
        (-8.0, 2.7017288495439357e-16),
        (-1.281_551_565_545, 0.045_757_490_561),
        (0.0, std::f64::consts::LOG10_2),
        (1.281_551_565_545, 1.0),
        (2.326_347_874_041, 2.0),
        (3.090_232_306_168, 3.0),
        (4.264_890_793_923, 5.0),
        (5.997_807_015_008, 9.0),
        (37.0, 299.2421811786099),
    ];
    for (deviations, expected) in known {
        let level = phi(deviations);
        assert!(
            (level - expected).abs() <= expected * 1e-9,
            "{deviations}: {level} is not {expected}"
        );
    }
}

#[test]
fn suspicion_grows_with_silence() {
    let (detector, last) = heard(PhiSettings::default(), [1000; 50]);
    let levels: Vec<f64> = (0..10_000)
        .map(|silence| detector.suspicion(at(last + silence)).level)
        .collect();
    assert!(levels.is_sorted() && levels[0] < 1e-9, "{}", levels[0]);
    assert!(levels.iter().all(|level| level.is_finite()));
}

#[test]
fn irregular_heartbeats_earn_more_patience() {
    let regular = heard(PhiSettings::default(), [1000; 100]);
    let irregular = heard(
        PhiSettings::default(),
        (0..100).map(|nth| if nth % 2 == 0 { 400 } else { 1600 }),
    );
    let suspected = |(detector, last): &(PhiAccrual, u64)| detector.suspicion(at(last + 2500)).is_suspected();
    assert!(suspected(&regular) && !suspected(&irregular));
}

#[test]
fn it_learns_that_a_network_became_slower() {
    let settings = PhiSettings {
        samples_max: 20,
        ..PhiSettings::default()
    };
    let (quick, last) = heard(settings, [100; 40]);
    assert!(quick.suspicion(at(last + 1500)).is_suspected());
    let (slow, last) = heard(settings, [100; 40].into_iter().chain([1000; 40]));
    assert!(!slow.suspicion(at(last + 1500)).is_suspected());
    assert_eq!(
        (slow.samples(), slow.mean(), slow.deviation()),
        (20, SECOND, Duration::ZERO)
    );
}

#[test]
fn an_acceptable_pause_is_no_suspicion() {
    let strict = heard(PhiSettings::default(), [1000; 50]);
    let patient = heard(
        PhiSettings {
            pause_acceptable: 3 * SECOND,
            ..PhiSettings::default()
        },
        [1000; 50],
    );
    let suspected =
        |(detector, last): &(PhiAccrual, u64), silence| detector.suspicion(at(last + silence)).is_suspected();
    assert!(suspected(&strict, 3500) && !suspected(&patient, 3500) && suspected(&patient, 6000));
}

#[test]
fn the_first_estimate_decides_until_intervals_are_seen() {
    let estimated = |first_estimate| {
        let settings = PhiSettings {
            first_estimate,
            ..PhiSettings::default()
        };
        PhiAccrual::new(settings, at(0)).suspicion(at(3000)).is_suspected()
    };
    assert!(estimated(SECOND) && !estimated(5 * SECOND));
}

#[test]
fn settings_out_of_bounds_are_brought_into_them() {
    let settings = PhiSettings {
        threshold: 8.0,
        samples_max: usize::MAX,
        deviation_min: Duration::ZERO,
        pause_acceptable: Duration::MAX,
        first_estimate: Duration::MAX,
    };
    let mut detector = PhiAccrual::new(settings, at(0));
    for now in [Instant::from_nanos(u64::MAX), at(0), Instant::from_nanos(u64::MAX)] {
        detector.heard(now);
        assert!(!detector.suspicion(now).level.is_nan());
    }
    assert_eq!(detector.settings().samples_max, PhiAccrual::SAMPLES_MAX);
    let (mut detector, last) = heard(
        PhiSettings {
            samples_max: 0,
            deviation_min: Duration::ZERO,
            ..PhiSettings::default()
        },
        [0; 9],
    );
    assert_eq!((detector.samples(), detector.deviation()), (2, Duration::ZERO));
    detector.heard(at(last));
    let level = detector.suspicion(at(last) + MILLI).level;
    assert!(level.is_finite() && level > 1000.0, "{level}");
}
