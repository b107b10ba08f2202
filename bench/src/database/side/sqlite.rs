//! SQLite by hand: a writer's thread that a channel feeds, and a pool of readers on tokio's threads for blocking work.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior};
use tokio::sync::{Semaphore, mpsc, oneshot};
use uuid::Uuid;

use crate::case::{Account, BALANCE, FILL, INSERT, NOTE, RANGE, RECORDS, ROW, ROWS, SQLITE};
use crate::queue::Claimed;

/// Connections that read at the same time, as many as ours has.
const READERS: usize = 4;
/// Transactions that may wait for the writer, as many as with ours.
const WAITING_MAX: usize = 4_096;
/// Transactions that share a commit where they do, as many as with ours.
const BATCH_MAX: usize = 128;
const LOCK_WAIT: Duration = Duration::from_secs(5);
const STATEMENTS_MAX: usize = 128;

const TABLES: &str = "create table once (
         id blob primary key, digest blob not null, answer blob not null, at integer not null
     ) without rowid;
     create index once_at on once (at);
     create table queue (
         id integer primary key, kind text not null, payload blob not null, state text not null, due integer not null,
         fence integer not null default 0, attempts integer not null default 0, lease_until integer
     );
     create index queue_ready on queue (due, id) where state = 'waiting';
     create index queue_lease on queue (lease_until) where state = 'running';";

/// Runs in the writer's transaction; answers whether it may be kept, and how to tell whoever waits.
type Task = Box<dyn FnOnce(&Connection) -> (bool, Settle) + Send>;
type Settle = Box<dyn FnOnce(bool)>;

pub(crate) struct Sqlite {
    tasks: mpsc::Sender<Task>,
    readers: Arc<Readers>,
    reading: Arc<Semaphore>,
    commits: Arc<AtomicU64>,
}

struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Sqlite {
    /// In this folder; where `batches`, all that waits for the writer shares a commit.
    pub(crate) fn open(folder: &Path, batches: bool) -> anyhow::Result<Sqlite> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join("by-hand.sqlite");
        let writer = connect(&path)?;
        writer.execute_batch(SQLITE)?;
        writer.execute_batch(TABLES)?;
        writer.execute(FILL, [])?;
        writer.execute(
            "with recursive n (i) as (select 1 union all select i + 1 from n where i < ?2)
             insert into once select randomblob(16), randomblob(16), x'', ?1 from n",
            (micros(), RECORDS),
        )?;
        let (tasks, waiting) = mpsc::channel(WAITING_MAX);
        let commits = Arc::<AtomicU64>::default();
        let counted = commits.clone();
        let most = if batches { BATCH_MAX } else { 1 };
        std::thread::spawn(move || write(writer, waiting, most, &counted));
        Ok(Sqlite {
            tasks,
            readers: Arc::new(Readers {
                path,
                idle: Mutex::default(),
            }),
            reading: Arc::new(Semaphore::new(READERS)),
            commits,
        })
    }

    /// How often the writer has committed.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    pub(crate) async fn row(&self, id: i64) -> anyhow::Result<Account> {
        self.read(move |connection| connection.prepare_cached(ROW)?.query_row([id], account))
            .await
    }

    pub(crate) async fn rows(&self, from: i64) -> anyhow::Result<Vec<Account>> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(ROWS)?;
            statement.query_map([from, from + RANGE], account)?.collect()
        })
        .await
    }

    pub(crate) async fn transfer(&self, id: i64) -> anyhow::Result<i64> {
        self.write(move |tx| transfer(tx, id)).await
    }

    pub(crate) async fn once(&self, call: u128, id: i64) -> anyhow::Result<i64> {
        let (call, digest) = (Uuid::from_u128(call), Uuid::nil());
        let recorded = self.write(move |tx| {
            let recorded = tx
                .prepare_cached("select digest, answer from once where id = ?1")?
                .query_row([call.as_bytes()], |row| Ok((row.get::<_, [u8; 16]>(0)?, row.get(1)?)))
                .optional()?;
            if let Some((recorded, answer)) = recorded {
                return Ok((recorded == *digest.as_bytes()).then_some(answer));
            }
            let answer = serde_json::to_vec(&transfer(tx, id)?).unwrap_or_default();
            tx.prepare_cached("insert into once (id, digest, answer, at) values (?1, ?2, ?3, ?4)")?
                .execute((call.as_bytes(), digest.as_bytes(), &answer, micros()))?;
            Ok(Some(answer))
        });
        let answer: Vec<u8> = recorded.await?.context("the call id was used with other arguments")?;
        Ok(serde_json::from_slice(&answer)?)
    }

    pub(crate) async fn insert(&self, id: i64) -> anyhow::Result<()> {
        self.write(move |tx| tx.prepare_cached(INSERT)?.execute((id, 1_i64, NOTE)))
            .await?;
        Ok(())
    }

    pub(crate) async fn enqueue(&self, id: i64) -> anyhow::Result<()> {
        let payload = serde_json::to_vec(&id)?;
        self.write(move |tx| {
            tx.prepare_cached("insert into queue (kind, payload, state, due) values ('bench', ?1, 'waiting', ?2)")?
                .execute((payload, micros()))
        })
        .await?;
        Ok(())
    }

    pub(crate) async fn claim(&self, most: usize, lease: Duration) -> anyhow::Result<Vec<Claimed>> {
        let (most, lease) = (i64::try_from(most)?, i64::try_from(lease.as_micros())?);
        self.write(move |tx| {
            let now = micros();
            let mut statement = tx.prepare_cached(
                "update queue set state = 'running', fence = fence + 1, attempts = attempts + 1, lease_until = ?3
                 where id in (select id from queue where state = 'waiting' and due <= ?2 order by due, id limit ?1)
                 returning id, fence, payload",
            )?;
            let claimed = statement.query_map((most, now, now + lease), |row| {
                Ok(Claimed {
                    id: row.get(0)?,
                    fence: row.get(1)?,
                    payload: row.get(2)?,
                })
            })?;
            claimed.collect()
        })
        .await
    }

    pub(crate) async fn complete(&self, id: i64, fence: i64) -> anyhow::Result<()> {
        self.write(move |tx| {
            tx.prepare_cached(
                "update queue set state = 'done', lease_until = null where id = ?1 and fence = ?2 and state = 'running'",
            )?
            .execute((id, fence))
        })
        .await?;
        Ok(())
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let permit = self.reading.clone().acquire_owned().await?;
        let readers = self.readers.clone();
        let read = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let idle = readers.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = idle.map_or_else(|| connect(&readers.path), Ok)?;
            let answer = work(&connection);
            readers
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
            answer
        });
        Ok(read.await??)
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let (tell, told) = oneshot::channel();
        let task: Task = Box::new(move |connection| {
            let done = work(connection);
            let is_ok = done.is_ok();
            let settle: Settle = Box::new(move |kept| {
                let _ = tell.send(kept.then_some(done));
            });
            (is_ok, settle)
        });
        self.tasks
            .send(task)
            .await
            .map_err(|_| anyhow!("the writer has ended"))?;
        Ok(told.await?.context("the commit failed")??)
    }
}

fn write(mut connection: Connection, mut waiting: mpsc::Receiver<Task>, most: usize, commits: &AtomicU64) {
    while let Some(first) = waiting.blocking_recv() {
        let Ok(tx) = connection.transaction_with_behavior(TransactionBehavior::Immediate) else {
            continue;
        };
        let (mut all_ok, settle) = first(&tx);
        let mut settles = vec![settle];
        while settles.len() < most
            && let Ok(next) = waiting.try_recv()
        {
            let (is_ok, settle) = next(&tx);
            all_ok &= is_ok;
            settles.push(settle);
        }
        // The simplest: one that fails takes the others with it.
        let kept = all_ok && tx.commit().is_ok();
        commits.fetch_add(1, Ordering::Relaxed);
        settles.into_iter().for_each(|settle| settle(kept));
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.execute_batch("pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;")?;
    Ok(connection)
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: row.get(0)?,
        owner: row.get(1)?,
        balance: row.get(2)?,
        note: row.get(3)?,
    })
}

fn transfer(tx: &Connection, id: i64) -> rusqlite::Result<i64> {
    let balance: i64 = tx.prepare_cached(BALANCE)?.query_row([id], |row| row.get(0))?;
    tx.prepare_cached("update accounts set balance = ?2 where id = ?1")?
        .execute([id, balance + 1])?;
    tx.prepare_cached(INSERT)?.execute((id, 1_i64, NOTE))?;
    Ok(balance + 1)
}

fn micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
