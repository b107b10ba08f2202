//! Conditions of a request (RFC 9110, 13).

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// What tells one state of a file from another.
#[derive(Clone, Debug)]
pub(super) struct Validators {
    pub(super) tag: HeaderValue,
    /// When it was last changed, in seconds since 1970, where that is known.
    pub(super) modified: Option<i64>,
}

/// What the conditions make of a GET or HEAD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Answer,
    /// 304
    NotModified,
    /// 412
    Failed,
}

/// In the order of 13.2.2.
pub(super) fn judged(headers: &HeaderMap, state: &Validators) -> Outcome {
    if headers.contains_key(header::IF_MATCH) {
        if !names(headers, &header::IF_MATCH, &state.tag, strong) {
            return Outcome::Failed;
        }
    } else if let (Some(modified), Some(since)) = (state.modified, date(headers, &header::IF_UNMODIFIED_SINCE))
        && modified > since
    {
        return Outcome::Failed;
    }
    if headers.contains_key(header::IF_NONE_MATCH) {
        if names(headers, &header::IF_NONE_MATCH, &state.tag, weak) {
            return Outcome::NotModified;
        }
    } else if let (Some(modified), Some(since)) = (state.modified, date(headers, &header::IF_MODIFIED_SINCE))
        && modified <= since
    {
        return Outcome::NotModified;
    }
    Outcome::Answer
}

/// Whether a `Range` is to be looked at (13.1.5): there is no `If-Range`, or it names this very state. A date says so only if
/// it is exactly the file's.
pub(super) fn has_range(headers: &HeaderMap, state: &Validators) -> bool {
    let Some(value) = headers.get(header::IF_RANGE) else {
        return true;
    };
    if value.as_bytes().starts_with(b"\"") || value.as_bytes().starts_with(b"W/") {
        return strong(value.as_bytes(), state.tag.as_bytes());
    }
    // A tag that is weak says that the file changed just now, and so that its date says too little.
    let is_strong = !state.tag.as_bytes().starts_with(b"W/");
    is_strong && date(headers, &header::IF_RANGE).is_some_and(|date| state.modified == Some(date))
}

fn names(headers: &HeaderMap, name: &HeaderName, tag: &HeaderValue, same: fn(&[u8], &[u8]) -> bool) -> bool {
    let fields = headers.get_all(name).iter();
    // No tag of ours has a comma in it.
    let mut listed = fields
        .flat_map(|field| field.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii);
    listed.any(|listed| listed == b"*" || same(listed, tag.as_bytes()))
}

/// 8.8.3.2
fn strong(one: &[u8], other: &[u8]) -> bool {
    one == other && !one.starts_with(b"W/")
}

fn weak(one: &[u8], other: &[u8]) -> bool {
    let opaque = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_vec();
    opaque(one) == opaque(other)
}

/// Seconds since 1970. What is no date is no condition.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<i64> {
    let time = httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()?;
    let since_1970 = time.duration_since(std::time::SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since_1970.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::Outcome::{Answer, Failed, NotModified};
    use super::{Validators, has_range, judged};
    use http::{HeaderMap, HeaderName, HeaderValue};

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const DATE_SECONDS: i64 = 784_111_777;

    fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            let value = HeaderValue::from_str(value).expect("a value");
            (HeaderName::from_static(name), value)
        };
        given.iter().map(pair).collect()
    }

    fn state(tag: &'static str) -> Validators {
        Validators {
            tag: HeaderValue::from_static(tag),
            modified: Some(DATE_SECONDS),
        }
    }

    #[test]
    fn conditions_are_judged_in_the_order_of_rfc_9110() {
        for (given, expected) in [
            (&[][..], Answer),
            (&[("if-none-match", "\"a\"")], NotModified),
            (&[("if-none-match", "W/\"a\"")], NotModified),
            (&[("if-none-match", "\"x\", \"a\"")], NotModified),
            (&[("if-none-match", "*")], NotModified),
            (&[("if-none-match", "\"b\"")], Answer),
            (&[("if-none-match", "a")], Answer),
            (&[("if-none-match", "\"b\""), ("if-modified-since", DATE)], Answer),
            (&[("if-modified-since", DATE)], NotModified),
            (&[("if-modified-since", BEFORE)], Answer),
            (&[("if-modified-since", "yesterday")], Answer),
            (&[("if-match", "\"a\"")], Answer),
            (&[("if-match", "*")], Answer),
            (&[("if-match", "W/\"a\"")], Failed),
            (&[("if-match", "\"b\"")], Failed),
            (&[("if-match", "\"a\""), ("if-none-match", "\"a\"")], NotModified),
            (&[("if-match", "\"a\""), ("if-unmodified-since", BEFORE)], Answer),
            (&[("if-unmodified-since", BEFORE)], Failed),
            (&[("if-unmodified-since", DATE)], Answer),
        ] {
            assert_eq!(judged(&headers(given), &state("\"a\"")), expected, "{given:?}");
        }
    }

    #[test]
    fn a_part_is_given_only_of_the_very_file_that_if_range_names() {
        for (tag, given, expected) in [
            ("\"a\"", None, true),
            ("\"a\"", Some("\"a\""), true),
            ("\"a\"", Some("\"b\""), false),
            ("\"a\"", Some("W/\"a\""), false),
            ("W/\"a\"", Some("W/\"a\""), false),
            ("\"a\"", Some(DATE), true),
            ("W/\"a\"", Some(DATE), false),
            ("\"a\"", Some(BEFORE), false),
            ("\"a\"", Some("nonsense"), false),
        ] {
            let given: Vec<_> = given.map(|value| ("if-range", value)).into_iter().collect();
            assert_eq!(has_range(&headers(&given), &state(tag)), expected, "{given:?}");
        }
    }
}
