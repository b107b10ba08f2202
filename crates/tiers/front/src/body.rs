//! The body of a request as it arrives: within the limits of its size and of its time, and not forgotten when nobody reads it
//! to its end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use wire::http::linger;
use world::Sleep;

use crate::call::Call;
use crate::peer::Peer;
use crate::refusal::Refusal;

/// A request's body.
pub(crate) struct Arriving {
    body: Option<Incoming>,
    call: Call,
    peer: Arc<Peer>,
    fate: Fate,
    bytes: u64,
    sleep: Option<Sleep>,
}

/// What became of a request's body, for whoever has given it away.
/// It begins as none of these: it arrives.
#[derive(Clone, Default)]
pub(crate) struct Fate(Arc<AtomicU8>);

const WHOLE: u8 = 1;
const TOO_LARGE: u8 = 2;
const TOO_SLOW: u8 = 3;

impl Fate {
    pub(crate) fn is_whole(&self) -> bool {
        self.0.load(Ordering::Relaxed) == WHOLE
    }

    /// Why it was not read to its end, if that was a limit.
    pub(crate) fn refusal(&self, call: &Call) -> Option<Refusal> {
        match self.0.load(Ordering::Relaxed) {
            TOO_LARGE => Some(too_large(call)),
            TOO_SLOW => Some(too_slow(call)),
            _ => None,
        }
    }

    fn set(&self, fate: u8) {
        self.0.store(fate, Ordering::Relaxed);
    }
}

/// Why a body cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error(transparent)]
    Limit(Refusal),
    #[error("the body cannot be read; send it whole")]
    Broken(#[source] hyper::Error),
}

pub(crate) fn too_large(call: &Call) -> Refusal {
    Refusal::TooLarge {
        bytes_max: call.body_bytes_max(),
    }
}

pub(crate) fn too_slow(call: &Call) -> Refusal {
    let after = call.body_deadline().saturating_duration_since(call.came());
    Refusal::TooSlow {
        after_ms: after.as_millis(),
    }
}

impl Arriving {
    pub(crate) fn new(body: Incoming, call: Call, peer: Arc<Peer>) -> (Arriving, Fate) {
        let fate = Fate::default();
        if body.is_end_stream() {
            fate.set(WHOLE);
        }
        let arriving = Arriving {
            body: Some(body),
            call,
            peer,
            fate: fate.clone(),
            bytes: 0,
            sleep: None,
        };
        (arriving, fate)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        // What is announced is refused before it is sent.
        let bytes_max = self.call.body_bytes_max();
        if self.bytes.saturating_add(body.size_hint().lower()) > bytes_max {
            return self.fail(TOO_LARGE, too_large(&self.call));
        }
        match Pin::new(body).poll_frame(cx) {
            Poll::Pending => {}
            Poll::Ready(None) => {
                self.fate.set(WHOLE);
                return Poll::Ready(None);
            }
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(BodyError::Broken(error)))),
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
                return match self.bytes > bytes_max {
                    true => self.fail(TOO_LARGE, too_large(&self.call)),
                    false => Poll::Ready(Some(Ok(frame))),
                };
            }
        }
        loop {
            let (call, env) = (&self.call, self.call.env());
            let sleep = self.sleep.get_or_insert_with(|| env.sleep_until(call.body_deadline()));
            if Pin::new(sleep).poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.sleep = None;
            if self.call.env().now() >= self.call.body_deadline() {
                return self.fail(TOO_SLOW, too_slow(&self.call));
            }
        }
    }

    fn fail<T>(&mut self, fate: u8, why: Refusal) -> Poll<Option<Result<T, BodyError>>> {
        self.fate.set(fate);
        self.part();
        Poll::Ready(Some(Err(BodyError::Limit(why))))
    }

    /// Gives up what has not arrived yet. By HTTP/1 the connection ends after the answer, and reads on a little then; by
    /// HTTP/2 the stream reads on a little.
    fn part(&mut self) {
        let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) else {
            return;
        };
        if self.fate.is_whole() {
            return;
        }
        if self.peer.is_http2 {
            let peer = self.peer.clone();
            let discard = async move {
                let config = peer.config();
                linger::on_body(&peer.env, body, config.linger_bytes_max, config.linger_timeout).await;
            };
            drop(self.peer.env.spawn("front.linger", discard));
        } else {
            self.peer.set_unread();
        }
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if self.body.as_ref().is_some_and(Body::is_end_stream) {
            self.fate.set(WHOLE);
        }
        self.part();
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.poll_next(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
