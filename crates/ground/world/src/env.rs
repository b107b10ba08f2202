//! [`Env`]: what a node sees of the outside.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::disk::{Disk, SqlitePlace};
use crate::network::{Address, BoxFuture, Listener, Network};
use crate::probe::Probe;
use crate::process::{NoProcesses, Processes};
use crate::random::Random;
use crate::task::{Cancel, Task, watch, watch_blocking};
use crate::time::{Elapsed, Every, Instant, Interval, Sleep, Wall};
use crate::transport::{ConnectError, Door, Service, Session, Transport};

/// One node's door to the outside: time, randomness, network, disk, tasks. A clone is the same node.
#[derive(Clone)]
pub struct Env {
    inner: Arc<Inner>,
}

struct Inner {
    node: Arc<dyn Node>,
    transport: Arc<dyn Transport>,
}

/// What a world implements for each of its nodes.
pub(crate) trait Node: Send + Sync {
    fn name(&self) -> &str;
    fn now(&self) -> Instant;
    fn wall(&self) -> Wall;
    fn interval(&self) -> Interval;
    fn sleep_until(&self, at: Instant) -> Sleep;
    fn random(&self, purpose: &str) -> Random;
    fn network(&self) -> Arc<dyn Network>;
    fn disk(&self) -> Arc<dyn Disk>;
    fn sqlite(&self, name: &str) -> io::Result<SqlitePlace>;
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) -> Box<dyn Cancel>;
    fn blocking(&self, name: &'static str, work: Box<dyn FnOnce() + Send>) -> Box<dyn Cancel>;

    /// Other programs, where there are some.
    fn processes(&self) -> Arc<dyn Processes> {
        let why = format!(
            "node `{}` starts no programs: it is in memory, or built without them",
            self.name()
        );
        Arc::new(NoProcesses { why })
    }

    /// Who watches, in a simulated world.
    fn probe(&self) -> Option<Arc<dyn Probe>> {
        None
    }
}

impl Env {
    pub(crate) fn new(node: Arc<dyn Node>) -> Env {
        Env {
            inner: Arc::new(Inner {
                node,
                transport: Arc::new(NoTransport),
            }),
        }
    }

    /// The same node, with `transport` to carry its messages.
    pub fn with_transport(&self, transport: Arc<dyn Transport>) -> Env {
        Env {
            inner: Arc::new(Inner {
                node: self.inner.node.clone(),
                transport,
            }),
        }
    }

    /// The node's name.
    pub fn node(&self) -> &str {
        self.inner.node.name()
    }

    /// The node's monotonic clock.
    pub fn now(&self) -> Instant {
        self.inner.node.now()
    }

    /// The node's wall clock. It may be wrong and may go back: order nothing by it.
    pub fn wall(&self) -> Wall {
        self.inner.node.wall()
    }

    /// The wall clock with its uncertainty. A production node that was not told a bound claims none:
    /// [`Interval::UNBOUNDED`].
    pub fn interval(&self) -> Interval {
        self.inner.node.interval()
    }

    /// The instant `after` from now.
    pub fn deadline(&self, after: Duration) -> Instant {
        self.now() + after
    }

    /// Ready when the node's clock has advanced by `after`.
    pub fn sleep(&self, after: Duration) -> Sleep {
        self.sleep_until(self.deadline(after))
    }

    /// Ready when the node's clock has reached `at`.
    pub fn sleep_until(&self, at: Instant) -> Sleep {
        self.inner.node.sleep_until(at)
    }

    /// The value of `future` if it is ready within `after`, counted from this call. A future that is ready wins over a
    /// time that is over, and one that is ready at once costs no timer.
    pub fn timeout<F: Future>(
        &self,
        after: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, Elapsed>> + use<F> {
        let deadline = self.deadline(after);
        let env = self.clone();
        async move {
            let mut future = pin!(future);
            let mut sleep = None;
            poll_fn(|cx| {
                if let Poll::Ready(value) = future.as_mut().poll(cx) {
                    return Poll::Ready(Ok(value));
                }
                let timer = sleep.get_or_insert_with(|| env.sleep_until(deadline));
                pin!(timer).poll(cx).map(|()| Err(Elapsed { after }))
            })
            .await
        }
    }

    /// Ticks every `period`, the first one period from now.
    pub fn every(&self, period: Duration) -> Every {
        Every::new(self.clone(), period)
    }

    /// Random numbers for `purpose`. Keep it rather than ask for each number. Each call gives a new source; in memory
    /// it follows from (seed, node, incarnation, purpose, how many sources of this purpose came before), so a draw
    /// added in one place shifts no other.
    pub fn random(&self, purpose: &str) -> Random {
        self.inner.node.random(purpose)
    }

    /// Bytes to and from other nodes.
    pub fn network(&self) -> Arc<dyn Network> {
        self.inner.node.network()
    }

    /// Messages to and from other nodes, by what [`Env::with_transport`] was given.
    pub fn transport(&self) -> Arc<dyn Transport> {
        self.inner.transport.clone()
    }

    /// The node's files.
    pub fn disk(&self) -> Arc<dyn Disk> {
        self.inner.node.disk()
    }

    /// Where the node keeps the SQLite database `name`, a path on its disk.
    pub fn sqlite(&self, name: &str) -> io::Result<SqlitePlace> {
        self.inner.node.sqlite(name)
    }

    /// Other programs of the machine, as children of this node. Only a production node built with the feature `process`
    /// has some; any other refuses every start.
    pub fn processes(&self) -> Arc<dyn Processes> {
        self.inner.node.processes()
    }

    /// Who watches this node in a simulated world; nobody in production. What [`buggify!`](crate::buggify),
    /// [`sometimes!`](crate::sometimes) and [`always!`](crate::always) ask.
    pub fn probe(&self) -> Option<Arc<dyn Probe>> {
        self.inner.node.probe()
    }

    /// Runs `future` as a task of this node, which ends with the node.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> Task<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (sender, outcome) = oneshot::channel();
        let running = self.inner.node.spawn(name, Box::pin(watch(future, sender)));
        Task::new(outcome, running)
    }

    /// Runs `work`, which may block, off the tasks' threads; in memory at once, in place. It begins with this call.
    pub fn blocking<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Task<T> {
        let (sender, outcome) = oneshot::channel();
        let running = self
            .inner
            .node
            .blocking(name, Box::new(move || watch_blocking(work, sender)));
        Task::new(outcome, running)
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env")
            .field("node", &self.node())
            .finish_non_exhaustive()
    }
}

/// Stands where no transport was given.
struct NoTransport;

impl Transport for NoTransport {
    fn connect<'a>(
        &'a self,
        env: &'a Env,
        to: &'a Address,
        _hello: Bytes,
    ) -> BoxFuture<'a, Result<Arc<dyn Session>, ConnectError>> {
        let why = format!("node `{}` has no transport to reach {to}; {ASK}", env.node());
        Box::pin(async move { Err(ConnectError::Unreachable(why)) })
    }

    fn serve(&self, env: &Env, listener: Box<dyn Listener>, _service: Arc<dyn Service>) -> Arc<dyn Door> {
        // Whoever builds the program forgot it; no input leads here.
        panic!(
            "node `{}` has no transport to serve {}; {ASK}",
            env.node(),
            listener.address()
        )
    }
}

const ASK: &str = "give it one by `env.with_transport(..)`";
