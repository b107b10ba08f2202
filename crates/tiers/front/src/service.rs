//! The life of a request, between the bytes and the router.
//!
//! ```text
//! identify → check → health | admit → run → limit → finish → (sent) → log
//! ```

use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, Request, StatusCode, header};
use hyper::body::{Body as _, Incoming};
use tower::ServiceExt as _;

use crate::body::{Arriving, Fate, too_slow};
use crate::call::Call;
use crate::config::Config;
use crate::headers;
use crate::host;
use crate::peer::Peer;
use crate::problem::{Problem, Why};
use crate::record::{Record, Sent};
use crate::refusal::{Refusal, Refused};
use crate::request_id;

/// Answers one request of `peer`.
pub(crate) async fn answer(peer: Arc<Peer>, request: Request<Incoming>) -> Result<Response<Sent>, Infallible> {
    let call = identify(&peer, &request);
    let method = request.method().clone();
    let mut record = Record::begin(peer.clone(), call.clone(), method.clone(), request.uri());
    let (parts, body) = request.into_parts();
    let (body, fate) = Arriving::new(body, call.clone(), peer.clone());
    let response = respond(&peer, &call, Request::from_parts(parts, body), &fate, &mut record).await;
    let response = finish(&peer, &call, &method, &fate, response);
    record.answered(response.status(), why(&response));
    Ok(response.map(|body| Sent::new(body, record)))
}

/// Why it is no good answer, where the server or the handler said so for the log.
fn why(response: &Response) -> Option<String> {
    let said = response.extensions().get::<Why>().map(|why| why.0.to_string());
    said.or_else(|| response.extensions().get::<Refusal>().map(Refusal::to_string))
}

fn identify(peer: &Peer, request: &Request<Incoming>) -> Call {
    let given = request_id::given(request.headers());
    let id = given.map_or_else(|| peer.served.draw_id(), str::to_owned);
    Call::begin(&peer.env, peer.config(), &peer.origin, id, request.headers())
}

async fn respond(
    peer: &Peer,
    call: &Call,
    mut request: Request<Arriving>,
    fate: &Fate,
    record: &mut Record,
) -> Response {
    if let Err(refusal) = check(peer, &mut request) {
        return Refused::new(refusal).into_response();
    }
    if let Some(response) = health(peer, request.uri().path()) {
        record.set_quiet();
        return response;
    }
    let Some(_admitted) = Admitted::one_of(peer) else {
        let requests_max = peer.config().requests_max;
        return Refused::new(Refusal::Busy { requests_max }).into_response();
    };
    request.extensions_mut().insert(call.clone());
    let response = run(peer, call, request, fate).await;
    limit(call, fate, told(response))
}

/// Refuses what no handler should see.
fn check(peer: &Peer, request: &mut Request<Arriving>) -> Result<(), Refusal> {
    if peer.is_http2 {
        check_size(peer.config(), request)?;
    }
    if request.method() == Method::CONNECT {
        return Err(Refusal::Connect);
    }
    let codings: Vec<_> = request.headers().get_all(header::TRANSFER_ENCODING).iter().collect();
    match codings[..] {
        [] => {}
        [only] if only.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => {}
        _ => return Err(Refusal::Transfer),
    }
    host::check(request)
}

/// By HTTP/1 hyper refuses a large head, by HTTP/2 nobody has: the bytes as RFC 9113, 6.5.2, counts them.
fn check_size(config: &Config, request: &Request<Arriving>) -> Result<(), Refusal> {
    let uri = request.uri();
    let asked = [
        (":method", request.method().as_str().len()),
        (":scheme", uri.scheme_str().map_or(0, str::len)),
        (
            ":authority",
            uri.authority().map_or(0, |authority| authority.as_str().len()),
        ),
        (":path", uri.path_and_query().map_or(0, |path| path.as_str().len())),
    ];
    let fields = request.headers().iter();
    let fields = fields.map(|(name, value)| (name.as_str(), value.len()));
    let bytes: usize = asked
        .into_iter()
        .chain(fields)
        .map(|(name, value)| name.len() + value + 32)
        .sum();
    if bytes > config.header_bytes_max || request.headers().len() > config.headers_max {
        return Err(Refusal::LargeHead {
            bytes_max: config.header_bytes_max,
            headers_max: config.headers_max,
        });
    }
    Ok(())
}

