//! SQLite: a file for each component, one writer whose commits are shared, and readers beside it.
//!
//! A transaction waits in a queue. Whoever finds nobody draining it drains it, off the tasks' threads: all that waits is
//! run one after the other, each behind a savepoint, and kept by one commit, which is one sync of the disk. Nobody is told
//! before that commit.

mod batch;
mod connection;
mod failure;
mod opening;
mod slow;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use wire::Ran;
use world::production::{FileId, FileLock};
use world::{Env, Random};

pub(crate) use self::connection::Connection;
use self::connection::Use;
use self::opening::Settings;
use crate::config::Config;
use crate::error::Error;
use crate::limits::{BATCH_MAX, LOG_PAGES, LOG_PAGES_MAX, WAITING_MAX};
use crate::row::Rows;
use crate::value::Value;
use crate::work::{GivenUp, Isolation, Waits, Work};

/// In a simulated world a commit takes up to this long, as it would on a disk.
const SIMULATED_WAIT_MICROS: u64 = 3_000;

/// The database of one component.
pub(crate) struct Sqlite {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    queue: Mutex<Queue>,
    writer: Mutex<Writer>,
    readers: Mutex<Vec<Connection>>,
    reading: Arc<Semaphore>,
    simulated: Option<Mutex<Random>>,
    /// Which file it is, once it was opened; a simulated disk has nobody else who could take it away.
    file: OnceLock<FileId>,
    /// Dropped last, when all connections are closed.
    _lock: Option<FileLock>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Box<dyn Work>>,
    /// Whether somebody drains it.
    drained: bool,
}

#[derive(Default)]
struct Writer {
    connection: Option<Connection>,
    /// Whether the disk failed under it: what it believes of the disk may be wrong.
    is_suspect: bool,
}

impl Sqlite {
    pub(crate) async fn open(env: &Env, component: &str, config: &Config) -> Result<Sqlite, Error> {
        let settings = Settings::new(env, component, config)?;
        let lock = settings.lock(config.owner.as_ref()).await?;
        let inner = Arc::new(Inner {
            queue: Mutex::default(),
            writer: Mutex::default(),
            readers: Mutex::default(),
            reading: Arc::new(Semaphore::new(config.readers.max(1))),
            file: OnceLock::new(),
            simulated: settings.place.inline.then(|| Mutex::new(env.random("commit"))),
            settings,
            _lock: lock,
        });
        let own = inner.clone();
        let opened = env.blocking("open database", move || {
            own.sound(&mut own.writer())?;
            if let Some(file) = own.settings.file_id()? {
                let _ = own.file.set(file);
            }
            Ok::<(), Error>(())
        });
        opened.await.map_err(|lost| closed(&lost.to_string()))??;
        Ok(Sqlite { inner })
    }

