//! TCP, without Nagle's delay.

use std::io::{self, IoSlice};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use socket2::SockRef;
use tokio::io::AsyncReadExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::network::{Address, BoxFuture, Listener, Network, Stream};

/// A listener made by tokio, such as one that was bound before the program's services began.
pub fn listener(listener: TcpListener) -> Box<dyn Listener> {
    // A bound socket has an address; the fallback is for a socket that was closed behind our back.
    let address = listener
        .local_addr()
        .map_or_else(|_| Address::new("unknown"), address_of);
    Box::new(Bound { listener, address })
}

/// A listener made by the standard library or inherited from a parent process. Call it inside a tokio runtime.
pub fn listener_from_std(inherited: std::net::TcpListener) -> io::Result<Box<dyn Listener>> {
    inherited.set_nonblocking(true)?;
    Ok(listener(TcpListener::from_std(inherited)?))
}

pub(super) struct Tcp;

impl Network for Tcp {
    fn listen<'a>(&'a self, at: &'a Address) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let bound = TcpListener::bind(at.as_str())
                .await
                .map_err(|error| named(&error, "listen on", at))?;
            Ok(listener(bound))
        })
    }

    fn connect<'a>(&'a self, to: &'a Address) -> BoxFuture<'a, io::Result<Arc<dyn Stream>>> {
        Box::pin(async move {
            let socket = TcpStream::connect(to.as_str())
                .await
                .map_err(|error| named(&error, "connect to", to))?;
            Ok(Arc::new(Connected::new(socket)?) as Arc<dyn Stream>)
        })
    }

    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await;
            let found = found.map_err(|error| named(&error, "resolve", &Address::new(name)))?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

struct Bound {
    listener: TcpListener,
    address: Address,
}

impl Listener for Bound {
    fn address(&self) -> Address {
        self.address.clone()
    }

    fn accept(&self) -> BoxFuture<'_, io::Result<Arc<dyn Stream>>> {
        Box::pin(async move {
            loop {
                let (socket, _) = match self.listener.accept().await {
                    Ok(accepted) => accepted,
                    Err(error) if is_of_the_peer(&error) => continue,
                    Err(error) => return Err(error),
                };
                // A peer that has gone already is its own trouble, not the listener's.
                if let Ok(stream) = Connected::new(socket) {
                    return Ok(Arc::new(stream) as Arc<dyn Stream>);
                }
            }
        })
    }
}

struct Connected {
    // Tokio's own reading is used rather than `try_read`, because after a short read it knows without another system
    // call that the socket is empty. It wants `&mut`; at most one task reads, so the lock is never waited for.
    reader: Mutex<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    peer: Address,
    local: Address,
}

impl Connected {
    fn new(socket: TcpStream) -> io::Result<Connected> {
        socket.set_nodelay(true)?;
        let (peer, local) = (address_of(socket.peer_addr()?), address_of(socket.local_addr()?));
        let (reader, writer) = socket.into_split();
        Ok(Connected {
            reader: Mutex::new(reader),
            writer,
            peer,
            local,
        })
    }
}

impl Stream for Connected {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        // The future holds no state between polls, so it may be made for each.
        pin!(reader.read_buf(buffer)).poll(cx)
    }

    fn poll_write(&self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.writer.as_ref().poll_write_ready(cx))?;
            match self.writer.try_write_vectored(parts) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.writer.try_write_vectored(parts)
    }

    fn poll_shutdown(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match SockRef::from(self.writer.as_ref()).shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            done => Poll::Ready(done),
        }
    }

    fn peer(&self) -> Address {
        self.peer.clone()
    }

    fn local(&self) -> Address {
        self.local.clone()
    }
}

fn address_of(socket: SocketAddr) -> Address {
    Address::new(socket.to_string())
}

fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

fn named(error: &io::Error, verb: &str, address: &Address) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {verb} {address}: {error}"))
}
