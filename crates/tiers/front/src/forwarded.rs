//! Who asked, where proxies stand between: `X-Forwarded-For` and `X-Forwarded-Proto`.
//!
//! Each proxy adds at the end whom it has seen. What stands before the entries of the operator's own proxies was written by
//! whoever asked, and means nothing.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The address that the first of `proxies` has seen, if it says so.
pub(crate) fn peer(headers: &HeaderMap, proxies: usize) -> Option<IpAddr> {
    let entry = entries(headers, FOR).into_iter().rev().nth(proxies.checked_sub(1)?)?;
    let address = entry.parse::<SocketAddr>().map(|address| address.ip());
    let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']'));
    address.or_else(|_| bare.unwrap_or(entry).parse()).ok()
}

/// Whether the first of `proxies` was asked by HTTPS, if it says so. Most proxies replace the field, so that there is one entry.
pub(crate) fn is_tls(headers: &HeaderMap, proxies: usize) -> Option<bool> {
    let entries = entries(headers, PROTO);
    let entry = entries.iter().rev().take(proxies).next_back()?;
    Some(entry.eq_ignore_ascii_case("https"))
}

fn entries(headers: &HeaderMap, name: HeaderName) -> Vec<&str> {
    let values = headers.get_all(name).into_iter();
    // A value that is no text is one entry that says nothing.
    let texts = values.map(|value| value.to_str().unwrap_or_default());
    texts.flat_map(|text| text.split(',')).map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::{is_tls, peer};

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let values = values
            .iter()
            .map(|value| HeaderValue::from_str(value).expect("a value"));
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn only_what_own_proxies_have_added_is_believed() {
        for (values, proxies, found) in [
            (&["203.0.113.7"][..], 1, Some("203.0.113.7")),
            (&["6.6.6.6, 203.0.113.7"], 1, Some("203.0.113.7")),
            (&["6.6.6.6", "203.0.113.7"], 1, Some("203.0.113.7")),
            (&["6.6.6.6, 203.0.113.7, 10.0.0.1"], 2, Some("203.0.113.7")),
            (&["203.0.113.7:4711"], 1, Some("203.0.113.7")),
            (&["[2001:db8::7]:4711"], 1, Some("2001:db8::7")),
            (&["[2001:db8::7]"], 1, Some("2001:db8::7")),
            (&["2001:db8::7"], 1, Some("2001:db8::7")),
            (&["203.0.113.7"], 0, None),
            (&["203.0.113.7"], 2, None),
            (&["unknown"], 1, None),
            (&["203.0.113.7, "], 1, None),
            (&[], 1, None),
        ] {
            let found = found.map(|text| text.parse().expect("an address"));
            assert_eq!(peer(&headers("x-forwarded-for", values), proxies), found, "{values:?}");
        }
        for (values, proxies, found) in [
            (&["https"][..], 1, Some(true)),
            (&["HTTPS"], 2, Some(true)),
            (&["http"], 1, Some(false)),
            (&["https, http"], 1, Some(false)),
            (&["https, http"], 2, Some(true)),
            (&["https"], 0, None),
            (&[], 1, None),
        ] {
            assert_eq!(
                is_tls(&headers("x-forwarded-proto", values), proxies),
                found,
                "{values:?}"
            );
        }
    }
}
