//! The id of a request: what a proxy gave it, if that looks like an id, or a random one.

use http::HeaderMap;
use http::HeaderName;
use world::Random;

/// The header that carries it, both ways.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// What random ids are drawn for.
pub(crate) const PURPOSE: &str = "request ids";

/// Bytes of an id that is taken from a peer: room for a UUID, a trace id or a ULID with a prefix.
const BYTES: std::ops::RangeInclusive<usize> = 8..=64;

/// The id that the peer gave. One that is no plain word is not taken: it goes into logs and headers.
pub(crate) fn given(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(HEADER).iter();
    let only = given.next().filter(|_| given.next().is_none())?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (BYTES.contains(&only.len()) && only.bytes().all(plain)).then_some(only)
}

/// A new id: 128 random bits.
pub(crate) fn drawn(random: &mut Random) -> String {
    format!("{:032x}", random.u128())
}

#[cfg(test)]
mod tests {
    use super::{HEADER, given};
    use http::{HeaderMap, HeaderValue};

    #[test]
    fn only_one_plain_word_of_a_sane_length_is_taken_for_an_id() {
        for (values, taken) in [
            (vec!["7f3a-9c21.abc_D"], Some("7f3a-9c21.abc_D")),
            (vec!["short"], None),
            (vec!["two words here"], None),
            (vec!["a=b;c=d;e=f"], None),
            (vec!["aaaaaaaa", "bbbbbbbb"], None),
            (vec![&"a".repeat(65)], None),
            (vec![], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append(HEADER, HeaderValue::from_str(value).expect("a value"));
            }
            assert_eq!(given(&headers), taken, "{values:?}");
        }
    }
}
