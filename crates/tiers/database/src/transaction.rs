//! [`Transaction`]: what a closure gets, and what has become of it so far.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;

use crate::engine::{postgres, sqlite};
use crate::error::Error;
use crate::row::{FromRow, Row, Rows};
use crate::sql;
use crate::value::{Parameters, Value, checked};
use crate::work::Hook;

/// A transaction that is running. It is serializable, sees what it has done itself, and is kept when its closure answers
/// `Ok`. It awaits nothing but its own statements. Once a statement has failed nothing of it is kept, whatever the closure
/// answers: what may go wrong and be gone on from is written into the statement, as `on conflict do nothing`.
pub struct Transaction<'c> {
    link: Link<'c>,
    state: State,
}

pub(crate) enum Link<'c> {
    Sqlite(&'c sqlite::Connection),
    Postgres(&'c postgres::Session),
}

#[derive(Default)]
struct State {
    /// The first statement that failed.
    failed: RefCell<Option<Error>>,
    /// Statements that are running, so that a closure which waits for anything else is told.
    running: Cell<usize>,
    after_commit: RefCell<Vec<Hook>>,
}

impl<'c> Transaction<'c> {
    pub(crate) fn new(link: Link<'c>) -> Transaction<'c> {
        Transaction {
            link,
            state: State::default(),
        }
    }

    /// The rows of a query.
    pub async fn query<R: FromRow>(&self, sql: &str, parameters: impl Parameters) -> Result<Vec<R>, Error> {
        let rows = self.run(sql, parameters.values()).await?;
        let read = rows.read();
        self.noted(read)
    }

    /// The only row of a query.
    pub async fn query_one<R: FromRow>(&self, sql: &str, parameters: impl Parameters) -> Result<R, Error> {
        let rows = self.query(sql, parameters).await?;
        self.noted(one(rows, sql))
    }

    /// The only row of a query, or none.
    pub async fn query_optional<R: FromRow>(&self, sql: &str, parameters: impl Parameters) -> Result<Option<R>, Error> {
        let rows = self.query(sql, parameters).await?;
        self.noted(at_most_one(rows, sql))
    }

    /// Runs a statement and answers how many rows it changed.
    pub async fn execute(&self, sql: &str, parameters: impl Parameters) -> Result<u64, Error> {
        let values = self.admitted(sql, parameters.values())?;
        let _running = self.running();
        let done = match &self.link {
            Link::Sqlite(connection) => connection.execute(sql, &values),
            Link::Postgres(session) => session.execute(sql, &values).await,
        };
        self.noted(done)
    }

    /// [`Transaction::execute`] for the last statement, behind which the closure answers `Ok` if it succeeded: PostgreSQL
    /// gets the commit with it.
    pub(crate) async fn finish(&self, sql: &str, parameters: impl Parameters) -> Result<u64, Error> {
        let values = self.admitted(sql, parameters.values())?;
        let _running = self.running();
        let done = match &self.link {
            Link::Sqlite(connection) => connection.execute(sql, &values),
            Link::Postgres(session) => session.finish(sql, &values).await,
        };
        self.noted(done)
    }

    /// Runs `then` once the transaction is kept, and drops it if it is not.
    pub fn after_commit(&self, then: impl FnOnce() + Send + 'static) {
        self.state.after_commit.borrow_mut().push(Box::new(then));
    }

    /// Whether the engine is PostgreSQL, where SQL differs.
    pub fn is_postgres(&self) -> bool {
        matches!(self.link, Link::Postgres(_))
    }

    /// Several statements without parameters.
    pub(crate) async fn script(&self, sql: &str) -> Result<(), Error> {
        self.not_failed()?;
        let _running = self.running();
        let done = match &self.link {
            Link::Sqlite(connection) => connection.script(sql),
            Link::Postgres(session) => session.script(sql).await,
        };
        self.noted(done)
    }

    /// Hands on every row of a query, however many there are.
    pub(crate) async fn each(&self, sql: &str, take: &mut dyn FnMut(Row) -> Result<(), Error>) -> Result<(), Error> {
        self.not_failed()?;
        let _running = self.running();
        let done = match &self.link {
            Link::Sqlite(connection) => connection.each(sql, &[], take),
            Link::Postgres(session) => session.each(sql, &[], take).await,
        };
        self.noted(done)
    }

    /// Why nothing of it may be kept, if a statement failed.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.state.failed.borrow().clone()
    }

    /// What is to be done once it is kept.
    pub(crate) fn into_after_commit(self) -> Vec<Hook> {
        self.state.after_commit.into_inner()
    }

    /// Polls the closure's future. A call through a `Ref` is denied meanwhile, and so is waiting for anything that is no
    /// statement of this transaction: the database would wait with it.
    pub(crate) async fn guard<F: Future>(&self, future: F) -> Result<F::Output, Error> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let polled = {
                let _no_calls = component::no_calls();
                future.as_mut().poll(cx)
            };
            if polled.is_pending() && self.state.running.get() == 0 {
                return std::task::Poll::Ready(Err(Error::Denied {
                    message: WAITS.to_owned(),
                }));
            }
            polled.map(Ok)
        })
        .await
    }

    async fn run(&self, sql: &str, values: Vec<Value>) -> Result<Rows, Error> {
        let values = self.admitted(sql, values)?;
        let _running = self.running();
        let rows = match &self.link {
            Link::Sqlite(connection) => connection.query(sql, &values),
            Link::Postgres(session) => session.query(sql, &values).await,
        };
        self.noted(rows)
    }

    fn admitted(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Value>, Error> {
        self.not_failed()?;
        self.noted(sql::admitted(sql).and_then(|()| checked(values)))
    }

    fn not_failed(&self) -> Result<(), Error> {
        match &*self.state.failed.borrow() {
            None => Ok(()),
            Some(failed) => Err(Error::Failed {
                message: failed.to_string(),
            }),
        }
    }

    fn noted<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result {
            self.state.failed.borrow_mut().get_or_insert_with(|| error.clone());
        }
        result
    }

    fn running(&self) -> Running<'_> {
        self.state.running.set(self.state.running.get() + 1);
        Running(&self.state.running)
    }
}

