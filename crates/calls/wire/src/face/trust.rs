//! Who may ask: the decision by `Host`, `Origin` and bearer token.
//!
//! A browser on the same machine reaches loopback too, so there the `Host` keeps out pages whose name was rebound to
//! this address, and the `Origin` pages of other sites. Everywhere else it takes the deployment's token.

use std::fmt;
use std::hint::black_box;
use std::net::IpAddr;

use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri, header};
use world::Address;

use super::failure::{Failure, shown};
use crate::error::ErrorCode;

/// Who may ask.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Whether the listener is reached from this machine only: then loopback's own names are allowed hosts, and no token
    /// is needed if none is set.
    pub loopback: bool,
    /// Allowed hosts, as a name (with any port) or as `name:port`.
    pub hosts: Vec<String>,
    /// Allowed origins of pages, as `scheme://name:port`, beside the face's own.
    pub origins: Vec<String>,
    /// The deployment's bearer token. Without one nobody is let in, except on loopback.
    pub token: Option<Token>,
}

/// A bearer token. It is never shown.
#[derive(Clone)]
pub struct Token(Box<str>);

/// Why a text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is empty or too long.
    #[error("a token has 1 to {} bytes, not {bytes}", Token::BYTES_MAX)]
    Length {
        /// Bytes given.
        bytes: usize,
    },
    /// A byte that cannot stand in a header; a line end, often.
    #[error("byte {at} of the token is not visible ASCII; take away white space and line ends")]
    Byte {
        /// Which, from 0.
        at: usize,
    },
}

impl Token {
    /// Bytes of a token.
    pub const BYTES_MAX: usize = 1024;

    /// A token of visible ASCII.
    pub fn new(text: &str) -> Result<Token, TokenError> {
        let bytes = text.len();
        if bytes == 0 || bytes > Token::BYTES_MAX {
            return Err(TokenError::Length { bytes });
        }
        match text.bytes().position(|byte| !byte.is_ascii_graphic()) {
            Some(at) => Err(TokenError::Byte { at }),
            None => Ok(Token(text.into())),
        }
    }

    /// Whether `presented` is this token. The time it takes tells at most the token's length.
    pub fn matches(&self, presented: &[u8]) -> bool {
        let token = self.0.as_bytes();
        if token.len() != presented.len() {
            return false;
        }
        let differences = token
            .iter()
            .zip(presented)
            .fold(0, |found, (ours, theirs)| black_box(found | (ours ^ theirs)));
        differences == 0
    }

    /// The token itself, to be sent.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Whether only this machine reaches `address`.
pub fn is_loopback(address: &Address) -> bool {
    let Some((host, _port)) = address.as_str().rsplit_once(':') else {
        return false;
    };
    is_loopback_host(host)
}

impl Trust {
    /// Trust in everybody on this machine.
    pub fn on_loopback() -> Trust {
        Trust {
            loopback: true,
            ..Trust::default()
        }
    }

    /// Decides about one request.
    pub(crate) fn admit(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Failure> {
        let host = self.host(uri, headers)?;
        self.origin(&host, headers)?;
        self.bearer(headers)
    }

    /// HTTP/2 names the host in the target, HTTP/1 in a header; where both do, both must be allowed.
    fn host(&self, uri: &Uri, headers: &HeaderMap) -> Result<Authority, Failure> {
        let mut found = None;
        for named in headers.get_all(header::HOST) {
            let authority = Authority::try_from(named.as_bytes()).map_err(|_| forbidden_host(&printable(named)))?;
            if found.is_some() {
                return Err(Failure::new(
                    ErrorCode::InvalidArgument,
                    "the request has two `host` headers; send one",
                ));
            }
            found = Some(self.allowed(authority)?);
        }
        if let Some(authority) = uri.authority() {
            found = Some(self.allowed(authority.clone())?);
        }
        found.ok_or_else(|| {
            Failure::new(
                ErrorCode::InvalidArgument,
                "the request names no host; send a `host` header",
            )
        })
    }

    fn allowed(&self, authority: Authority) -> Result<Authority, Failure> {
        let given = authority.as_str();
        let name = authority.host();
        // A user's name or a port that is none would only hide what follows it.
        let plain = !given.contains('@') && (given.len() == name.len() || authority.port_u16().is_some());
        let listed = || {
            self.hosts
                .iter()
                .any(|host| host.eq_ignore_ascii_case(name) || host.eq_ignore_ascii_case(given))
        };
        if plain && ((self.loopback && is_loopback_host(name)) || listed()) {
            Ok(authority)
        } else {
            Err(forbidden_host(given))
        }
    }

    fn origin(&self, host: &Authority, headers: &HeaderMap) -> Result<(), Failure> {
        for origin in headers.get_all(header::ORIGIN) {
            let text = origin.to_str().unwrap_or_default();
            let own = text.split_once("://").is_some_and(|(scheme, authority)| {
                matches!(scheme, "http" | "https") && authority.eq_ignore_ascii_case(host.as_str())
            });
            if !own && !self.origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(text)) {
                let origin = shown(&printable(origin));
                let message = format!(
                    "a page of `{origin}` may not call this; add it to the face's `origins`, or call from a server"
                );
                return Err(Failure::new(ErrorCode::PermissionDenied, message));
            }
        }
        Ok(())
    }

