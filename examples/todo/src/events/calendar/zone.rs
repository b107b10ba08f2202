//! Time zones of a calendar: by their IANA names, by those of Windows, or as the file itself defines them.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::offset::LocalResult;
use chrono::{DateTime, Datelike, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use terrace::database::Timestamp;

use super::lines::Component;
use super::moment;
use super::series::{self, Budget};

/// Changes of the clock that one definition has.
const CHANGES_MAX: usize = 2_000;

/// Bytes of a zone's name. IANA's longest one has 32; some programs write an address before it.
const NAME_BYTES_MAX: usize = 255;

/// A wall clock.
#[derive(Clone, Debug)]
pub(super) enum Zone {
    Named(Tz),
    Defined(Arc<[Change]>),
}

/// From when on which offset counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    /// On the clock of before.
    at: NaiveDateTime,
    /// Seconds east of UTC, before and after.
    from: i64,
    to: i64,
}

impl Zone {
    pub(super) const UTC: Zone = Zone::Named(Tz::UTC);

    /// When the clock shows `local`. What it skips in spring is as much later as it skips; of what comes twice it is the first
    /// (RFC 5545, section 3.3.5).
    pub(super) fn instant(&self, local: NaiveDateTime) -> DateTime<Utc> {
        match self {
            Zone::Named(zone) => match zone.from_local_datetime(&local) {
                LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => time.to_utc(),
                LocalResult::None => {
                    let before = zone.offset_from_utc_datetime(&(local - TimeDelta::days(1))).fix();
                    Utc.from_utc_datetime(&(local - TimeDelta::seconds(before.local_minus_utc().into())))
                }
            },
            Zone::Defined(changes) => {
                let begun = changes.partition_point(|change| change.at <= local);
                let offset = match begun.checked_sub(1).map(|last| changes[last]) {
                    Some(change) if local - change.at < TimeDelta::seconds(change.to - change.from) => change.from,
                    Some(change) => change.to,
                    None => changes.first().map_or(0, |change| change.from),
                };
                Utc.from_utc_datetime(&(local - TimeDelta::seconds(offset)))
            }
        }
    }

    /// What the clock shows then.
    pub(super) fn local(&self, utc: NaiveDateTime) -> NaiveDateTime {
        match self {
            Zone::Named(zone) => zone.from_utc_datetime(&utc).naive_local(),
            Zone::Defined(changes) => {
                let begun = |change: &&Change| change.at - TimeDelta::seconds(change.from) <= utc;
                let offset = match changes.iter().rev().find(begun) {
                    Some(change) => change.to,
                    None => changes.first().map_or(0, |change| change.from),
                };
                utc + TimeDelta::seconds(offset)
            }
        }
    }
}

/// The zones of one calendar.
pub(super) struct Zones {
    /// Of days, which are those of whoever reads.
    days: Tz,
    /// Of times without a zone.
    home: Tz,
    defined: BTreeMap<String, Zone>,
}

impl Zones {
    pub(super) fn of(calendar: &Component, (days, home): (Tz, Tz), now: Timestamp, budget: &mut Budget) -> Zones {
        let mut defined = BTreeMap::new();
        for component in calendar.children.iter().filter(|child| child.name == "VTIMEZONE") {
            let Some(name) = component.value("TZID").map(|name| name.trim().trim_matches('"')) else {
                continue;
            };
            // A name that everybody knows is better than a definition, which often knows the present years only.
            if let (None, Some(zone)) = (named(name), definition(component, now, budget)) {
                defined.insert(name.to_owned(), zone);
            }
        }
        Zones { days, home, defined }
    }

    /// The zone of days.
    pub(super) fn days(&self) -> Zone {
        Zone::Named(self.days)
    }

    /// The zone of times without one.
    pub(super) fn home(&self) -> Zone {
        Zone::Named(self.home)
    }

    pub(super) fn of_property(&self, name: Option<&str>) -> Zone {
        let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else {
            return self.home();
        };
        match (named(name), self.defined.get(name)) {
            (Some(zone), _) => Zone::Named(zone),
            (None, Some(zone)) => zone.clone(),
            (None, None) => self.home(),
        }
    }
}

