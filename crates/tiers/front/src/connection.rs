//! One connection, from its first byte to its last: TLS or not, HTTP/1.1 or HTTP/2, within its times.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use hyper::rt;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use wire::http::{Clock, HTTP2_PREFACE, READ_BYTES_MIN, Socket, Tasks, linger};
use world::{Instant, Sleep, Stream, foreign_clock};

use crate::call::Origin;
use crate::peer::{Peer, Waiting};
use crate::server::Served;
use crate::service;
use crate::tls::Tls;
use crate::watched::Watched;

/// Serves `stream` until its peer ends it, a time of it is over, or the server drains and its requests are answered.
pub(crate) async fn serve(served: Arc<Served>, stream: Arc<dyn Stream>, peer: Arc<str>) {
    let origin = Origin {
        peer,
        is_tls: served.tls.is_some(),
        draining: served.draining.clone(),
    };
    let config = &served.web.config;
    let socket = Socket::new(
        served.env.clone(),
        stream.clone(),
        BytesMut::new(),
        config.write_timeout,
    );
    let tls = served.tls.clone();
    let begun = served.env.timeout(config.header_timeout, begin(&served, socket, tls));
    match begun.await {
        Ok(Ok(Begun::Plain(socket, is_http2))) => {
            speak(Peer::new(served, origin, is_http2), socket, &*stream).await;
        }
        Ok(Ok(Begun::Tls(secured, is_http2))) => {
            speak(Peer::new(served, origin, is_http2), secured, &*stream).await;
        }
        // It has said nothing that could be answered: most often a browser's spare connection, or a port scan.
        Ok(Err(error)) => {
            tracing::debug!(target: "terrace::front", peer = &*origin.peer, %error, "connection not begun");
        }
        Err(elapsed) => {
            tracing::debug!(target: "terrace::front", peer = &*origin.peer, error = %elapsed, "connection not begun");
        }
    }
}

type Secured = TokioIo<tokio_rustls::server::TlsStream<TokioIo<Socket>>>;

/// What is spoken on a connection, and whether that is HTTP/2.
enum Begun {
    Plain(Socket, bool),
    Tls(Box<Secured>, bool),
}

/// Whoever has said nothing yet holds up no drain.
async fn begin(served: &Served, mut socket: Socket, tls: Option<Tls>) -> io::Result<Begun> {
    let beginning = async {
        let Some(tls) = tls else {
            let is_http2 = socket.begins_with(HTTP2_PREFACE).await?;
            return Ok(Begun::Plain(socket, is_http2));
        };
        let secured = tls.accept(TokioIo::new(socket)).await?;
        let is_http2 = secured.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Begun::Tls(Box::new(TokioIo::new(secured)), is_http2))
    };
    let (mut beginning, mut draining) = (pin!(beginning), pin!(served.draining.given()));
    poll_fn(|cx| match beginning.as_mut().poll(cx) {
        Poll::Pending if draining.as_mut().poll(cx).is_ready() => Poll::Ready(Err(io::Error::new(
            io::ErrorKind::ConnectionAborted,
            "the server drains",
        ))),
        begun => begun,
    })
    .await
}

async fn speak<I>(peer: Peer, io: I, stream: &dyn Stream)
where
    I: rt::Read + rt::Write + Unpin + Send + 'static,
{
    let peer = Arc::new(peer);
    if peer.is_http2 {
        speak_http2(&peer, io).await;
        return;
    }
    let understood = speak_http1(&peer, io).await;
    if !understood || peer.is_unread() {
        let config = peer.config();
        linger::on_stream(&peer.env, stream, config.linger_bytes_max, config.linger_timeout).await;
    }
}

async fn speak_http1<I>(peer: &Arc<Peer>, io: I) -> bool
where
    I: rt::Read + rt::Write + Unpin + Send + 'static,
{
    let config = peer.config();
    let answering = peer.clone();
    let served = http1::Builder::new()
        .timer(Clock::new(peer.env.clone()))
        // Its own does not tell a slow head from an idle connection; `watch` does.
        .header_read_timeout(None)
        .max_headers(config.headers_max)
        .max_header_size(config.header_bytes_max)
        .max_buf_size(config.header_bytes_max.max(READ_BYTES_MIN))
        // It would come from the system's clock.
        .auto_date_header(false)
        .serve_connection(
            Watched::new(io, peer.clone()),
            service_fn(move |request| heeded(service::answer(answering.clone(), request))),
        );
    let mut served = served;
    match watch(peer, &mut served, http1::Connection::graceful_shutdown).await {
        Ended::Done(result) => result.is_ok(),
        Ended::Idle | Ended::Stalled => true,
        Ended::Slow => {
            let mut io = served.into_parts().io;
            // A peer that is gone does not need to hear it.
            let _ = io.refuse_slow().await;
            false
        }
    }
}

