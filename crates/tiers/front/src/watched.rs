//! The bytes of an HTTP/1 connection on their way to hyper: it is noted when a head begins, and what hyper itself answers to a
//! request that it cannot read (a bare status) says why.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::response::IntoResponse;
use bytes::{Buf, Bytes};
use http::StatusCode;
use hyper::rt::{Read, ReadBufCursor, Write};

use crate::config::Config;
use crate::peer::Peer;
use crate::refusal::{Refusal, Refused};

pub(crate) struct Watched<I> {
    io: I,
    peer: Arc<Peer>,
    /// What is said in the place of hyper's own answer.
    refusal: Bytes,
    refused: bool,
}

impl<I: Read + Write + Unpin> Watched<I> {
    pub(crate) fn new(io: I, peer: Arc<Peer>) -> Watched<I> {
        Watched {
            io,
            peer,
            refusal: Bytes::new(),
            refused: false,
        }
    }

    /// Tells a peer that its head came too slowly.
    pub(crate) async fn refuse_slow(&mut self) -> io::Result<()> {
        let after_ms = self.peer.config().header_timeout.as_millis();
        self.refuse(Refusal::SlowHead { after_ms });
        poll_fn(|cx| Pin::new(&mut *self).poll_shutdown(cx)).await
    }

    fn refuse(&mut self, refusal: Refusal) {
        let (status, peer) = (refusal.status().as_u16(), &*self.peer.origin.peer);
        tracing::info!(target: "terrace::front", status, peer, why = %refusal, "request refused");
        self.refusal = written(&self.peer, refusal);
        self.refused = true;
    }

    /// Takes the place of what hyper writes, if that is an answer of its own: then no request is being answered, and nothing
    /// of an answer before it is left.
    fn replaced(&mut self, parts: &[IoSlice<'_>]) -> Option<usize> {
        if !self.peer.pace.is_silent() {
            return None;
        }
        let said: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        if !self.refused {
            let status = said.get(9..12).and_then(|code| StatusCode::from_bytes(code).ok());
            self.refuse(refusal(status, self.peer.config()));
        }
        Some(said.len())
    }

    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.refusal.is_empty() {
            match ready!(Pin::new(&mut self.io).poll_write(cx, &self.refusal))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                bytes => self.refusal.advance(bytes),
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// What hyper's own status means.
fn refusal(status: Option<StatusCode>, config: &Config) -> Refusal {
    match status {
        Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE) => Refusal::LargeHead {
            bytes_max: config.header_bytes_max,
            headers_max: config.headers_max,
        },
        Some(StatusCode::URI_TOO_LONG) => Refusal::LongAddress,
        _ => Refusal::Malformed,
    }
}

/// A whole answer, for a peer of which nothing more will be read.
fn written(peer: &Peer, refusal: Refusal) -> Bytes {
    let response = Refused::new(refusal.clone()).into_response();
    let body = refusal.problem();
    let mut out = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
    let mut headers = response.headers().clone();
    crate::headers::add_fixed(peer, &mut headers);
    for (name, value) in &headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    let length = body.len();
    out.extend_from_slice(format!("content-length: {length}\r\nconnection: close\r\n\r\n{body}").as_bytes());
    out.into()
}

impl<I: Read + Write + Unpin> Read for Watched<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.io).poll_read(cx, into);
        if polled.is_ready() {
            this.peer.pace.read(this.peer.env.now());
        }
        polled
    }
}

impl<I: Read + Write + Unpin> Write for Watched<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        match this.replaced(&[IoSlice::new(bytes)]) {
            Some(taken) => Poll::Ready(Ok(taken)),
            None => Pin::new(&mut this.io).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        match this.replaced(parts) {
            Some(taken) => Poll::Ready(Ok(taken)),
            None => Pin::new(&mut this.io).poll_write_vectored(cx, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.poll_refusal(cx))?;
        ready!(Pin::new(&mut this.io).poll_flush(cx))?;
        // hyper flushes what is below it when its own buffer is empty.
        this.peer.pace.flushed(this.peer.env.now());
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.poll_refusal(cx))?;
        Pin::new(&mut this.io).poll_shutdown(cx)
    }
}
