//! Requests to addresses that people supply: only such as are public, checked before each connection, within bounds of time
//! and size.
//!
//! ```text
//! get → target.read      scheme, host, port; no credentials
//!     → public.check     names are resolved here, and every address is checked: the connection goes to one of these
//!     → exchange.ask     one request on a connection of its own, by TLS where the address says so
//!     → body.read        unpacked while it is read, up to BODY_BYTES_MAX
//!     a redirect begins at target.read again, REDIRECTS_MAX times
//! ```

mod body;
mod exchange;
mod public;
mod target;

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use bytes::Bytes;
use terrace::{AddressRange, Env, Setup};
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

use self::target::Target;

/// Bytes of an address.
pub const ADDRESS_BYTES_MAX: usize = 2_000;
/// Redirects that are followed.
pub const REDIRECTS_MAX: usize = 3;
/// Bytes of an answer once it is unpacked: 5 MiB.
pub const BODY_BYTES_MAX: usize = 5 << 20;
/// How long all of it may take, redirects included.
pub const WHOLE_MAX: Duration = Duration::from_secs(10);
/// Names that are resolved at the same time; each of them may keep a thread for as long as its servers like.
const RESOLVING_MAX: usize = 16;

/// Whoever asks.
#[derive(Clone)]
pub struct Outgoing {
    env: Env,
    /// What may be asked though it is not public.
    allowed: Arc<[AddressRange]>,
    tls: TlsConnector,
    resolving: Arc<Semaphore>,
}

/// What is sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: Method,
    /// Beside those that each request has.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What is posted.
    pub body: Bytes,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// How it ended.
    pub status: StatusCode,
    /// Its fields.
    pub headers: HeaderMap,
    /// Unpacked.
    pub body: Bytes,
}

/// Why there is no answer, as a sentence for the person who supplied the address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is none that is asked.
    #[error("{0}")]
    Address(String),
    /// It leads to where nobody from outside may ask.
    #[error("{host} leads to {address}, which is {what}; only public addresses are read")]
    Private {
        /// As it was written.
        host: String,
        /// Where it leads.
        address: String,
        /// What kind of address that is.
        what: &'static str,
    },
    /// Its name leads to where nobody from outside may ask. Where that is, is not for whoever asks to learn.
    #[error("{host} leads into a network that is not public; only public addresses are read")]
    Inside {
        /// As it was written.
        host: String,
    },
    /// It leads on and on.
    #[error("it redirects more than {REDIRECTS_MAX} times")]
    Redirects,
    /// Its answer is too large.
    #[error("it is larger than {} MiB once it is unpacked", BODY_BYTES_MAX >> 20)]
    TooLarge,
    /// Its answer is packed wrongly, or in a way that was not asked for.
    #[error("its answer cannot be unpacked: {0}")]
    Packed(String),
    /// It takes too long.
    #[error("it did not end within {} s", WHOLE_MAX.as_secs())]
    Slow,
    /// It cannot be reached, or breaks off.
    #[error("it cannot be read: {0}")]
    Unreachable(String),
}

impl Request {
    /// A `GET` with no fields of its own.
    pub fn get() -> Request {
        Request {
            method: Method::GET,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// With one more field; a value that no field can have is left out.
    pub fn with(mut self, name: HeaderName, value: &str) -> Request {
        self.headers
            .extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
        self
    }
}

impl Outgoing {
    /// Asks over the network of the node; `allow` in `[feeds]` says what need not be public.
    pub fn open(setup: &Setup) -> Result<Outgoing, rustls::Error> {
        Ok(Outgoing {
            env: setup.env().clone(),
            allowed: setup.feeds_allowed().into(),
            tls: exchange::tls(setup.env())?,
            resolving: Arc::new(Semaphore::new(RESOLVING_MAX)),
        })
    }

    /// Whether `url` is one that would be asked: what is known of it without asking. A name that nobody knows now may be known
    /// later.
    pub async fn check(&self, url: &str) -> Result<(), Refusal> {
        let target = Target::read(url)?;
        let checked = self.env.timeout(WHOLE_MAX, public::check(self, &target.host)).await;
        match checked {
            Ok(Err(refusal @ (Refusal::Private { .. } | Refusal::Inside { .. } | Refusal::Address(_)))) => Err(refusal),
            _ => Ok(()),
        }
    }

    /// Asks `url`, and whatever it redirects to.
    pub async fn get(&self, url: &str, request: &Request) -> Result<Answer, Refusal> {
        let asked = self.env.timeout(WHOLE_MAX, self.followed(url, request)).await;
        asked.unwrap_or(Err(Refusal::Slow))
    }

    async fn followed(&self, url: &str, request: &Request) -> Result<Answer, Refusal> {
        let mut target = Target::read(url)?;
        for _ in 0..=REDIRECTS_MAX {
            let places = public::check(self, &target.host).await?;
            let answer = exchange::ask(self, &target, &places, request).await?;
            let moved = matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308);
            let Some(location) = answer.headers().get(header::LOCATION).filter(|_| moved) else {
                return body::read(answer).await;
            };
            let location = location
                .to_str()
                .map_err(|_| address("it redirects to what is no address"))?;
            target = target.joined(location)?;
        }
        Err(Refusal::Redirects)
    }

    /// Asks an address of the operator's own configuration, which may be anywhere; redirects are answers.
    pub async fn ask_trusted(&self, url: &str, request: &Request) -> Result<Answer, Refusal> {
        let asked = self.env.timeout(WHOLE_MAX, async {
            let target = Target::read(url)?;
            let places = public::resolved(self, &target.host).await?;
            body::read(exchange::ask(self, &target, &places, request).await?).await
        });
        asked.await.unwrap_or(Err(Refusal::Slow))
    }
}

fn address(why: impl Into<String>) -> Refusal {
    Refusal::Address(why.into())
}
