//! [`serve`]: accepts connections within their limits, and drains.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use tokio::sync::Semaphore;
use wire::Signal;
use world::{Address, Env, Listener, Random, Task};

use crate::config::Config;
use crate::connection;
use crate::host;
use crate::request_id;
use crate::tls::Tls;

/// What is served, and within which limits.
pub struct Web {
    /// The routes; `/healthz` and `/readyz` never reach them.
    pub router: Router,
    /// What a peer may cost, and what is said to all.
    pub config: Config,
}

impl Web {
    /// `router` within the default limits.
    pub fn new(router: Router) -> Web {
        Web {
            router,
            config: Config::default(),
        }
    }
}

/// Serves `web` to whoever connects to `listener`: by HTTPS with `tls`, else by plain HTTP; by HTTP/1.1 or HTTP/2 as the peer
/// begins.
pub async fn serve(env: &Env, listener: Box<dyn Listener>, web: Arc<Web>, tls: Option<Tls>) -> Handle {
    let address = listener.address();
    let served = Arc::new(Served {
        env: env.clone(),
        // The limit of bodies is the server's own; axum's would be a second one.
        router: web.router.clone().layer(DefaultBodyLimit::disable()),
        tls,
        draining: Signal::new(),
        stopped: Signal::new(),
        unready: AtomicBool::new(false),
        requests: AtomicUsize::new(0),
        connections: Arc::new(Semaphore::new(connections_max(&web.config))),
        peers: Mutex::default(),
        random: Mutex::new(env.random(request_id::PURPOSE)),
        web,
    });
    let accepting = env.spawn("front.listener", accept(served.clone(), listener));
    Handle {
        address,
        served,
        accepting: Mutex::new(Some(accepting)),
    }
}

/// A listener that is being served. Dropping it lets it run on.
pub struct Handle {
    address: Address,
    served: Arc<Served>,
    accepting: Mutex<Option<Task<()>>>,
}

impl Handle {
    /// Where it listens, with the real port.
    pub fn address(&self) -> Address {
        self.address.clone()
    }

    /// Stops: says that it is not ready, closes the listener, asks peers to send no more, and waits until the requests in
    /// flight are answered, at most for `drain_timeout`. Then whatever is left is dropped.
    pub async fn drain(&self) {
        let (env, config) = (&self.served.env, &self.served.web.config);
        if !self.served.unready.swap(true, Ordering::Relaxed) && !config.unready_time.is_zero() {
            env.sleep(config.unready_time).await;
        }
        let accepting = self.accepting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(accepting) = accepting {
            accepting.cancel();
            // It held a permit for the connection it waited for.
            let _ = accepting.await;
        }
        self.served.draining.give();
        let all = u32::try_from(connections_max(config)).unwrap_or(u32::MAX);
        let connections = &self.served.connections;
        if env
            .timeout(config.drain_timeout, connections.acquire_many(all))
            .await
            .is_err()
        {
            let left = connections_max(config).saturating_sub(connections.available_permits());
            tracing::warn!(target: "terrace::front", left, "connections are dropped: their requests took too long to drain");
            self.served.stopped.give();
            drop(connections.acquire_many(all).await);
        }
    }
}

fn connections_max(config: &Config) -> usize {
    config
        .connections_max
        .clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize))
}

/// What every connection of one listener shares.
pub(crate) struct Served {
    pub(crate) env: Env,
    pub(crate) web: Arc<Web>,
    pub(crate) router: Router,
    pub(crate) tls: Option<Tls>,
    /// Send no more.
    pub(crate) draining: Signal,
    /// Nothing is answered any more.
    stopped: Signal,
    unready: AtomicBool,
    /// Handlers that run.
    pub(crate) requests: AtomicUsize,
    connections: Arc<Semaphore>,
    peers: Mutex<BTreeMap<Arc<str>, usize>>,
    random: Mutex<Random>,
}

