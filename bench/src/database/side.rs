//! The sides: ours on either engine, and who writes the same by hand.

pub(crate) mod ours;
pub(crate) mod postgres;
pub(crate) mod sqlite;

use anyhow::ensure;

use crate::case::{Operation, RANGE, account, call, range};
use crate::queue::{self, Worker};

use ours::Ours;
use postgres::Postgres;
use sqlite::Sqlite;

/// One side on one engine.
pub(crate) enum Side {
    Ours(Ours),
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Side {
    /// Does the operation with this number, which no other of this side has.
    pub(crate) async fn perform(&self, operation: Operation, number: u64) -> anyhow::Result<()> {
        match operation {
            Operation::Row => {
                let row = match self {
                    Side::Ours(ours) => ours.row(account(number)).await?,
                    Side::Sqlite(sqlite) => sqlite.row(account(number)).await?,
                    Side::Postgres(postgres) => postgres.row(account(number)).await?,
                };
                std::hint::black_box(row.weight());
            }
            Operation::Rows => {
                let rows = match self {
                    Side::Ours(ours) => ours.rows(range(number)).await?,
                    Side::Sqlite(sqlite) => sqlite.rows(range(number)).await?,
                    Side::Postgres(postgres) => postgres.rows(range(number)).await?,
                };
                ensure!(
                    i64::try_from(rows.len()) == Ok(RANGE),
                    "{} rows, not {RANGE}",
                    rows.len()
                );
                std::hint::black_box(rows.iter().map(|row| row.weight()).sum::<i64>());
            }
            Operation::Transaction => {
                let balance = match self {
                    Side::Ours(ours) => ours.transfer(account(number)).await?,
                    Side::Sqlite(sqlite) => sqlite.transfer(account(number)).await?,
                    Side::Postgres(postgres) => postgres.transfer(account(number)).await?,
                };
                ensure!(balance > 0, "an account was not found");
            }
            Operation::Once => {
                let balance = match self {
                    Side::Ours(ours) => ours.once(call(number), account(number)).await?,
                    Side::Sqlite(sqlite) => sqlite.once(call(number), account(number)).await?,
                    Side::Postgres(postgres) => postgres.once(call(number), account(number)).await?,
                };
                ensure!(balance > 0, "an account was not found");
            }
            Operation::Insert => match self {
                Side::Ours(ours) => ours.insert(account(number)).await?,
                Side::Sqlite(sqlite) => sqlite.insert(account(number)).await?,
                Side::Postgres(postgres) => postgres.insert(account(number)).await?,
            },
            Operation::Job => match self {
                Side::Ours(ours) => ours.enqueue(account(number)).await?,
                Side::Sqlite(sqlite) => sqlite.enqueue(account(number)).await?,
                Side::Postgres(postgres) => postgres.enqueue(account(number)).await?,
            },
        }
        Ok(())
    }

    /// Begins to run its jobs.
    pub(crate) async fn start(self: &std::sync::Arc<Self>) -> anyhow::Result<Worker> {
        match &**self {
            Side::Ours(ours) => ours.start().await,
            Side::Sqlite(_) | Side::Postgres(_) => Ok(queue::start(self.clone())),
        }
    }
}
