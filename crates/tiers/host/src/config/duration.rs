//! Times as a configuration writes them: `"100ms"`, `"30s"`, `"10m"`, `"12h"`, `"7d"`.

use std::time::Duration;

use super::nearest::shown;
use crate::limits::CONFIG_TIME_MAX;

/// The units, each in milliseconds.
const UNITS: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// `text` as a time. The error is the rest of a sentence.
pub(super) fn read(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let form = || {
        let shown = shown(text);
        format!("`{shown}` is no duration; write a whole number and ms, s, m, h or d, such as \"100ms\" or \"30s\"")
    };
    let (_, milliseconds) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(form)?;
    if number.is_empty() {
        return Err(form());
    }
    let total = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(*milliseconds));
    match total.map(Duration::from_millis) {
        Some(total) if total <= CONFIG_TIME_MAX => Ok(total),
        _ => Err(format!(
            "`{}` is longer than the {} days that can be waited",
            shown(text),
            CONFIG_TIME_MAX.as_secs() / 86_400
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::read;
    use crate::limits::CONFIG_TIME_MAX;

    #[test]
    fn a_number_and_a_unit_are_a_time() {
        for (text, seconds) in [("0s", 0), ("30s", 30), ("10m", 600), ("12h", 43_200), ("7d", 604_800)] {
            assert_eq!(read(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(read("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(read("36525d"), Ok(CONFIG_TIME_MAX));
    }

    #[test]
    fn anything_else_is_told_with_the_form() {
        for text in ["", "s", "30", "30 s", " 30s", "-1s", "1.5s", "1S", "1h30m", "1µs", "٣s"] {
            let told = read(text).expect_err(text);
            assert!(told.contains("such as \"100ms\" or \"30s\""), "{told}");
        }
        for text in ["36526d", "99999999999999999999s", "18446744073709551615d"] {
            let told = read(text).expect_err(text);
            assert!(told.contains("longer than the 36525 days"), "{told}");
        }
    }
}
