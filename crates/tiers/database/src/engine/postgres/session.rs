//! One connection, as long as somebody has it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use deadpool_postgres::{Object, Pool};
use futures_core::Stream;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row as Raw, Statement};
use wire::Ran;

use super::failure;
use super::values;
use crate::error::Error;
use crate::limits::{ANSWER_BYTES_MAX, ROWS_MAX};
use crate::row::Row;
use crate::value::Value;

/// One connection of the pool.
pub(crate) struct Session {
    client: Object,
}

impl Session {
    pub(super) async fn take(pool: &Pool) -> Result<Session, Error> {
        let client = pool.get().await.map_err(|error| Error::Unavailable {
            message: error.to_string(),
            ran: Ran::No,
        })?;
        Ok(Session { client })
    }

    pub(super) async fn prepare_schema(pool: &Pool, schema: &str) -> Result<(), Error> {
        let session = Session::take(pool).await?;
        session
            .script(&format!(
                "begin read write; create schema if not exists {schema}; commit"
            ))
            .await
    }

    pub(crate) async fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let statement = self.prepared(sql, values).await?;
        let rows = self.client.query(&statement, &borrowed(values)).await;
        let rows = rows.map_err(|error| failure::of(&error, sql))?;
        if rows.len() > ROWS_MAX {
            return Err(Error::TooLarge {
                limit: format!("{ROWS_MAX} rows"),
            });
        }
        let columns: Arc<[Box<str>]> = statement.columns().iter().map(|column| column.name().into()).collect();
        let mut bytes = 0;
        rows.iter().map(|row| read(row, &columns, &mut bytes)).collect()
    }

    /// Hands on every row of a query, however many there are.
    pub(crate) async fn each(
        &self,
        sql: &str,
        values: &[Value],
        take: &mut dyn FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let failed = |error: tokio_postgres::Error| failure::of(&error, sql);
        let statement = self.prepared(sql, values).await?;
        let columns: Arc<[Box<str>]> = statement.columns().iter().map(|column| column.name().into()).collect();
        let rows = self.client.query_raw(&statement, borrowed(values)).await;
        let mut rows = pin!(rows.map_err(failed)?);
        while let Some(row) = poll_fn(|cx| rows.as_mut().poll_next(cx)).await {
            take(read(&row.map_err(failed)?, &columns, &mut 0)?)?;
        }
        Ok(())
    }

    pub(crate) async fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        let statement = self.prepared(sql, values).await?;
        let changed = self.client.execute(&statement, &borrowed(values)).await;
        changed.map_err(|error| failure::of(&error, sql))
    }

    pub(crate) async fn script(&self, sql: &str) -> Result<(), Error> {
        let done = self.client.batch_execute(sql).await;
        done.map_err(|error| failure::of(&error, sql))
    }

    pub(super) async fn begin(&self, sql: &str) -> Result<(), Error> {
        self.script(sql).await
    }

    pub(super) async fn commit(&self) -> Result<(), Error> {
        self.script("commit").await.map_err(failure::of_commit)
    }

    pub(super) async fn roll_back(&self) {
        // A connection that cannot is not used again.
        let _ = self.script("rollback").await;
    }

    async fn prepared(&self, sql: &str, values: &[Value]) -> Result<Statement, Error> {
        let statement = self.client.prepare_cached(sql).await;
        let statement = statement.map_err(|error| failure::of(&error, sql))?;
        let (wanted, given) = (statement.params().len(), values.len());
        if wanted != given {
            return Err(Error::Statement {
                message: format!("the statement has {wanted} parameters, and {given} were given"),
                sql: sql.to_owned(),
            });
        }
        Ok(statement)
    }
}

fn borrowed(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

fn read(row: &Raw, columns: &Arc<[Box<str>]>, bytes: &mut usize) -> Result<Row, Error> {
    let mut read = Vec::with_capacity(columns.len());
    for index in 0..columns.len() {
        let value = values::read(row, index)?;
        *bytes += value.bytes();
        read.push(value);
    }
    if *bytes > ANSWER_BYTES_MAX {
        return Err(Error::TooLarge {
            limit: format!("{} MiB", ANSWER_BYTES_MAX >> 20),
        });
    }
    Ok(Row::new(columns.clone(), read))
}
