//! When a schedule comes: cron with time zones.
//!
//! A schedule is five fields, *minute hour day month weekday*, each `*`, a number, a list `1,15`, a range `1-5` or steps
//! `*/10`; months and weekdays have names (`JAN`, `MON`; 0 and 7 are Sunday). A day may be `L`, the last of the month, or
//! `15W`, the weekday nearest to the 15th; a weekday may be `5L`, the last Friday, or `1#2`, the second Monday. If both day
//! and weekday are given, one of them is enough, as in Vixie cron. `@hourly`, `@daily`, `@weekly`, `@monthly` and
//! `@yearly` are known.
//!
//! # When clocks are changed
//!
//! Only the pattern is read by the crate `croner`, which sees a calendar without time zones. What becomes of wall times
//! that a zone leaves out or repeats is decided here:
//!
//! | schedule | a wall time that does not exist (gap) | one that exists twice (fold) |
//! |---|---|---|
//! | not every hour: `30 2 * * *`, `*/10 2 * * *`, `0 */2 * * *` | once, at the first instant after the gap; several in one gap are one run | once, when it comes first |
//! | every hour: `*/10 * * * *`, `@hourly`, `30 0-23 * * 1-5` | does not run: the real time between two runs stays what it is | each time, so that no hour is without its runs |
//!
//! In Berlin, `30 2 * * *` runs at 03:00 summer time on the day of the gap and at 02:30 summer time on the day of the
//! fold. `30 * * * *` runs at 01:30 and 03:30, one hour apart, on the first day, and at 01:30, 02:30, 02:30 and 03:30, always
//! one hour apart, on the second. A schedule for every hour whose zone moves by half an hour (Lord Howe) runs when its
//! wall shows the minute, so that two runs are once 30 or 90 minutes apart.

mod error;
mod zone;

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

pub use error::ScheduleError;

/// Bytes of an expression, at most.
pub const CRON_BYTES_MAX: usize = 256;
/// A run that begins so long after its time, at most, was not missed.
pub const LATE_MAX: Duration = Duration::from_secs(60);

const MICROS: i64 = 1_000_000;
const NICKNAMES: [&str; 6] = ["@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@annually"];

/// A cron expression on the wall clock of a time zone.
///
/// ```
/// let schedule = jobs::Schedule::parse("0 8 * * 1-5", "Europe/Berlin")?;
/// let saturday = 1_767_409_200_000_000; // 3 January 2026, 04:00 in Berlin
/// assert_eq!(schedule.after(saturday), Some(1_767_596_400_000_000)); // Monday, 08:00 in Berlin
/// # Ok::<_, jobs::ScheduleError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Schedule {
    text: String,
    cron: Cron,
    zone: Tz,
    every_hour: bool,
}

/// What becomes of runs whose time passed while nobody was there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// One run for all of them, as soon as somebody is there.
    #[default]
    Once,
    /// None: the next run is the next one in time. Up to [`LATE_MAX`] a run is late, not missed.
    Skip,
}

/// That a schedule's time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The latest time that has come, in microseconds since 1970; all before it are answered with it.
    pub at_micros: i64,
    /// Whether to run, or only to remember that this time has passed.
    pub run: bool,
}

