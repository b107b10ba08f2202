//! PostgreSQL: a schema and a role for each component.
//!
//! All that one component says to its server is said by one thread with a runtime of its own, which also drives the
//! connections: the future of a closure need not be `Send`, and a statement wakes no other thread. It opens its own
//! sockets and is outside of the simulator.
//!
//! A component's sessions take on a role that owns its schema and is granted nothing else, so that a statement cannot
//! name another component's tables by mistake. It is no wall against code that means ill: all components of a process
//! share its memory, and its user.
//!
//! ```text
//! open     address → schema::prepare (lock, role, schema) → pool
//! submit   place among those that wait → attempt::transact → Session (begin + first statement, .., last + commit)
//! query    the same → attempt::query
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
mod values;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, QueueMode, RecyclingMethod, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::LocalSet;
use tokio::time::Instant;
use wire::Ran;
use world::{Env, Random};

use self::address::Address;
pub(crate) use self::session::Session;
use crate::config::Config;
use crate::error::Error;
use crate::limits::WAITING_MAX;
use crate::row::Rows;
use crate::value::Value;
use crate::work::Work;

/// How long a connection may take, with all that is said until it is ready.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// How long a transaction may wait until a connection is free.
const POOL_WAIT_MAX: Duration = Duration::from_secs(10);

/// How often a component asks for the plan of a slow statement at most: a server that is slow has no time for them.
const PLAN_EVERY: Duration = Duration::from_secs(1);

/// The database of one component.
pub(crate) struct Postgres {
    asked: mpsc::Sender<Asked>,
    waiting: Arc<Semaphore>,
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

/// What the thread knows.
struct Server {
    pool: Pool,
    address: Address,
    component: String,
    connections: usize,
    slow: Duration,
    random: RefCell<Random>,
    plan_asked: Cell<Option<Instant>>,
}

impl Server {
    /// Between half of `backoff` and all of it, so that those who met do not meet again.
    fn jittered(&self, backoff: Duration) -> Duration {
        backoff.mul_f64(0.5 + self.random.borrow_mut().fraction() / 2.0)
    }

    fn may_ask_plan(&self) -> bool {
        let now = Instant::now();
        let may = self.plan_asked.get().is_none_or(|asked| now - asked >= PLAN_EVERY);
        if may {
            self.plan_asked.set(Some(now));
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
        opened.await.map_err(|_| closed())??;
        Ok(Postgres {
            asked,
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
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
        let (answer, answered) = oneshot::channel();
        let asked = self.ask(What::Query(sql.to_owned(), values, answer));
        asked.map_err(|refused| refused.error)?;
        answered.await.map_err(|_| closed())?
    }

    fn ask(&self, what: What) -> Result<(), Box<Refused>> {
        let refused = |error, what| Box::new(Refused { error, what });
        let Ok(waits) = self.waiting.clone().try_acquire_owned() else {
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
fn serve(opening: Opening, mut ask: mpsc::Receiver<Asked>, ready: oneshot::Sender<Result<(), Error>>) {
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
            Ok(server) => Rc::new(server),
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        if ready.send(Ok(())).is_err() {
            return;
        }
        while let Some(Asked { what, waits }) = ask.recv().await {
            let server = server.clone();
            tokio::task::spawn_local(async move {
                match what {
                    What::Work(work) => attempt::transact(&server, work, waits).await,
                    What::Query(sql, values, answer) => attempt::query(&server, &sql, &values, answer, waits).await,
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
    let manager = Manager::from_config(
        address.of_component(&ready.names, ready.separate.is_ok()),
        address.tls.clone(),
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    let pool = Pool::builder(manager)
        .max_size(opening.connections)
        // The one that was used last has its statements in the server's memory.
        .queue_mode(QueueMode::Lifo)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(POOL_WAIT_MAX))
        .create_timeout(Some(CONNECT_MAX))
        .build();
    Ok(Server {
        pool: pool.map_err(|error| Error::Open {
            message: error.to_string(),
        })?,
        address,
        component,
        connections: opening.connections,
        slow: opening.slow,
        random: RefCell::new(opening.random),
        plan_asked: Cell::new(None),
    })
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
