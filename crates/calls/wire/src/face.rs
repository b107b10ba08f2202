//! The HTTP face: `POST /{Component}/{method}` with JSON, by the unary rules of the Connect protocol
//! (<https://connectrpc.com/docs/protocol>).
//!
//! ```text
//! serve → trust.admit → route.find → asked.read → body.read → dispatch.start → Answer → JSON
//! ```
//!
//! Whatever goes wrong before `dispatch.start` answers `terrace-ran: no`. What is not HTTP at all gets hyper's own bare
//! 400 or 431. There are no CORS headers on purpose: pages of other origins have no business here.

pub(crate) mod asked;
mod body;
pub(crate) mod failure;
mod limits;
mod route;
mod trust;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use world::{Dispatch, Env, Instant, Stream};

use crate::answer::{Answer, Reason};
use crate::codec::Codec;
use crate::error::{ErrorCode, Ran};
use crate::head::{Head, named_call_id};
use crate::http::{Clock, HTTP2_PREFACE, READ_BYTES_MIN, Socket, Tasks, linger};
use crate::interface::Interface;

use self::asked::Asked;
use self::body::Arriving;
use self::failure::Failure;
use self::route::Target;

pub use self::limits::FaceLimits;
pub use self::trust::{Token, TokenError, Trust, is_loopback};

/// What a listener's HTTP side serves, and to whom.
pub struct Face {
    /// The components; the index of each is its number in the head of a request.
    pub interfaces: Vec<Arc<Interface>>,
    /// What runs the requests; it owns their deadlines.
    pub dispatch: Arc<dyn Dispatch>,
    /// Who may ask.
    pub trust: Trust,
    /// What a peer may cost.
    pub limits: FaceLimits,
}

/// Serves one connection, of which `read` was read already, until the peer ends it or `drain` is ready; then requests
/// that have begun are answered first. Dropping the future drops the requests, which cancels them.
pub async fn serve(
    env: &Env,
    stream: Arc<dyn Stream>,
    read: BytesMut,
    face: Arc<Face>,
    drain: impl Future<Output = ()> + Send,
) {
    let mut socket = Socket::new(env.clone(), stream.clone(), read, face.limits.write_timeout);
    let preface = env.timeout(face.limits.header_timeout, socket.begins_with(HTTP2_PREFACE));
    let Ok(Ok(is_http2)) = preface.await else { return };
    let connection = Arc::new(Connection {
        env: env.clone(),
        face,
        is_http2,
        arriving: Arriving::default(),
        unread: AtomicBool::new(false),
    });
    if is_http2 {
        serve_http2(&connection, socket, drain).await;
    } else {
        let understood = serve_http1(&connection, socket, drain).await;
        if !understood || connection.unread.load(Ordering::Relaxed) {
            let limits = &connection.face.limits;
            linger::on_stream(env, &*stream, limits.request_bytes_max, limits.linger_timeout).await;
        }
    }
}

async fn serve_http1(connection: &Arc<Connection>, socket: Socket, drain: impl Future<Output = ()> + Send) -> bool {
    let limits = &connection.face.limits;
    let served = http1::Builder::new()
        .timer(Clock::new(connection.env.clone()))
        .header_read_timeout(limits.header_timeout)
        .max_headers(limits.headers_max)
        .max_header_size(limits.header_bytes_max)
        .max_buf_size(limits.header_bytes_max.max(READ_BYTES_MIN))
        // It would come from the system's clock; nobody caches what a POST answers.
        .auto_date_header(false)
        .serve_connection(socket, service_fn(|request| answer(connection.clone(), request)));
    until_drained(served, drain, http1::Connection::graceful_shutdown)
        .await
        .is_ok()
}

async fn serve_http2(connection: &Arc<Connection>, socket: Socket, drain: impl Future<Output = ()> + Send) {
    let limits = &connection.face.limits;
    let served = http2::Builder::new(Tasks(connection.env.clone()))
        .timer(Clock::new(connection.env.clone()))
        // A peer that stopped in the middle of a header cannot answer a ping, so this bounds it too.
        .keep_alive_interval(limits.header_timeout)
        .keep_alive_timeout(limits.header_timeout)
        .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.requests_max)
        .auto_date_header(false)
        .serve_connection(socket, service_fn(|request| answer(connection.clone(), request)));
    // How it ended concerns nobody: each request has had its answer, or its peer is gone.
    let _ = until_drained(served, drain, http2::Connection::graceful_shutdown).await;
}

async fn until_drained<C: Future>(
    served: C,
    drain: impl Future<Output = ()>,
    shut_down: impl Fn(Pin<&mut C>),
) -> C::Output {
    let mut served = pin!(served);
    let mut drain = pin!(drain);
    let mut draining = false;
    poll_fn(|cx: &mut Context<'_>| {
        if !draining && drain.as_mut().poll(cx).is_ready() {
            draining = true;
            shut_down(served.as_mut());
        }
        served.as_mut().poll(cx)
    })
    .await
}

/// One peer.
struct Connection {
    env: Env,
    face: Arc<Face>,
    is_http2: bool,
    arriving: Arriving,
    /// An answer was given before the request's body was read.
    unread: AtomicBool,
}

type Answered = Response<Full<Bytes>>;

