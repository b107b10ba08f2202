//! Ranges of bytes (RFC 9110, 14).

use std::ops::Range;

/// What a `Range` asks of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of it: the header is of another unit, cannot be read, or names several parts, which a server may ignore (14.2).
    Whole,
    /// These bytes, of which there is at least one.
    Part(Range<u64>),
    /// Nothing that is there: 416.
    Nothing,
}

/// Ranges in one header that are looked at; with more it is ignored (14.2, 17.15).
const RANGES_MAX: usize = 16;

/// What `header` asks of a file of `length` bytes.
pub(super) fn asked(header: &str, length: u64) -> Asked {
    let Some((unit, set)) = header.split_once('=') else {
        return Asked::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Asked::Whole;
    }
    // A list may have empty elements (5.6.1.2).
    let listed = set.split(',').map(str::trim).filter(|one| !one.is_empty());
    let ranges: Option<Vec<_>> = listed.take(RANGES_MAX + 1).map(|one| range(one, length)).collect();
    let Some(ranges) = ranges.filter(|ranges| (1..=RANGES_MAX).contains(&ranges.len())) else {
        return Asked::Whole;
    };
    let mut there = ranges.into_iter().filter(|range| !range.is_empty());
    match (there.next(), there.next()) {
        (None, _) => Asked::Nothing,
        (Some(only), None) => Asked::Part(only),
        (Some(_), Some(_)) => Asked::Whole,
    }
}

/// The bytes that one range names, none of them beyond the end; `None` if it cannot be read.
fn range(text: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = text.split_once('-')?;
    match (first, last) {
        ("", suffix) => Some(length.saturating_sub(number(suffix)?)..length),
        (first, "") => Some(number(first)?.min(length)..length),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            let end = last.saturating_add(1).min(length);
            (first <= last).then(|| first.min(end)..end)
        }
    }
}

/// A number that is larger than any file is the largest.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::Asked::{Nothing, Part, Whole};
    use super::asked;

    #[test]
    fn the_examples_of_rfc_9110_14_1_2() {
        for (header, expected) in [
            ("bytes=0-499", Part(0..500)),
            ("bytes=500-999", Part(500..1000)),
            ("bytes=-500", Part(9500..10_000)),
            ("bytes=9500-", Part(9500..10_000)),
            ("bytes=0-0,-1", Whole),
            ("bytes=500-600,601-999", Whole),
            ("bytes=500-700,601-999", Whole),
        ] {
            assert_eq!(asked(header, 10_000), expected, "{header}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_ignored_and_what_is_not_there_is_said() {
        for (header, length, expected) in [
            ("bytes=0-", 10, Part(0..10)),
            ("bytes=9-9", 10, Part(9..10)),
            ("bytes=9-99", 10, Part(9..10)),
            ("bytes=-99", 10, Part(0..10)),
            ("Bytes = 0-4", 10, Part(0..5)),
            ("bytes=0-4,", 10, Part(0..5)),
            ("bytes=,0-4 , 20-", 10, Part(0..5)),
            ("bytes=0-99999999999999999999999", 10, Part(0..10)),
            ("bytes=10-", 10, Nothing),
            ("bytes=10-20", 10, Nothing),
            ("bytes=-0", 10, Nothing),
            ("bytes=20-,30-", 10, Nothing),
            ("bytes=99999999999999999999999-", 10, Nothing),
            ("bytes=0-", 0, Nothing),
            ("bytes=-5", 0, Nothing),
            ("bytes=5-4", 10, Whole),
            ("bytes=", 10, Whole),
            ("bytes", 10, Whole),
            ("", 10, Whole),
            ("bytes=a-b", 10, Whole),
            ("bytes=-", 10, Whole),
            ("bytes=--1", 10, Whole),
            ("bytes=+1-2", 10, Whole),
            ("bytes=1 - 2", 10, Whole),
            ("bytes=0-1-2", 10, Whole),
            ("bytes=0-1;2-3", 10, Whole),
            ("seconds=0-1", 10, Whole),
        ] {
            assert_eq!(asked(header, length), expected, "{header}");
        }
        let many = format!("bytes={}", "20-,".repeat(17));
        assert_eq!(asked(&many, 10), Whole);
    }
}