    pub(crate) fn submit(&self, work: Box<dyn Work>) {
        if work.isolation() == Isolation::Snapshot {
            let inner = self.inner.clone();
            return drop(self.env().blocking("snapshot", move || inner.snapshot(work)));
        }
        let begins = {
            let mut queue = self.inner.queue();
            if queue.waiting.len() >= WAITING_MAX {
                drop(queue);
                work.settle(Err(Error::Busy {
                    message: format!(
                        "{WAITING_MAX} transactions of `{}` wait already",
                        self.inner.settings.component
                    ),
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

    pub(crate) async fn query(&self, sql: &str, values: Vec<Value>) -> Result<Rows, Error> {
        let permit = self.inner.reading.clone().acquire_owned().await;
        let permit = permit.map_err(|error| closed(&error.to_string()))?;
        let (inner, sql) = (self.inner.clone(), sql.to_owned());
        let waits = Waits::default();
        let given_up = waits.given_up();
        let read = self.env().blocking("read", move || {
            let _permit = permit;
            inner.read(&sql, &values, &given_up)
        });
        read.await.map_err(|lost| closed(&lost.to_string()))?
    }

    fn env(&self) -> &Env {
        &self.inner.settings.env
    }

    /// Has the queue drained.
    fn begin(&self) {
        let inner = self.inner.clone();
        match &self.inner.simulated {
            None => drop(self.env().blocking("write", move || inner.drain())),
            Some(random) => {
                let micros = lock(random).below(SIMULATED_WAIT_MICROS);
                let env = self.env().clone();
                let task = self.env().spawn("write", async move {
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
        let mut draining = Draining {
            inner: self,
            ended: false,
        };
        loop {
            let batch: Vec<Box<dyn Work>> = {
                let mut queue = self.queue();
                let some = queue.waiting.len().min(BATCH_MAX);
                if some == 0 {
                    queue.drained = false;
                    draining.ended = true;
                    return;
                }
                queue.waiting.drain(..some).collect()
            };
            let mut writer = self.writer();
            let performed = match self.intact().and_then(|()| self.sound(&mut writer)) {
                Ok(connection) => batch::perform(connection, batch).map(|()| self.tidy(connection)),
                Err(error) => {
                    batch.into_iter().for_each(|work| work.settle(Err(error.clone())));
                    continue;
                }
            };
            writer.is_suspect = performed.is_err();
        }
    }

    /// Whether the file is still the one that was opened. One that was deleted, or that another was put in the place of,
    /// takes writes as before, and nobody would ever see them. It costs a microsecond for each commit.
    fn intact(&self) -> Result<(), Error> {
        let Some(opened) = self.file.get() else { return Ok(()) };
        let found = self.settings.file_id()?;
        if found.as_ref() == Some(opened) {
            return Ok(());
        }
        let (path, component) = (self.settings.place.path.display(), &self.settings.component);
        let happened = match found {
            None => "was deleted or moved away",
            Some(_) => "was replaced by another file",
        };
        Err(Error::Unavailable {
            message: format!(
                "`{path}` {happened} while this process had it open, and what is written now would be lost; stop the process, \
                 put the file back or restore a backup of `{component}`, and start again"
            ),
            ran: Ran::No,
        })
    }

    /// The writer's connection; after a failure of the disk a new one. It is opened before the old one is closed: as long
    /// as one is open SQLite keeps the index of the log, and does not see what a commit that failed may have left there.
    /// The next commit writes over that.
    fn sound<'w>(&self, writer: &'w mut Writer) -> Result<&'w Connection, Error> {
        if writer.is_suspect || writer.connection.is_none() {
            writer.connection = Some(Connection::open(&self.settings, Use::Write)?);
            writer.is_suspect = false;
        }
        writer.connection.as_ref().ok_or_else(|| closed("it has no connection"))
    }

    /// Keeps the log short, once everybody is told. Its content is safe in the log as it is, so that a failure may wait.
    fn tidy(&self, connection: &Connection) {
        let mode = match connection.log_pages() {
            ..LOG_PAGES => return,
            LOG_PAGES..LOG_PAGES_MAX => "passive",
            _ => "truncate",
        };
        if let Err(error) = connection.checkpoint(mode) {
            tracing::warn!(
                target: "terrace::database", component = self.settings.component, %error,
                "the write-ahead log was not copied into the file, which will be tried again"
            );
        }
    }

    fn read(&self, sql: &str, values: &[Value], given_up: &GivenUp) -> Result<Rows, Error> {
        if given_up.is() {
            return Err(closed("nobody waits for the answer"));
        }
        let kept = lock(&self.readers).pop();
        let connection = kept.map_or_else(|| Connection::open(&self.settings, Use::Read), Ok)?;
        let rows = {
            let _wanted = connection.while_wanted(given_up);
            connection.query(sql, values)
        };
        if rows.as_ref().err().is_none_or(|error| !failure::is_of_the_disk(error)) {
            lock(&self.readers).push(connection);
        }
        rows
    }

    /// Runs a transaction that only reads on a connection of its own, since it may take long.
    fn snapshot(&self, work: Box<dyn Work>) {
        match self.intact().and_then(|()| Connection::open(&self.settings, Use::Read)) {
            Ok(connection) => batch::snapshot(&connection, work),
            Err(error) => return work.settle(Err(error)),
        }
        // The log could not be cut as long as this read what was before it.
        if let Some(writer) = &self.writer().connection {
            self.tidy(writer);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        lock(&self.writer)
    }
}

/// Whatever ends the draining, the next transaction begins it again.
struct Draining<'i> {
    inner: &'i Inner,
    ended: bool,
}

impl Drop for Draining<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.inner.queue().drained = false;
        }
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
