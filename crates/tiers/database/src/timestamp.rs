//! [`Timestamp`]: a point in time as a column keeps it.

use std::fmt;

use serde::{Deserialize, Serialize};
use world::Wall;

/// Microseconds since the beginning of 1970, UTC: what both engines keep exactly. SQLite has it as an integer, PostgreSQL
/// as `timestamptz`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, macros::Shape)]
#[shape(crate = "::component")]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The first that PostgreSQL can keep: 4713 BC.
    pub const MIN: Timestamp = Timestamp(-210_866_803_200_000_000);

    /// The last there is, in the year 294247, which PostgreSQL can keep too.
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// From microseconds since the beginning of 1970.
    pub const fn from_micros(micros: i64) -> Timestamp {
        Timestamp(micros)
    }

    /// Microseconds since the beginning of 1970.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// So much later; the last there is where that is too far.
    pub fn after(self, duration: std::time::Duration) -> Timestamp {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_add(micros))
    }

    /// So much earlier; the first there is where that is too far.
    pub fn before(self, duration: std::time::Duration) -> Timestamp {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_sub(micros))
    }
}

impl From<Wall> for Timestamp {
    fn from(wall: Wall) -> Timestamp {
        Timestamp(wall.as_micros())
    }
}

impl fmt::Display for Timestamp {
    /// As RFC 3339 has it, in UTC with microseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, micros) = (self.0.div_euclid(86_400_000_000), self.0.rem_euclid(86_400_000_000));
        let (year, month, day) = civil(days);
        let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
        )
    }
}

/// The date of a day counted from 1970-01-01, in the proleptic Gregorian calendar: 400 years are 146,097 days, and a year
/// that begins in March has its leap day at the end.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn a_timestamp_reads_as_rfc_3339_has_it() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (1_795_305_906_123_456, "2026-11-22T00:05:06.123456Z"),
        ] {
            assert_eq!(Timestamp(micros).to_string(), text);
        }
    }
}
