//! The [`Transport`] of a simulated node: sessions and doors over messages that may be lost, late, doubled or cut off.

use std::sync::Arc;

use bytes::Bytes;
use world::{Address, BoxFuture, ConnectError, Door, Env, Listener, Service, Session, Transport};

use crate::inner::{Inner, Opened};
use crate::network::Message;
use crate::session::{Connecting, Line, Parcel, SimulatedSession};
use crate::trace::Kind;

/// How often a drain looks whether everything was answered, in microseconds.
const DRAIN_STEP_US: u64 = 1_000;

/// How one incarnation of a node reaches others.
pub(crate) struct SimulatedTransport {
    pub(crate) inner: Arc<Inner>,
    pub(crate) node: u32,
    pub(crate) incarnation: u32,
}

impl Transport for SimulatedTransport {
    fn connect<'a>(
        &'a self,
        _env: &'a Env,
        to: &'a Address,
        hello: Bytes,
    ) -> BoxFuture<'a, Result<Arc<dyn Session>, ConnectError>> {
        Box::pin(async move {
            let (there, port) = self.resolve(to)?;
            let connecting = Connecting::new((self.node, self.incarnation), (there, port));
            self.inner.send(Message {
                from: self.node,
                to: there,
                kind: Kind::Hello,
                attempt: 0,
                parcel: Parcel::Hello(connecting.clone()),
                body: hello,
            });
            let (line, hello) = connecting.settled().await?;
            let inner = self.inner.clone();
            Ok(Arc::new(SimulatedSession { inner, line, hello }) as Arc<dyn Session>)
        })
    }

    fn serve(&self, env: &Env, listener: Box<dyn Listener>, service: Arc<dyn Service>) -> Arc<dyn Door> {
        let address = listener.address();
        let port = port(&address).unwrap_or_default();
        let opened = Opened {
            env: env.clone(),
            incarnation: self.incarnation,
            service,
        };
        let replaced = self.inner.core().doors.insert((self.node, port), opened);
        drop(replaced);
        Arc::new(SimulatedDoor {
            inner: self.inner.clone(),
            env: env.clone(),
            at: (self.node, port),
            address,
            _listener: listener,
        })
    }
}

impl SimulatedTransport {
    fn resolve(&self, to: &Address) -> Result<(u32, u16), ConnectError> {
        let unreachable = |why: &str| ConnectError::Unreachable(format!("cannot connect to {to}: {why}"));
        let (host, _) = to.as_str().rsplit_once(':').unwrap_or((to.as_str(), ""));
        let port = port(to).ok_or_else(|| unreachable("it has no port; write `node:port`"))?;
        let found = self.inner.core().find(host);
        let there = found.ok_or_else(|| unreachable("no node has this name; make it by `World::server`"))?;
        Ok((there, port))
    }
}

fn port(address: &Address) -> Option<u16> {
    address.as_str().rsplit_once(':')?.1.parse().ok()
}

struct SimulatedDoor {
    inner: Arc<Inner>,
    env: Env,
    at: (u32, u16),
    address: Address,
    /// Keeps the port taken.
    _listener: Box<dyn Listener>,
}

impl SimulatedDoor {
    fn lines(&self) -> Vec<Arc<Line>> {
        let lines: Vec<Arc<Line>> = self
            .inner
            .core()
            .lines
            .iter()
            .filter_map(std::sync::Weak::upgrade)
            .collect();
        lines
            .into_iter()
            .filter(|line| (line.to, line.port) == self.at)
            .collect()
    }
}

impl Door for SimulatedDoor {
    fn address(&self) -> Address {
        self.address.clone()
    }

    fn drain(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let closed = self.inner.core().doors.remove(&self.at);
            drop(closed);
            if self.inner.is_struck(self.at.0) {
                // It crashes in this step, and its peers are told so.
                return;
            }
            self.lines().iter().for_each(|line| line.go_away());
            while self.lines().iter().any(|line| line.is_executing()) {
                self.env.sleep(std::time::Duration::from_micros(DRAIN_STEP_US)).await;
            }
        })
    }
}
