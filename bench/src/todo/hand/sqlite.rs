//! SQLite by hand: a writer's thread that a channel feeds, and a pool of readers on tokio's threads for blocking work.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use chrono::{DateTime, Utc};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, TransactionBehavior};
use tokio::sync::{Semaphore, mpsc, oneshot};
use uuid::Uuid;

use super::store::{Added, Bound};
use super::todo::{TODOS_MAX, Todo};

/// Connections that read at the same time, as many as ours has.
const READERS: usize = 4;
/// Transactions that may wait for the writer, as many as with ours.
const WAITING_MAX: usize = 4_096;
/// Transactions that share a commit where they do, as many as with ours.
const BATCH_MAX: usize = 128;
const LOCK_WAIT: Duration = Duration::from_secs(5);
const STATEMENTS_MAX: usize = 128;

/// Runs in the writer's transaction; answers whether what it did may be kept, and how to tell whoever waits.
type Task = Box<dyn FnOnce(&Connection) -> (bool, Settle) + Send>;
type Settle = Box<dyn FnOnce(bool)>;

pub(super) struct Sqlite {
    tasks: mpsc::Sender<Task>,
    readers: Arc<Readers>,
    reading: Arc<Semaphore>,
}

struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Sqlite {
    /// In this folder; where `batches`, all that waits for the writer shares a commit.
    pub(super) fn open(folder: &Path, batches: bool) -> anyhow::Result<Sqlite> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join("todo.sqlite");
        let is_new = !path.exists();
        let writer = connect(&path)?;
        if is_new {
            writer.execute_batch(include_str!("schema/sqlite.sql"))?;
        }
        let (tasks, waiting) = mpsc::channel(WAITING_MAX);
        let most = if batches { BATCH_MAX } else { 1 };
        std::thread::spawn(move || write(writer, waiting, most));
        let idle = Mutex::default();
        Ok(Sqlite {
            tasks,
            readers: Arc::new(Readers { path, idle }),
            reading: Arc::new(Semaphore::new(READERS)),
        })
    }

    pub(super) async fn register(&self, tokens: Vec<Vec<u8>>) -> anyhow::Result<()> {
        self.write(move |tx| {
            for token in tokens {
                let (id, now) = (Uuid::new_v4(), Utc::now().timestamp_micros());
                let email = format!("{id}@example.org");
                tx.execute(
                    "insert into accounts (id, email, zone, created_at) values (?1, ?2, 'UTC', ?3)",
                    (id.as_bytes(), email, now),
                )?;
                tx.execute(
                    "insert into tokens (digest, account, name, created_at) values (?1, ?2, 'bench', ?3)",
                    (token, id.as_bytes(), now),
                )?;
            }
            Ok((true, ()))
        })
        .await
    }

    pub(super) async fn person(&self, digest: Vec<u8>) -> anyhow::Result<Option<Uuid>> {
        self.read(move |connection| {
            connection
                .prepare_cached("select a.id from tokens t join accounts a on a.id = t.account where t.digest = ?1")?
                .query_row([digest], |row| Ok(Uuid::from_bytes(row.get(0)?)))
                .optional()
        })
        .await
    }

    pub(super) async fn list(&self, sql: String, values: Vec<Bound>) -> anyhow::Result<Vec<Todo>> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let values: Vec<Box<dyn ToSql>> = values.into_iter().map(value).collect();
            statement.query_map(rusqlite::params_from_iter(values), todo)?.collect()
        })
        .await
    }

    pub(super) async fn add(&self, owner: Uuid, record: Uuid, digest: Uuid, todo: Todo) -> anyhow::Result<Added> {
        self.write(move |tx| {
            let added = add(tx, owner, record, digest, &todo)?;
            Ok((matches!(added, Added::Answer(_)), added))
        })
        .await
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
            let mut idle = readers.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push(connection);
            answer
        });
        Ok(read.await??)
    }

    /// `work` answers also whether what it did may be kept.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<(bool, T)> + Send + 'static,
    ) -> anyhow::Result<T> {
        let (tell, told) = oneshot::channel();
        let task: Task = Box::new(move |connection| {
            let done = work(connection);
            let is_kept = matches!(done, Ok((true, _)));
            let settle: Settle = Box::new(move |committed| {
                let _ = tell.send(committed.then_some(done));
            });
            (is_kept, settle)
        });
        let sent = self.tasks.send(task).await;
        sent.map_err(|_| anyhow!("the writer has ended"))?;
        let (_, answer) = told.await?.context("the commit failed")??;
        Ok(answer)
    }
}

