//! PostgreSQL: a schema and a role for each component.
//!
//! The transactions of a component are run by one thread with a runtime of its own, which also drives their connections: the
//! future of a closure need not be `Send`, and a statement wakes no other thread. Queries and single statements are no
//! closures: they run on their caller's runtime, which drives connections for them, and wake no other thread either. A
//! caller on another runtime than the database was opened on is served by the thread. It opens its own sockets and is
//! outside of the simulator.
//!
//! A component's sessions take on a role that owns its schema and is granted nothing else, so that a statement cannot
//! name another component's tables by mistake. It is no wall against code that means ill: all components of a process
//! share its memory, and its user.
//!
//! ```text
//! open     address → schema::prepare (lock, role, schema) → shares (a pool for each side)
//! submit   place among those that wait → attempt::transact → Session (begin + first statement, .., last + commit)
//! query    place among those that wait → attempt::query
//! execute  the same → attempt::execute → Session (begin + statement + commit)
//! ```
#![expect(
    clippy::disallowed_methods,
    reason = "the tasks and the clock of this thread's own runtime; `world` lists the engine"
)]

mod address;
mod attempt;
mod failure;
mod names;
mod pipeline;
mod plan;
mod schema;
mod session;
mod shares;
mod values;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, QueueMode, RecyclingMethod, Runtime};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::LocalSet;
use tokio::time::Instant;
use wire::Ran;
use world::{Env, Random};

use self::address::Address;
use self::pipeline::while_wanted;
pub(crate) use self::session::Session;
use self::shares::{Shares, Side};
use crate::config::Config;
use crate::error::Error;
use crate::limits::{STATEMENT_MAX, WAITING_MAX};
use crate::row::Rows;
use crate::value::Value;
use crate::work::{Isolation, Work};

/// How long a connection may take, with all that is said until it is ready.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// How long a transaction may wait until a connection is free.
const POOL_WAIT_MAX: Duration = Duration::from_secs(10);

/// How long the answer to a statement is waited for: the server stops it before, if it is alive.
const ANSWER_MAX: Duration = Duration::from_secs(STATEMENT_MAX.as_secs() + 10);

/// How often a component asks for the plan of a slow statement at most: a server that is slow has no time for them.
const PLAN_EVERY: Duration = Duration::from_secs(1);

/// The database of one component.
pub(crate) struct Postgres {
    asked: mpsc::Sender<Asked>,
    waiting: Arc<Semaphore>,
    server: Arc<Server>,
    /// The runtime it was opened on, which drives the connections of queries.
    home: Option<tokio::runtime::Id>,
}

struct Asked {
    what: What,
    /// Its place among those that wait.
    waits: OwnedSemaphorePermit,
}

enum What {
    Work(Box<dyn Work>),
    Query(String, Vec<Value>, oneshot::Sender<Result<Rows, Error>>),
}

/// What was not taken, and why.
struct Refused {
    error: Error,
    what: What,
}

/// What everybody knows who talks to the server.
struct Server {
    shares: Shares,
    address: Address,
    component: String,
    connections: usize,
    slow: Duration,
    random: Mutex<Random>,
    plan_asked: Mutex<Option<Instant>>,
}

impl Server {
    /// Between half of `backoff` and all of it, so that those who met do not meet again.
    fn jittered(&self, backoff: Duration) -> Duration {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        backoff.mul_f64(0.5 + random.fraction() / 2.0)
    }

    fn may_ask_plan(&self) -> bool {
        let now = Instant::now();
        let mut asked = self.plan_asked.lock().unwrap_or_else(PoisonError::into_inner);
        let may = asked.is_none_or(|asked| now - asked >= PLAN_EVERY);
        if may {
            *asked = Some(now);
        }
        may
    }
}

impl Postgres {
    pub(crate) async fn open(
        env: &Env,
        component: &str,
        config: &Config,
        url: &str,
        password: Option<&str>,
    ) -> Result<Postgres, Error> {
        let address = Address::read(url, password, component)?;
        let (asked, ask) = mpsc::channel(WAITING_MAX);
        let (ready, opened) = oneshot::channel();
        let opening = Opening {
            address,
            component: component.to_owned(),
            connections: config.connections.max(1),
            slow: config.slow,
            random: env.random("database/postgres"),
        };
        drop(env.blocking("postgres", move || serve(opening, ask, ready)));
        let server = opened.await.map_err(|_| closed())??;
        let home = Handle::try_current().ok().map(|home| home.id());
        Ok(Postgres {
            asked,
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            home: home.filter(|_| server.shares.has_callers()),
            server,
        })
    }

    pub(crate) fn submit(&self, work: Box<dyn Work>) {
        if let Err(refused) = self.ask(What::Work(work)) {
            let Refused { error, what } = *refused;
            if let What::Work(work) = what {
                work.settle(Err(error));
            }
        }
    }

