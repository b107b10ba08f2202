//! The access log: one line for each request, when its answer is over.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http::{Method, StatusCode, Uri};
use hyper::body::{Body as _, Frame, SizeHint};
use world::foreign_clock;

use crate::call::Call;
use crate::peer::Peer;

/// Bytes of a path that are logged.
const PATH_BYTES_MAX: usize = 512;

/// Bytes of an answer that are given away at once. What is given away counts as sent, and its end is known only when nearly
/// all of it is taken.
const PART_BYTES_MAX: usize = 64 << 10;

/// What nginx logs for a peer that went away before it was answered.
const PEER_GONE: u16 = 499;

/// One request on its way into the log; it is written when this is dropped. A query may hold tokens, and so may headers:
/// neither is kept.
pub(crate) struct Record {
    peer: Arc<Peer>,
    call: Call,
    method: Method,
    path: String,
    status: Option<StatusCode>,
    why: Option<String>,
    bytes: u64,
    whole: bool,
    /// Probes come every second, and would hide the rest.
    quiet: bool,
}

impl Record {
    pub(crate) fn begin(peer: Arc<Peer>, call: Call, method: Method, uri: &Uri) -> Record {
        let mut path = uri.path().to_owned();
        // Paths are bytes by standard and text by `Uri`; where a character would be cut, one less is kept.
        path.truncate(path.floor_char_boundary(PATH_BYTES_MAX));
        peer.pace.begin();
        Record {
            peer,
            call,
            method,
            path,
            status: None,
            why: None,
            bytes: 0,
            whole: false,
            quiet: false,
        }
    }

    pub(crate) fn answered(&mut self, status: StatusCode, why: Option<String>) {
        (self.status, self.why) = (Some(status), why);
    }

    pub(crate) fn set_quiet(&mut self) {
        self.quiet = true;
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let now = self.call.env().now();
        self.peer.pace.end(now);
        let duration_us = now.saturating_duration_since(self.call.came()).as_micros();
        let status = self.status.map_or(PEER_GONE, |status| status.as_u16());
        let duration_us = u64::try_from(duration_us).unwrap_or(u64::MAX);
        let (method, path) = (self.method.as_str(), self.path.as_str());
        let (peer, request_id) = (self.call.peer(), self.call.id());
        let (bytes, cut, why) = (self.bytes, !self.whole, self.why.as_deref());
        if self.quiet && status < 400 {
            tracing::debug!(target: "terrace::front", method, path, status, bytes, duration_us, peer, request_id, "request");
        } else {
            tracing::info!(
                target: "terrace::front",
                method, path, status, bytes, duration_us, peer, request_id,
                // Said only where there is something to say.
                cut = cut.then_some(true), why,
                "request"
            );
        }
    }
}

/// An answer's body on its way out.
pub(crate) struct Sent {
    body: Body,
    /// What of a frame is not given away yet.
    rest: Bytes,
    record: Record,
    /// Its number where parts of it are counted: by HTTP/1 the socket tells whether the peer takes them.
    number: Option<u64>,
}

impl Sent {
    pub(crate) fn new(body: Body, mut record: Record) -> Sent {
        record.whole = body.is_end_stream();
        let number = record.peer.is_http2.then(|| record.peer.pace.number());
        Sent {
            body,
            rest: Bytes::new(),
            record,
            number,
        }
    }

    fn asked(&self) {
        if let Some(number) = self.number {
            self.record.peer.pace.asked(number);
        }
    }

    fn gave(&self) {
        if let Some(number) = self.number {
            self.record.peer.pace.gave(number, self.record.peer.env.now());
        }
    }
}

impl hyper::body::Body for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        this.asked();
        if this.rest.is_empty() {
            let polled = foreign_clock::heeded(|| Pin::new(&mut this.body).poll_frame(cx));
            match ready!(polled).transpose()?.map(Frame::into_data) {
                Some(Ok(data)) => this.rest = data,
                Some(Err(trailers)) => {
                    this.record.whole = this.body.is_end_stream();
                    this.gave();
                    return Poll::Ready(Some(Ok(trailers)));
                }
                None => {
                    this.record.whole = true;
                    return Poll::Ready(None);
                }
            }
        }
        let part = this.rest.split_to(this.rest.len().min(PART_BYTES_MAX));
        this.record.bytes += u64::try_from(part.len()).unwrap_or(u64::MAX);
        this.record.whole = this.is_end_stream();
        this.gave();
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (
            self.body.size_hint(),
            u64::try_from(self.rest.len()).unwrap_or(u64::MAX),
        );
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.asked();
    }
}
