//! What hybrid time promises.

use std::time::Duration;

use super::{Ahead, HybridClock, Timestamp, Unbounded, wait_until_past};
use crate::memory::World;
use crate::{Env, Wall};

const AHEAD_MAX: Duration = Duration::from_millis(500);
const SECOND: Duration = Duration::from_secs(1);

fn millis(millis: i64) -> Wall {
    Wall::from_micros(millis * 1000)
}

#[test]
fn timestamps_grow_though_the_wall_clock_stands_still_or_goes_back() {
    let mut clock = HybridClock::new(AHEAD_MAX);
    let walls = [1000, 1000, 1000, 400, -7, 1001, 1000, 1_000_000];
    let given: Vec<Timestamp> = walls.iter().map(|wall| clock.now(millis(*wall))).collect();
    assert!(given.is_sorted_by(|one, next| one < next), "{given:?}");
    assert_eq!((given[4].wall(), given[4].count()), (millis(1000), 4));
    assert_eq!((given[7].wall(), given[7].count()), (millis(1_000_000), 0));
}

#[test]
fn an_answer_is_after_its_request_whatever_the_clocks_say() {
    let (mut fast, mut slow) = (HybridClock::new(AHEAD_MAX), HybridClock::new(AHEAD_MAX));
    let sent = fast.now(millis(10_300));
    let received = slow.observe(millis(10_000), sent).unwrap();
    let answered = slow.now(millis(10_001));
    let back = fast.observe(millis(10_299), answered).unwrap();
    assert!(sent < received && received < answered && answered < back);
    assert_eq!(back.wall(), millis(10_300), "nobody runs ahead of the fastest clock");
}

#[test]
fn a_timestamp_too_far_ahead_is_refused_with_the_numbers() {
    let mut clock = HybridClock::new(AHEAD_MAX);
    let before = clock.now(millis(1000));
    let (edge, past) = (Timestamp::at(millis(1500)), Timestamp::at(millis(1501)));
    let error = clock.observe(millis(1000), past).unwrap_err();
    let by = Duration::from_millis(501);
    assert_eq!(
        error,
        Ahead {
            timestamp: past,
            by,
            ahead_max: AHEAD_MAX
        }
    );
    assert!(
        error.to_string().contains("501 ms") && error.to_string().contains("500 ms"),
        "{error}"
    );
    assert_eq!(clock.last(), before, "it is not taken over");
    assert!(clock.observe(millis(1000), edge).unwrap() > edge);
}

#[test]
fn what_the_clock_has_reached_is_believed_after_the_wall_clock_went_back() {
    let mut clock = HybridClock::new(AHEAD_MAX);
    let sent = clock.now(millis(100_000));
    let echoed = clock.observe(millis(5), sent).unwrap();
    assert!(echoed > sent);
}

#[test]
fn a_full_count_carries_into_the_millisecond() {
    let mut clock = HybridClock::new(AHEAD_MAX);
    let full = Timestamp::from_u64(Timestamp::at(millis(7)).as_u64() | 0xffff);
    let next = clock.observe(millis(7), full).unwrap();
    assert_eq!((next.wall(), next.count()), (millis(8), 0));
}

#[test]
fn a_resumed_clock_goes_on_after_its_life_before() {
    let last = HybridClock::new(AHEAD_MAX).now(millis(9000));
    let mut clock = HybridClock::resumed(AHEAD_MAX, Timestamp::from_u64(last.as_u64()));
    assert!(clock.now(millis(8000)) > last);
}

#[test]
fn the_ends_of_civil_time_are_no_panic() {
    let mut clock = HybridClock::new(Duration::MAX);
    for wall in [Wall::MIN, Wall::MAX, Wall::MIN] {
        clock.now(wall);
        let _ = clock.observe(wall, Timestamp::from_u64(u64::MAX));
    }
    assert_eq!(clock.last(), Timestamp::from_u64(u64::MAX));
}

#[test]
fn after_the_wait_true_time_is_past_the_moment() {
    // Clocks ahead and behind, slow and quick: the wait may end later, never too early.
    for (offset_nanos, drift_ppm) in [
        (0, 0),
        (3_000_000_000, 0),
        (-3_000_000_000, 0),
        (0, -100_000),
        (0, 100_000),
    ] {
        let world = World::new(1);
        let (env, truth) = (world.node("skewed"), world.node("true"));
        world.skew("skewed", offset_nanos, drift_ppm);
        let at = truth.wall() + 5 * SECOND;
        world.run(wait_until_past(&env, at)).unwrap();
        assert!(truth.wall() > at, "{offset_nanos} {drift_ppm}");
    }
}

#[test]
fn a_moment_that_is_past_needs_no_wait() {
    let world = World::new(1);
    let env = world.node("a");
    let before = Wall::from_micros(env.wall().as_micros() - 1);
    world.run(wait_until_past(&env, before)).unwrap();
    assert_eq!(world.now(), Duration::ZERO);
}

#[test]
fn a_clock_without_a_bound_is_told_that_waiting_is_in_vain() {
    let world = World::new(1);
    let env = Env::production("clockless");
    let waited = world.run(wait_until_past(&env, Wall::from_micros(0)));
    let node = "clockless".to_owned();
    assert_eq!(waited, Err(Unbounded { node }));
}
