//! The life of a program that runs until it is asked to end.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use component::{Offered, Serving, serve_on};
use deploy::Supervisor;
use host::{Config, Modules, Opened};
use tokio::sync::OnceCell;
use wire::{Face, FaceLimits, Tcp, Trust};
use world::production::shutdown_signal;
use world::{Address, Env, First, Listener, first};

use crate::console::Console;
use crate::failure::CommandError;
use crate::limits::DRAIN_MAX;
#[cfg(feature = "database")]
use crate::operator::{Door, Invite};
#[cfg(feature = "front")]
use crate::pages;

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
    /// Name and version of the application.
    #[cfg(feature = "front")]
    pub(crate) application: (&'static str, &'static str),
    /// Where its front is served, if it has one.
    #[cfg(feature = "front")]
    pub(crate) pages: Option<crate::command_line::Pages>,
}

/// What is said where there is nothing to do.
pub(crate) const NOTHING: &str = "nothing says where to serve; give --service-listen 127.0.0.1:7001, or write listen = \"127.0.0.1:7001\" in [service]";

pub(crate) async fn up(up: Up) -> Result<u8, CommandError> {
    let programs = OnceCell::new();
    let ended = until_asked(up, &programs).await;
    // However it ended: whoever started this may not wait for what would kill them otherwise.
    let at_once = matches!(ended, Ok(ENDED_AT_ONCE));
    if let Some(programs) = programs.get().filter(|_| !at_once) {
        programs.stop().await;
    }
    ended
}

async fn until_asked(up: Up, programs: &OnceCell<Arc<Supervisor>>) -> Result<u8, CommandError> {
    let mut asked = pin!(shutdown_signal());
    // From its first poll on, a signal ends the program in order, also while modules are being opened.
    poll_fn(|cx| Poll::Ready(asked.as_mut().poll(cx).is_ready())).await;
    let console = up.console.clone();
    let life = live(up, programs);
    let mut live = match first(life, asked.as_mut()).await {
        First::One(live) => live?,
        First::Other(signal) => {
            signal?;
            tracing::info!(target: "terrace::app", "asked to end while modules were being opened");
            return Ok(0);
        }
    };
    live.start(&console).await?;
    asked.await?;
    let mut again = pin!(shutdown_signal());
    poll_fn(|cx| Poll::Ready(again.as_mut().poll(cx).is_ready())).await;
    tracing::info!(target: "terrace::app", "asked to end: draining");
    match first(live.stop(), again).await {
        First::One(()) => Ok(0),
        First::Other(_) => {
            tracing::warn!(target: "terrace::app", "asked to end a second time: ending at once");
            Ok(ENDED_AT_ONCE)
        }
    }
}

/// An application whose modules are open.
struct Life {
    env: Env,
    tcp: Tcp,
    config: Arc<Config>,
    face: bool,
    json: bool,
    opened: Opened,
    /// External components that this process keeps running.
    programs: Arc<Supervisor>,
    listener: Option<Box<dyn Listener>>,
    serving: Option<Serving>,
    #[cfg(feature = "front")]
    application: (&'static str, &'static str),
    #[cfg(feature = "front")]
    bound: Option<pages::Bound>,
    #[cfg(feature = "front")]
    served: Option<pages::Served>,
}

