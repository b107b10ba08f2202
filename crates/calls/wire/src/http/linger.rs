//! Reading on a little after an answer that did not wait for the whole request, so that the answer is not lost to a peer
//! that is still sending.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use world::{Env, Stream};

use super::READ_BYTES_MIN;

/// With HTTP/1: closing a socket that holds unread bytes resets it, and a reset takes the answer away (RFC 9112, 9.6).
/// At most `bytes_max` bytes are thrown away, for at most `timeout`.
pub async fn on_stream(env: &Env, stream: &dyn Stream, bytes_max: usize, timeout: Duration) {
    let mut rest = BytesMut::new();
    let mut left = bytes_max;
    let discard = poll_fn(|cx| {
        let _ = stream.poll_shutdown(cx)?;
        loop {
            rest.clear();
            rest.reserve(READ_BYTES_MIN);
            match stream.poll_read(cx, &mut rest)? {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(0) => return Poll::Ready(Ok::<(), io::Error>(())),
                Poll::Ready(bytes) if bytes > left => return Poll::Ready(Ok(())),
                Poll::Ready(bytes) => left -= bytes,
            }
        }
    });
    // Whether the peer ended first concerns nobody.
    let _ = env.timeout(timeout, discard).await;
}

/// With HTTP/2: dropping `body` resets its stream, and some clients throw away what they have of the answer (RFC 9113,
/// 8.1, tells them not to).
/// At most `bytes_max` bytes are thrown away, for at most `timeout`.
pub async fn on_body(env: &Env, mut body: Incoming, bytes_max: usize, timeout: Duration) {
    let discard = async {
        let mut left = bytes_max;
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.data_ref().map_or(0, |data| data.len());
            match left.checked_sub(bytes) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    // Whether the peer ended first concerns nobody.
    let _ = env.timeout(timeout, discard).await;
}
