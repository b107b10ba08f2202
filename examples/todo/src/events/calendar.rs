//! iCalendar (RFC 5545): what a calendar says will happen, as far as it matters for to-dos.
//!
//! ```text
//! lines.rs    text → lines → properties with parameters → components
//! zone.rs     a time zone by its IANA name, by Windows' name, or as the file itself defines it
//! series.rs   a rule of recurrence → local times
//! this        components → happenings within a window: exceptions in their places, what is left out left out
//! ```

mod lines;
mod moment;
mod series;
mod zone;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;
use terrace::database::Timestamp;

use self::lines::Component;
use self::moment::Moment;
use self::series::{Budget, IsOver};
use self::zone::{Zone, Zones};
use super::happening::{Happening, Read, title};

/// Events of one calendar, exceptions counted.
const EVENTS_MAX: usize = 20_000;
/// Happenings of one calendar that become to-dos at one time.
pub(super) const HAPPENINGS_MAX: usize = 500;
/// Happenings of one series that are looked ahead: of a weekly one more than half a year.
pub(super) const SERIES_AHEAD: usize = 40;
/// How far ahead any of them lies.
pub(super) const AHEAD: Duration = Duration::from_secs(366 * 24 * 3600);
/// What began so long ago is over.
pub(super) const BACK: Duration = Duration::from_secs(24 * 3600);

/// Why a text is no calendar, as a sentence for whoever supplied its address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoCalendar {
    /// It is something else.
    #[error("it is no iCalendar file: it does not begin with BEGIN:VCALENDAR")]
    Other,
    /// It was cut.
    #[error("it is an iCalendar file that ends in the middle")]
    Cut,
    /// It is too large to be anybody's.
    #[error("it has more than {EVENTS_MAX} events")]
    TooMany,
    /// See [`lines::LINES_MAX`].
    #[error("it has more than {} lines", lines::LINES_MAX)]
    TooLong,
}

/// One event as it is written.
struct Event {
    uid: String,
    title: String,
    start: Moment,
    /// Which of its series it replaces.
    replaces: Option<Moment>,
    rules: Vec<String>,
    more: Vec<Moment>,
    less: Vec<Moment>,
    sequence: i64,
    is_cancelled: bool,
}

/// What happens from a day ago on, as far as it is found before `is_over`. Days are those of `home`, and times without a zone, unless
/// the calendar has one.
pub(super) fn read(bytes: &[u8], now: Timestamp, home: Tz, is_over: IsOver) -> Result<Read, NoCalendar> {
    let calendars = lines::read(&lines::unfold(bytes))?;
    let mut read = Read {
        until: now.after(AHEAD),
        ..Read::default()
    };
    let mut budget = Budget::new(is_over);
    for calendar in &calendars {
        let named = calendar.value("X-WR-CALNAME").map(|name| title(&lines::text(name)));
        read.name = read.name.take().or(named);
        let floating = calendar
            .value("X-WR-TIMEZONE")
            .and_then(|name| zone::named(name.trim()))
            .unwrap_or(home);
        let zones = Zones::of(calendar, (home, floating), now, &mut budget);
        let all_cancelled = calendar
            .value("METHOD")
            .is_some_and(|method| method.trim().eq_ignore_ascii_case("CANCEL"));
        let mut by_uid: BTreeMap<String, Vec<Event>> = BTreeMap::new();
        for component in calendar.children.iter().filter(|child| child.name == "VEVENT") {
            if let Some(mut event) = event(component, &zones) {
                event.is_cancelled |= all_cancelled;
                by_uid.entry(event.uid.clone()).or_default().push(event);
            }
        }
        if by_uid.values().map(Vec::len).sum::<usize>() > EVENTS_MAX {
            return Err(NoCalendar::TooMany);
        }
        for (uid, events) in by_uid {
            expand(&uid, events, now, &mut budget, &mut read);
        }
    }
    cut(&mut read);
    Ok(read)
}

/// When the clock of `zone` shows `local`.
pub(super) fn instant(local: NaiveDateTime, zone: Tz) -> Option<Timestamp> {
    let safe = Some(local).filter(|local| zone::is_safe(*local))?;
    let instant = Zone::Named(zone).instant(safe);
    Some(Timestamp::from_micros(instant.timestamp_micros()))
}

/// Keeps the earliest ones where there are too many; what lies behind them is not known.
fn cut(read: &mut Read) {
    read.happenings
        .sort_by(|a, b| (a.start, &a.uid, &a.recurrence).cmp(&(b.start, &b.uid, &b.recurrence)));
    if let Some(first) = read.happenings.get(HAPPENINGS_MAX) {
        read.until = read.until.min(first.start);
        read.happenings.truncate(HAPPENINGS_MAX);
    }
}

fn event(component: &Component, zones: &Zones) -> Option<Event> {
    let start = component.moments("DTSTART", zones).into_iter().next()?;
    let summary = component.value("SUMMARY").map(lines::text).unwrap_or_default();
    let uid = component.value("UID").map(|uid| uid.trim().to_owned());
    Some(Event {
        // What has none is known by what it is.
        uid: uid
            .filter(|uid| !uid.is_empty())
            .unwrap_or_else(|| format!("{summary} {}", start.instant())),
        title: title(&summary),
        replaces: component
            .moments("RECURRENCE-ID", zones)
            .into_iter()
            .next()
            .map(|replaced| replaced.beside(&start)),
        rules: component.values("RRULE").map(str::to_owned).collect(),
        more: component.moments("RDATE", zones),
        less: component
            .moments("EXDATE", zones)
            .into_iter()
            .map(|out| out.beside(&start))
            .collect(),
        sequence: component
            .value("SEQUENCE")
            .and_then(|number| number.trim().parse().ok())
            .unwrap_or(0),
        is_cancelled: component
            .value("STATUS")
            .is_some_and(|status| status.trim().eq_ignore_ascii_case("CANCELLED")),
        start,
    })
}

