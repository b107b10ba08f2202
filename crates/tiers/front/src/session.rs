//! [`Sessions`]: who uses a browser, and what the site keeps with them, in a signed cookie; the server keeps nothing but the key.
//!
//! ```text
//! cookie   = base64url(payload) "." base64url(HMAC-SHA256(key, name of the cookie | payload))
//! payload  = version (1 byte) | issued (8, seconds) | epoch (8) | id (16) | length of account (2)
//!          | account (UTF-8; empty is none) | data (tagged, the rest)
//! ```
//!
//! Numbers are big-endian. The cookie is signed, not sealed: whoever has the browser can read the data.

mod data;
mod key;
mod sealed;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use host::{Setup, SetupError};
use http::{HeaderMap, HeaderValue};
use world::{Env, Random};

pub use self::data::{DATA_BYTES_MAX, SessionData, SessionDataError};
use self::key::Keys;
use self::sealed::Payload;
use crate::cookie;
use crate::csrf;
use crate::problem::Problem;

/// How long a session lasts after its cookie was last set.
pub const SESSION_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How far ahead of this node's clock a cookie may have been issued: by another node, or before the clock was set back.
const AHEAD_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Bytes of an account's name in a session: a browser keeps cookies of up to 4,096 bytes in all.
pub const ACCOUNT_BYTES_MAX: usize = 2048;

const NAME: &str = "session";

/// Set by HTTPS only: browsers take a cookie of such a name from this very host and by HTTPS alone, so that nobody between can
/// plant one (RFC 6265bis, 4.1.3.2).
const NAME_SECURE: &str = "__Host-session";

/// Makes and reads sessions, each with a `D` that the site keeps in it. A clone is the same.
pub struct Sessions<D = ()> {
    inner: Arc<Inner<D>>,
}

struct Inner<D> {
    env: Env,
    keys: Keys,
    random: Mutex<Random>,
    /// What a new session has.
    fresh: Kept<D>,
}

/// The data of a session, also as it is written.
#[derive(Clone)]
struct Kept<D> {
    data: D,
    bytes: Vec<u8>,
}

/// Who uses a browser. It is what its cookie says: whether `epoch` is still the account's is for the application to ask.
#[derive(Clone)]
pub struct Session<D = ()> {
    /// Who has signed in; `None` before. At most [`ACCOUNT_BYTES_MAX`] bytes.
    pub account: Option<String>,
    /// The account's count of "sign out everywhere" when the session began.
    pub epoch: i64,
    id: [u8; 16],
    kept: Kept<D>,
    sessions: Sessions<D>,
}

impl<D: SessionData> Sessions<D> {
    /// The sessions of a front: signed by what `session_key` in `[front]` says, and known to `describe` and `check`, which
    /// compare `D` with that of another release.
    pub async fn of(setup: &Setup) -> Result<Sessions<D>, SetupError> {
        setup.keeps_in_sessions::<D>();
        let key = setup.session_key()?;
        Ok(Sessions::open(setup.env(), key.as_ref().map(|key| key.reveal())).await?)
    }

    /// Sessions signed by `secret`, at least 32 bytes, which all nodes of one site share; without one, by a key that is made
    /// once and kept on the node's disk as `session.key`.
    pub async fn open(env: &Env, secret: Option<&str>) -> io::Result<Sessions<D>> {
        let keys = match secret {
            Some(secret) => Keys::of_secret(secret)?,
            None => Keys::kept_or_made(env).await?,
        };
        let fresh = D::default();
        Ok(Sessions {
            inner: Arc::new(Inner {
                env: env.clone(),
                keys,
                random: Mutex::new(env.random("sessions")),
                fresh: Kept {
                    bytes: data::written(&fresh).map_err(io::Error::other)?,
                    data: fresh,
                },
            }),
        })
    }

    /// The session of a request, which came by HTTPS where `secure`. A cookie that is forged, cut, too old or of another key is
    /// none; so is one whose data is no `D`; nor is, by HTTPS, one that was given by plain HTTP, where anybody between may have
    /// planted it.
    pub fn read(&self, headers: &HeaderMap, secure: bool) -> Option<Session<D>> {
        let name = name(secure);
        cookie::values(headers, name).find_map(|value| self.opened(name, value))
    }

    /// A new session of nobody, for a page that has a form.
    pub fn anonymous(&self) -> Session<D> {
        self.session(None, 0)
    }

