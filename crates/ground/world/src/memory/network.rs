//! Listeners and streams between the nodes of a world. An address is `node:port`; the names of the loopback mean the
//! node itself, and `10.77.x.y` is the node of that number.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;

use crate::network::{Address, BoxFuture, Listener, Network, Stream};

use super::link::pass;
use super::node::Incarnation;
use super::pipe::{Item, Pipe, own_crash};
use super::state::{Shared, State, Wakes};

/// How many streams may wait to be accepted; the next are refused.
pub const BACKLOG_MAX: usize = 1024;

/// The ports that are picked for port 0, as IANA names them.
const DYNAMIC_PORT_MIN: u16 = 49_152;

const LOOPBACK: [&str; 5] = ["localhost", "127.0.0.1", "0.0.0.0", "[::1]", "[::]"];

/// What the addresses of nodes begin with.
const NET: [u8; 2] = [10, 77];

pub(super) struct MemoryNetwork(pub(super) Incarnation);

impl Network for MemoryNetwork {
    fn listen<'a>(&'a self, at: &'a Address) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let (host, port) = host_and_port(at)?;
            let life = self.0.clone();
            let port = life.enter(|state, _| {
                if state.find_host(&life, host) != Some(life.node) {
                    let why = format!(
                        "cannot listen on {at}: it is not this node; name `{}`",
                        state.nodes[life.node].name
                    );
                    return Err(io::Error::new(ErrorKind::AddrNotAvailable, why));
                }
                state.listen(&life, port)
            })?;
            let address = life.enter(|state, _| address(&state.nodes[life.node].name, port));
            Ok(Box::new(MemoryListener { life, port, address }) as Box<dyn Listener>)
        })
    }

    fn connect<'a>(&'a self, to: &'a Address) -> BoxFuture<'a, io::Result<Arc<dyn Stream>>> {
        Box::pin(async move {
            let (host, port) = host_and_port(to)?;
            let life = &self.0;
            let Some(there) = life.enter(|state, _| state.find_host(life, host)) else {
                return Err(io::Error::new(
                    ErrorKind::NotFound,
                    format!("cannot connect to {to}: no node is named `{host}`; make it by `World::node`"),
                ));
            };
            pass(life, life.node, there).await;
            let stream = life.enter(|state, wakes| state.connect(life, there, port, wakes));
            pass(life, there, life.node).await;
            Ok(Arc::new(stream?) as Arc<dyn Stream>)
        })
    }

    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let life = &self.0;
            let found = match LOOPBACK.contains(&name) {
                true => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                false => life.enter(|state, _| state.find(name)).and_then(ip),
            };
            let why = || format!("cannot resolve {name}: no node is named so; make it by `World::node`");
            let found = found.ok_or_else(|| io::Error::new(ErrorKind::NotFound, why()))?;
            Ok(vec![found])
        })
    }
}

/// The address of the node of that number, of a private network as that of a cluster is.
fn ip(node: usize) -> Option<IpAddr> {
    let [high, low] = u16::try_from(node).ok()?.to_be_bytes();
    Some(IpAddr::V4(Ipv4Addr::new(NET[0], NET[1], high, low)))
}

fn node_of(host: &str) -> Option<usize> {
    let octets = host.parse::<Ipv4Addr>().ok()?.octets();
    let [high, low] = [octets[2], octets[3]];
    (octets[..2] == NET).then(|| u16::from_be_bytes([high, low]).into())
}

/// A port that is listened on.
pub(super) struct Listening {
    incarnation: u32,
    backlog: VecDeque<MemoryStream>,
    accepting: Vec<Waker>,
}

impl State {
    /// Takes the listeners of `node`; dropping them drops streams, so not under the lock.
    pub(super) fn take_listeners(&mut self, node: usize, wakes: &mut Wakes) -> Vec<Listening> {
        let taken = self.listeners.extract_if((node, 0)..=(node, u16::MAX), |_, _| true);
        let mut taken: Vec<Listening> = taken.map(|(_, listening)| listening).collect();
        taken
            .iter_mut()
            .for_each(|listening| wakes.append(&mut listening.accepting));
        taken
    }

