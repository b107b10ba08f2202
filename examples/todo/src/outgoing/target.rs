//! An address that somebody wrote, or a redirect names.

use std::net::IpAddr;

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

use super::{ADDRESS_BYTES_MAX, Refusal, address};

/// Where to ask for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) is_tls: bool,
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) path: String,
}

/// A name, or an address itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Name(String),
    Ip(IpAddr),
}

impl Target {
    /// Reads `http://` and `https://`, and `webcal://`, which calendars are offered by and means HTTPS.
    pub(super) fn read(text: &str) -> Result<Target, Refusal> {
        let text = text.trim();
        if text.len() > ADDRESS_BYTES_MAX {
            return Err(address(format!(
                "write an address of at most {ADDRESS_BYTES_MAX} bytes"
            )));
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(address(
                "write a whole address, such as https://example.org/calendar.ics",
            ));
        };
        let is_tls = match scheme.to_ascii_lowercase().as_str() {
            "https" | "webcal" | "webcals" => true,
            "http" => false,
            _ => return Err(address("only addresses that begin with http:// or https:// are read")),
        };
        // What comes after # stays with whoever has it.
        let rest = rest.split('#').next().unwrap_or_default();
        let uri: Uri = format!("http:{rest}")
            .parse()
            .map_err(|_| address("this is no address; write one such as https://example.org/calendar.ics"))?;
        let authority = uri.authority().ok_or_else(|| address("the address names no host"))?;
        if authority.as_str().contains('@') {
            return Err(address(
                "leave name and password out of the address; it is kept as it is",
            ));
        }
        let host = Host::read(authority.host())?;
        // What stands behind the host is a port, or nothing; `Authority::port` leaves out what is none.
        let port = match authority.as_str().strip_prefix(authority.host()).unwrap_or_default() {
            "" if is_tls => 443,
            "" => 80,
            port => match port.strip_prefix(':').and_then(|port| port.parse().ok()) {
                None | Some(0) => return Err(address("write a port from 1 to 65535 behind the host, or none")),
                Some(port) => port,
            },
        };
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        Ok(Target {
            is_tls,
            host,
            port,
            path,
        })
    }

    /// Where a redirect leads from here (RFC 3986, section 5.2, as far as servers use it).
    pub(super) fn joined(&self, location: &str) -> Result<Target, Refusal> {
        let location = location.trim();
        let scheme = if self.is_tls { "https" } else { "http" };
        let relative = !location
            .split(['/', '?', '#'])
            .next()
            .is_some_and(|first| first.contains(':'));
        let whole = if location.starts_with("//") {
            format!("{scheme}:{location}")
        } else if location.starts_with('/') {
            format!("{scheme}://{}{location}", self.authority())
        } else if relative {
            let path = self.path.split('?').next().unwrap_or("/");
            let folder = match location.starts_with('?') {
                true => path,
                false => path.rsplit_once('/').map_or("", |(folder, _)| folder),
            };
            let slash = if location.starts_with('?') { "" } else { "/" };
            format!("{scheme}://{}{folder}{slash}{location}", self.authority())
        } else {
            location.to_owned()
        };
        Target::read(&whole)
    }

    /// Host and port, as the field `Host` has them.
    pub(super) fn authority(&self) -> String {
        match (self.is_tls, self.port) {
            (true, 443) | (false, 80) => self.host.to_string(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }
}

impl Host {
    fn read(text: &str) -> Result<Host, Refusal> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        if let Ok(ip) = bare.unwrap_or(text).parse() {
            return Ok(Host::Ip(ip));
        }
        let name = text.trim_end_matches('.').to_ascii_lowercase();
        if name.is_empty() || bare.is_some() {
            return Err(address("the address names no host"));
        }
        Ok(Host::Name(name))
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn an_address_has_scheme_host_and_path_and_no_credentials() {
        for (text, authority, path) in [
            ("https://example.org/a.ics?x=1#top", "example.org", "/a.ics?x=1"),
            ("webcal://EXAMPLE.org./a", "example.org", "/a"),
            ("http://example.org", "example.org", "/"),
            ("http://example.org:8080?x", "example.org:8080", "/?x"),
            ("https://[2001:db8::1]:8443/", "[2001:db8::1]:8443", "/"),
        ] {
            let target = Target::read(text).expect(text);
            assert_eq!(
                (target.authority().as_str(), target.path.as_str()),
                (authority, path),
                "{text}"
            );
        }
        for wrong in [
            "",
            "example.org/a.ics",
            "file:///etc/passwd",
            "ftp://example.org/",
            "gopher://example.org/",
            "data:text/calendar,x",
            "https://",
            "https:///a",
            "https://ada:secret@example.org/",
            "https://ada@127.0.0.1/",
            "https://example.org:0/",
            "https://example.org:99999/",
            "https://exa mple.org/",
            "https://example.org/a\r\nHost: b",
            "https://[::1",
        ] {
            assert!(Target::read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_redirect_is_joined_to_where_it_was_said() {
        let base = Target::read("https://example.org/a/b?c").expect("an address");
        for (location, authority, path) in [
            ("/d", "example.org", "/d"),
            ("d?e", "example.org", "/a/d?e"),
            ("?e", "example.org", "/a/b?e"),
            ("//other.example/d", "other.example", "/d"),
            ("http://127.0.0.1/d", "127.0.0.1", "/d"),
        ] {
            let target = base.joined(location).expect(location);
            assert_eq!(
                (target.authority().as_str(), target.path.as_str()),
                (authority, path),
                "{location}"
            );
        }
        assert!(base.joined("file:///etc/passwd").is_err());
    }
}
