//! One connection to a file.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, OpenFlags, ToSql};
use world::SqlitePlace;

use super::failure;
use crate::error::Error;
use crate::limits::{ANSWER_BYTES_MAX, ROWS_MAX};
use crate::row::Row;
use crate::sql;
use crate::value::Value;

/// How long a statement waits for a lock that another program holds, such as a person's `sqlite3`.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Prepared statements that a connection keeps.
const STATEMENTS_MAX: usize = 128;

/// One connection to a component's file.
pub(crate) struct Connection {
    raw: rusqlite::Connection,
    slow: Duration,
    component: String,
}

impl Connection {
    /// `FULL`, since a transaction that was acknowledged survives a power failure; a write-ahead log, so that readers and
    /// the writer do not wait for each other.
    pub(super) fn open(place: &SqlitePlace, reads: bool, slow: Duration, component: &str) -> Result<Connection, Error> {
        let opened = || -> rusqlite::Result<rusqlite::Connection> {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let raw = match &place.vfs {
                Some(vfs) => rusqlite::Connection::open_with_flags_and_vfs(&place.path, flags, vfs.as_str())?,
                None => rusqlite::Connection::open_with_flags(&place.path, flags)?,
            };
            raw.busy_timeout(LOCK_WAIT)?;
            raw.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
            raw.execute_batch("pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;")?;
            if reads {
                raw.execute_batch("pragma query_only = on;")?;
            }
            Ok(raw)
        };
        let raw = opened().map_err(|error| failure::of(error, ""))?;
        Ok(Connection {
            raw,
            slow,
            component: component.to_owned(),
        })
    }

    pub(crate) fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        self.each(sql, values, &mut |row| {
            bytes += row.values().iter().map(Value::bytes).sum::<usize>();
            if rows.len() == ROWS_MAX {
                return Err(too_large(format!("{ROWS_MAX} rows")));
            }
            if bytes > ANSWER_BYTES_MAX {
                return Err(too_large(format!("{} MiB", ANSWER_BYTES_MAX >> 20)));
            }
            rows.push(row);
            Ok(())
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
        let failed = |error| failure::of(error, sql);
        let mut statement = self.prepared(sql, values)?;
        let names = statement.column_names();
        let columns: Arc<[Box<str>]> = names.into_iter().map(Box::from).collect();
        let mut cursor = statement.raw_query();
        while let Some(row) = cursor.next().map_err(failed)? {
            let mut values = Vec::with_capacity(columns.len());
            for index in 0..columns.len() {
                values.push(read(row.get_ref(index).map_err(failed)?, &columns[index])?);
            }
            take(Row::new(columns.clone(), values))?;
        }
        Ok(())
    }

    pub(crate) fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        let mut statement = self.prepared(sql, values)?;
        let changed = statement.raw_execute().map_err(|error| failure::of(error, sql))?;
        Ok(changed as u64)
    }

    pub(crate) fn script(&self, sql: &str) -> Result<(), Error> {
        self.raw.execute_batch(sql).map_err(|error| failure::of(error, sql))
    }

    /// Whether SQLite has no transaction open; it ends one by itself after some failures.
    pub(super) fn is_idle(&self) -> bool {
        self.raw.is_autocommit()
    }

    fn prepared(&self, sql: &str, values: &[Value]) -> Result<CachedStatement<'_>, Error> {
        let failed = |error| failure::of(error, sql);
        let mut statement = self.raw.prepare_cached(&sql::for_sqlite(sql)).map_err(failed)?;
        if statement.parameter_count() != values.len() {
            let (wanted, given) = (statement.parameter_count(), values.len());
            return Err(Error::Statement {
                message: format!("the statement has {wanted} parameters, and {given} were given"),
                sql: sql.to_owned(),
            });
        }
        for (index, value) in values.iter().enumerate() {
            statement.raw_bind_parameter(index + 1, value).map_err(failed)?;
        }
        Ok(statement)
    }
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

fn read(value: ValueRef<'_>, column: &str) -> Result<Value, Error> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Integer(value),
        ValueRef::Real(value) => Value::Real(value),
        ValueRef::Blob(value) => Value::Bytes(value.to_vec()),
        ValueRef::Text(value) => match std::str::from_utf8(value) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(error) => {
                return Err(Error::Mismatch {
                    column: column.to_owned(),
                    found: format!("text whose byte {} is not UTF-8", error.valid_up_to()),
                    wanted: "text".to_owned(),
                });
            }
        },
    })
}

fn too_large(limit: String) -> Error {
    Error::TooLarge { limit }
}