    fn find_host(&self, life: &Incarnation, host: &str) -> Option<usize> {
        if LOOPBACK.contains(&host) {
            Some(life.node)
        } else {
            let by_address = || node_of(host).filter(|node| *node < self.nodes.len());
            self.find(host).or_else(by_address)
        }
    }

    fn listen(&mut self, life: &Incarnation, port: u16) -> io::Result<u16> {
        let port = if port == 0 { self.free_port(life.node) } else { port };
        if self.listeners.contains_key(&(life.node, port)) {
            let why = format!("cannot listen on port {port}: it is taken; name another, or 0 for a free one");
            return Err(io::Error::new(ErrorKind::AddrInUse, why));
        }
        let incarnation = self.nodes[life.node].incarnation;
        let listening = Listening {
            incarnation,
            backlog: VecDeque::new(),
            accepting: Vec::new(),
        };
        self.listeners.insert((life.node, port), listening);
        Ok(port)
    }

    fn connect(&mut self, life: &Incarnation, there: usize, port: u16, wakes: &mut Wakes) -> io::Result<MemoryStream> {
        if self.is_struck(life.node) {
            return Err(own_crash());
        }
        let remote = address(&self.nodes[there].name, port);
        let local_port = self.free_port(life.node);
        let local = address(&self.nodes[life.node].name, local_port);
        let listening = self
            .listeners
            .get_mut(&(there, port))
            .filter(|found| found.backlog.len() < BACKLOG_MAX);
        let Some(listening) = listening else {
            let why = format!("cannot connect to {remote}: nobody accepts there");
            return Err(io::Error::new(ErrorKind::ConnectionRefused, why));
        };
        let (out, back) = (self.pipe_next, self.pipe_next + 1);
        self.pipe_next += 2;
        self.pipes.insert(out, Pipe::new(life.node, there));
        self.pipes.insert(back, Pipe::new(there, life.node));
        let stream = |incoming, outgoing, local: &Address, peer: &Address| MemoryStream {
            shared: life.shared.clone(),
            incoming,
            outgoing,
            local: local.clone(),
            peer: peer.clone(),
        };
        listening.backlog.push_back(stream(out, back, &remote, &local));
        wakes.append(&mut listening.accepting);
        Ok(stream(back, out, &local, &remote))
    }

    /// The next dynamic port of `node` that nobody listens on.
    fn free_port(&mut self, node: usize) -> u16 {
        loop {
            let next = &mut self.nodes[node].port_next;
            let port = (*next).max(DYNAMIC_PORT_MIN);
            *next = port.wrapping_add(1);
            if !self.listeners.contains_key(&(node, port)) {
                return port;
            }
        }
    }
}

struct MemoryListener {
    life: Incarnation,
    port: u16,
    address: Address,
}

impl Listener for MemoryListener {
    fn address(&self) -> Address {
        self.address.clone()
    }

    fn accept(&self) -> BoxFuture<'_, io::Result<Arc<dyn Stream>>> {
        let at = (self.life.node, self.port);
        Box::pin(poll_fn(move |cx| {
            self.life.enter(|state, _| match state.listeners.get_mut(&at) {
                Some(listening) => match listening.backlog.pop_front() {
                    Some(stream) => Poll::Ready(Ok(Arc::new(stream) as Arc<dyn Stream>)),
                    None => {
                        listening.accepting.push(cx.waker().clone());
                        Poll::Pending
                    }
                },
                None => Poll::Ready(Err(io::Error::new(ErrorKind::NotConnected, "the listener was closed"))),
            })
        }))
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        let at = (self.life.node, self.port);
        let closed = self.life.shared.with(|state, _| {
            let own = state
                .listeners
                .get(&at)
                .is_some_and(|found| self.life.is_of(found.incarnation));
            own.then(|| state.listeners.remove(&at))
        });
        drop(closed);
    }
}