    fn bearer(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let message = match &self.token {
            None if self.loopback => return Ok(()),
            None => "this address is not loopback and no token is set, so nobody is let in; set the deployment's token",
            Some(token) => {
                let mut presented = headers.get_all(header::AUTHORIZATION).iter();
                match (presented.next(), presented.next()) {
                    (Some(only), None) if bearer_of(only).is_some_and(|bearer| token.matches(bearer)) => return Ok(()),
                    (None, _) => "no token; send `authorization: Bearer ` and the deployment's token",
                    _ => "the token is not this deployment's; send `authorization: Bearer ` and the right one",
                }
            }
        };
        Err(Failure::new(ErrorCode::Unauthenticated, message).with_header(header::WWW_AUTHENTICATE, "Bearer"))
    }
}

/// RFC 6750, section 2.1; the scheme's case does not count (RFC 9110, section 11.1).
fn bearer_of(authorization: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = authorization.as_bytes().split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}

fn is_loopback_host(host: &str) -> bool {
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    address
        .parse::<IpAddr>()
        .is_ok_and(|address| address.to_canonical().is_loopback())
}

fn forbidden_host(host: &str) -> Failure {
    let host = shown(host);
    let message = format!("host `{host}` is not allowed; add it to the face's `hosts`, or call by a name that is");
    Failure::new(ErrorCode::PermissionDenied, message)
}

fn printable(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Token, TokenError, Trust, is_loopback};
    use http::{HeaderMap, HeaderName, HeaderValue, Uri};
    use world::Address;

    fn check(trust: &Trust, headers: &[(&'static str, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::from_static(name),
                HeaderValue::from_str(value).expect("a header"),
            );
        }
        match trust.admit(&Uri::from_static("/Greeter/greet"), &map) {
            Ok(()) => 200,
            Err(failure) => failure.into_response().status().as_u16(),
        }
    }

    fn token(text: &str) -> Option<Token> {
        Some(Token::new(text).expect("a token"))
    }

    #[test]
    fn on_loopback_only_its_own_names_are_hosts() {
        let trust = Trust::on_loopback();
        for host in [
            "localhost",
            "LOCALHOST:1",
            "127.0.0.1:7001",
            "127.8.8.8",
            "[::1]:65535",
            "[::ffff:127.0.0.1]",
        ] {
            assert_eq!(check(&trust, &[("host", host)]), 200, "{host}");
        }
        let others = [
            "evil.example",
            "localhost.evil.example",
            "localhost.",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "localhost@evil.example",
            "evil@localhost",
            "localhost:",
            "localhost:99999",
            "localhost:x",
            "127.1",
            "2130706433",
            "[::1",
            "local host",
            "localhost/x",
            "",
        ];
        for host in others {
            assert_eq!(check(&trust, &[("host", host)]), 403, "{host}");
        }
        assert_eq!(check(&trust, &[]), 400);
        assert_eq!(check(&trust, &[("host", "localhost"), ("host", "localhost")]), 400);
    }