const WAITS: &str = "a transaction waits for something that is no statement of its own, and the database with it; do that \
                     before or after the transaction";

/// One statement that is running.
struct Running<'t>(&'t Cell<usize>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// The only one of `rows`.
pub(crate) fn one<R>(rows: Vec<R>, sql: &str) -> Result<R, Error> {
    let found = rows.len();
    match at_most_one(rows, sql)? {
        Some(row) => Ok(row),
        None => Err(Error::Rows {
            found,
            sql: sql.to_owned(),
        }),
    }
}

/// The only one of `rows`, or none.
pub(crate) fn at_most_one<R>(mut rows: Vec<R>, sql: &str) -> Result<Option<R>, Error> {
    match rows.len() {
        0 | 1 => Ok(rows.pop()),
        found => Err(Error::Rows {
            found,
            sql: sql.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use world::memory::World;

    use super::Transaction;
    use crate::config::Config;
    use crate::database::Database;
    use crate::error::Error;
    use crate::migration::Migrations;

    #[test]
    fn behind_a_failure_nothing_is_run_whatever_form_it_has() {
        sim::sqlite::register().unwrap();
        let world = World::new(1);
        let env = world.node("a");
        let ended = world.run(env.clone().spawn("test", async move {
            let db = Database::open(&env, "Failed", &Config::default(), &Migrations::NONE)
                .await
                .unwrap();
            let done = db.transaction(async |tx: &Transaction<'_>| {
                assert!(tx.execute("select * from nothing", ()).await.is_err());
                let refused = [
                    tx.execute("create table t (a)", ()).await.map(drop),
                    tx.script("create table t (a)").await,
                    tx.each("select 1", &mut |_| Ok(())).await,
                ];
                assert!(
                    refused
                        .iter()
                        .all(|refused| matches!(refused, Err(Error::Failed { .. }))),
                    "{refused:?}"
                );
                Ok::<(), Error>(())
            });
            assert!(matches!(done.await, Err(Error::Statement { .. })));
        }));
        ended.unwrap();
    }
}
