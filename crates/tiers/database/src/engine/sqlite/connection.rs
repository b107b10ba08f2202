//! One connection to a file.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, OpenFlags, ToSql};

use super::opening::Settings;
use super::slow::Slow;
use super::{failure, lock};
use crate::error::Error;
use crate::limits::LOG_PAGES_MAX;
use crate::row::{Columns, Row, Rows};
use crate::sql;
use crate::value::Value;
use crate::work::GivenUp;

/// How long a statement waits for a lock that another program holds, such as a person's `sqlite3`.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Prepared statements that a connection keeps.
const STATEMENTS_MAX: usize = 128;

/// Bytes of a page, which SQLite gives a new file.
const PAGE_BYTES: u32 = 4096;

/// Steps of SQLite's machine after which it is asked whether anybody still wants the result: far below a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Read,
    Write,
}

/// One connection to a component's file.
pub(crate) struct Connection {
    raw: rusqlite::Connection,
    usage: Use,
    file: String,
    slow: Option<Slow>,
    /// Who would not want any more what is running.
    given_up: Arc<Mutex<Option<GivenUp>>>,
    /// Whether a statement of this engine runs, which alone may begin and end transactions.
    own: Arc<AtomicBool>,
    /// The length of the log after the last commit, in pages.
    log_pages: Arc<AtomicU32>,
}

impl Connection {
    /// `FULL`, since a transaction that was acknowledged survives a power failure; a write-ahead log, so that readers and
    /// the writer do not wait for each other. What a process that was killed left in the log need not be on the disk
    /// yet, and counts for SQLite: before anybody is told of it, it is copied into the file and synced.
    pub(super) fn open(settings: &Settings, usage: Use) -> Result<Connection, Error> {
        let file = failure::file(&settings.component);
        let raw = open(settings, usage).map_err(|error| failure::of(error, "", &file))?;
        let mut connection = Connection {
            raw,
            usage,
            file,
            slow: Slow::new(settings),
            given_up: Arc::default(),
            own: Arc::default(),
            log_pages: Arc::default(),
        };
        connection.hook().map_err(|error| connection.failed(error, ""))?;
        if usage == Use::Write {
            match connection.checkpoint("truncate") {
                // The log itself has been synced by then.
                Ok(()) | Err(Error::Full { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(connection)
    }

    fn hook(&mut self) -> rusqlite::Result<()> {
        let (given_up, own, log_pages) = (self.given_up.clone(), self.own.clone(), self.log_pages.clone());
        self.raw.progress_handler(
            STEPS_BETWEEN_LOOKS,
            Some(move || lock(&given_up).as_ref().is_some_and(GivenUp::is)),
        )?;
        self.raw.authorizer(Some(move |asked: AuthContext<'_>| {
            let engine = matches!(
                asked.action,
                AuthAction::Transaction { .. }
                    | AuthAction::Savepoint { .. }
                    | AuthAction::Attach { .. }
                    | AuthAction::Detach { .. }
            );
            match engine && !own.load(Ordering::Relaxed) {
                true => Authorization::Deny,
                false => Authorization::Allow,
            }
        }))?;
        if self.usage == Use::Write {
            self.raw
                .wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
                    log_pages.store(u32::try_from(pages).unwrap_or_default(), Ordering::Relaxed);
                    Ok(())
                }))?;
        }
        Ok(())
    }