/// Binds the addresses before it opens the modules, since that fails faster; nothing is accepted until all are open.
async fn live(up: Up, programs: &OnceCell<Arc<Supervisor>>) -> Result<Life, CommandError> {
    let (env, config) = (up.env, up.config);
    let mut listener = None;
    if let Some(address) = &up.listen {
        up.tcp.check(address)?;
        listener = Some(bound(&env, address, "--service-listen").await?);
    }
    let start = async || crate::external::start(&env, &config).await.map(Arc::new);
    let programs = programs.get_or_try_init(start).await?.clone();
    let modules = up.modules.started(programs.whereabouts());
    #[cfg(feature = "front")]
    let (pages, modules) = match up.pages {
        Some(asked) if modules.has_front() => {
            let bound = pages::bind(&env, &asked, &config).await?;
            let url = bound.url();
            (Some(bound), modules.reached_at(url))
        }
        _ => (None, modules),
    };
    #[cfg(feature = "database")]
    let opened = {
        // Whoever comes second to data that this process holds finds the door beside it.
        let door = Door::open(&env).await?;
        let opened = modules.owned_by(door.owner.clone()).open(&env, config.clone()).await?;
        #[cfg(feature = "front")]
        let invite = pages.as_ref().map(|bound| {
            let guard = bound.guard();
            Arc::new(move || guard.invite()) as Invite
        });
        #[cfg(not(feature = "front"))]
        let invite: Option<Invite> = None;
        if !opened.databases().is_empty() {
            drop(door.serve(&env, &opened, invite)?);
        }
        opened
    };
    #[cfg(not(feature = "database"))]
    let opened = modules.open(&env, config.clone()).await?;
    Ok(Life {
        env,
        tcp: up.tcp,
        config,
        face: up.face,
        json: up.json,
        opened,
        programs,
        listener,
        serving: None,
        #[cfg(feature = "front")]
        application: up.application,
        #[cfg(feature = "front")]
        bound: pages,
        #[cfg(feature = "front")]
        served: None,
    })
}

impl Life {
    /// Begins to work and to serve, and says where.
    async fn start(&mut self, console: &Console) -> Result<(), CommandError> {
        #[cfg(feature = "database")]
        self.opened.start_jobs().await?;
        #[cfg(feature = "front")]
        let has_pages = self.bound.is_some();
        #[cfg(not(feature = "front"))]
        let has_pages = false;
        if self.listener.is_none() && !has_pages && !self.opened.has_work() {
            return Err(NOTHING.into());
        }
        self.opened.start();
        #[cfg(feature = "front")]
        if let Some(bound) = self.bound.take() {
            let served = bound.serve(&self.env, self.application, &self.opened).await?;
            announce(console, "listening", &served.url, self.json)?;
            announce(console, "admin", &served.admin, self.json)?;
            self.served = Some(served);
        }
        if let Some(listener) = self.listener.take() {
            let tcp = self.tcp.clone();
            let serving = serve(&self.env, &self.opened, listener, tcp, &self.config, self.face)?;
            let kind = if has_pages { "serving" } else { "listening" };
            announce(console, kind, serving.address().as_str(), self.json)?;
            self.serving = Some(serving);
        }
        Ok(())
    }

    async fn stop(mut self) {
        let env = self.env.clone();
        let drained = async {
            #[cfg(feature = "front")]
            if let Some(served) = self.served.take() {
                served.drain(&env, DRAIN_MAX).await;
            }
            if let Some(serving) = self.serving.take() {
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
        self.opened.stop().await;
        self.programs.stop().await;
        summarize();
        tracing::info!(target: "terrace::app", "stopped");
    }
}

/// Binds `address`, which the argument `given` says.
pub(crate) async fn bound(
    env: &Env,
    address: &Address,
    given: &'static str,
) -> Result<Box<dyn Listener>, CommandError> {
    let bound = env.network().listen(address).await;
    Ok(bound.map_err(|error| ListenError::new(error, address, given))?)
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
enum ListenError {
    #[error(
        "{address} is in use; stop what listens there, or choose another port: `{given} 127.0.0.1:0` picks a free one"
    )]
    InUse { address: Address, given: &'static str },
    #[error("cannot listen on {address}; give an address of this machine, such as 127.0.0.1:7001")]
    Other { address: Address, source: io::Error },
}

impl ListenError {
    fn new(source: io::Error, address: &Address, given: &'static str) -> ListenError {
        let address = address.clone();
        match source.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse { address, given },
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

/// Says where something listens, for whoever chose port 0 or waits for it to be there.
fn announce(console: &Console, kind: &str, address: &str, json: bool) -> io::Result<()> {
    // The address of the operator's pages is a secret.
    let shown = address.split_once('?').map_or(address, |(shown, _)| shown);
    tracing::info!(target: "terrace::app", address = shown, "{kind}");
    let told = match json {
        true => format!("{}\n", serde_json::json!({ kind: address })),
        false => format!("{kind} on {address}\n"),
    };
    match console.text(&told) {
        // A server outlives whoever read its first line.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        told => told,
    }
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
