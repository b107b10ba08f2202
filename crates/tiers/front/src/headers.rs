//! The headers that every answer has.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, header};
use world::{Env, Wall};

use crate::call::Call;
use crate::peer::Peer;
use crate::request_id;

/// The last second that a date in a header can say: the year 9999 ends with it.
const SECONDS_MAX: u64 = 253_402_300_799;

pub(crate) fn add(peer: &Peer, call: &Call, headers: &mut HeaderMap) {
    add_fixed(peer, headers);
    // It was taken only if it is a plain word.
    if let Ok(id) = HeaderValue::from_str(call.id()) {
        headers.insert(request_id::HEADER, id);
    }
}

/// What even the answer to an unreadable request has.
pub(crate) fn add_fixed(peer: &Peer, headers: &mut HeaderMap) {
    let config = peer.config();
    for (name, value) in &config.headers {
        if !headers.contains_key(name) {
            headers.insert(name, value.clone());
        }
    }
    if let Some(time) = config.strict_transport.filter(|_| peer.served.is_strict())
        && let Ok(value) = HeaderValue::try_from(format!("max-age={}", time.as_secs()))
    {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    if !headers.contains_key(header::DATE) {
        headers.insert(header::DATE, date(&peer.env));
    }
}

fn date(env: &Env) -> HeaderValue {
    let written = written(env.wall());
    // A date has nothing that a header may not have.
    HeaderValue::try_from(written).unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}

/// `wall` as RFC 9110, 5.6.7, writes it.
pub(crate) fn written(wall: Wall) -> String {
    let seconds = u64::try_from(wall.as_micros() / 1_000_000)
        .unwrap_or(0)
        .min(SECONDS_MAX);
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::written;
    use world::Wall;

    #[test]
    fn any_clock_gives_a_date() {
        for (micros, date) in [
            (784_111_777_000_000, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (i64::MIN, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (i64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(written(Wall::from_micros(micros)), date);
        }
    }
}