/// What those ask who watch over the process.
fn health(peer: &Peer, path: &str) -> Option<Response> {
    let said = match path {
        "/healthz" => "ok\n",
        "/readyz" if peer.served.is_ready() => "ready\n",
        "/readyz" => return Some(Refused::new(Refusal::Draining).into_response()),
        _ => return None,
    };
    Some(([(header::CACHE_CONTROL, "no-store")], said).into_response())
}

/// One of the requests whose handlers run at once.
struct Admitted<'a>(&'a Peer);

impl Admitted<'_> {
    fn one_of(peer: &Peer) -> Option<Admitted<'_>> {
        let running = peer.served.requests.fetch_add(1, Ordering::Relaxed);
        let admitted = Admitted(peer);
        (running < peer.config().requests_max).then_some(admitted)
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.0.served.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs the handler to its answer, its panic, or the end of its time; in the last case it is dropped.
async fn run(peer: &Peer, call: &Call, request: Request<Arriving>, fate: &Fate) -> Response {
    // Routing itself runs code of the application's: its layers.
    let handler = async { peer.served.router.clone().oneshot(request).await };
    let mut handler = pin!(handler);
    let mut sleep = None;
    let ended = poll_fn(|cx| {
        match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx))) {
            Ok(Poll::Ready(Ok(response))) => return Poll::Ready(Ok(response)),
            Ok(Poll::Pending) => {}
            Err(_) => return Poll::Ready(Err(Refusal::Panicked)),
        }
        poll_late(call, &mut sleep, cx).map(Err)
    })
    .await;
    ended.unwrap_or_else(|refusal| {
        let refusal = match refusal {
            // It is the peer who was slow.
            Refusal::Late { .. } if !fate.is_whole() => too_slow(call),
            other => other,
        };
        Refused::new(refusal).into_response()
    })
}

/// Ready when the request's time is over, which its handler may have moved.
fn poll_late(call: &Call, sleep: &mut Option<world::Sleep>, cx: &mut Context<'_>) -> Poll<Refusal> {
    let env = call.env();
    loop {
        let waiting = sleep.get_or_insert_with(|| env.sleep_until(call.deadline()));
        if Pin::new(waiting).poll(cx).is_pending() {
            return Poll::Pending;
        }
        *sleep = None;
        let now = env.now();
        if now >= call.deadline() {
            let after_ms = now.saturating_duration_since(call.came()).as_millis();
            return Poll::Ready(Refusal::Late { after_ms });
        }
    }
}

/// A bare 404 or 405, as axum gives for what no route takes, says what to do.
fn told(response: Response) -> Response {
    let detail = match response.status() {
        StatusCode::NOT_FOUND => "there is nothing at this address; look at how it is written",
        StatusCode::METHOD_NOT_ALLOWED => {
            "this address does not take this method; the header Allow says which it takes"
        }
        _ => return response,
    };
    if !response.body().is_end_stream() || response.headers().contains_key(header::CONTENT_TYPE) {
        return response;
    }
    let (parts, _) = response.into_parts();
    let mut problem = Problem::new(parts.status, detail).into_response();
    for (name, value) in &parts.headers {
        if name != header::CONTENT_LENGTH {
            problem.headers_mut().append(name, value.clone());
        }
    }
    problem
}

/// A body above a limit is told as such, whatever a handler made of not getting it.
fn limit(call: &Call, fate: &Fate, response: Response) -> Response {
    let failed = response.status().is_client_error() || response.status().is_server_error();
    match fate.refusal(call) {
        Some(refusal) if failed && response.status() != refusal.status() => Refused::new(refusal).into_response(),
        _ => response,
    }
}

/// Adds what every answer has.
fn finish(peer: &Peer, call: &Call, method: &Method, fate: &Fate, mut response: Response) -> Response {
    headers::add(peer, call, response.headers_mut());
    if !fate.is_whole() && !peer.is_http2 {
        peer.set_unread();
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    if *method == Method::HEAD && !response.body().is_end_stream() {
        without_body(response)
    } else {
        response
    }
}

fn without_body(mut response: Response) -> Response {
    if let Some(bytes) = response.body().size_hint().exact()
        && response.status() != StatusCode::NO_CONTENT
    {
        response
            .headers_mut()
            .entry(header::CONTENT_LENGTH)
            .or_insert(bytes.into());
    }
    response.map(|_| Body::empty())
}
