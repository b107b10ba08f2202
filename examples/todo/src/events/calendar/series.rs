//! Rules of recurrence (RFC 5545, section 3.3.10), expanded on the wall clock of the series: a weekly event at 18:00 is at 18:00
//! in winter and in summer.

use chrono::{DateTime, NaiveDateTime, NaiveTime, TimeZone, Utc};
use rrule::{RRule, RRuleSet, Unvalidated};
use terrace::database::Timestamp;

use super::moment::{self, Form, Moment};
use super::zone::{Zone, is_safe};

/// Steps of one rule, and of all rules of a source: a daily one since 1900 fits.
const STEPS_MAX: usize = 50_000;
const STEPS_OF_ALL_MAX: usize = 500_000;

/// How many steps are left.
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Budget {
        Budget(STEPS_OF_ALL_MAX)
    }
}

/// Local times, and whether they are all there are.
#[derive(Default)]
pub(super) struct Expanded {
    pub(super) locals: Vec<NaiveDateTime>,
    pub(super) is_whole: bool,
}

/// The starts of a series up to `until`, and whether they are all.
pub(super) fn starts(first: &Moment, rule: &str, until: Timestamp, budget: &mut Budget) -> (Vec<Moment>, bool) {
    let Some(until) = DateTime::<Utc>::from_timestamp_micros(until.as_micros()) else {
        return (Vec::new(), false);
    };
    // Behind it on any clock.
    let until = until.naive_utc() + chrono::TimeDelta::days(1);
    let expanded = locals(first.local, &first.zone, rule, until, budget);
    let starts = expanded.locals.into_iter().map(|local| first.at(local));
    (starts.collect(), expanded.is_whole)
}

/// The local times of a rule, expanded as if they were those of UTC, where no time is skipped or comes twice. A rule that cannot
/// be read, or has no end in reach, gives what it gives until then.
pub(super) fn locals(
    first: NaiveDateTime,
    zone: &Zone,
    rule: &str,
    until: NaiveDateTime,
    budget: &mut Budget,
) -> Expanded {
    let start = rrule::Tz::UTC.from_utc_datetime(&first);
    let rule = local_rule(rule, zone).parse::<RRule<Unvalidated>>();
    let Ok(rule) = rule.and_then(|rule| rule.validate(start)) else {
        return Expanded {
            locals: vec![first],
            is_whole: false,
        };
    };
    if budget.0 == 0 {
        return Expanded::default();
    }
    let set = RRuleSet::new(start).rrule(rule).limit();
    let mut locals = Vec::new();
    let mut is_whole = true;
    for time in &set {
        let local = time.naive_utc();
        if local > until || !is_safe(local) {
            break;
        }
        if locals.len() >= STEPS_MAX || budget.0 == 0 {
            is_whole = false;
            break;
        }
        budget.0 -= 1;
        locals.push(local);
    }
    // One that never comes was looked for long.
    if locals.is_empty() {
        budget.0 = budget.0.saturating_sub(STEPS_MAX);
    }
    Expanded { locals, is_whole }
}

/// The rule with its `UNTIL` on the wall clock of `zone`; a day there is included.
fn local_rule(rule: &str, zone: &Zone) -> String {
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
            Some((day, Form::Day)) => day
                .date()
                .and_time(NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default()),
            Some((local, Form::Local)) => local,
            Some((utc, Form::Utc)) => zone.local(utc),
        };
        format!("UNTIL={}Z", local.format("%Y%m%dT%H%M%S"))
    });
    parts.collect::<Vec<_>>().join(";")
}
