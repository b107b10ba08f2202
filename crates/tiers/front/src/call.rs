//! [`Call`]: what the server knows of one request.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::FromRequestParts;
use component::{CallId, Cx, Root};
use http::HeaderMap;
use http::request::Parts;
use telemetry::TraceContext;
use wire::Signal;
use world::{Env, Instant};

use crate::config::Config;
use crate::forwarded;
use crate::refusal::{Refusal, Refused};
use crate::request_id;

/// What the server knows of one request. It lies in the request's extensions, and is an extractor. A clone is the same.
#[derive(Clone)]
pub struct Call {
    inner: Arc<Inner>,
}

struct Inner {
    env: Env,
    id: Box<str>,
    peer: Arc<str>,
    is_tls: bool,
    trace: Option<TraceContext>,
    draining: Signal,
    came: Instant,
    /// Nanoseconds of the node's clock; a route may move it.
    deadline: AtomicU64,
    body_bytes_max: AtomicU64,
    body_deadline: AtomicU64,
}

/// Where a request came from.
pub(crate) struct Origin {
    pub(crate) peer: Arc<str>,
    pub(crate) is_tls: bool,
    pub(crate) draining: Signal,
}

impl Call {
    /// A request that came from nowhere, for tests and simulations: with the default limits and a random id.
    pub fn new(env: &Env) -> Call {
        let origin = Origin {
            peer: "".into(),
            is_tls: false,
            draining: Signal::new(),
        };
        let id = request_id::drawn(&mut env.random(request_id::PURPOSE));
        Call::begin(env, &Config::default(), &origin, id, &HeaderMap::new())
    }

    /// A request that comes now.
    pub(crate) fn begin(env: &Env, config: &Config, origin: &Origin, id: String, headers: &HeaderMap) -> Call {
        let came = env.now();
        let forwarded = forwarded::peer(headers, config.proxies);
        Call {
            inner: Arc::new(Inner {
                env: env.clone(),
                id: id.into(),
                peer: forwarded.map_or_else(|| origin.peer.clone(), |peer| peer.to_string().into()),
                is_tls: forwarded::is_tls(headers, config.proxies).unwrap_or(origin.is_tls),
                trace: trace(headers),
                draining: origin.draining.clone(),
                came,
                deadline: AtomicU64::new((came + config.request_timeout).as_nanos()),
                body_bytes_max: AtomicU64::new(config.body_bytes_max),
                body_deadline: AtomicU64::new((came + config.body_timeout).as_nanos()),
            }),
        }
    }

    /// The node that answers.
    pub fn env(&self) -> &Env {
        &self.inner.env
    }

    /// The request's id, as its answer and the log have it.
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// The address of the peer without its port; behind proxies of which [`Config::proxies`] tells, whom they saw.
    pub fn peer(&self) -> &str {
        &self.inner.peer
    }

    /// Whether it came by HTTPS, to this server or to a proxy before it.
    pub fn is_tls(&self) -> bool {
        self.inner.is_tls
    }

    /// A context for the calls of this request, each time with a new random id: it ends with the request's time, and
    /// belongs to the trace that the peer named.
    pub fn cx(&self, principal: Option<&str>) -> Cx {
        self.root(principal, None)
    }

    /// The same for a request that may be repeated by `key`, an `Idempotency-Key`: equal parts give equal ids, so that what
    /// is made once is made once.
    pub fn keyed(&self, principal: &str, method_and_route: &str, key: &str) -> Cx {
        let parts = [principal, method_and_route, key].map(str::as_bytes);
        self.root(Some(principal), Some(CallId::from_parts(&parts)))
    }

    /// Lets this request bring a body of up to `body_bytes_max`, and take `time` from now for it and for its answer's head.
    /// Say it before the body is read.
    pub fn allow(&self, body_bytes_max: u64, time: Duration) {
        let deadline = self.inner.env.deadline(time).as_nanos();
        self.inner.body_bytes_max.store(body_bytes_max, Ordering::Relaxed);
        self.inner.deadline.fetch_max(deadline, Ordering::Relaxed);
        self.inner.body_deadline.fetch_max(deadline, Ordering::Relaxed);
    }

    /// Ready when the server drains: an answer without an end, such as of events, ends then.
    pub fn draining(&self) -> impl Future<Output = ()> + Send + use<> {
        self.inner.draining.given()
    }

    pub(crate) fn came(&self) -> Instant {
        self.inner.came
    }

    pub(crate) fn deadline(&self) -> Instant {
        Instant::from_nanos(self.inner.deadline.load(Ordering::Relaxed))
    }

    pub(crate) fn body_deadline(&self) -> Instant {
        Instant::from_nanos(self.inner.body_deadline.load(Ordering::Relaxed))
    }

    pub(crate) fn body_bytes_max(&self) -> u64 {
        self.inner.body_bytes_max.load(Ordering::Relaxed)
    }

    fn root(&self, principal: Option<&str>, id: Option<CallId>) -> Cx {
        let root = Root {
            began: None,
            id,
            deadline: Some(self.deadline()),
            principal: principal.map(Arc::from),
            trace: self.inner.trace,
        };
        Cx::from_root(&self.inner.env, root)
    }
}

/// The trace that the peer named, if it named one; a bad `traceparent` is no error (W3C Trace Context, 3.2.4).
fn trace(headers: &HeaderMap) -> Option<TraceContext> {
    let mut named = headers.get_all("traceparent").iter();
    let only = named.next().filter(|_| named.next().is_none())?;
    TraceContext::parse(only.as_bytes()).ok()
}

impl<S: Sync> FromRequestParts<S> for Call {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Call, Refused> {
        let call = parts.extensions.get::<Call>().cloned();
        call.ok_or_else(|| Refused::new(Refusal::NoCall))
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("id", &self.id())
            .field("peer", &self.peer())
            .field("is_tls", &self.is_tls())
            .finish_non_exhaustive()
    }
}
