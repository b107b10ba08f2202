//! The engines behind one contract.

pub(crate) mod postgres;
pub(crate) mod sqlite;

use crate::error::Error;
use crate::row::Rows;
use crate::value::Value;
use crate::work::Work;

/// One way of keeping a component's data.
pub(crate) enum Engine {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

impl Engine {
    /// Hands a transaction over; it settles whoever waits for it.
    pub(crate) fn submit(&self, work: Box<dyn Work>) {
        match self {
            Engine::Sqlite(sqlite) => sqlite.submit(work),
            Engine::Postgres(postgres) => postgres.submit(work),
        }
    }

    /// The rows of a query that changes nothing.
    pub(crate) async fn query(&self, sql: &str, values: Vec<Value>) -> Result<Rows, Error> {
        match self {
            Engine::Sqlite(sqlite) => sqlite.query(sql, values).await,
            Engine::Postgres(postgres) => postgres.query(sql, values).await,
        }
    }
}
