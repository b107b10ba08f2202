//! Rules of recurrence (RFC 5545, section 3.3.10), expanded on the wall clock of the series: a weekly event at 18:00 is at 18:00
//! in winter and in summer.

use chrono::{DateTime, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use rrule::{Frequency, RRule, RRuleSet, Unvalidated};
use terrace::database::Timestamp;

use super::moment::{self, Form, Moment};
use super::zone::{Zone, is_safe};

/// Bytes of one rule.
const RULE_BYTES_MAX: usize = 1_000;
/// How often a rule may say that it happens on one day: `rrule` holds a whole year of times at once.
const TIMES_OF_A_DAY_MAX: usize = 24;
/// Steps of one rule, and of all rules of a source: a daily one with a `COUNT` since 1900 fits.
const STEPS_MAX: usize = 50_000;
const STEPS_OF_ALL_MAX: usize = 1_000_000;
/// What a rule is looked at before the window that it is looked at for: a day that is one elsewhere, and the day before it.
const MARGIN: TimeDelta = TimeDelta::days(3);

/// Says that the time for all of it is over.
pub(in crate::events) type IsOver = Box<dyn Fn() -> bool + Send>;

/// What is left to be spent on one calendar.
pub(super) struct Budget {
    steps: usize,
    is_over: IsOver,
}

impl Budget {
    pub(super) fn new(is_over: IsOver) -> Budget {
        Budget {
            steps: STEPS_OF_ALL_MAX,
            is_over,
        }
    }

    /// Takes so many steps, if they are left.
    fn take(&mut self, steps: usize) -> bool {
        let left = self.steps.checked_sub(steps);
        self.steps = left.unwrap_or(0);
        left.is_some()
    }
}

/// Local times, and whether they are all there are.
#[derive(Default)]
pub(super) struct Expanded {
    pub(super) locals: Vec<NaiveDateTime>,
    pub(super) is_whole: bool,
}

/// The starts of a series within a window, and whether they are all; some from before it may be among them.
pub(super) fn starts(
    first: &Moment,
    rule: &str,
    (since, until): (Timestamp, Timestamp),
    budget: &mut Budget,
) -> (Vec<Moment>, bool) {
    let naive = |time: Timestamp| DateTime::<Utc>::from_timestamp_micros(time.as_micros()).map(|time| time.naive_utc());
    let (Some(since), Some(until)) = (naive(since), naive(until)) else {
        return (Vec::new(), false);
    };
    // Behind it on any clock.
    let until = until + TimeDelta::days(1);
    let expanded = locals((first.local, first.is_day()), &first.zone, rule, (since, until), budget);
    let starts = expanded.locals.into_iter().map(|local| first.at(local));
    (starts.collect(), expanded.is_whole)
}

/// The local times of a rule, expanded as if they were those of UTC, where no time is skipped or comes twice. A rule that cannot
/// be read gives its first one, and one that has no end in reach what it gives until then.
pub(super) fn locals(
    (first, are_days): (NaiveDateTime, bool),
    zone: &Zone,
    rule: &str,
    (since, until): (NaiveDateTime, NaiveDateTime),
    budget: &mut Budget,
) -> Expanded {
    let unread = || Expanded {
        locals: vec![first],
        is_whole: false,
    };
    if rule.len() > RULE_BYTES_MAX {
        return unread();
    }
    let Ok(unvalidated) = local_rule(rule, zone, are_days).parse::<RRule<Unvalidated>>() else {
        return unread();
    };
    let utc = |local: NaiveDateTime| rrule::Tz::UTC.from_utc_datetime(&local);
    // Where it begins its end is checked too.
    let Ok(rule) = unvalidated.clone().validate(utc(first)) else {
        return unread();
    };
    let begins = later_first(first, &rule, since);
    let ends = rule.get_until().map_or(until, |end| end.naive_utc().min(until));
    if begins > ends {
        return Expanded {
            locals: Vec::new(),
            is_whole: true,
        };
    }
    let Ok(rule) = unvalidated.validate(utc(begins)) else {
        return unread();
    };
    if times_of_a_day(&rule) > TIMES_OF_A_DAY_MAX || walked(&rule, ends - begins) > STEPS_MAX {
        return unread();
    }
    // From one time to the next `rrule` may walk far past the end: up to its own limit of 100,000 steps, for which there is only so
    // much time.
    if (budget.is_over)() || !budget.take(walked(&rule, ends - begins)) {
        return Expanded::default();
    }
    let set = RRuleSet::new(utc(begins)).rrule(rule).limit();
    let mut locals = Vec::new();
    for time in &set {
        let local = time.naive_utc();
        if local > ends || !is_safe(local) {
            break;
        }
        if locals.len() == STEPS_MAX || !budget.take(1) {
            let is_whole = false;
            return Expanded { locals, is_whole };
        }
        locals.push(local);
    }
    // One that never comes was looked for long.
    if locals.is_empty() {
        budget.take(STEPS_MAX);
    }
    let is_whole = true;
    Expanded { locals, is_whole }
}

/// Seconds of a step, the shortest one of months and years.
fn step(rule: &RRule) -> i64 {
    let unit = match rule.get_freq() {
        Frequency::Yearly => 365 * 24 * 3600,
        Frequency::Monthly => 28 * 24 * 3600,
        Frequency::Weekly => 7 * 24 * 3600,
        Frequency::Daily => 24 * 3600,
        Frequency::Hourly => 3600,
        Frequency::Minutely => 60,
        Frequency::Secondly => 1,
    };
    unit * i64::from(rule.get_interval().max(1))
}

/// A start from which a rule goes on as it does from `first`, and that is not long before `since`: so many whole steps later. A
/// rule that counts has to be followed from its first one.
fn later_first(first: NaiveDateTime, rule: &RRule, since: NaiveDateTime) -> NaiveDateTime {
    let is_uneven = matches!(rule.get_freq(), Frequency::Yearly | Frequency::Monthly);
    if is_uneven || rule.get_count().is_some() {
        return first;
    }
    let step = step(rule);
    let ahead = (since - MARGIN - first).num_seconds();
    // One step more is the margin of a week that began before.
    let steps = ahead / step - 1;
    if steps > 0 {
        first + TimeDelta::seconds(steps * step)
    } else {
        first
    }
}

/// How many steps are walked within `span`, whatever comes of them.
fn walked(rule: &RRule, span: TimeDelta) -> usize {
    usize::try_from(span.num_seconds() / step(rule) + 1).unwrap_or(usize::MAX)
}

fn times_of_a_day(rule: &RRule) -> usize {
    let lists = [rule.get_by_hour(), rule.get_by_minute(), rule.get_by_second()];
    lists.iter().map(|list| list.len().max(1)).product()
}

/// The rule with its `UNTIL` on the wall clock of `zone`; a day there is included, and so is that of a series of days.
fn local_rule(rule: &str, zone: &Zone, are_days: bool) -> String {
    let parts = rule.trim().split(';').filter(|part| !part.trim().is_empty());
    let parts = parts.map(|part| {
        let Some((name, value)) = part.split_once('=') else {
            return part.to_owned();
        };
        if !name.trim().eq_ignore_ascii_case("UNTIL") {
            return part.to_owned();
        }
        let local = match moment::local(value.trim()) {
            None => return part.to_owned(),
            // Whatever time is written with the last day of a series of days.
            Some((day, form)) if are_days || matches!(form, Form::Day) => day
                .date()
                .and_time(NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default()),
            Some((utc, Form::Utc)) => zone.local(utc),
            Some((local, _)) => local,
        };
        format!("UNTIL={}Z", local.format("%Y%m%dT%H%M%S"))
    });
    parts.collect::<Vec<_>>().join(";")
}
