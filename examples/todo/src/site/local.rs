//! Times on the wall clock of a person's zone.

use chrono::offset::LocalResult;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use terrace::database::Timestamp;

/// A time as a page shows it.
#[derive(Serialize)]
pub(super) struct Shown {
    /// For people.
    text: String,
    /// For machines: RFC 3339.
    machine: String,
    /// For a field of a form.
    input: String,
    is_past: bool,
}

/// The zone of that name, or UTC.
pub(super) fn zone(name: &str) -> Tz {
    name.parse().unwrap_or(Tz::UTC)
}

/// What a field of date and time says. A time that the clock skips in spring is as much later as it skips, of one that
/// comes twice in autumn it is the first.
pub(super) fn read(text: &str, zone: Tz) -> Option<Timestamp> {
    let formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"];
    let naive = formats
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text.trim(), format).ok())?;
    // chrono knows years of six digits, whose sums with an hour it does not check.
    let naive = Some(naive).filter(|naive| (1..=9999).contains(&naive.year()))?;
    let local = match zone.from_local_datetime(&naive) {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => time,
        // By the offset of before the gap. Not every gap is an hour.
        LocalResult::None => {
            let before = zone.from_local_datetime(&(naive - TimeDelta::days(1))).earliest()?;
            let offset = before.offset().fix().local_minus_utc();
            zone.from_utc_datetime(&(naive - TimeDelta::seconds(offset.into())))
        }
    };
    Some(Timestamp::from_micros(local.timestamp_micros()))
}

/// `time` as whoever lives in `zone` reads it at the time `now`.
pub(super) fn show(time: Timestamp, zone: Tz, now: Timestamp) -> Shown {
    let (Some(local), Some(today)) = (at(time, zone), at(now, zone)) else {
        // Outside of all calendars.
        return Shown {
            text: time.to_string(),
            machine: time.to_string(),
            input: String::new(),
            is_past: time < now,
        };
    };
    Shown {
        text: format!(
            "{}, {}",
            day(local.date_naive(), today.date_naive()),
            local.format("%H:%M")
        ),
        machine: time.to_string(),
        input: field(local),
        is_past: time < now,
    }
}

/// `time` as a field of a form has it; nothing outside of all calendars.
pub(super) fn input(time: Timestamp, zone: Tz) -> String {
    at(time, zone).map(field).unwrap_or_default()
}

fn field(local: DateTime<Tz>) -> String {
    local.format("%Y-%m-%dT%H:%M").to_string()
}

fn at(time: Timestamp, zone: Tz) -> Option<DateTime<Tz>> {
    DateTime::<Utc>::from_timestamp_micros(time.as_micros()).map(|utc| utc.with_timezone(&zone))
}

fn day(day: NaiveDate, today: NaiveDate) -> String {
    match (day - today).num_days() {
        -1 => "Yesterday".to_owned(),
        0 => "Today".to_owned(),
        1 => "Tomorrow".to_owned(),
        2..=6 => day.format("%A").to_string(),
        _ if day.year() == today.year() => day.format("%a %-d %b").to_string(),
        _ => day.format("%-d %b %Y").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::{Timestamp, read, show};

    #[test]
    fn a_field_is_read_on_the_clock_of_its_zone() {
        let berlin = Tz::Europe__Berlin;
        for (text, utc) in [
            ("2030-07-01T18:00", Some("2030-07-01T16:00:00.000000Z")),
            ("2030-01-01 09:30", Some("2030-01-01T08:30:00.000000Z")),
            // Skipped in spring, and twice in autumn.
            ("2030-03-31T02:30", Some("2030-03-31T01:30:00.000000Z")),
            ("2030-10-27T02:30", Some("2030-10-27T00:30:00.000000Z")),
            ("2030-02-30T00:00", None),
            ("262142-12-31T23:59", None),
            ("-0001-01-01T00:00", None),
            ("soon", None),
        ] {
            assert_eq!(
                read(text, berlin).map(|time| time.to_string()).as_deref(),
                utc,
                "{text}"
            );
        }
    }

    #[test]
    fn a_clock_may_skip_half_an_hour_or_two_hours() {
        for (text, zone, utc) in [
            ("2030-03-31T01:30", Tz::Antarctica__Troll, "2030-03-31T01:30:00.000000Z"),
            (
                "2030-10-06T02:15",
                Tz::Australia__Lord_Howe,
                "2030-10-05T15:45:00.000000Z",
            ),
        ] {
            let read = read(text, zone).map(|time| time.to_string());
            assert_eq!(read.as_deref(), Some(utc), "{text}");
        }
    }

    #[test]
    fn near_days_have_names() {
        let time = |text| read(text, Tz::UTC).expect("a time");
        let now = time("2030-05-15T12:00");
        for (at, text) in [
            ("2030-05-15T09:00", "Today, 09:00"),
            ("2030-05-16T09:00", "Tomorrow, 09:00"),
            ("2030-05-18T09:00", "Saturday, 09:00"),
            ("2030-08-01T09:00", "Thu 1 Aug, 09:00"),
            ("2031-01-02T09:00", "2 Jan 2031, 09:00"),
        ] {
            assert_eq!(show(time(at), Tz::UTC, now).text, text);
        }
        assert!(show(Timestamp::MAX, Tz::UTC, now).input.is_empty());
    }
}
