//! SQLite: a file for each component, one writer whose commits are shared, and readers beside it.
//!
//! A transaction waits in a queue. Whoever finds nobody draining it drains it, off the tasks' threads: all that waits is
//! run one after the other, each behind a savepoint, and kept by one commit, which is one sync of the disk. Nobody is told
//! before that commit.

mod batch;
mod connection;
mod failure;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use wire::Ran;
use world::{Env, Random, SqlitePlace};

pub(crate) use self::connection::Connection;
use crate::config::Config;
use crate::error::Error;
use crate::limits::{BATCH_MAX, WAITING_MAX};
use crate::row::Row;
use crate::value::Value;
use crate::work::{Isolation, Work};

/// In a simulated world a commit takes up to this long, as it would on a disk.
const SIMULATED_WAIT_MICROS: u64 = 3_000;

/// The database of one component.
pub(crate) struct Sqlite {
    inner: Arc<Inner>,
}

struct Inner {
    env: Env,
    component: String,
    place: SqlitePlace,
    slow: Duration,
    queue: Mutex<Queue>,
    /// `None` after a failure of the disk: the next one opens it anew.
    writer: Mutex<Option<Connection>>,
    readers: Mutex<Vec<Connection>>,
    reading: Semaphore,
    simulated: Option<Mutex<Random>>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Box<dyn Work>>,
    /// Whether somebody drains it.
    drained: bool,
}

impl Sqlite {
    pub(crate) async fn open(env: &Env, component: &str, config: &Config) -> Result<Sqlite, Error> {
        let name = format!("{component}.sqlite");
        let place = env.sqlite(&name).map_err(|error| Error::Open {
            message: format!("the database `{name}` has no place: {error}"),
        })?;
        let inner = Arc::new(Inner {
            env: env.clone(),
            component: component.to_owned(),
            simulated: place.inline.then(|| Mutex::new(env.random("commit"))),
            place,
            slow: config.slow,
            queue: Mutex::default(),
            writer: Mutex::default(),
            readers: Mutex::default(),
            reading: Semaphore::new(config.readers.max(1)),
        });
        let own = inner.clone();
        let opened = env.blocking("open database", move || own.open_writer().map(|writer| *own.writer() = Some(writer)));
        opened.await.map_err(|lost| closed(&lost.to_string()))??;
        Ok(Sqlite { inner })
    }

    pub(crate) fn submit(&self, work: Box<dyn Work>) {
        if work.isolation() == Isolation::Snapshot {
            let inner = self.inner.clone();
            return drop(self.inner.env.blocking("snapshot", move || inner.snapshot(work)));
        }
        let begins = {
            let mut queue = self.inner.queue();
            if queue.waiting.len() >= WAITING_MAX {
                drop(queue);
                work.settle(Err(Error::Busy {
                    message: format!("{WAITING_MAX} transactions of `{}` wait already", self.inner.component),
                }));
                return;
            }
            queue.waiting.push_back(work);
            !std::mem::replace(&mut queue.drained, true)
        };
        if begins {
            self.begin();
        }
    }

    pub(crate) async fn query(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, Error> {
        let permit = self.inner.reading.acquire().await;
        let _permit = permit.map_err(|error| closed(&error.to_string()))?;
        let (inner, sql) = (self.inner.clone(), sql.to_owned());
        let read = self.inner.env.blocking("read", move || inner.read(&sql, &values));
        read.await.map_err(|lost| closed(&lost.to_string()))?
    }

    /// Has the queue drained.
    fn begin(&self) {
        let inner = self.inner.clone();
        match &self.inner.simulated {
            None => drop(self.inner.env.blocking("write", move || inner.drain())),
            Some(random) => {
                let micros = lock(random).below(SIMULATED_WAIT_MICROS);
                let env = self.inner.env.clone();
                let task = self.inner.env.spawn("write", async move {
                    env.sleep(Duration::from_micros(micros)).await;
                    inner.drain();
                });
                drop(task);
            }
        }
    }
}

impl Inner {
    /// Runs all that waits.
    fn drain(&self) {
        let _drained = Drained(self);
        loop {
            let batch: Vec<Box<dyn Work>> = {
                let mut queue = self.queue();
                let some = queue.waiting.len().min(BATCH_MAX);
                if some == 0 {
                    queue.drained = false;
                    return;
                }
                queue.waiting.drain(..some).collect()
            };
            let mut writer = self.writer();
            let connection = match writer.take().map_or_else(|| self.open_writer(), Ok) {
                Ok(connection) => connection,
                Err(error) => {
                    batch.into_iter().for_each(|work| work.settle(Err(error.clone())));
                    continue;
                }
            };
            // After a failure of the disk what the connection believes of it may be wrong.
            if batch::perform(&connection, batch).is_ok() {
                *writer = Some(connection);
            }
        }
    }

    fn read(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let kept = lock(&self.readers).pop();
        let connection = kept.map_or_else(|| Connection::open(&self.place, true, self.slow, &self.component), Ok)?;
        let rows = connection.query(sql, values);
        if rows.as_ref().err().is_none_or(|error| !failure::is_of_the_disk(error)) {
            lock(&self.readers).push(connection);
        }
        rows
    }

    /// Runs a transaction that only reads on a connection of its own, since it may take long.
    fn snapshot(&self, work: Box<dyn Work>) {
        match Connection::open(&self.place, true, self.slow, &self.component) {
            Ok(connection) => batch::snapshot(&connection, work),
            Err(error) => work.settle(Err(error)),
        }
    }

    fn open_writer(&self) -> Result<Connection, Error> {
        Connection::open(&self.place, false, self.slow, &self.component)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    fn writer(&self) -> MutexGuard<'_, Option<Connection>> {
        lock(&self.writer)
    }
}

/// Whatever ends the draining, the next transaction begins it again.
struct Drained<'i>(&'i Inner);

impl Drop for Drained<'_> {
    fn drop(&mut self) {
        self.0.queue().drained = false;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed(why: &str) -> Error {
    Error::Unavailable {
        message: format!("the database was closed: {why}"),
        ran: Ran::No,
    }
}