/// The happenings of one series, or of one event that has none.
fn expand(uid: &str, events: Vec<Event>, now: Timestamp, budget: &mut Budget, read: &mut Read) {
    let since = now.before(BACK);
    let mut masters: Vec<Event> = Vec::new();
    // By the instant that they replace; the later version counts.
    let mut exceptions: BTreeMap<DateTime<Utc>, Event> = BTreeMap::new();
    for event in events {
        match &event.replaces {
            None => masters.push(event),
            Some(replaced) => {
                let at = replaced.instant();
                let is_newer = exceptions.get(&at).is_none_or(|known| known.sequence <= event.sequence);
                if is_newer {
                    exceptions.insert(at, event);
                }
            }
        }
    }
    masters.sort_by_key(|event| event.sequence);
    let Some(master) = masters.pop() else {
        for event in exceptions.into_values() {
            let recurrence = event.replaces.as_ref().map(Moment::day).unwrap_or_default();
            push(read, since, happening(uid, recurrence.to_string(), &event));
        }
        return;
    };
    if master.rules.is_empty() && master.more.is_empty() {
        push(read, since, happening(uid, String::new(), &master));
    } else {
        let mut ahead = 0;
        let mut keys = Keys::default();
        let (starts, is_whole) = starts(&master, (since, read.until), budget);
        let left_out = LeftOut::of(&master.less);
        if !is_whole {
            let last = starts.last().map_or(since, Moment::timestamp);
            read.series_until.insert(uid.to_owned(), last);
        }
        for start in starts {
            let recurrence = keys.of(start.day());
            let exception = exceptions.remove(&start.instant());
            if exception.is_none() && left_out.has(&start) {
                continue;
            }
            let event = exception.as_ref().unwrap_or(&master);
            let mut happening = happening(uid, recurrence, event);
            if exception.is_none() {
                happening.start = start.timestamp();
            }
            happening.is_cancelled |= master.is_cancelled;
            if happening.start < since {
                continue;
            }
            if ahead == SERIES_AHEAD {
                read.series_until.insert(uid.to_owned(), happening.start);
                break;
            }
            ahead += 1;
            push(read, since, happening);
        }
    }
    // Those that replace what the rule does not say, or says later than is looked: by the day on the clock of the series, by which
    // they are known once they are looked at.
    for (replaced, event) in exceptions {
        let day = master.start.zone.local(replaced.naive_utc()).date();
        push(read, since, happening(uid, day.to_string(), &event));
    }
}

/// Which of its series a happening is: by its day, so that a series that is moved within the day stays the same one, and by a
/// number where a day has several.
#[derive(Default)]
struct Keys(BTreeMap<NaiveDate, u32>);

impl Keys {
    fn of(&mut self, day: NaiveDate) -> String {
        let before = self.0.entry(day).or_default();
        *before += 1;
        match *before {
            1 => day.to_string(),
            number => format!("{day} {number}"),
        }
    }
}

/// The starts of a series within a window, in their order, each once, and whether they are all; some from before it may be among
/// them.
fn starts(master: &Event, window: (Timestamp, Timestamp), budget: &mut Budget) -> (Vec<Moment>, bool) {
    let mut starts: Vec<Moment> = Vec::new();
    let mut are_all = true;
    for rule in &master.rules {
        let (of_rule, is_whole) = series::starts(&master.start, rule, window, budget);
        starts.extend(of_rule);
        are_all &= is_whole;
    }
    if master.rules.is_empty() || starts.is_empty() {
        starts.push(master.start.clone());
    }
    starts.extend(master.more.iter().cloned());
    starts.sort_by_key(Moment::instant);
    let mut seen = BTreeSet::new();
    starts.retain(|start| seen.insert(start.instant()));
    (starts, are_all)
}

/// What is left out of a series.
struct LeftOut {
    at: BTreeSet<DateTime<Utc>>,
    /// Some write the day alone of what has a time.
    days: BTreeSet<NaiveDate>,
}

impl LeftOut {
    fn of(less: &[Moment]) -> LeftOut {
        LeftOut {
            at: less.iter().map(Moment::instant).collect(),
            days: less.iter().filter(|out| out.is_day()).map(Moment::day).collect(),
        }
    }

    fn has(&self, start: &Moment) -> bool {
        self.at.contains(&start.instant()) || self.days.contains(&start.day())
    }
}

fn happening(uid: &str, recurrence: String, event: &Event) -> Happening {
    Happening {
        uid: uid.to_owned(),
        recurrence,
        title: event.title.clone(),
        start: event.start.timestamp(),
        is_cancelled: event.is_cancelled,
    }
}

fn push(read: &mut Read, since: Timestamp, happening: Happening) {
    if happening.start >= since && happening.start <= read.until {
        read.happenings.push(happening);
    }
}

#[cfg(test)]
mod tests;
