//! The network of a node over turmoil's sockets.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWrite};
use turmoil::net::{TcpListener, TcpStream};
use world::{Address, BoxFuture, Listener, Network, Stream};

/// Bytes that one write takes: turmoil would take any number as one segment, a socket's buffer does not.
const WRITE_BYTES_MAX: usize = 16 << 10;

/// Opens turmoil's sockets; used on a turmoil host only.
pub(crate) struct Turmoil;

impl Network for Turmoil {
    fn listen<'a>(&'a self, at: &'a Address) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let listener = TcpListener::bind(at.as_str()).await?;
            Ok(Box::new(Bound(listener)) as Box<dyn Listener>)
        })
    }

    fn connect<'a>(&'a self, to: &'a Address) -> BoxFuture<'a, io::Result<Arc<dyn Stream>>> {
        Box::pin(async move { connected(TcpStream::connect(to.as_str()).await?) })
    }
}

struct Bound(TcpListener);

impl Listener for Bound {
    fn address(&self) -> Address {
        let address = self.0.local_addr();
        Address::new(address.map_or_else(|error| error.to_string(), |address| address.to_string()))
    }

    fn accept(&self) -> BoxFuture<'_, io::Result<Arc<dyn Stream>>> {
        Box::pin(async move { connected(self.0.accept().await?.0) })
    }
}

fn connected(stream: TcpStream) -> io::Result<Arc<dyn Stream>> {
    Ok(Arc::new(Connected {
        peer: Address::new(stream.peer_addr()?.to_string()),
        local: Address::new(stream.local_addr()?.to_string()),
        stream: Mutex::new(stream),
    }))
}

struct Connected {
    // Reading and writing want `&mut`. A simulation has one thread, so the lock is never waited for.
    stream: Mutex<TcpStream>,
    peer: Address,
    local: Address,
}

impl Connected {
    fn stream(&self) -> MutexGuard<'_, TcpStream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream for Connected {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let mut stream = self.stream();
        // The future holds no state between polls, so it may be made for each.
        pin!(stream.read_buf(buffer)).poll(cx)
    }

    fn poll_write(&self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream()).poll_write(cx, first(parts))
    }

    fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream().try_write(first(parts))
    }

    fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut *self.stream()).poll_shutdown(cx) {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            done => done,
        }
    }

    fn peer(&self) -> Address {
        self.peer.clone()
    }

    fn local(&self) -> Address {
        self.local.clone()
    }
}

fn first<'a>(parts: &'a [IoSlice<'_>]) -> &'a [u8] {
    let part = parts.iter().find(|part| !part.is_empty());
    part.map_or(&[], |part| &part[..part.len().min(WRITE_BYTES_MAX)])
}
