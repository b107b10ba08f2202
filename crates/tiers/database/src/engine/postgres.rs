//! PostgreSQL: a schema and a role for each component.
//!
//! All that one component says to its server is said by one thread with a runtime of its own, which also drives the
//! connections: the future of a closure need not be `Send`, and a statement wakes no other thread. It opens its own
//! sockets and is outside of the simulator.
#![expect(
    clippy::disallowed_methods,
    reason = "the tasks of this thread's own runtime; `world` lists the engine"
)]

mod failure;
mod session;
mod values;

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;
use tokio_postgres::{Config as Address, NoTls};
use wire::Ran;
use world::Env;

pub(crate) use self::session::Session;
use crate::config::Config;
use crate::error::Error;
use crate::limits::{ATTEMPTS_MAX, WAITING_MAX};
use crate::row::Row;
use crate::transaction::{Link, Transaction};
use crate::value::Value;
use crate::work::{Isolation, Work};

/// How long a connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// What a conflict waits for at most before its first repetition; twice as much before each further one.
const BACKOFF: Duration = Duration::from_millis(2);

/// The database of one component.
pub(crate) struct Postgres {
    asked: mpsc::Sender<Asked>,
}

enum Asked {
    Work(Box<dyn Work>),
    Query(String, Vec<Value>, oneshot::Sender<Result<Vec<Row>, Error>>),
}

impl Postgres {
    pub(crate) async fn open(
        env: &Env,
        component: &str,
        config: &Config,
        url: &str,
        password: Option<&str>,
    ) -> Result<Postgres, Error> {
        let schema = component.to_lowercase();
        let mut address: Address = url.parse().map_err(|error| Error::Open {
            message: format!("the address of PostgreSQL is none: {error}; write postgres://user@host:5432/database"),
        })?;
        if let Some(password) = password {
            address.password(password);
        }
        address.connect_timeout(CONNECT_MAX);
        address.options(format!("-c search_path={schema} -c default_transaction_read_only=on"));
        let manager = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_config(address, NoTls, manager);
        let pool = Pool::builder(manager).max_size(config.connections.max(1)).build();
        let pool = pool.map_err(|error| Error::Open {
            message: error.to_string(),
        })?;
        let (asked, ask) = mpsc::channel(WAITING_MAX);
        let (ready, opened) = oneshot::channel();
        let thread = env.blocking("postgres", move || serve(pool, schema, ask, ready));
        drop(thread);
        opened.await.map_err(|_| closed())??;
        Ok(Postgres { asked })
    }

    pub(crate) fn submit(&self, work: Box<dyn Work>) {
        if let Err(refused) = self.asked.try_send(Asked::Work(work)) {
            let (error, asked) = match refused {
                mpsc::error::TrySendError::Full(asked) => (busy(), asked),
                mpsc::error::TrySendError::Closed(asked) => (closed(), asked),
            };
            if let Asked::Work(work) = asked {
                work.settle(Err(error));
            }
        }
    }

    pub(crate) async fn query(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, Error> {
        let (answer, answered) = oneshot::channel();
        let asked = self.asked.try_send(Asked::Query(sql.to_owned(), values, answer));
        asked.map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => busy(),
            mpsc::error::TrySendError::Closed(_) => closed(),
        })?;
        answered.await.map_err(|_| closed())?
    }
}

/// The life of the thread, until the database is dropped.
fn serve(
    pool: Pool,
    schema: String,
    mut ask: mpsc::Receiver<Asked>,
    ready: oneshot::Sender<Result<(), Error>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.send(Err(Error::Open {
                message: format!("no runtime for PostgreSQL: {error}"),
            }));
            return;
        }
    };
    let local = LocalSet::new();
    local.block_on(&runtime, async move {
        let opened = Session::prepare_schema(&pool, &schema).await;
        let failed = opened.is_err();
        if ready.send(opened).is_err() || failed {
            return;
        }
        let pool = Arc::new(pool);
        while let Some(asked) = ask.recv().await {
            let pool = pool.clone();
            tokio::task::spawn_local(async move {
                match asked {
                    Asked::Work(work) => transact(&pool, work).await,
                    Asked::Query(sql, values, answer) => {
                        let rows = match Session::take(&pool).await {
                            Ok(session) => session.query(&sql, &values).await,
                            Err(error) => Err(error),
                        };
                        let _ = answer.send(rows);
                    }
                }
            });
        }
    });
    // What runs still is finished.
    runtime.block_on(local);
}

/// Runs a transaction until it is kept, refused, or in conflict too often.
async fn transact(pool: &Pool, mut work: Box<dyn Work>) {
    let mut attempts = 0;
    loop {
        if !work.is_wanted() {
            return;
        }
        attempts += 1;
        let end = attempt(pool, &mut *work).await;
        let again = match &end {
            Err(Error::Conflict { .. }) => true,
            Err(Error::Unavailable { ran, .. }) => *ran == Ran::No || work.tells_repeats(),
            _ => false,
        };
        if !again || attempts == ATTEMPTS_MAX {
            let end = end.map_err(|error| match error {
                Error::Conflict { .. } => Error::Conflict { attempts },
                other => other,
            });
            return work.settle(end);
        }
        tokio::time::sleep(BACKOFF * (1 << attempts)).await;
    }
}

async fn attempt(pool: &Pool, work: &mut dyn Work) -> Result<(), Error> {
    let session = Session::take(pool).await?;
    session
        .begin(match work.isolation() {
            Isolation::Serializable => "begin isolation level serializable read write",
            Isolation::ReadCommitted => "begin isolation level read committed read write",
            Isolation::Snapshot => "begin isolation level repeatable read read only",
        })
        .await?;
    let transaction = Transaction::new(Link::Postgres(&session));
    let kept = transaction.guard(work.attempt(&transaction)).await;
    let failure = transaction.failure();
    let end = match (kept, failure) {
        (_, Some(conflict @ Error::Conflict { .. })) => Err(conflict),
        (Ok(true), None) => {
            let hooks = transaction.into_after_commit();
            session.commit().await?;
            hooks.into_iter().for_each(|hook| hook());
            return Ok(());
        }
        (Ok(true), Some(failure)) => Err(failure),
        (Ok(false), _) => Ok(()),
        (Err(denied), _) => Err(denied),
    };
    session.roll_back().await;
    end
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
