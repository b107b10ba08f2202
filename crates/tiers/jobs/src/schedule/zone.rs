//! Between the time on the wall of a zone and real time. All in whole seconds since 1970.

use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

/// How far apart two looks at a zone's offset are. No zone has changed it twice within less time, and back.
const LOOK_SECONDS: i64 = 24 * 60 * 60;
/// No offset is as long as this.
const OFFSET_SECONDS_MAX: i64 = 2 * 24 * 60 * 60;

/// The wall clock of `zone` at `instant`.
pub(super) fn wall(zone: Tz, instant: i64) -> Option<NaiveDateTime> {
    let utc = utc(instant)?;
    utc.checked_add_signed(TimeDelta::seconds(offset(zone, instant)?))
}

/// By how many seconds the wall is ahead of UTC at `instant`.
pub(super) fn offset(zone: Tz, instant: i64) -> Option<i64> {
    let offset = zone.offset_from_utc_datetime(&utc(instant)?).fix();
    Some(i64::from(offset.local_minus_utc()))
}

/// The first second in `(after, until]` that has another offset than `after`.
pub(super) fn first_change(zone: Tz, after: i64, until: i64) -> Option<i64> {
    let before = offset(zone, after)?;
    let mut low = after;
    while low < until {
        let mut high = low.saturating_add(LOOK_SECONDS).min(until);
        if offset(zone, high)? == before {
            low = high;
            continue;
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if offset(zone, middle)? == before {
                low = middle;
            } else {
                high = middle;
            }
        }
        return Some(high);
    }
    None
}

/// When the wall shows `wall` for the first time; if it never does, the end of the gap that swallowed it.
pub(super) fn first_instant(zone: Tz, wall: NaiveDateTime) -> Option<i64> {
    match zone.from_local_datetime(&wall).earliest() {
        Some(instant) => Some(instant.timestamp()),
        None => gap_end(zone, wall),
    }
}

fn gap_end(zone: Tz, wall: NaiveDateTime) -> Option<i64> {
    let shown = wall.and_utc().timestamp();
    let (mut from, until) = (shown - OFFSET_SECONDS_MAX, shown + OFFSET_SECONDS_MAX);
    while let Some(change) = first_change(zone, from, until) {
        if change + offset(zone, change)? > shown {
            return Some(change);
        }
        from = change;
    }
    None
}

fn utc(instant: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp(instant, 0).map(|utc| utc.naive_utc())
}
