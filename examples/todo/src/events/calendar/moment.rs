//! Times of iCalendar: a day, a local time of a zone, or one of UTC (RFC 5545, sections 3.3.4 and 3.3.5).

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use terrace::database::Timestamp;

use super::lines::Property;
use super::zone::{Zone, Zones};

/// Times of one property, such as those that are left out of a series.
const TIMES_MAX: usize = 5_000;

/// Years that chrono's sums are safe in.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9_998;

/// A time as it is written, which a series repeats on the wall clock of its zone.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    pub(super) local: NaiveDateTime,
    pub(super) zone: Zone,
    is_day: bool,
    /// Whether it is one of no zone in particular.
    is_floating: bool,
}

impl Moment {
    pub(super) fn instant(&self) -> DateTime<Utc> {
        self.zone.instant(self.local)
    }

    pub(super) fn timestamp(&self) -> Timestamp {
        Timestamp::from_micros(self.instant().timestamp_micros())
    }

    /// The day on its own wall clock.
    pub(super) fn day(&self) -> NaiveDate {
        self.local.date()
    }

    /// Whether it is a day without a time.
    pub(super) fn is_day(&self) -> bool {
        self.is_day
    }

    /// The same kind of time at another local one.
    pub(super) fn at(&self, local: NaiveDateTime) -> Moment {
        Moment {
            local,
            zone: self.zone.clone(),
            is_day: self.is_day,
            is_floating: self.is_floating,
        }
    }

    /// What it means beside the first start of its series: of a series of days a day, whatever time is written with it; without a
    /// zone of its own a time of the series' zone.
    pub(super) fn beside(self, start: &Moment) -> Moment {
        if start.is_day {
            return start.at(self.local.date().and_time(NaiveTime::MIN));
        }
        match self.is_floating && !self.is_day {
            true => start.at(self.local),
            false => self,
        }
    }
}

/// The times of a property.
pub(super) fn read(property: &Property, zones: &Zones) -> Vec<Moment> {
    let zone = zones.of_property(property.parameter("TZID"));
    let one = |text: &str| {
        // Of a period its start.
        let text = text.split('/').next().unwrap_or_default().trim();
        let (local, form) = local(text)?;
        let zone = match form {
            Form::Utc => Zone::UTC,
            // A day is one wherever one is.
            Form::Day => zones.days(),
            Form::Local => zone.clone(),
        };
        Some(Moment {
            local,
            zone,
            is_day: matches!(form, Form::Day),
            is_floating: matches!(form, Form::Local) && property.parameter("TZID").is_none(),
        })
    };
    property.value.split(',').take(TIMES_MAX).filter_map(one).collect()
}

pub(super) enum Form {
    Day,
    Local,
    Utc,
}

/// `19970714`, `19970714T133000` or `19970714T173000Z`.
pub(super) fn local(text: &str) -> Option<(NaiveDateTime, Form)> {
    use chrono::Datelike;
    let in_years = |date: &NaiveDate| YEARS.contains(&date.year());
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (text, form) = match text.strip_suffix(['Z', 'z']) {
        Some(text) => (text, Form::Utc),
        None => (text, Form::Local),
    };
    let (date, time) = match text.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    if date.len() != 8 || !digits(date) {
        return None;
    }
    let day = NaiveDate::parse_from_str(date, "%Y%m%d").ok().filter(in_years)?;
    let Some(time) = time else {
        return Some((day.and_time(NaiveTime::MIN), Form::Day));
    };
    if time.len() != 6 || !digits(time) {
        return None;
    }
    let part = |from: usize| time[from..from + 2].parse::<u32>().ok();
    // A leap second is the one before it.
    let time = NaiveTime::from_hms_opt(part(0)?, part(2)?, part(4)?.min(59))?;
    Some((day.and_time(time), form))
}
