//! The life of a program that runs until it is asked to end.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use component::{Offered, Serving, serve_on};
use host::{Config, Modules, Opened};
use wire::{Face, FaceLimits, Tcp, Trust};
use world::production::shutdown_signal;
use world::{Address, Env, Listener};

use crate::console::Console;
use crate::failure::CommandError;
use crate::limits::DRAIN_MAX;
#[cfg(feature = "database")]
use crate::operator::Door;

/// The exit status after a second Ctrl-C: 128 and the number of SIGINT.
const ENDED_AT_ONCE: u8 = 130;

/// What is to run.
pub(crate) struct Up {
    pub(crate) env: Env,
    pub(crate) tcp: Tcp,
    pub(crate) modules: Modules,
    pub(crate) config: Arc<Config>,
    pub(crate) listen: Option<Address>,
    pub(crate) face: bool,
    pub(crate) json: bool,
    pub(crate) console: Arc<Console>,
}

/// What is said where there is nothing to do.
pub(crate) const NOTHING: &str = "nothing says where to serve; give --service-listen 127.0.0.1:7001, or write listen = \"127.0.0.1:7001\" in [service]";

/// Which of two futures was ready first.
enum First<A, B> {
    One(A),
    Other(B),
}

pub(crate) async fn up(up: Up) -> Result<u8, CommandError> {
    let mut asked = pin!(shutdown_signal());
    // From its first poll on, a signal ends the program in order, also while modules are being opened.
    poll_fn(|cx| Poll::Ready(asked.as_mut().poll(cx).is_ready())).await;
    let life = live(&up.env, &up.tcp, up.listen.as_ref(), up.modules, &up.config);
    let (mut opened, listener) = match first(pin!(life), asked.as_mut()).await {
        First::One(opened) => opened?,
        First::Other(signal) => {
            signal?;
            tracing::info!(target: "terrace::app", "asked to end while modules were being opened");
            return Ok(0);
        }
    };
    #[cfg(feature = "database")]
    opened.start_jobs().await?;
    if listener.is_none() && !opened.has_work() {
        return Err(NOTHING.into());
    }
    opened.start();
    let serving = listener
        .map(|listener| serve(&up.env, &opened, listener, up.tcp, &up.config, up.face))
        .transpose()?;
    if let Some(serving) = &serving {
        announce(&up.console, &serving.address(), up.json)?;
    }
    asked.await?;
    let mut again = pin!(shutdown_signal());
    poll_fn(|cx| Poll::Ready(again.as_mut().poll(cx).is_ready())).await;
    tracing::info!(target: "terrace::app", "asked to end: draining");
    match first(pin!(stop(&up.env, opened, serving)), again).await {
        First::One(()) => Ok(0),
        First::Other(_) => {
            tracing::warn!(target: "terrace::app", "asked to end a second time: ending at once");
            Ok(ENDED_AT_ONCE)
        }
    }
}

/// Binds the address before it opens the modules, since that fails faster; nothing is accepted until all are open.
async fn live(
    env: &Env,
    tcp: &Tcp,
    listen: Option<&Address>,
    modules: Modules,
    config: &Arc<Config>,
) -> Result<(Opened, Option<Box<dyn Listener>>), CommandError> {
    let mut listener = None;
    if let Some(address) = listen {
        tcp.check(address)?;
        let bound = env.network().listen(address).await;
        listener = Some(bound.map_err(|error| ListenError::new(error, address))?);
    }
    #[cfg(feature = "database")]
    let opened = {
        // Whoever comes second to data that this process holds finds the door beside it.
        let door = Door::open(env).await?;
        let opened = modules.owned_by(door.owner.clone()).open(env, config.clone()).await?;
        if !opened.databases().is_empty() {
            drop(door.serve(env, opened.databases(), opened.jobs())?);
        }
        opened
    };
    #[cfg(not(feature = "database"))]
    let opened = modules.open(env, config.clone()).await?;
    Ok((opened, listener))
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
enum ListenError {
    #[error("{address} is in use; stop what listens there, or choose another port (0 picks a free one)")]
    InUse { address: Address },
    #[error("cannot listen on {address}; give an address of this machine, such as 127.0.0.1:7001")]
    Other { address: Address, source: io::Error },
}

impl ListenError {
    fn new(source: io::Error, address: &Address) -> ListenError {
        let address = address.clone();
        match source.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse { address },
            _ => ListenError::Other { address, source },
        }
    }
}

fn serve(
    env: &Env,
    opened: &Opened,
    listener: Box<dyn Listener>,
    tcp: Tcp,
    config: &Config,
    face: bool,
) -> Result<Serving, CommandError> {
    let offered = Offered::new(env, opened.served(), config.calls);
    let table = config.face.as_ref();
    let mut limits = FaceLimits::default();
    if let Some(bytes) = table.and_then(|table| table.request_bytes_max) {
        limits.request_bytes_max = bytes;
        limits.arriving_bytes_max = limits.arriving_bytes_max.max(bytes);
    }
    let face = face.then(|| {
        Arc::new(Face {
            interfaces: offered.interfaces(),
            dispatch: offered.dispatch(),
            trust: Trust {
                loopback: wire::face::is_loopback(&listener.address()),
                hosts: table.map(|table| table.hosts.clone()).unwrap_or_default(),
                origins: table.map(|table| table.origins.clone()).unwrap_or_default(),
                token: tcp.token.clone(),
            },
            limits,
        })
    });
    Ok(serve_on(env, offered, listener, Tcp { face, ..tcp })?)
}

/// Says where it listens, for whoever chose port 0 or waits for it to be there.
fn announce(console: &Console, address: &Address, json: bool) -> io::Result<()> {
    tracing::info!(target: "terrace::app", %address, "listening");
    let told = match json {
        true => format!("{}\n", serde_json::json!({ "listening": address.as_str() })),
        false => format!("listening on {address}\n"),
    };
    match console.text(&told) {
        // A server outlives whoever read its first line.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        told => told,
    }
}

async fn stop(env: &Env, mut opened: Opened, serving: Option<Serving>) {
    let drained = async {
        if let Some(serving) = serving {
            serving.drain().await;
        }
        // A request that was given up leaves what it promised to finish.
        component::finished().await;
    };
    if env.timeout(DRAIN_MAX, drained).await.is_err() {
        tracing::warn!(
            target: "terrace::app",
            "requests were still running {} s after the end was asked for, and are dropped",
            DRAIN_MAX.as_secs()
        );
    }
    opened.stop().await;
    summarize();
    tracing::info!(target: "terrace::app", "stopped");
}

/// What was called how often, one line for each edge that was used.
fn summarize() {
    for edge in telemetry::snapshot().into_iter().filter(|edge| edge.calls > 0) {
        tracing::debug!(
            target: "terrace::app",
            caller = %edge.name.caller, callee = %edge.name.callee, method = %edge.name.method,
            route = edge.name.route.as_str(), calls = edge.calls, ok = edge.ok, retries = edge.retries,
            p50_us = edge.p50_us, p99_us = edge.p99_us,
            "edge"
        );
    }
}

/// Waits for one of two futures, and prefers the first.
async fn first<A: Future, B: Future>(mut one: Pin<&mut A>, mut other: Pin<&mut B>) -> First<A::Output, B::Output> {
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(First::One(value)),
        Poll::Pending => other.as_mut().poll(cx).map(First::Other),
    })
    .await
}