    #[test]
    fn both_hosts_of_an_absolute_target_must_be_allowed() {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("localhost"));
        let trust = Trust::on_loopback();
        assert!(
            trust
                .admit(&Uri::from_static("http://evil.example/"), &headers)
                .is_err()
        );
        assert!(trust.admit(&Uri::from_static("http://localhost/"), &headers).is_ok());
        headers.insert("host", HeaderValue::from_static("evil.example"));
        assert!(trust.admit(&Uri::from_static("http://localhost/"), &headers).is_err());
    }

    #[test]
    fn a_listed_host_is_allowed_with_any_port_or_with_its_own() {
        let hosts = vec!["todo.example".to_string(), "core.example:7001".to_string()];
        let trust = Trust {
            hosts,
            ..Trust::on_loopback()
        };
        for (host, status) in [
            ("todo.example", 200),
            ("Todo.Example:80", 200),
            ("core.example:7001", 200),
            ("core.example", 403),
            ("core.example:7002", 403),
            ("a.todo.example", 403),
        ] {
            assert_eq!(check(&trust, &[("host", host)]), status, "{host}");
        }
    }

    #[test]
    fn a_foreign_origin_is_refused() {
        let trust = Trust {
            origins: vec!["https://todo.example".to_string()],
            ..Trust::on_loopback()
        };
        for (origin, status) in [
            ("https://todo.example", 200),
            ("http://localhost:7001", 200),
            ("http://localhost:7002", 403),
            ("http://localhost", 403),
            ("https://evil.example", 403),
            ("null", 403),
            ("", 403),
            ("file://", 403),
            ("https://todo.example.evil.example", 403),
            ("ftp://localhost:7001", 403),
        ] {
            assert_eq!(
                check(&trust, &[("host", "localhost:7001"), ("origin", origin)]),
                status,
                "{origin}"
            );
        }
        let both = [
            ("host", "localhost"),
            ("origin", "http://localhost"),
            ("origin", "https://evil.example"),
        ];
        assert_eq!(check(&trust, &both), 403);
    }

    #[test]
    fn away_from_loopback_a_token_decides() {
        let hosts = vec!["core".to_string()];
        let open = Trust {
            hosts: hosts.clone(),
            ..Trust::default()
        };
        assert_eq!(check(&open, &[("host", "core")]), 401, "no token is set");
        let trust = Trust {
            hosts,
            token: token("s3cret"),
            ..Trust::default()
        };
        assert_eq!(
            check(&trust, &[("host", "localhost"), ("authorization", "Bearer s3cret")]),
            403
        );
        for (authorization, status) in [
            ("Bearer s3cret", 200),
            ("bearer s3cret", 200),
            ("Bearer s3cre", 401),
            ("Bearer s3cret!", 401),
            ("Bearer", 401),
            ("Bearer ", 401),
            ("Basic s3cret", 401),
            ("s3cret", 401),
            ("", 401),
        ] {
            assert_eq!(
                check(&trust, &[("host", "core"), ("authorization", authorization)]),
                status,
                "{authorization}"
            );
        }
        let right = ("authorization", "Bearer s3cret");
        assert_eq!(check(&trust, &[("host", "core")]), 401);
        assert_eq!(check(&trust, &[("host", "core"), right, right]), 401);
    }

    #[test]
    fn a_token_that_is_set_is_asked_for_on_loopback_too() {
        let trust = Trust {
            token: token("s3cret"),
            ..Trust::on_loopback()
        };
        assert_eq!(check(&trust, &[("host", "localhost")]), 401);
        assert_eq!(
            check(&trust, &[("host", "localhost"), ("authorization", "Bearer s3cret")]),
            200
        );
    }

    #[test]
    fn a_token_is_never_shown_and_never_empty() {
        let trust = Trust {
            token: token("s3cret"),
            ..Trust::default()
        };
        assert!(!format!("{trust:?}").contains("s3cret"));
        assert_eq!(Token::new("").err(), Some(TokenError::Length { bytes: 0 }));
        assert_eq!(Token::new("abc\n").err(), Some(TokenError::Byte { at: 3 }));
    }

    #[test]
    fn loopback_is_told_by_the_address() {
        for (address, loopback) in [
            ("127.0.0.1:7001", true),
            ("localhost:7001", true),
            ("[::1]:7001", true),
            ("0.0.0.0:7001", false),
            ("[::]:7001", false),
            ("10.0.0.1:1", false),
            ("todo:1", false),
            ("", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&Address::new(address)), loopback, "{address}");
        }
    }
}