    /// A new session of `account`. Whoever signs in gets a new one, never the one from before with a name in it: that one
    /// may have been somebody else's.
    pub fn signed_in(&self, account: impl Into<String>, epoch: i64) -> Session<D> {
        self.session(Some(account.into()), epoch)
    }

    /// The value of `Set-Cookie` that gives a browser `session` for the next 30 days; `secure` where the request came by
    /// HTTPS. Set it again to lengthen them.
    pub fn set_cookie(&self, session: &Session<D>, secure: bool) -> HeaderValue {
        let name = name(secure);
        let payload = Payload {
            issued: self.now(),
            epoch: session.epoch,
            id: session.id,
            account: session.account.as_deref(),
            data: &session.kept.bytes,
        };
        let sealed = sealed::seal(&self.inner.keys, name, &payload);
        cookie_header(name, &sealed, SESSION_LIFE, secure)
    }

    /// The value of `Set-Cookie` that makes a browser forget its session.
    pub fn clear_cookie(&self, secure: bool) -> HeaderValue {
        cookie_header(name(secure), "", Duration::ZERO, secure)
    }

    /// Refuses what another site made a browser send: `token` is not the one that a page of `session` has, or `Origin` or
    /// `Sec-Fetch-Site` say that it comes from elsewhere. 403.
    pub fn check_csrf(&self, session: &Session<D>, token: &str, headers: &HeaderMap) -> Result<(), Problem> {
        csrf::check_origin(headers)?;
        csrf::check_token(&self.inner.keys.csrf(&session.id), token)
    }

    fn session(&self, account: Option<String>, epoch: i64) -> Session<D> {
        Session {
            account,
            epoch,
            id: self.drawn(),
            kept: self.inner.fresh.clone(),
            sessions: self.clone(),
        }
    }

    fn opened(&self, name: &str, value: &str) -> Option<Session<D>> {
        sealed::open(&self.inner.keys, name, value, |payload| {
            let age = self.now().saturating_sub(payload.issued);
            let ahead = payload.issued.saturating_sub(self.now());
            if age > seconds(SESSION_LIFE) || ahead > seconds(AHEAD_MAX) {
                return None;
            }
            Some(Session {
                account: payload.account.map(str::to_owned),
                epoch: payload.epoch,
                id: payload.id,
                kept: Kept {
                    data: data::read(payload.data)?,
                    bytes: payload.data.to_vec(),
                },
                sessions: self.clone(),
            })
        })
    }

    /// Seconds of the wall clock.
    fn now(&self) -> i64 {
        self.inner.env.wall().as_micros().div_euclid(1_000_000)
    }

    fn drawn<const BYTES: usize>(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let mut random = self.inner.random.lock().unwrap_or_else(PoisonError::into_inner);
        random.fill(&mut bytes);
        bytes
    }
}

impl<D: SessionData> Session<D> {
    /// What the site keeps in it.
    pub fn data(&self) -> &D {
        &self.kept.data
    }

    /// Keeps `data` in it instead; then set its cookie. At most [`DATA_BYTES_MAX`] bytes as it is written.
    pub fn set_data(&mut self, data: D) -> Result<(), SessionDataError> {
        let bytes = data::written(&data)?;
        self.kept = Kept { data, bytes };
        Ok(())
    }

    /// The token that a form of this session sends back. It looks different each time, so that the length of a compressed
    /// page says nothing of it (BREACH, 2013); each of them is good for as long as the session.
    pub fn csrf(&self) -> String {
        let token = self.sessions.inner.keys.csrf(&self.id);
        csrf::masked(&token, self.sessions.drawn())
    }
}

fn name(secure: bool) -> &'static str {
    if secure { NAME_SECURE } else { NAME }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// `value` is base64url and a dot, or nothing, so that it can end neither the value nor the header.
fn cookie_header(name: &str, value: &str, life: Duration, secure: bool) -> HeaderValue {
    let secure = if secure { "; Secure" } else { "" };
    let life = life.as_secs();
    let text = format!("{name}={value}; Path=/; Max-Age={life}; HttpOnly; SameSite=Lax{secure}");
    let mut header = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}

impl<D> Clone for Sessions<D> {
    fn clone(&self) -> Sessions<D> {
        Sessions {
            inner: self.inner.clone(),
        }
    }
}

impl<D> fmt::Debug for Sessions<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl<D> fmt::Debug for Session<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The id is what a token is made of.
        f.debug_struct("Session")
            .field("account", &self.account)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}
