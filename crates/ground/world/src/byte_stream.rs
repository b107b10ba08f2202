//! A [`Stream`] in the clothes of tokio's traits, for libraries such as hyper.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::network::Stream;

/// Bytes read from the stream at once.
const READ_BYTES_MAX: usize = 16 * 1024;

/// Reads and writes a [`Stream`], after giving again the bytes that were already read from it.
pub struct ByteStream {
    stream: Arc<dyn Stream>,
    prefix: Bytes,
    buffer: BytesMut,
}

impl ByteStream {
    /// `stream`, whose first bytes `prefix` were read to find out what it speaks.
    pub fn new(stream: Arc<dyn Stream>, prefix: Bytes) -> ByteStream {
        ByteStream {
            stream,
            prefix,
            buffer: BytesMut::new(),
        }
    }

    /// The stream itself, for its addresses.
    pub fn stream(&self) -> &Arc<dyn Stream> {
        &self.stream
    }
}

impl AsyncRead for ByteStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if into.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if this.prefix.has_remaining() {
            give(&mut this.prefix, into);
            return Poll::Ready(Ok(()));
        }
        if this.buffer.is_empty() {
            this.buffer.reserve(READ_BYTES_MAX);
            ready!(this.stream.poll_read(cx, &mut this.buffer))?;
        }
        give(&mut this.buffer, into);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ByteStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.poll_write(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_write(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A stream holds nothing back.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_shutdown(cx)
    }
}

fn give(from: &mut impl Buf, into: &mut ReadBuf<'_>) {
    let count = from.remaining().min(into.remaining());
    into.put_slice(&from.chunk()[..count]);
    from.advance(count);
}