struct MemoryStream {
    shared: Arc<Shared>,
    incoming: u64,
    outgoing: u64,
    local: Address,
    peer: Address,
}

impl MemoryStream {
    fn write(&self, parts: &[IoSlice<'_>], waker: Option<&Waker>) -> io::Result<usize> {
        self.shared.with(|state, wakes| {
            if state.is_cut_short(self.outgoing) {
                return Err(own_crash());
            }
            let pipe = state.pipes.get_mut(&self.outgoing).ok_or(ErrorKind::NotConnected)?;
            let taken = pipe.accept(state.now, parts);
            if let (Err(error), Some(waker)) = (&taken, waker)
                && error.kind() == ErrorKind::WouldBlock
            {
                pipe.wait(waker);
            }
            let taken = taken?;
            let count = taken.len();
            if count > 0 {
                state.send(self.outgoing, Item::Bytes(taken), wakes);
            }
            Ok(count)
        })
    }
}

impl Stream for MemoryStream {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        self.shared.with(|state, wakes| {
            if state.is_cut_short(self.outgoing) {
                return Poll::Ready(Err(own_crash()));
            }
            match state.pipes.get_mut(&self.incoming) {
                Some(pipe) => pipe.read(state.now, buffer, cx.waker(), wakes),
                None => Poll::Ready(Err(ErrorKind::NotConnected.into())),
            }
        })
    }

    fn poll_write(&self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self.write(parts, Some(cx.waker())) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
            written => Poll::Ready(written),
        }
    }

    fn try_write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write(parts, None)
    }

    fn poll_shutdown(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.with(|state, wakes| {
            if !state.is_cut_short(self.outgoing) && state.pipes.get_mut(&self.outgoing).is_some_and(Pipe::end) {
                state.send(self.outgoing, Item::End, wakes);
            }
        });
        Poll::Ready(Ok(()))
    }

    fn peer(&self) -> Address {
        self.peer.clone()
    }

    fn local(&self) -> Address {
        self.local.clone()
    }
}

impl Drop for MemoryStream {
    fn drop(&mut self) {
        self.shared
            .with(|state, wakes| match state.is_cut_short(self.outgoing) {
                true => state.let_go.push((self.incoming, self.outgoing)),
                false => state.close(self.incoming, self.outgoing, wakes),
            });
    }
}

impl State {
    /// Whether who writes into the pipe `id` is struck.
    fn is_cut_short(&self, id: u64) -> bool {
        self.pipes.get(&id).is_some_and(|pipe| self.is_struck(pipe.from))
    }

    /// Closes what struck nodes have let go of, now that what was due has happened.
    pub(super) fn close_let_go(&mut self, wakes: &mut Wakes) {
        for (incoming, outgoing) in std::mem::take(&mut self.let_go) {
            self.close(incoming, outgoing, wakes);
        }
    }

    /// Closes one end of a stream.
    fn close(&mut self, incoming: u64, outgoing: u64, wakes: &mut Wakes) {
        if self.pipes.get_mut(&outgoing).is_some_and(Pipe::end) {
            self.send(outgoing, Item::End, wakes);
        }
        if let Some(pipe) = self.pipes.get_mut(&outgoing) {
            pipe.writer_dropped();
        }
        if let Some(pipe) = self.pipes.get_mut(&incoming) {
            let refused = self.links.arrival(pipe.to, pipe.from, self.now);
            pipe.reader_dropped(refused);
            self.arrive(incoming, refused, wakes);
        }
        for id in [incoming, outgoing] {
            if self.pipes.get(&id).is_some_and(Pipe::is_over) {
                self.pipes.remove(&id);
            }
        }
    }
}

fn host_and_port(address: &Address) -> io::Result<(&str, u16)> {
    let split = address
        .as_str()
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse().ok()?)));
    split.ok_or_else(|| {
        io::Error::new(
            ErrorKind::InvalidInput,
            format!("the address `{address}` is not one; write `node:port`"),
        )
    })
}

fn address(node: &str, port: u16) -> Address {
    Address::new(format!("{node}:{port}"))
}