    pub(crate) async fn query(&self, sql: &str, values: Vec<Value>) -> Result<Rows, Error> {
        if !self.is_at_home() {
            let (answer, answered) = oneshot::channel();
            let asked = self.ask(What::Query(sql.to_owned(), values, answer));
            asked.map_err(|refused| refused.error)?;
            return answered.await.map_err(|_| closed())?;
        }
        let waits = self.place().ok_or_else(busy)?;
        let (found, session) = attempt::query(&self.server, Side::Callers, sql, &values, waits).await;
        told_later(session);
        found
    }

    /// Runs one statement in a transaction of its own. Only where the caller [is at home](Postgres::is_at_home).
    pub(crate) async fn execute(&self, isolation: Isolation, sql: &str, values: &[Value]) -> Result<u64, Error> {
        let waits = self.place().ok_or_else(busy)?;
        let (done, session) = attempt::execute(&self.server, isolation, sql, values, waits).await;
        told_later(session);
        done
    }

    /// Whether the caller runs where the connections of queries are driven.
    pub(crate) fn is_at_home(&self) -> bool {
        self.home.is_some() && Handle::try_current().ok().map(|here| here.id()) == self.home
    }

    fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.waiting.clone().try_acquire_owned().ok()
    }

    fn ask(&self, what: What) -> Result<(), Box<Refused>> {
        let refused = |error, what| Box::new(Refused { error, what });
        let Some(waits) = self.place() else {
            return Err(refused(busy(), what));
        };
        self.asked.try_send(Asked { what, waits }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(asked) => refused(busy(), asked.what),
            mpsc::error::TrySendError::Closed(asked) => refused(closed(), asked.what),
        })
    }
}

/// What the thread begins with.
struct Opening {
    address: Address,
    component: String,
    connections: usize,
    slow: Duration,
    random: Random,
}

/// The life of the thread, until the database is dropped.
fn serve(opening: Opening, mut ask: mpsc::Receiver<Asked>, ready: oneshot::Sender<Result<Arc<Server>, Error>>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let message = format!("no runtime for PostgreSQL: {error}");
            let _ = ready.send(Err(Error::Open { message }));
            return;
        }
    };
    let local = LocalSet::new();
    local.block_on(&runtime, async move {
        let server = match open(opening).await {
            Ok(server) => Arc::new(server),
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        if ready.send(Ok(server.clone())).is_err() {
            return;
        }
        while let Some(Asked { what, waits }) = ask.recv().await {
            let server = server.clone();
            tokio::task::spawn_local(async move {
                match what {
                    What::Work(work) => attempt::transact(&server, work, waits).await,
                    What::Query(sql, values, mut answer) => {
                        let found = attempt::query(&server, Side::Thread, &sql, &values, waits);
                        let Some((found, session)) = while_wanted(&mut answer, found).await else {
                            return;
                        };
                        // Whoever gave up does not want to know.
                        let _ = answer.send(found);
                        if let Some(session) = session {
                            session.tell_slow().await;
                        }
                    }
                }
            });
        }
    });
    // What runs still is finished.
    runtime.block_on(local);
}

async fn open(opening: Opening) -> Result<Server, Error> {
    let (address, component) = (opening.address, opening.component);
    let ready = schema::prepare(&address, &component).await?;
    if let Err(next) = &ready.separate {
        tracing::warn!(
            target: "terrace::database", component, user = address.user(),
            "the component has no role of its own on PostgreSQL, so that its statements can reach the tables of other \
             components of the same user; {next}"
        );
    }
    let pool = || {
        let manager = Manager::from_config(
            address.of_component(&ready.names, ready.separate.is_ok()),
            address.tls.clone(),
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        Pool::builder(manager)
            // The shares see to it that there are fewer.
            .max_size(opening.connections)
            // The one that was used last has its statements in the server's memory.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .create_timeout(Some(CONNECT_MAX))
            .build()
            .map_err(|error| Error::Open {
                message: error.to_string(),
            })
    };
    let shares = Shares::new(opening.connections, [pool()?, pool()?]);
    Ok(Server {
        shares,
        address,
        component,
        connections: opening.connections,
        slow: opening.slow,
        random: Mutex::new(opening.random),
        plan_asked: Mutex::default(),
    })
}

/// Has what was slow be told while nobody waits for it.
fn told_later(session: Option<Session>) {
    if let Some(session) = session.filter(Session::was_slow) {
        drop(tokio::spawn(session.tell_slow()));
    }
}

fn busy() -> Error {
    Error::Busy {
        message: format!("{WAITING_MAX} transactions of this component wait already"),
    }
}

fn closed() -> Error {
    Error::Unavailable {
        message: "the database was closed".to_owned(),
        ran: Ran::Maybe,
    }
}