impl Served {
    pub(crate) fn is_ready(&self) -> bool {
        !self.unready.load(Ordering::Relaxed)
    }

    /// Whether browsers may be told to insist on HTTPS here.
    pub(crate) fn is_strict(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| !tls.is_development())
    }

    pub(crate) fn draw_id(&self) -> String {
        request_id::drawn(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn peers(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, usize>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long nothing is accepted after a failure to.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

async fn accept(served: Arc<Served>, listener: Box<dyn Listener>) {
    loop {
        // At the limit the next connections wait in the listener's own queue.
        let Ok(permit) = served.connections.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok(stream) => {
                let Some(counted) = Counted::one_of(&served, &stream.peer()) else {
                    continue;
                };
                let stopped = served.stopped.given();
                let connection = connection::serve(served.clone(), stream, counted.peer.clone());
                let connection = async move {
                    unless(connection, stopped).await;
                    drop((counted, permit));
                };
                drop(served.env.spawn("front.connection", connection));
            }
            Err(error) => {
                tracing::warn!(target: "terrace::front", %error, "a connection could not be accepted");
                // Out of descriptors, most likely: asking again at once would only spin.
                served.env.sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Runs `work` until it is done or `stopped`.
async fn unless(work: impl Future<Output = ()>, stopped: impl Future<Output = ()>) {
    let (mut work, mut stopped) = (pin!(work), pin!(stopped));
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Pending => stopped.as_mut().poll(cx),
        done => done,
    })
    .await;
}

/// One connection of one peer.
struct Counted {
    served: Arc<Served>,
    /// The address without its port, as it is logged.
    peer: Arc<str>,
    /// What is counted together.
    group: Arc<str>,
}

impl Counted {
    /// Counts a connection from `address`; `None` if it is one too many.
    fn one_of(served: &Arc<Served>, address: &Address) -> Option<Counted> {
        let (peer, group) = peer_and_group(address);
        {
            let mut peers = served.peers();
            let connections = peers.entry(group.clone()).or_insert(0);
            let config = &served.web.config;
            if config.proxies == 0 && *connections >= config.connections_per_peer_max {
                let refused = *connections;
                drop(peers);
                tracing::debug!(target: "terrace::front", peer = &*peer, refused, "connection refused: the peer has enough");
                return None;
            }
            *connections += 1;
        }
        let served = served.clone();
        Some(Counted { served, peer, group })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut peers = self.served.peers();
        if let Some(connections) = peers.get_mut(&self.group) {
            *connections -= 1;
            if *connections == 0 {
                peers.remove(&self.group);
            }
        }
    }
}

/// An address without its port, and what of it stands for one peer: who has one IPv6 address has its /64.
fn peer_and_group(address: &Address) -> (Arc<str>, Arc<str>) {
    let (name, _) = host::split(address.as_str());
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let peer = name.parse().map(|ip: IpAddr| ip.to_canonical());
    match peer {
        Ok(IpAddr::V4(ip)) => {
            let text: Arc<str> = ip.to_string().into();
            (text.clone(), text)
        }
        Ok(IpAddr::V6(ip)) => {
            let network = ip.to_bits() >> 64;
            (ip.to_string().into(), format!("{network:x}/64").into())
        }
        // A node of a world in memory.
        Err(_) => (name.into(), name.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::peer_and_group;
    use world::Address;

    #[test]
    fn a_peer_is_an_address_of_version_4_or_a_network_of_version_6() {
        for (address, peer, group) in [
            ("127.0.0.1:80", "127.0.0.1", "127.0.0.1"),
            ("[::ffff:10.0.0.1]:80", "10.0.0.1", "10.0.0.1"),
            ("[2001:db8:1:2:3::4]:80", "2001:db8:1:2:3::4", "20010db800010002/64"),
            ("client:49152", "client", "client"),
        ] {
            let (found, counted) = peer_and_group(&Address::new(address));
            assert_eq!((&*found, &*counted), (peer, group), "{address}");
        }
    }
}
