//! Moving away: writing stops, and once all of it lies elsewhere nothing is written here ever again.

use std::sync::{PoisonError, RwLock};

use crate::database::Database;
use crate::error::Error;
use crate::timestamp::Timestamp;
use crate::transaction::Transaction;
use crate::work::Isolation;

/// Holds where the data went; the table is there only after a move.
pub(crate) const TABLE: &str = "terrace_moved";

/// Why nothing may be written for the time being.
#[derive(Default)]
pub(crate) struct Freeze(RwLock<Option<String>>);

impl Freeze {
    /// Hands a transaction over by `submit`, unless it may not write. Writing is not stopped in between: what comes behind
    /// a freeze in the queue was refused.
    pub(crate) fn admit<T>(&self, isolation: Isolation, submit: impl FnOnce() -> T) -> Result<T, Error> {
        let why = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match &*why {
            Some(why) if isolation != Isolation::Snapshot => Err(Error::Busy { message: why.clone() }),
            _ => Ok(submit()),
        }
    }

    fn set(&self, why: Option<String>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = why;
    }
}

impl Database {
    /// Lets no new transaction write, with `why` as the reason, and waits until those that were there before are over.
    /// Reading goes on.
    pub async fn freeze(&self, why: &str) -> Result<(), Error> {
        self.frozen().set(Some(why.to_owned()));
        // On SQLite transactions are run in the order in which they came.
        let over = self
            .run_always(async |tx: &Transaction<'_>| tx.query::<()>("select 1", ()).await.map(drop))
            .await;
        if over.is_err() {
            self.thaw();
        }
        over
    }

    /// Lets transactions write again.
    pub fn thaw(&self) {
        self.frozen().set(None);
    }

    /// Says that the data lies at `to` from now on: this database is not opened any more, and nothing is written to it.
    pub async fn mark_moved(&self, to: &str) -> Result<(), Error> {
        let why = format!("the data was moved to {to}; set tiers.database to that, and start again");
        let (to, at) = (to.to_owned(), Timestamp::from(self.env().wall()));
        self.run_always(async move |tx: &Transaction<'_>| {
            tx.execute(
                "create table if not exists terrace_moved (moved_to text not null, at bigint not null)",
                (),
            )
            .await?;
            tx.execute(
                "insert into terrace_moved (moved_to, at) values ($1, $2)",
                (&to, at.as_micros()),
            )
            .await
            .map(drop)
        })
        .await?;
        self.frozen().set(Some(why));
        Ok(())
    }
}

/// Refuses a database whose data went elsewhere.
pub(crate) async fn refuse(database: &Database) -> Result<(), Error> {
    let exists = match database.is_postgres() {
        true => "select 1 from pg_tables where schemaname = current_schema() and tablename = $1",
        false => "select 1 from sqlite_schema where type = 'table' and name = $1",
    };
    let marked: Option<i64> = database.query_optional(exists, (TABLE,)).await?;
    if marked.is_none() {
        return Ok(());
    }
    let moved: Vec<(String, i64)> = database
        .query("select moved_to, at from terrace_moved order by at desc limit 1", ())
        .await?;
    match moved.into_iter().next() {
        None => Ok(()),
        Some((to, at)) => Err(Error::Open {
            message: format!(
                "the data of `{}` was moved to {to} at {}; set tiers.database to that",
                database.component(),
                Timestamp(at)
            ),
        }),
    }
}