async fn answer(connection: Arc<Connection>, request: Request<Incoming>) -> Result<Answered, hyper::Error> {
    let came = connection.env.now();
    let (parts, mut body) = request.into_parts();
    let (target, asked) = match connection.face.admit(&parts) {
        Ok(admitted) => admitted,
        Err(failure) if body.is_end_stream() => return Ok(failure.into_response()),
        Err(failure) => return Ok(connection.refuse(failure, body)),
    };
    let arguments = match connection.read(&mut body, came, &asked).await {
        Ok(arguments) => arguments,
        Err(failure) => return Ok(connection.refuse(failure, body)),
    };
    let answered = connection.call(&target, &asked, came, &arguments).await;
    Ok(answered.unwrap_or_else(Failure::into_response))
}

impl Face {
    /// Decides about a request by its head alone.
    fn admit(&self, parts: &Parts) -> Result<(Target<'_>, Asked), Failure> {
        self.trust.admit(&parts.uri, &parts.headers)?;
        let target = route::find(&self.interfaces, &parts.method, &parts.uri)?;
        Ok((target, asked::read(&parts.headers)?))
    }
}

impl Connection {
    async fn read(&self, body: &mut Incoming, came: Instant, asked: &Asked) -> Result<Vec<u8>, Failure> {
        let limits = &self.face.limits;
        let of_call = self.remaining(asked, came)?;
        let timeout = limits.body_timeout.min(of_call.unwrap_or(limits.body_timeout));
        let read = self.env.timeout(timeout, self.arriving.read(body, limits)).await;
        read.unwrap_or_else(|elapsed| {
            let waited_ms = elapsed.after.as_millis();
            let message = format!("the body had not arrived whole after {waited_ms} ms; send it faster");
            let failure = Failure::new(ErrorCode::DeadlineExceeded, message);
            Err(if of_call.is_some_and(|left| left <= timeout) {
                failure
            } else {
                failure.with_status(StatusCode::REQUEST_TIMEOUT)
            })
        })
    }

    /// What remains of the time that the caller gave, if it gave one.
    fn remaining(&self, asked: &Asked, came: Instant) -> Result<Option<Duration>, Failure> {
        let Some(timeout) = asked.timeout else { return Ok(None) };
        let remaining = timeout.saturating_sub(self.env.now().saturating_duration_since(came));
        if remaining.is_zero() {
            let message = format!(
                "the {} ms of `connect-timeout-ms` were over before the call began",
                timeout.as_millis()
            );
            return Err(Failure::new(ErrorCode::DeadlineExceeded, message));
        }
        Ok(Some(remaining))
    }

    async fn call(
        &self,
        target: &Target<'_>,
        asked: &Asked,
        came: Instant,
        arguments: &[u8],
    ) -> Result<Answered, Failure> {
        let remaining = self.remaining(asked, came)?;
        // Nobody but the deployment's token speaks here, so the name of who asks is empty.
        let path = format!("{}/{}", target.interface.name, target.method.name);
        let call_id = asked
            .key
            .as_ref()
            .map(|key| named_call_id(&[b"", path.as_bytes(), key.as_bytes()]));
        let head = Head {
            codec: Codec::Json,
            component: target.component,
            method: target.number,
            remaining_micros: remaining.map(|left| u64::try_from(left.as_micros()).unwrap_or(u64::MAX)),
            call_id,
            trace: asked.trace.map(|trace| (trace.trace_id, trace.span_id, trace.sampled)),
            ..Head::default()
        };
        let mut request = Vec::with_capacity(HEAD_BYTES + arguments.len());
        head.encode(&mut request);
        request.extend_from_slice(if arguments.is_empty() { b"{}" } else { arguments });
        let mut execution = self.face.dispatch.start(&request);
        drop(request);
        let mut reply = Vec::new();
        let kind = poll_fn(|cx| execution.as_mut().poll_reply(cx, &mut reply)).await;
        drop(execution);
        let reply = Bytes::from(reply);
        match Answer::decode(kind, &reply) {
            Answer::Value(value) => Ok(failure::json(StatusCode::OK, reply.slice_ref(value))),
            Answer::UserError(code, value) => Err(target.user_error(code, value)),
            Answer::Failed(reason, error) => {
                let code = match reason {
                    Reason::Kind => error.kind().code(),
                    Reason::InvalidArguments => ErrorCode::InvalidArgument,
                    Reason::Unimplemented => ErrorCode::Unimplemented,
                };
                Err(Failure::new(code, error.message()).with_ran(error.ran()))
            }
        }
    }

    /// The answer to a request of whose `body` the rest is not wanted. With HTTP/1 the connection can carry no other.
    fn refuse(self: &Arc<Self>, failure: Failure, body: Incoming) -> Answered {
        let mut response = failure.into_response();
        if self.is_http2 {
            let connection = self.clone();
            let discard = async move {
                let limits = &connection.face.limits;
                linger::on_body(&connection.env, body, limits.request_bytes_max, limits.linger_timeout).await;
            };
            drop(self.env.spawn("face.linger", discard));
        } else {
            self.unread.store(true, Ordering::Relaxed);
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response
    }
}

/// What a head of the face takes at most: it has no principal.
const HEAD_BYTES: usize = 64;

impl Target<'_> {
    fn user_error(&self, code: ErrorCode, value: &[u8]) -> Failure {
        let type_name = self.interface.type_name(&self.method.error);
        let message = format!(
            "`{}.{}` returned its error `{type_name}`; see `details`",
            self.interface.name, self.method.name
        );
        Failure::new(code, message)
            .with_ran(Ran::Maybe)
            .with_detail(type_name, value)
    }
}
