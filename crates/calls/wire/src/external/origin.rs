//! Where a program serves the HTTP face, now and later.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::uri::Authority;
use http::{HeaderValue, Request, Uri, header};
use http_body_util::Full;
use world::Address;

use crate::face::Token;

/// The port of a URL that names none.
const PORT_DEFAULT: u16 = 80;

/// Where a program serves the HTTP face, and what it is shown.
#[derive(Clone, Debug)]
pub struct Origin {
    /// What is connected to.
    pub(crate) address: Address,
    authority: Authority,
    /// In front of `/{Component}/{method}`; empty, or with a slash at its beginning only.
    path: String,
    token: Option<Token>,
}

/// A text that is no URL of a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// It cannot be read at all. It is not repeated: a password may be in it.
    #[error("it cannot be read as a URL; write it as http://host:port")]
    Unreadable,
    /// Another scheme.
    #[error(
        "only http:// is spoken to a program; where it is on another machine, put something that speaks TLS in between"
    )]
    Scheme,
    /// A name and a password before the host.
    #[error("a user in a URL is not sent; give the program's `token` instead")]
    User,
    /// A query, or a port that is none.
    #[error("it ends in what is no path; write it as http://host:port/path")]
    Rest,
}

impl Origin {
    /// The program at `url`, such as `http://127.0.0.1:9000` or `http://legacy/api`, which is shown `token`.
    pub fn new(url: &str, token: Option<Token>) -> Result<Origin, OriginError> {
        let uri = Uri::try_from(url).map_err(|_| OriginError::Unreadable)?;
        let authority = uri.authority().ok_or(OriginError::Unreadable)?;
        match uri.scheme_str() {
            Some("http") => {}
            Some(_) => return Err(OriginError::Scheme),
            None => return Err(OriginError::Unreadable),
        }
        let (host, given) = (authority.host(), authority.as_str());
        if given.contains('@') {
            return Err(OriginError::User);
        }
        let port = match authority.port_u16() {
            Some(port) => port,
            None if given.len() == host.len() => PORT_DEFAULT,
            None => return Err(OriginError::Rest),
        };
        if host.is_empty() || uri.query().is_some() || url.contains('#') {
            return Err(OriginError::Rest);
        }
        Ok(Origin {
            address: Address::new(format!("{host}:{port}")),
            authority: authority.clone(),
            path: uri.path().trim_end_matches('/').to_owned(),
            token,
        })
    }

    /// The same, shown nothing.
    pub(super) fn without_token(&self) -> Origin {
        Origin {
            token: None,
            ..self.clone()
        }
    }

    /// A request to `path` there, with nothing else in its head.
    pub(super) fn request(&self, method: &str, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>, String> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.path))
            .header(header::HOST, self.authority.as_str());
        if let Some(token) = &self.token {
            let shown = HeaderValue::try_from(format!("Bearer {}", token.reveal()));
            let mut shown = shown.map_err(|error| error.to_string())?;
            shown.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, shown);
        }
        request.body(Full::new(body)).map_err(|error| error.to_string())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.path)
    }
}

/// Where a program is now, which may change: one that is started again is elsewhere. A clone is the same.
#[derive(Clone)]
pub struct Whereabouts {
    name: Arc<str>,
    now: Arc<Mutex<Result<Arc<Origin>, String>>>,
}

impl Whereabouts {
    /// A program that stays where it is.
    pub fn fixed(origin: Origin) -> Whereabouts {
        let name = origin.to_string();
        Whereabouts {
            name: name.into(),
            now: Arc::new(Mutex::new(Ok(Arc::new(origin)))),
        }
    }

    /// A program that errors call `name`, and that is nowhere yet, for the reason `why`.
    pub fn nowhere(name: &str, why: &str) -> Whereabouts {
        Whereabouts {
            name: name.into(),
            now: Arc::new(Mutex::new(Err(why.to_owned()))),
        }
    }

    /// What errors call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Says where it is from now on, or why it is nowhere.
    pub fn set(&self, now: Result<Origin, String>) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now.map(Arc::new);
    }

    /// Where it is, or why it is nowhere.
    pub(crate) fn now(&self) -> Result<Arc<Origin>, String> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{Origin, OriginError};

    fn check(url: &str, expected: Result<(&str, &str), OriginError>) {
        let origin = Origin::new(url, None);
        let read = origin.map(|origin| (origin.address.to_string(), origin.to_string()));
        let expected = expected.map(|(address, shown)| (address.to_owned(), shown.to_owned()));
        assert_eq!(read, expected, "{url}");
    }

    #[test]
    fn a_url_has_a_host_and_perhaps_a_port_and_a_path() {
        check("http://127.0.0.1:9000", Ok(("127.0.0.1:9000", "http://127.0.0.1:9000")));
        check(
            "http://127.0.0.1:9000/",
            Ok(("127.0.0.1:9000", "http://127.0.0.1:9000")),
        );
        check("http://legacy/api/v1/", Ok(("legacy:80", "http://legacy/api/v1")));
        check("http://[::1]:7", Ok(("[::1]:7", "http://[::1]:7")));
    }

    #[test]
    fn what_is_no_url_of_a_program_says_what_to_write() {
        check("https://a", Err(OriginError::Scheme));
        check("ftp://a", Err(OriginError::Scheme));
        check("http://user:password@a", Err(OriginError::User));
        check("http://a/?b=c", Err(OriginError::Rest));
        check("http://a/#b", Err(OriginError::Rest));
        check("http://a:99999", Err(OriginError::Rest));
        for text in ["", "a", "127.0.0.1:1", "http://", "http:///path", "http://a b"] {
            check(text, Err(OriginError::Unreadable));
        }
    }
}