    /// Has what runs until the guard is dropped interrupted as soon as it is given up.
    pub(super) fn while_wanted(&self, given_up: &GivenUp) -> Wanted<'_> {
        *lock(&self.given_up) = Some(given_up.clone());
        Wanted(self)
    }

    /// The name of its file.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// The length of the log after the last commit, in pages.
    pub(super) fn log_pages(&self) -> u32 {
        self.log_pages.load(Ordering::Relaxed)
    }

    /// Copies what is in the log into the file, as far as no reader needs the old state; `truncate` also cuts the log, if
    /// nobody reads at all. It waits for nobody.
    pub(super) fn checkpoint(&self, mode: &str) -> Result<(), Error> {
        let checkpointed = || -> rusqlite::Result<bool> {
            self.raw.busy_timeout(Duration::ZERO)?;
            let busy = self
                .raw
                .query_row(&format!("pragma wal_checkpoint({mode})"), [], |row| row.get(0));
            self.raw.busy_timeout(LOCK_WAIT)?;
            busy
        };
        let busy = checkpointed().map_err(|error| self.failed(error, ""))?;
        if mode == "truncate" && !busy {
            self.log_pages.store(0, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Runs a statement of this engine's own.
    pub(super) fn control(&self, sql: &str) -> Result<(), Error> {
        self.own.store(true, Ordering::Relaxed);
        let done = self
            .raw
            .prepare_cached(sql)
            .and_then(|mut statement| statement.raw_execute());
        self.own.store(false, Ordering::Relaxed);
        done.map(drop).map_err(|error| self.failed(error, sql))
    }

    pub(crate) fn query(&self, sql: &str, values: &[Value]) -> Result<Rows, Error> {
        let mut rows = Rows::default();
        self.walk(sql, values, |columns, row| {
            rows.add(columns, |values| read(row, columns, values))
        })?;
        Ok(rows)
    }

    /// Hands on every row of a query, however many there are.
    pub(crate) fn each(
        &self,
        sql: &str,
        values: &[Value],
        take: &mut dyn FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.walk(sql, values, |columns, row| {
            let mut values = Vec::with_capacity(columns.len());
            read(row, columns, &mut values)?;
            take(Row::new(columns.clone(), values))
        })
    }

    fn walk(
        &self,
        sql: &str,
        values: &[Value],
        mut take: impl FnMut(&Columns, &rusqlite::Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.timed(sql, || {
            let mut statement = self.prepared(sql, values)?;
            let names = statement.column_names();
            let columns: Columns = names.into_iter().map(Box::from).collect();
            let mut cursor = statement.raw_query();
            while let Some(row) = cursor.next().map_err(|error| self.failed(error, sql))? {
                take(&columns, row)?;
            }
            Ok(())
        })
    }

    /// Runs a statement, and answers how many rows it changed; one that changes none, how many it found.
    pub(crate) fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        self.timed(sql, || {
            let mut statement = self.prepared(sql, values)?;
            let before = self.raw.total_changes();
            let (mut found, mut cursor) = (0, statement.raw_query());
            while cursor.next().map_err(|error| self.failed(error, sql))?.is_some() {
                found += 1;
            }
            drop(cursor);
            // A statement that changes no rows, such as `create table`, leaves SQLite's count of the one before it.
            Ok(match statement.readonly() {
                true => found,
                false if self.raw.total_changes() == before => 0,
                false => self.raw.changes(),
            })
        })
    }

    pub(crate) fn script(&self, sql: &str) -> Result<(), Error> {
        self.timed(sql, || {
            self.raw.execute_batch(sql).map_err(|error| self.failed(error, sql))
        })
    }

    /// Whether SQLite has no transaction open; it ends one by itself after some failures.
    pub(super) fn is_idle(&self) -> bool {
        self.raw.is_autocommit()
    }

    fn prepared(&self, sql: &str, values: &[Value]) -> Result<CachedStatement<'_>, Error> {
        let failed = |error| self.failed(error, sql);
        let refused = |message: String| Error::Statement {
            message,
            sql: sql.to_owned(),
        };
        let mut statement = self.raw.prepare_cached(&sql::for_sqlite(sql)).map_err(failed)?;
        if self.usage == Use::Read && !statement.readonly() {
            return Err(refused(
                "`query` changes nothing; use `execute` or `transaction`".to_owned(),
            ));
        }
        if statement.parameter_count() != values.len() {
            let (wanted, given) = (statement.parameter_count(), values.len());
            return Err(refused(format!(
                "the statement has {wanted} parameters, and {given} were given"
            )));
        }
        for (index, value) in values.iter().enumerate() {
            statement.raw_bind_parameter(index + 1, value).map_err(failed)?;
        }
        Ok(statement)
    }

    fn timed<T>(&self, sql: &str, statement: impl FnOnce() -> T) -> T {
        match &self.slow {
            Some(slow) => slow.timed(&self.raw, sql, statement),
            None => statement(),
        }
    }

    fn failed(&self, error: rusqlite::Error, sql: &str) -> Error {
        failure::of(error, sql, &self.file)
    }
}

/// Somebody wants what runs, unless they say otherwise.
pub(super) struct Wanted<'c>(&'c Connection);

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        *lock(&self.0.given_up) = None;
    }
}

fn open(settings: &Settings, usage: Use) -> rusqlite::Result<rusqlite::Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // Who only reads makes no empty file in the place of one that was deleted.
    if usage == Use::Write {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let place = &settings.place;
    let raw = match &place.vfs {
        Some(vfs) => rusqlite::Connection::open_with_flags_and_vfs(&place.path, flags, vfs.as_str())?,
        None => rusqlite::Connection::open_with_flags(&place.path, flags)?,
    };
    raw.busy_timeout(LOCK_WAIT)?;
    raw.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    let log_bytes_max = u64::from(LOG_PAGES_MAX) * u64::from(PAGE_BYTES);
    raw.execute_batch(&format!(
        "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;
         pragma journal_size_limit = {log_bytes_max}; pragma wal_autocheckpoint = 0;"
    ))?;
    if usage == Use::Read {
        raw.execute_batch("pragma query_only = on;")?;
    }
    Ok(raw)
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        use rusqlite::types::Value as Owned;
        let borrowed = match self {
            Value::Null => ValueRef::Null,
            Value::Bool(value) => ValueRef::Integer(i64::from(*value)),
            Value::Integer(value) => ValueRef::Integer(*value),
            Value::Real(value) => ValueRef::Real(*value),
            Value::Text(value) => ValueRef::Text(value.as_bytes()),
            Value::Bytes(value) => ValueRef::Blob(value),
            Value::Timestamp(value) => ValueRef::Integer(value.as_micros()),
            Value::Uuid(value) => ValueRef::Blob(value.as_bytes()),
            Value::Json(value) => return Ok(ToSqlOutput::Owned(Owned::Text(value.to_string()))),
        };
        Ok(ToSqlOutput::Borrowed(borrowed))
    }
}

/// Adds the values of a row, and answers how many bytes of text and blobs they have.
fn read(row: &rusqlite::Row<'_>, columns: &Columns, values: &mut Vec<Value>) -> Result<usize, Error> {
    let mut bytes = 0;
    for (index, column) in columns.iter().enumerate() {
        let value = row.get_ref(index).map_err(|error| Error::Statement {
            message: error.to_string(),
            sql: String::new(),
        })?;
        if let ValueRef::Text(held) | ValueRef::Blob(held) = value {
            bytes += held.len();
        }
        values.push(match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(value) => Value::Integer(value),
            ValueRef::Real(value) => Value::Real(value),
            ValueRef::Blob(value) => Value::Bytes(value.to_vec()),
            ValueRef::Text(value) => match std::str::from_utf8(value) {
                Ok(text) => Value::Text(text.to_owned()),
                Err(error) => {
                    return Err(Error::Mismatch {
                        column: column.to_string(),
                        found: format!("text whose byte {} is not UTF-8", error.valid_up_to()),
                        wanted: "text".to_owned(),
                    });
                }
            },
        });
    }
    Ok(bytes)
}