fn write(mut connection: Connection, mut waiting: mpsc::Receiver<Task>, most: usize) {
    while let Some(first) = waiting.blocking_recv() {
        let Ok(tx) = connection.transaction_with_behavior(TransactionBehavior::Immediate) else {
            continue;
        };
        let mut settles = Vec::new();
        let mut next = Some(first);
        let mut is_right = true;
        while let Some(task) = next {
            // One that is refused must not take the others with it.
            is_right &= execute(&tx, "savepoint one");
            let (is_kept, settle) = task(&tx);
            if !is_kept {
                is_right &= execute(&tx, "rollback to one");
            }
            is_right &= execute(&tx, "release one");
            settles.push(settle);
            next = (settles.len() < most).then(|| waiting.try_recv().ok()).flatten();
        }
        let committed = is_right && tx.commit().is_ok();
        settles.into_iter().for_each(|settle| settle(committed));
    }
}

fn execute(tx: &Connection, sql: &str) -> bool {
    tx.prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]))
        .is_ok()
}

fn add(tx: &Connection, owner: Uuid, record: Uuid, digest: Uuid, todo: &Todo) -> rusqlite::Result<Added> {
    let recorded: Option<([u8; 16], Vec<u8>)> = tx
        .prepare_cached("select digest, answer from once where id = ?1")?
        .query_row([record.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((recorded, answer)) = recorded {
        let is_same = recorded == *digest.as_bytes();
        return Ok(if is_same { Added::Answer(answer) } else { Added::Reused });
    }
    let (open, done) = (i64::from(!todo.done), i64::from(todo.done));
    let (whole, forgotten): (i64, bool) = tx
        .prepare_cached(
            "insert into owners (owner, revision, open, done, forgotten) values (?1, 1, ?2, ?3, false)
             on conflict (owner) do update set revision = owners.revision + 1, open = owners.open + excluded.open,
                 done = owners.done + excluded.done
             returning open + done, forgotten",
        )?
        .query_row((owner.as_bytes(), open, done), |row| Ok((row.get(0)?, row.get(1)?)))?;
    if forgotten {
        return Ok(Added::Forgotten);
    }
    if whole > TODOS_MAX {
        return Ok(Added::Full);
    }
    let (due, at) = (
        todo.due.map(|due| due.timestamp_micros()),
        todo.created_at.timestamp_micros(),
    );
    let tags = serde_json::to_string(&todo.tags).unwrap_or_default();
    tx.prepare_cached(
        "insert into todos (owner, id, title, title_lower, done, due, tags, created_at, updated_at)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
    )?
    .execute((
        owner.as_bytes(),
        todo.id.as_bytes(),
        &todo.title,
        todo.title.to_lowercase(),
        todo.done,
        due,
        tags,
        at,
    ))?;
    let mut tagged = tx.prepare_cached("insert into tags (owner, tag, todo, open) values (?1, ?2, ?3, ?4)")?;
    for tag in &todo.tags {
        tagged.execute((owner.as_bytes(), tag, todo.id.as_bytes(), !todo.done))?;
    }
    let answer = serde_json::to_vec(todo).unwrap_or_default();
    tx.prepare_cached("insert into once (id, digest, answer, at) values (?1, ?2, ?3, ?4)")?
        .execute((record.as_bytes(), digest.as_bytes(), &answer, at))?;
    Ok(Added::Answer(answer))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.execute_batch("pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;")?;
    Ok(connection)
}

fn value(bound: Bound) -> Box<dyn ToSql> {
    match bound {
        Bound::Id(id) => Box::new(id.into_bytes()),
        Bound::Text(text) => Box::new(text),
        Bound::Bool(is_so) => Box::new(is_so),
        Bound::Time(at) => Box::new(at.timestamp_micros()),
        Bound::Number(number) => Box::new(number),
    }
}

fn todo(row: &Row<'_>) -> rusqlite::Result<Todo> {
    let tags: String = row.get(4)?;
    let unread = |error: serde_json::Error| rusqlite::Error::FromSqlConversionFailure(4, Type::Text, Box::new(error));
    Ok(Todo {
        id: Uuid::from_bytes(row.get(0)?),
        title: row.get(1)?,
        done: row.get(2)?,
        due: row.get::<_, Option<i64>>(3)?.map(time).transpose()?,
        tags: serde_json::from_str(&tags).map_err(unread)?,
        created_at: time(row.get(5)?)?,
        updated_at: time(row.get(6)?)?,
    })
}

fn time(micros: i64) -> rusqlite::Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, micros))
}