/// What `STANDARD` and `DAYLIGHT` say.
fn definition(component: &Component, now: Timestamp, budget: &mut Budget) -> Option<Zone> {
    let until = now.after(2 * super::AHEAD);
    let mut changes = Vec::new();
    for part in &component.children {
        let from = offset(part.value("TZOFFSETFROM")?)?;
        let to = offset(part.value("TZOFFSETTO")?)?;
        let (start, _) = moment::local(part.value("DTSTART")?.trim())?;
        changes.push(Change { at: start, from, to });
        let dates = part.values("RDATE").flat_map(|dates| dates.split(','));
        let dates = dates.filter_map(|date| moment::local(date.trim()));
        changes.extend(dates.take(CHANGES_MAX).map(|(at, _)| Change { at, from, to }));
        for rule in part.values("RRULE") {
            let until = DateTime::<Utc>::from_timestamp_micros(until.as_micros())?.naive_utc();
            let clock = Zone::Defined(Arc::new([Change {
                at: start,
                from,
                to: from,
            }]));
            let starts = series::locals((start, false), &clock, rule, (start, until), budget);
            changes.extend(starts.locals.into_iter().map(|at| Change { at, from, to }));
        }
    }
    changes.sort_by_key(|change| change.at);
    changes.dedup_by_key(|change| change.at);
    // The earliest ones are those that count least.
    let first = changes.len().saturating_sub(CHANGES_MAX);
    (!changes.is_empty()).then(|| Zone::Defined(changes[first..].into()))
}

/// `+0200`, in seconds.
fn offset(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => (1, text),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(digits.len(), 4 | 6) {
        return None;
    }
    let part = |from: usize| {
        digits
            .get(from..from + 2)
            .map_or(Some(0), |part| part.parse::<i64>().ok())
    };
    Some(sign * (part(0)? * 3600 + part(2)? * 60 + part(4)?))
}

/// The zone that people call so: by IANA's name, behind whatever a program writes before it, or by Windows' one.
pub(super) fn named(name: &str) -> Option<Tz> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let mut rest = name.trim_matches('/');
    loop {
        if let Ok(zone) = rest.parse() {
            return Some(zone);
        }
        match rest.split_once('/') {
            Some((_, shorter)) => rest = shorter,
            None => break,
        }
    }
    let found = WINDOWS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.and_then(|(_, zone)| zone.parse().ok())
}

/// Windows' names as the CLDR maps them (windowsZones.xml, territory 001), of the zones that most people live in.
const WINDOWS: [(&str, &str); 43] = [
    ("AUS Eastern Standard Time", "Australia/Sydney"),
    ("Alaskan Standard Time", "America/Anchorage"),
    ("Arab Standard Time", "Asia/Riyadh"),
    ("Arabian Standard Time", "Asia/Dubai"),
    ("Argentina Standard Time", "America/Buenos_Aires"),
    ("Atlantic Standard Time", "America/Halifax"),
    ("Cen. Australia Standard Time", "Australia/Adelaide"),
    ("Central America Standard Time", "America/Guatemala"),
    ("Central Europe Standard Time", "Europe/Budapest"),
    ("Central European Standard Time", "Europe/Warsaw"),
    ("Central Standard Time", "America/Chicago"),
    ("China Standard Time", "Asia/Shanghai"),
    ("E. Africa Standard Time", "Africa/Nairobi"),
    ("E. Australia Standard Time", "Australia/Brisbane"),
    ("E. South America Standard Time", "America/Sao_Paulo"),
    ("Eastern Standard Time", "America/New_York"),
    ("Egypt Standard Time", "Africa/Cairo"),
    ("FLE Standard Time", "Europe/Kiev"),
    ("GMT Standard Time", "Europe/London"),
    ("GTB Standard Time", "Europe/Bucharest"),
    ("Greenwich Standard Time", "Atlantic/Reykjavik"),
    ("Hawaiian Standard Time", "Pacific/Honolulu"),
    ("India Standard Time", "Asia/Calcutta"),
    ("Iran Standard Time", "Asia/Tehran"),
    ("Israel Standard Time", "Asia/Jerusalem"),
    ("Korea Standard Time", "Asia/Seoul"),
    ("Mountain Standard Time", "America/Denver"),
    ("New Zealand Standard Time", "Pacific/Auckland"),
    ("Newfoundland Standard Time", "America/St_Johns"),
    ("Pacific Standard Time", "America/Los_Angeles"),
    ("Pakistan Standard Time", "Asia/Karachi"),
    ("Romance Standard Time", "Europe/Paris"),
    ("Russian Standard Time", "Europe/Moscow"),
    ("SA Pacific Standard Time", "America/Bogota"),
    ("SE Asia Standard Time", "Asia/Bangkok"),
    ("Singapore Standard Time", "Asia/Singapore"),
    ("South Africa Standard Time", "Africa/Johannesburg"),
    ("Taipei Standard Time", "Asia/Taipei"),
    ("Tokyo Standard Time", "Asia/Tokyo"),
    ("Turkey Standard Time", "Europe/Istanbul"),
    ("US Mountain Standard Time", "America/Phoenix"),
    ("UTC", "UTC"),
    ("W. Europe Standard Time", "Europe/Berlin"),
];

/// Whether a local time is one that sums are safe with.
pub(super) fn is_safe(local: NaiveDateTime) -> bool {
    (1..=9_998).contains(&local.year())
}