async fn speak_http2<I>(peer: &Arc<Peer>, io: I)
where
    I: rt::Read + rt::Write + Unpin + Send + 'static,
{
    let config = peer.config();
    let answering = peer.clone();
    let served = http2::Builder::new(Tasks(peer.env.clone()))
        .timer(Clock::new(peer.env.clone()))
        // A peer that stopped in the middle of a frame cannot answer a ping.
        .keep_alive_interval(config.header_timeout)
        .keep_alive_timeout(config.header_timeout)
        // Above `header_bytes_max` it is told why; far above it h2 itself refuses, with a bare status.
        .max_header_list_size(u32::try_from(config.header_bytes_max.saturating_mul(4)).unwrap_or(u32::MAX))
        .max_concurrent_streams(config.streams_max)
        .auto_date_header(false)
        .serve_connection(
            io,
            service_fn(move |request| service::answer(answering.clone(), request)),
        );
    let mut served = served;
    // How it ended concerns nobody: each request has had its answer, or its peer is gone.
    drop(watch(peer, &mut served, http2::Connection::graceful_shutdown).await);
}

/// What hyper polls that is not its own.
async fn heeded<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| foreign_clock::heeded(|| future.as_mut().poll(cx))).await
}

/// How a connection came to its end.
enum Ended<T> {
    Done(T),
    /// No request came for too long.
    Idle,
    /// The head of a request did not come whole.
    Slow,
    /// The peer took nothing of an answer.
    Stalled,
}

/// Runs a connection within its times, and lets it finish when the server drains or nothing came for too long: by HTTP/2 the
/// peer is told to go (RFC 9113, 6.8), and what it has sent before it heard that is answered.
async fn watch<C: Future + Unpin>(peer: &Peer, served: &mut C, shut_down: impl Fn(Pin<&mut C>)) -> Ended<C::Output> {
    let mut draining = pin!(peer.origin.draining.given());
    let mut is_ending = false;
    // Until when a peer that was told to go may take to.
    let mut go_by = None;
    let mut clock = None;
    poll_fn(|cx| {
        loop {
            // hyper looks at the date, and writes none. What has come already is read before the connection is told to end.
            if let Poll::Ready(output) = foreign_clock::ignored(|| Pin::new(&mut *served).poll(cx)) {
                return Poll::Ready(Ended::Done(output));
            }
            if !is_ending && draining.as_mut().poll(cx).is_ready() {
                is_ending = true;
                shut_down(Pin::new(&mut *served));
                continue;
            }
            match ready!(poll_over(peer, go_by, &mut clock, cx)) {
                Waiting::Idle(_) if !is_ending => {
                    is_ending = true;
                    go_by = Some(peer.env.now() + peer.config().header_timeout);
                    shut_down(Pin::new(&mut *served));
                }
                Waiting::Idle(_) => return Poll::Ready(Ended::Idle),
                Waiting::Head(_) => return Poll::Ready(Ended::Slow),
                Waiting::Taking(_) => return Poll::Ready(Ended::Stalled),
            }
        }
    })
    .await
}

/// Ready when what the connection waits for has taken too long.
fn poll_over(
    peer: &Peer,
    go_by: Option<Instant>,
    clock: &mut Option<(Instant, Sleep)>,
    cx: &mut Context<'_>,
) -> Poll<Waiting> {
    let config = peer.config();
    loop {
        let now = peer.env.now();
        let waiting = peer.pace.waiting();
        let at = match waiting {
            Some(Waiting::Idle(since)) => {
                let idle = since + config.idle_timeout;
                go_by.map_or(idle, |by| idle.max(by))
            }
            Some(Waiting::Head(since)) => since + config.header_timeout,
            Some(Waiting::Taking(since)) => since + config.write_timeout,
            // By HTTP/2 an answer may go on or end without waking this task: it looks again then.
            None => clock.as_ref().map_or(now + config.write_timeout, |(at, _)| *at),
        };
        if let Some(waiting) = waiting.filter(|_| now >= at) {
            return Poll::Ready(waiting);
        }
        if clock.as_ref().is_none_or(|(set, _)| *set != at) {
            *clock = Some((at, peer.env.sleep_until(at)));
        }
        if let Some((_, sleep)) = clock.as_mut()
            && Pin::new(sleep).poll(cx).is_pending()
        {
            return Poll::Pending;
        }
        *clock = None;
    }
}
