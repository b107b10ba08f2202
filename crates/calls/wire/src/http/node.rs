//! What hyper needs of the outside, by the node's own means: a clock, tasks, a socket.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant as Epoch};

use bytes::{Buf, BytesMut};
use hyper::rt::{self, ReadBufCursor};
use world::{Env, Instant, Sleep, Stream, foreign_clock};

use super::READ_BYTES_MIN;

/// The node's clock, in the type that hyper wants.
pub struct Clock {
    env: Env,
    /// hyper compares and adds to instants of this type only, so any one will do for `origin`.
    epoch: Epoch,
    origin: Instant,
}

impl Clock {
    /// The clock of `env`.
    #[expect(
        clippy::disallowed_methods,
        reason = "only differences to it are used, and they are of the node's clock"
    )]
    pub fn new(env: Env) -> Clock {
        let origin = env.now();
        Clock {
            env,
            epoch: foreign_clock::ignored(Epoch::now),
            origin,
        }
    }
}

impl rt::Timer for Clock {
    fn sleep(&self, after: Duration) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Timed(Mutex::new(self.env.sleep(after))))
    }

    fn sleep_until(&self, deadline: Epoch) -> Pin<Box<dyn rt::Sleep>> {
        let at = self.origin + deadline.saturating_duration_since(self.epoch);
        Box::pin(Timed(Mutex::new(self.env.sleep_until(at))))
    }

    fn now(&self) -> Epoch {
        self.epoch + self.env.now().saturating_duration_since(self.origin)
    }
}

/// The lock is never contended: it makes a `Sleep` shareable, which hyper asks for and does not use.
struct Timed(Mutex<Sleep>);

impl Future for Timed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
        Pin::new(sleep).poll(cx)
    }
}

impl rt::Sleep for Timed {}

/// The node's tasks.
#[derive(Clone)]
pub struct Tasks(pub Env);

impl<F> rt::Executor<F> for Tasks
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, future: F) {
        drop(self.0.spawn("http.request", future));
    }
}

/// A stream whose first bytes were read already, and which gives up on a peer that takes nothing.
pub struct Socket {
    env: Env,
    stream: Arc<dyn Stream>,
    read: BytesMut,
    write_timeout: Duration,
    /// Runs while a write waits.
    stalled: Option<Sleep>,
}

impl Socket {
    /// `stream`, of which `read` was read already, and whose peer may take nothing for `write_timeout`.
    pub fn new(env: Env, stream: Arc<dyn Stream>, read: BytesMut, write_timeout: Duration) -> Socket {
        Socket {
            env,
            stream,
            read,
            write_timeout,
            stalled: None,
        }
    }

    /// Whether the peer's first bytes are `prefix`; reads no more than it takes to tell, and takes nothing away.
    pub async fn begins_with(&mut self, prefix: &[u8]) -> io::Result<bool> {
        loop {
            let known = self.read.len().min(prefix.len());
            if self.read[..known] != prefix[..known] {
                return Ok(false);
            }
            if known == prefix.len() {
                return Ok(true);
            }
            self.read.reserve(READ_BYTES_MIN);
            if poll_fn(|cx| self.stream.poll_read(cx, &mut self.read)).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn write(&mut self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = self.stream.poll_write(cx, parts) {
            self.stalled = None;
            return Poll::Ready(written);
        }
        let env = &self.env;
        let stalled = self.stalled.get_or_insert_with(|| env.sleep(self.write_timeout));
        Pin::new(stalled).poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl rt::Read for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.read.is_empty() {
            this.read.reserve(READ_BYTES_MIN);
            ready!(this.stream.poll_read(cx, &mut this.read))?;
        }
        let bytes = this.read.len().min(into.remaining());
        into.put_slice(&this.read[..bytes]);
        this.read.advance(bytes);
        Poll::Ready(Ok(()))
    }
}

impl rt::Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A stream holds nothing back.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_shutdown(cx)
    }
}
