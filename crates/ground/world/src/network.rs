//! Bytes between nodes: addresses, listeners and streams, as traits that both worlds implement.

use std::fmt;
use std::io;
use std::io::IoSlice;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;

/// A future behind a pointer, as object-safe traits need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where a peer is reached: `host:port` in production, `node:port` in memory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

impl Address {
    /// An address from its text; it is resolved only when it is used.
    pub fn new(text: impl Into<String>) -> Address {
        Address(text.into())
    }

    /// The text it was made from.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Address {
    fn from(text: &str) -> Address {
        Address::new(text)
    }
}

impl From<String> for Address {
    fn from(text: String) -> Address {
        Address(text)
    }
}

/// Opens listeners and streams.
pub trait Network: Send + Sync {
    /// Binds `at`; port 0 picks a free one, which [`Listener::address`] tells.
    fn listen<'a>(&'a self, at: &'a Address) -> BoxFuture<'a, io::Result<Box<dyn Listener>>>;

    /// Connects to `to`; the caller bounds the time.
    fn connect<'a>(&'a self, to: &'a Address) -> BoxFuture<'a, io::Result<Arc<dyn Stream>>>;

    /// The addresses of the host called `name`, for whoever may connect to some of them only; the caller bounds the time.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let message = format!("cannot resolve {name}: this network knows no names; connect by a host's address");
        Box::pin(async { Err(io::Error::new(io::ErrorKind::Unsupported, message)) })
    }
}

/// A bound address that accepts streams.
pub trait Listener: Send + Sync {
    /// The address it is bound to, with the real port.
    fn address(&self) -> Address;

    /// The next stream. Dropping the future loses no stream.
    fn accept(&self) -> BoxFuture<'_, io::Result<Arc<dyn Stream>>>;
}

/// A connected, ordered stream of bytes, used through a shared reference: at most one task waits to read and one to
/// write.
pub trait Stream: Send + Sync {
    /// Reads what has arrived into the spare capacity of `buffer` (which must have some); 0 is the end.
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>>;

    /// Writes a prefix of `parts`, and says how many bytes.
    fn poll_write(&self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>>;

    /// Writes a prefix of `parts` now or answers `WouldBlock`; registers no task.
    fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Ends the sending direction: the peer reads an end after what was written.
    fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// The other end.
    fn peer(&self) -> Address;

    /// This end.
    fn local(&self) -> Address;
}
