//! What a request's headers ask for.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use telemetry::TraceContext;

use super::failure::{Failure, shown};
use crate::error::ErrorCode;
use crate::limits::KEY_BYTES_MAX;

pub(crate) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("connect-protocol-version");
pub(crate) const TIMEOUT: HeaderName = HeaderName::from_static("connect-timeout-ms");
pub(crate) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What a request's headers ask for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// The time for the call.
    pub(crate) timeout: Option<Duration>,
    /// What makes a repeated request the same request.
    pub(crate) key: Option<HeaderValue>,
    /// The trace it belongs to.
    pub(crate) trace: Option<TraceContext>,
}

/// Reads them, and refuses what cannot be understood.
pub(crate) fn read(headers: &HeaderMap) -> Result<Asked, Failure> {
    content(headers)?;
    if let Some(version) = single(headers, &PROTOCOL_VERSION)?
        && version != "1"
    {
        let version = shown(&String::from_utf8_lossy(version.as_bytes()));
        return Err(invalid(format!(
            "`connect-protocol-version` is `{version}`; send 1, or leave it away"
        )));
    }
    Ok(Asked {
        timeout: single(headers, &TIMEOUT)?.map(timeout).transpose()?,
        key: single(headers, &KEY)?.map(key).transpose()?,
        trace: trace(headers),
    })
}

fn content(headers: &HeaderMap) -> Result<(), Failure> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (given, second) = (types.next(), types.next());
    let json = given.and_then(|given| given.to_str().ok()).is_some_and(is_json);
    if !json || second.is_some() {
        let message = match given {
            None => "the request has no content type; send `content-type: application/json`".to_string(),
            Some(given) => {
                let given = shown(&String::from_utf8_lossy(given.as_bytes()));
                format!("the content type is `{given}`; send `content-type: application/json`")
            }
        };
        return Err(invalid(message)
            .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
            .with_header(HeaderName::from_static("accept-post"), "application/json"));
    }
    match single(headers, &header::CONTENT_ENCODING)? {
        Some(encoding) if encoding != "identity" => {
            let encoding = shown(&String::from_utf8_lossy(encoding.as_bytes()));
            let message = format!("the body is encoded as `{encoding}`; send it plain (`identity`)");
            Err(Failure::new(ErrorCode::Unimplemented, message))
        }
        _ => Ok(()),
    }
}

pub(crate) fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    media_type.eq_ignore_ascii_case("application/json")
        && parts.filter(|parameter| !parameter.is_empty()).all(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
}

/// Connect: a positive number in at most ten digits.
fn timeout(value: &HeaderValue) -> Result<Duration, Failure> {
    let digits = value.to_str().unwrap_or_default();
    let number = (1..=10).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    match digits.parse::<u64>() {
        Ok(millis) if number => Ok(Duration::from_millis(millis)),
        _ => {
            let given = shown(&String::from_utf8_lossy(value.as_bytes()));
            Err(invalid(format!(
                "`connect-timeout-ms` is `{given}`; send milliseconds in at most ten digits"
            )))
        }
    }
}

fn key(value: &HeaderValue) -> Result<HeaderValue, Failure> {
    let bytes = value.as_bytes();
    if bytes.is_empty() || bytes.len() > KEY_BYTES_MAX || !bytes.iter().all(u8::is_ascii_graphic) {
        let message = format!(
            "`idempotency-key` has {} bytes or some that are not visible ASCII; send 1 to {KEY_BYTES_MAX} visible ones",
            bytes.len()
        );
        return Err(invalid(message));
    }
    Ok(value.clone())
}

/// One that cannot be read, or is there twice, is no reason to refuse a call: it starts a trace of its own
/// (W3C Trace Context, section 3.2.4).
fn trace(headers: &HeaderMap) -> Option<TraceContext> {
    let mut given = headers.get_all(TRACEPARENT).iter();
    let (first, second) = (given.next()?, given.next());
    if second.is_some() {
        None
    } else {
        TraceContext::parse(first.as_bytes()).ok()
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Failure> {
    let mut given = headers.get_all(name).iter();
    let first = given.next();
    match given.next() {
        None => Ok(first),
        Some(_) => Err(invalid(format!("the request has more than one `{name}`; send one"))),
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(ErrorCode::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::{Asked, KEY_BYTES_MAX, read};
    use http::{HeaderMap, HeaderName, HeaderValue};
    use std::time::Duration;

    fn asked(headers: &[(&'static str, &str)]) -> Result<Asked, u16> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::from_static(name),
                HeaderValue::from_str(value).expect("a header"),
            );
        }
        map.entry("content-type")
            .or_insert(HeaderValue::from_static("application/json"));
        read(&map).map_err(|failure| failure.into_response().status().as_u16())
    }

    #[test]
    fn only_plain_json_is_taken() {
        for (content_type, taken) in [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            ("application/json;charset=\"utf-8\"", true),
            ("application/json;", true),
            ("application/json; charset=latin1", false),
            ("text/plain", false),
            ("application/jsonp", false),
            ("application/proto", false),
            ("", false),
            ("application/json, text/plain", false),
        ] {
            let status = asked(&[("content-type", content_type)]).err();
            assert_eq!(status, (!taken).then_some(415), "{content_type}");
        }
        assert_eq!(
            read(&HeaderMap::new())
                .map_err(|failure| failure.into_response().status().as_u16())
                .err(),
            Some(415)
        );
        assert_eq!(asked(&[("content-encoding", "gzip")]).err(), Some(501));
        assert_eq!(asked(&[("content-encoding", "identity")]).err(), None);
    }

    #[test]
    fn a_timeout_has_at_most_ten_digits() {
        let timeout = |text| asked(&[("connect-timeout-ms", text)]).map(|asked| asked.timeout);
        assert_eq!(timeout("250"), Ok(Some(Duration::from_millis(250))));
        assert_eq!(timeout("9999999999"), Ok(Some(Duration::from_millis(9_999_999_999))));
        for text in ["", "-1", "+1", "1.5", "10000000000", "00000000001", "1s", "٣"] {
            assert_eq!(timeout(text), Err(400), "{text}");
        }
        assert_eq!(
            asked(&[("connect-timeout-ms", "1"), ("connect-timeout-ms", "2")]).err(),
            Some(400)
        );
    }

    #[test]
    fn a_key_is_visible_ascii_within_its_limit() {
        let key =
            |text: &str| asked(&[("idempotency-key", text)]).map(|asked| asked.key.map(|key| key.as_bytes().to_vec()));
        assert_eq!(key("a-1"), Ok(Some(b"a-1".to_vec())));
        assert!(key(&"k".repeat(KEY_BYTES_MAX)).is_ok());
        for text in [
            String::new(),
            "k".repeat(KEY_BYTES_MAX + 1),
            "a b".to_string(),
            "é".to_string(),
        ] {
            assert_eq!(key(&text), Err(400), "{text}");
        }
    }

    #[test]
    fn only_version_1_of_the_protocol_is_spoken() {
        assert!(asked(&[("connect-protocol-version", "1")]).is_ok());
        assert_eq!(asked(&[("connect-protocol-version", "2")]).err(), Some(400));
    }

    #[test]
    fn a_trace_that_cannot_be_read_is_no_error() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let trace = |headers: &[(&'static str, &str)]| asked(headers).map(|asked| asked.trace.is_some());
        assert_eq!(trace(&[("traceparent", parent)]), Ok(true));
        assert_eq!(trace(&[("traceparent", "00-zz")]), Ok(false));
        assert_eq!(trace(&[("traceparent", parent), ("traceparent", parent)]), Ok(false));
    }
}
