//! What is wrong with a schedule, and how to write a right one.

use chrono_tz::TZ_VARIANTS;

/// Why a text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The expression cannot be read.
    #[error(
        "`{cron}` is no schedule: {problem}; write five fields, minute hour day month weekday, such as `0 8 * * 1-5` for \
         8:00 from Monday to Friday, or `*/10 * * * *` for every 10 minutes"
    )]
    Cron {
        /// The expression, shortened to what a message can hold.
        cron: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The expression can be read, and no day is like that.
    #[error(
        "`{cron}` never comes: no year has such a day; write one that comes, such as `0 8 1 * *` for 8:00 on the first of each month"
    )]
    Never {
        /// The expression.
        cron: String,
    },
    /// There is no such time zone.
    #[error("there is no time zone `{zone}`; {}", meant(.near))]
    Zone {
        /// The name that is unknown, shortened.
        zone: String,
        /// The known one that is nearest.
        near: Option<&'static str>,
    },
}

impl ScheduleError {
    pub(super) fn cron(cron: &str, problem: impl Into<String>) -> ScheduleError {
        ScheduleError::Cron {
            cron: shown(cron),
            problem: problem.into(),
        }
    }

    pub(super) fn zone(zone: &str) -> ScheduleError {
        ScheduleError::Zone {
            zone: shown(zone),
            near: nearest(&shown(zone)),
        }
    }
}

fn meant(near: &Option<&'static str>) -> String {
    match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write its name in the IANA database, such as `Europe/Berlin` or `UTC`".to_owned(),
    }
}

/// Bounded, without control characters.
fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let mut shown: String = text.chars().take(CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// The zone with the fewest edits, in its whole name or in its city, if they are few enough to be a slip.
fn nearest(zone: &str) -> Option<&'static str> {
    let wanted = zone.to_lowercase().replace(' ', "_");
    let edits_max = wanted.chars().count() / 4 + 1;
    let names = TZ_VARIANTS.iter().map(|known| known.name());
    let ranked = names.map(|name| {
        let lower = name.to_lowercase();
        let city = lower.rsplit('/').next().unwrap_or(&lower);
        (edits(&wanted, &lower).min(edits(&wanted, city)), name)
    });
    ranked
        .min()
        .filter(|&(edits, _)| edits <= edits_max)
        .map(|(_, name)| name)
}

/// How many letters must be put in, taken out or changed (Levenshtein 1966; the table row by row: Wagner, Fischer 1974).
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for column in 1..row.len() {
            let changed = diagonal + usize::from(other[column - 1] != letter);
            diagonal = row[column];
            row[column] = changed.min(row[column] + 1).min(row[column - 1] + 1);
        }
    }
    row[other.len()]
}
