//! `[feeds]`: addresses that people supply, and the application asks.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use toml::de::{DeTable, DeValue};

use super::known::FEEDS;
use super::problem::Problems;
use super::table::Table;

/// `[feeds]`: addresses that people supply, and the application asks.
#[derive(Clone, Debug, Default)]
pub struct FeedsConfig {
    /// Those that may be asked although they are not public. Default: none.
    pub allow: Vec<Range>,
}

/// Addresses that begin alike, such as `10.1.0.0/16`; a single one is `127.0.0.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    first: IpAddr,
    bits: u32,
}

/// Why a text is no [`Range`].
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is neither an address such as 127.0.0.1 nor a range such as 10.1.0.0/16")]
pub struct RangeError {
    text: String,
}

impl Range {
    /// Whether `address` is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        let both_v4 = self.first.is_ipv4() == address.is_ipv4();
        both_v4 && self.bits.min(128) == leading_equal(self.first, address).min(self.bits)
    }
}

/// How many bits `a` and `b`, of one family, begin with alike.
fn leading_equal(a: IpAddr, b: IpAddr) -> u32 {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (a, b) => (v6(a).to_bits() ^ v6(b).to_bits()).leading_zeros(),
    }
}

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

impl FromStr for Range {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Range, RangeError> {
        let wrong = || RangeError { text: text.to_owned() };
        let (first, bits) = match text.split_once('/') {
            Some((first, bits)) => (first, Some(bits.parse().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let first: IpAddr = first.parse().map_err(|_| wrong())?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Range { first, bits }).ok_or_else(wrong)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

pub(super) fn read(table: &DeTable<'_>, problems: &mut Problems<'_>) -> FeedsConfig {
    let feeds = Table::new("[feeds]", table, FEEDS);
    let mut allow = Vec::new();
    if let Some(found) = feeds.value("allow") {
        // By `--set` a single one is a text.
        let texts: Option<Vec<&str>> = match found.get_ref() {
            DeValue::String(text) => Some(text.split(',').map(str::trim).collect()),
            DeValue::Array(items) => items.iter().map(|item| item.get_ref().as_str()).collect(),
            _ => None,
        };
        if texts.is_none() {
            let message = "`allow` in [feeds] is a list of addresses, such as [\"127.0.0.1\", \"10.1.0.0/16\"]";
            problems.add(&found.span(), message);
        }
        for text in texts.unwrap_or_default() {
            match text.parse() {
                Ok(range) => allow.push(range),
                Err(error) => problems.add(&found.span(), format!("`allow` in [feeds]: {error}")),
            }
        }
    }
    feeds.finish(problems);
    FeedsConfig { allow }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;
    use super::Range;

    #[test]
    fn what_is_allowed_is_a_list_or_words_between_commas() {
        let allowed = |value: &str| {
            let text = format!("[feeds]\nallow = {value}\n");
            let config = Config::parse(&text, Path::new("terrace.toml")).map_err(|error| error.to_string());
            config.map(|config| config.feeds.allow.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        for value in ["[\"127.0.0.1\", \"10.1.0.0/16\"]", "\"127.0.0.1, 10.1.0.0/16\""] {
            assert_eq!(allowed(value).expect(value), ["127.0.0.1/32", "10.1.0.0/16"]);
        }
        assert_eq!(allowed("[]").expect("a list"), [""; 0]);
        for (value, why) in [
            (
                "[\"localhost\"]",
                "`localhost` is neither an address such as 127.0.0.1 nor a range",
            ),
            ("[\"10.0.0.0/33\"]", "`10.0.0.0/33` is neither an address"),
            ("\"\"", "`` is neither an address"),
            ("[1]", "`allow` in [feeds] is a list of addresses"),
            ("true", "`allow` in [feeds] is a list of addresses"),
            ("[]\nalow = []", "alow"),
        ] {
            let error = allowed(value).expect_err(value);
            assert!(error.contains(why), "{value}: {error}");
        }
    }

    #[test]
    fn a_range_holds_what_begins_as_it_does() {
        for (range, address, held) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("10.1.0.0/16", "10.1.255.255", true),
            ("10.1.0.0/16", "10.2.0.0", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
            ("::1", "::1", true),
        ] {
            let parsed: Range = range.parse().expect("a range");
            assert_eq!(
                parsed.contains(address.parse().expect("an address")),
                held,
                "{range} {address}"
            );
        }
        for wrong in ["", "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::/129"] {
            assert!(wrong.parse::<Range>().is_err(), "{wrong}");
        }
    }
}
