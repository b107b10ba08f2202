//! The real world, on tokio: its timers (which round up to the next millisecond), TCP, files, threads.
#![expect(clippy::disallowed_methods, reason = "world is the door")]

#[cfg(feature = "process")]
mod children;
mod disk;
mod found;
#[cfg(feature = "memory")]
mod hosted;
mod lock;
mod network;
mod operator;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::disk::{Disk, SqlitePlace};
use crate::env::{Env, Node};
use crate::network::{BoxFuture, Network};
use crate::random::Random;
use crate::task::Cancel;
use crate::time::{Instant, Interval, Sleep, Wall, nanos};

pub use found::FoundFile;
#[cfg(feature = "memory")]
pub use hosted::Hosting;
pub use lock::{FileLock, NotLocked};
pub use network::{listener, listener_from_std};
pub use operator::{FileId, NewFile, exists, file_id, open_file, read_file, remove_file};

/// What a production node may be given.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The directory that is the root of its disk; it is created when it is first used. Default: none, and the disk
    /// refuses every call.
    pub data: Option<PathBuf>,
    /// By how much its wall clock may be wrong, as whoever runs its time service promises. Default: nobody promises
    /// anything, and [`Env::interval`] is unbounded.
    pub uncertainty: Option<Duration>,
}

/// How far away a timer may be, and when a longer one ends: thirty years, tokio's own far future.
const SLEEP_MAX: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

impl Env {
    /// A node of the real world, with the default [`Options`]. It belongs to the tokio runtime it is made
    /// in, or else to that in which it first needs one.
    pub fn production(node: impl Into<String>) -> Env {
        Env::production_with(node, Options::default())
    }

    /// A node of the real world. It belongs to the tokio runtime it is made in, or else to that in which it
    /// first needs one.
    pub fn production_with(node: impl Into<String>, options: Options) -> Env {
        let runtime = Runtime::here();
        Env::new(Arc::new(Process {
            name: node.into(),
            origin: std::time::Instant::now(),
            uncertainty: options.uncertainty,
            network: Arc::new(network::Tcp),
            disk: Arc::new(disk::Files::new(options.data, runtime.clone())),
            runtime,
        }))
    }
}

/// The tokio runtime of a node.
#[derive(Clone)]
pub(crate) struct Runtime(Arc<OnceLock<Handle>>);

impl Runtime {
    fn here() -> Runtime {
        Runtime(Arc::new(Handle::try_current().map(OnceLock::from).unwrap_or_default()))
    }

    /// Panics where there is none yet: nothing can wait or run outside a runtime.
    pub(crate) fn handle(&self) -> &Handle {
        self.0.get_or_init(Handle::current)
    }
}

/// Ready when the process is asked to end: by Ctrl-C, or by SIGTERM where there are signals, or on Linux by SIGHUP, which comes
/// when the terminal closes, unless that is ignored as by `nohup`. The process is asked in this way only from the first poll on.
#[cfg(feature = "signal")]
pub async fn shutdown_signal() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = hears_hangup().then(|| signal(SignalKind::hangup())).transpose()?;
        std::future::poll_fn(|cx| {
            let hangup = hangup.as_mut().is_some_and(|hangup| hangup.poll_recv(cx).is_ready());
            let asked = hangup || terminate.poll_recv(cx).is_ready() || interrupt.poll_recv(cx).is_ready();
            if asked {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        Ok(())
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// Whether SIGHUP means this process. Whoever has it ignored when it is started wants it to run on without a terminal; only Linux
/// says so without a call of the C library (proc(5): bit 0 of `SigIgn`), elsewhere it is left as it is.
#[cfg(all(unix, feature = "signal"))]
fn hears_hangup() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return false;
    };
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 == 0)
}

struct Process {
    name: String,
    origin: std::time::Instant,
    uncertainty: Option<Duration>,
    network: Arc<network::Tcp>,
    disk: Arc<disk::Files>,
    runtime: Runtime,
}

impl Node for Process {
    fn name(&self) -> &str {
        &self.name
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(nanos(self.origin.elapsed()))
    }

    fn wall(&self) -> Wall {
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => Wall::from_micros(micros(after)),
            Err(before) => Wall::from_micros(-micros(before.duration())),
        }
    }

    fn interval(&self) -> Interval {
        match self.uncertainty {
            Some(uncertainty) => Interval::around(self.wall(), uncertainty),
            None => Interval::UNBOUNDED,
        }
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        let _runtime = self.runtime.handle().enter();
        // By the time itself, so that no clock is read for it.
        let after = Duration::from_nanos(at.as_nanos()).min(SLEEP_MAX);
        Sleep::new(tokio::time::sleep_until((self.origin + after).into()))
    }

    fn random(&self, _purpose: &str) -> Random {
        Random::system()
    }

    fn network(&self) -> Arc<dyn Network> {
        self.network.clone()
    }

    fn disk(&self) -> Arc<dyn Disk> {
        self.disk.clone()
    }

    fn sqlite(&self, name: &str) -> io::Result<SqlitePlace> {
        Ok(SqlitePlace {
            path: self.disk.place(name)?,
            vfs: None,
            inline: false,
        })
    }

    #[cfg(feature = "process")]
    fn processes(&self) -> Arc<dyn crate::process::Processes> {
        Arc::new(children::Children(self.runtime.clone()))
    }

    fn spawn(&self, _name: &'static str, task: BoxFuture<'static, ()>) -> Box<dyn Cancel> {
        Box::new(self.runtime.handle().spawn(task).abort_handle())
    }

    fn blocking(&self, _name: &'static str, work: Box<dyn FnOnce() + Send>) -> Box<dyn Cancel> {
        Box::new(self.runtime.handle().spawn_blocking(work).abort_handle())
    }
}

impl Cancel for AbortHandle {
    fn cancel(&self) {
        self.abort();
    }
}