impl Schedule {
    /// The schedule `cron` on the wall of `zone`, a name of the IANA database.
    pub fn parse(cron: &str, zone: &str) -> Result<Schedule, ScheduleError> {
        let text = cron.trim();
        let zone: Tz = zone.parse().map_err(|_unknown| ScheduleError::zone(zone))?;
        let cron = read(text)?;
        let every_hour = (0..24).all(|hour| matches!(cron.pattern.hour_match(hour), Ok(true)));
        let schedule = Schedule {
            text: text.to_owned(),
            cron,
            zone,
            every_hour,
        };
        // Any begin will do: the calendar repeats after 400 years.
        let begin = NaiveDate::from_ymd_opt(2000, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0));
        match begin.and_then(|begin| schedule.wall_from(begin)) {
            Some(_) => Ok(schedule),
            None => Err(ScheduleError::Never { cron: schedule.text }),
        }
    }

    /// The first time strictly after `micros`, both in microseconds since 1970. Nothing after the year 4999, where the
    /// calendar ends.
    pub fn after(&self, micros: i64) -> Option<i64> {
        let second = micros.div_euclid(MICROS);
        let found = if self.every_hour {
            self.instant_after(second)
        } else {
            self.wall_after(second)
        };
        found?.checked_mul(MICROS)
    }

    /// What is to be done now, if all times up to `last_micros` are answered.
    ///
    /// Many missed times cost no more than one: the latest is found by halving the time between, not by counting.
    pub fn due(&self, last_micros: i64, now_micros: i64, missed: Missed) -> Option<Due> {
        let come = |after: i64| self.after(after).filter(|&at| at <= now_micros);
        let mut latest = come(last_micros)?;
        let mut none_after = now_micros;
        while latest < none_after {
            let middle = latest + none_after.saturating_sub(latest) / 2;
            match come(middle) {
                Some(at) => latest = at,
                // `come` answers nothing for any later time either.
                None => none_after = middle,
            }
        }
        let late = Duration::from_micros(now_micros.saturating_sub(latest).unsigned_abs());
        Some(Due {
            at_micros: latest,
            run: missed == Missed::Once || late <= LATE_MAX,
        })
    }

    /// For a schedule of every hour: the first instant whose wall matches.
    fn instant_after(&self, second: i64) -> Option<i64> {
        let mut wall = self.wall_from(zone::wall(self.zone, second)?.checked_add_signed(TimeDelta::seconds(1))?)?;
        let mut from = second;
        // Each round passes one change of the offset; the calendar has an end.
        loop {
            let candidate = wall.and_utc().timestamp() - zone::offset(self.zone, from)?;
            let Some(change) = zone::first_change(self.zone, from, candidate) else {
                return Some(candidate);
            };
            wall = self.wall_from(zone::wall(self.zone, change)?)?;
            from = change;
        }
    }

    /// For any other schedule: the first wall time that matches, mapped to where it runs.
    fn wall_after(&self, second: i64) -> Option<i64> {
        let shown = zone::wall(self.zone, second)?;
        let wall = self.wall_from(shown.checked_add_signed(TimeDelta::seconds(1))?)?;
        let instant = zone::first_instant(self.zone, wall)?;
        if instant > second {
            return Some(instant);
        }
        // The wall shows this hour for the second time, and it ran the first time: go on where the hour ends.
        let change = zone::first_change(self.zone, instant, second)?;
        let end = zone::offset(self.zone, instant)?.checked_add(change)?;
        let end = chrono::DateTime::from_timestamp(end, 0)?.naive_utc();
        zone::first_instant(self.zone, self.wall_from(end)?)
    }

    /// The first matching wall time at or after `from`.
    fn wall_from(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        self.cron.find_next_occurrence(&from, true).ok()
    }
}

/// As it was written, with its zone.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.text, self.zone.name())
    }
}

fn read(text: &str) -> Result<Cron, ScheduleError> {
    if text.len() > CRON_BYTES_MAX {
        let problem = format!("it has {} bytes, and {CRON_BYTES_MAX} are the most", text.len());
        return Err(ScheduleError::cron(text, problem));
    }
    if text.contains('@') && !NICKNAMES.contains(&text.to_lowercase().as_str()) {
        let problem = format!("known words are {}", NICKNAMES.join(", "));
        return Err(ScheduleError::cron(text, problem));
    }
    let fields = text.split_whitespace().count();
    if fields != 5 && !text.starts_with('@') {
        return Err(ScheduleError::cron(text, format!("it has {fields} fields")));
    }
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    parser
        .parse(text)
        .map_err(|error| ScheduleError::cron(text, problem(&error)))
}

/// What `croner` says, as a part of our sentence.
fn problem(error: &croner::errors::CronError) -> String {
    let said = error.to_string();
    let said = said.strip_prefix("Component error: ").unwrap_or(&said);
    let mut letters = said.trim_end_matches('.').chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}
