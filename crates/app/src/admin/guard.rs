//! Who may see the operator's pages: whoever has an address that was printed, once, and their browser from then on.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use world::{Address, Env, Instant};

use super::view;

/// Addresses that were printed and not used yet, and browsers that were let in. The oldest goes.
const TOKENS_MAX: usize = 16;

/// How long a browser is let in.
const SESSION: Duration = Duration::from_secs(12 * 3600);

/// How the cookie is called, with the port behind it: cookies know no ports (RFC 6265, 8.5), and two applications of one machine
/// would take each other's.
const COOKIE: &str = "terrace_admin";

/// Who was let in, and who may be.
pub(crate) struct Guard {
    env: Env,
    address: Address,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    unused: VecDeque<String>,
    sessions: VecDeque<(String, Instant)>,
}

impl Guard {
    /// For the pages at `address`.
    pub(crate) fn new(env: &Env, address: Address) -> Guard {
        Guard {
            env: env.clone(),
            address,
            state: Mutex::default(),
        }
    }

    /// A new address of the pages. It counts once.
    pub(crate) fn invite(&self) -> String {
        let token = self.secret();
        let mut state = self.state();
        if state.unused.len() >= TOKENS_MAX {
            state.unused.pop_front();
        }
        state.unused.push_back(token.clone());
        format!("http://{}/?token={token}", self.address)
    }

    /// Takes `token` for a session, if it is one and was not used.
    fn enter(&self, token: &str) -> Option<String> {
        let session = self.secret();
        let until = self.env.deadline(SESSION);
        let mut state = self.state();
        let found = state.unused.iter().position(|unused| same(unused, token))?;
        state.unused.remove(found);
        if state.sessions.len() >= TOKENS_MAX {
            state.sessions.pop_front();
        }
        state.sessions.push_back((session.clone(), until));
        Some(session)
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let now = self.env.now();
        let mut state = self.state();
        state.sessions.retain(|(_, until)| *until > now);
        let cookies = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|all| all.to_str().ok());
        let mut pairs = cookies
            .flat_map(|all| all.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        let own = self.cookie();
        pairs.any(|(name, value)| name == own && state.sessions.iter().any(|(session, _)| same(session, value)))
    }

    /// Whether the request is to this address by a name of this machine: pages of other sites whose name was rebound to it
    /// have another.
    fn is_here(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| uri.authority().map(|authority| authority.as_str()));
        let (port, own) = (self.port(), self.address.as_str());
        // A browser leaves out the port that everybody knows.
        let plain = own.strip_suffix(":80");
        host.is_some_and(|host| {
            host == own
                || host == format!("localhost:{port}")
                || plain.is_some_and(|plain| host == plain || host == "localhost")
        })
    }

    fn port(&self) -> &str {
        self.address.as_str().rsplit_once(':').map_or("", |(_, port)| port)
    }

    fn cookie(&self) -> String {
        format!("{COOKIE}_{}", self.port())
    }

    /// Whether a request that changes something comes from these pages.
    fn is_own(&self, headers: &HeaderMap) -> bool {
        let site = headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin");
        let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default();
        site && origin.is_some_and(|origin| origin == format!("http://{host}"))
    }

    fn secret(&self) -> String {
        format!("{:032x}", self.env.random("operator's pages").u128())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) async fn admit(guard: Arc<Guard>, request: Request, next: Next) -> Response {
    if !guard.is_here(request.headers(), request.uri()) {
        let host = "these pages are on this machine only; open the address that was printed";
        return view::refused(StatusCode::FORBIDDEN, host);
    }
    let known = guard.knows(request.headers());
    if let Some(token) = token(request.uri()) {
        let entered = guard.enter(token);
        if known || entered.is_some() {
            return enter(&guard.cookie(), request.uri(), entered);
        }
    }
    if !known {
        let how = "this address was used already, or is not one that was printed; the command `admin` prints a new one";
        return view::refused(StatusCode::UNAUTHORIZED, how);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) && !guard.is_own(request.headers()) {
        return view::refused(
            StatusCode::FORBIDDEN,
            "only these pages themselves may change something",
        );
    }
    next.run(request).await
}

fn token(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

/// To the page itself, so that the token does not stay in the browser's line.
fn enter(name: &str, uri: &Uri, session: Option<String>) -> Response {
    // Of an absolute or a doubled slash a browser would make another host.
    let path = format!("/{}", uri.path().trim_start_matches('/'));
    let location = HeaderValue::from_str(&path).unwrap_or(HeaderValue::from_static("/"));
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    let cookie = session.map(|session| format!("{name}={session}; HttpOnly; SameSite=Strict; Path=/"));
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Whether two secrets are the same; the time it takes tells no more than their length.
fn same(ours: &str, theirs: &str) -> bool {
    let (ours, theirs) = (ours.as_bytes(), theirs.as_bytes());
    let differences = ours
        .iter()
        .zip(theirs)
        .fold(0, |found, (our, their)| black_box(found | (our ^ their)));
    ours.len() == theirs.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, Uri, header};
    use world::{Address, Env};

    use super::Guard;

    fn guard() -> Guard {
        Guard::new(&Env::production("test"), Address::new("127.0.0.1:4711"))
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn an_address_counts_once_and_lets_a_browser_in() {
        let guard = guard();
        let address = guard.invite();
        let token = address.rsplit_once("token=").expect("a token").1;
        let session = guard.enter(token).expect("it was not used");
        assert_eq!(guard.enter(token), None);
        assert_eq!(guard.enter(""), None);
        let mut with = HeaderMap::new();
        let cookie = HeaderValue::from_str(&format!("a=b; terrace_admin_4711={session}")).expect("a header");
        with.insert(header::COOKIE, cookie);
        assert!(guard.knows(&with));
        assert!(!guard.knows(&headers(&[("cookie", "terrace_admin_4711=0123")])));
        assert!(!guard.knows(&HeaderMap::new()));
    }

    #[test]
    fn only_this_machine_by_its_own_name_and_these_pages_are_let_through() {
        let guard = guard();
        let root = Uri::from_static("/");
        for (host, here) in [
            ("127.0.0.1:4711", true),
            ("localhost:4711", true),
            ("evil.example:4711", false),
            ("127.0.0.1", false),
            ("127.0.0.1:4711.evil.example", false),
        ] {
            assert_eq!(guard.is_here(&headers(&[("host", host)]), &root), here, "{host}");
        }
        assert!(!guard.is_here(&HeaderMap::new(), &root));
        let known = Guard::new(&Env::production("test"), Address::new("127.0.0.1:80"));
        for (host, here) in [("127.0.0.1", true), ("localhost", true), ("evil.example", false)] {
            assert_eq!(known.is_here(&headers(&[("host", host)]), &root), here, "{host}");
        }
        let own = [("host", "127.0.0.1:4711"), ("origin", "http://127.0.0.1:4711")];
        assert!(guard.is_own(&headers(&own)));
        assert!(!guard.is_own(&headers(&own[..1])));
        assert!(!guard.is_own(&headers(&[
            ("host", "127.0.0.1:4711"),
            ("origin", "http://evil.example")
        ])));
        assert!(!guard.is_own(&headers(&[own[0], own[1], ("sec-fetch-site", "cross-site")])));
    }
}
