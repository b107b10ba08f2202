//! One connection, as long as somebody has it.

use std::future::poll_fn;
use std::ops::Deref;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Object};
use futures_core::Stream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};
use tokio_postgres::{Row as Raw, Statement};

use super::pipeline::{both, unless_refused};
use super::plan::Slow;
use super::shares::Side;
use super::values::{self, Parameter};
use super::{ANSWER_MAX, Server, failure};
use crate::error::Error;
use crate::row::{Columns, Row, Rows};
use crate::value::Value;

/// Statements that a connection keeps prepared; with more it forgets them all, since texts that are ever new never end.
const STATEMENTS_MAX: usize = 256;

/// Slow statements of one transaction that are told.
const SLOW_MAX: usize = 4;

/// How long the end of a transaction that is not kept, a plan, or the word to stop may take.
const END_MAX: Duration = Duration::from_secs(5);

/// One connection of the pool. Where it is dropped in the middle of something it is closed, and what it does is stopped.
pub(crate) struct Session {
    /// There until the session is dropped.
    client: Option<Object>,
    /// Its place among the connections of the component, free once the connection is back.
    _place: OwnedSemaphorePermit,
    server: Arc<Server>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What is to be said before the first statement.
    begin: Option<&'static str>,
    transaction: Progress,
    /// A statement was given up before the server had answered it.
    unfinished: bool,
    /// A statement was prepared for tables that have changed.
    stale: bool,
    slow: Vec<Slow>,
    /// It may take as long as it takes, such as a migration.
    patient: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Progress {
    /// None, or one of which the server knows nothing yet.
    #[default]
    None,
    Open,
    /// The last statement brought the commit with it.
    Kept,
}

impl Session {
    pub(super) async fn take(server: &Arc<Server>, side: Side) -> Result<Session, Error> {
        let lent = server.shares.take(side).await;
        let lent = lent.map_err(|refused| failure::of_pool(refused, &server.address, server.connections))?;
        if lent.client.statement_cache.size() > STATEMENTS_MAX {
            lent.client.statement_cache.clear();
        }
        Ok(Session {
            client: Some(lent.client),
            _place: lent.place,
            server: server.clone(),
            state: Mutex::default(),
        })
    }

    pub(crate) async fn query(&self, sql: &str, values: &[Value]) -> Result<Rows, Error> {
        let mut rows = Rows::default();
        self.stream(sql, values, |row, columns| {
            rows.add(columns, |values| {
                read(row, columns.len(), values)?;
                Ok(row.raw_size_bytes())
            })
        })
        .await?;
        Ok(rows)
    }

    /// Hands on every row of a query, however many there are.
    pub(crate) async fn each(
        &self,
        sql: &str,
        values: &[Value],
        take: &mut dyn FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.stream(sql, values, |row, columns| {
            let mut values = Vec::with_capacity(columns.len());
            read(row, columns.len(), &mut values)?;
            take(Row::new(columns.clone(), values))
        })
        .await
    }

    pub(crate) async fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        self.begun(async {
            let statement = self.prepared(sql, values).await?;
            let running = self.runs(sql, values);
            let changed = self.client().execute_raw(&statement, parameters(values)).await;
            running.ended();
            changed.map_err(|error| self.failed(&error, sql))
        })
        .await
    }

    /// The same for the last statement of a transaction, which brings the commit with it.
    pub(crate) async fn finish(&self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        if self.is_unfinished() {
            // It is not kept.
            return self.execute(sql, values).await;
        }
        let finished = self.begun_whenever(async {
            let statement = self.prepared(sql, values).await?;
            let running = self.runs(sql, values);
            let client = self.client();
            let (changed, committed) = unless_refused(
                client.execute_raw(&statement, parameters(values)),
                client.batch_execute("commit"),
            )
            .await;
            running.ended();
            let is_ended = matches!(committed, Some(Ok(())));
            let end = match (changed, committed) {
                (Ok(changed), Some(Ok(())) | None) => Ok(changed),
                (Ok(_), Some(Err(error))) => Err(failure::of_commit(&error)),
                // The server said that the statement failed, and so did the commit. Where it said nothing, who knows.
                (Err(error), Some(_)) if error.as_db_error().is_none() => {
                    Err(failure::in_doubt(self.failed(&error, sql)))
                }
                (Err(error), _) => Err(self.failed(&error, sql)),
            };
            if is_ended {
                self.state().transaction = if end.is_ok() { Progress::Kept } else { Progress::None };
            }
            end
        });
        self.answered(true, finished).await
    }

    pub(crate) async fn script(&self, sql: &str) -> Result<(), Error> {
        // Such as an index of a large table, and what follows it in its transaction.
        self.state().patient = true;
        self.begun(async {
            let running = self.runs("", &[]);
            let script = format!("set local statement_timeout = 0;\n{sql}");
            let done = self.client().batch_execute(&script).await;
            running.ended();
            done.map_err(|error| self.failed(&error, sql))
        })
        .await
    }

    /// What is said with the first statement, and whether statements may take as long as they take.
    pub(super) fn begin(&self, sql: &'static str, patient: bool) {
        self.state().begin = Some(sql);
        self.state().patient = patient;
    }

    /// Keeps what the transaction did; of one without a statement the server knows nothing.
    pub(super) async fn commit(&self) -> Result<(), Error> {
        if self.state().transaction != Progress::Open {
            return Ok(());
        }
        let running = self.runs("", &[]);
        let commit = self.client().batch_execute("commit");
        let Ok(done) = timeout(ANSWER_MAX, commit).await else {
            return Err(failure::stuck(&self.server.address, true));
        };
        running.ended();
        if done.is_ok() {
            self.state().transaction = Progress::None;
        }
        done.map_err(|error| failure::of_commit(&error))
    }

    /// Whether a statement brought the commit with it.
    pub(super) fn is_kept(&self) -> bool {
        self.state().transaction == Progress::Kept
    }

    /// Whether a statement was given up in the middle, so that nobody knows what it did.
    pub(super) fn is_unfinished(&self) -> bool {
        self.state().unfinished
    }

    /// Whether a statement failed since the tables have changed, and would not if it were prepared again.
    pub(super) fn is_stale(&self) -> bool {
        self.state().stale
    }

    /// Whether there is something to tell once nobody waits for it.
    pub(super) fn was_slow(&self) -> bool {
        !self.state().slow.is_empty()
    }

    /// Undoes what is not kept. Where that fails the connection is not used again.
    pub(super) async fn roll_back(&self) {
        if self.is_open() && !self.is_unfinished() {
            let undone = timeout(END_MAX, self.client().batch_execute("rollback")).await;
            if let Ok(Ok(())) = undone {
                self.state().transaction = Progress::None;
            }
        }
    }

    /// Tells what was slow, once nobody waits for it.
    pub(super) async fn tell_slow(self) {
        let slow = std::mem::take(&mut self.state().slow);
        for slow in slow {
            let asks = !self.is_open() && !self.is_unfinished() && self.server.may_ask_plan();
            let client: Option<&tokio_postgres::Client> = if asks { Some(self.client()) } else { None };
            // Where it takes too long the connection is in the middle of something, and closed.
            self.state().unfinished = asks;
            let told = timeout(END_MAX, slow.tell(client, &self.server.component)).await;
            if told.is_ok() && asks {
                self.state().unfinished = false;
            }
        }
    }

    /// Runs a statement, behind the `begin` of its transaction if that was not said yet.
    async fn begun<T>(&self, statement: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.answered(false, self.begun_whenever(statement)).await
    }

    /// The same, but not for longer than a server that is alive would take; `commits` where it brings the commit with it.
    async fn answered<T>(&self, commits: bool, said: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        if self.state().patient {
            return said.await;
        }
        // What is given up in the middle has its connection closed.
        let answered = timeout(ANSWER_MAX, said).await;
        answered.unwrap_or_else(|_| Err(failure::stuck(&self.server.address, commits)))
    }

    async fn begun_whenever<T>(&self, statement: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let begin = self.state().begin.take();
        let Some(begin) = begin else {
            return statement.await;
        };
        self.state().transaction = Progress::Open;
        let (begun, done) = both(self.client().batch_execute(begin), statement).await;
        match begun {
            Ok(()) => done,
            Err(error) if error.as_db_error().is_some() => Err(failure::of_begin(&error)),
            // The connection is gone. What was sent behind it, perhaps with the commit, may have been done: `done` knows.
            Err(error) => done.and(Err(failure::of_begin(&error))),
        }
    }

    async fn stream(
        &self,
        sql: &str,
        values: &[Value],
        mut take: impl FnMut(&Raw, &Columns) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.begun(async {
            let statement = self.prepared(sql, values).await?;
            values::readable(statement.columns())?;
            let columns: Columns = statement.columns().iter().map(|column| column.name().into()).collect();
            let running = self.runs(sql, values);
            let mut rows = pin!(match self.client().query_raw(&statement, parameters(values)).await {
                Ok(rows) => rows,
                Err(error) => {
                    running.ended();
                    return Err(self.failed(&error, sql));
                }
            });
            while let Some(row) = poll_fn(|cx| rows.as_mut().poll_next(cx)).await {
                match row {
                    Ok(row) => take(&row, &columns)?,
                    Err(error) => {
                        running.ended();
                        return Err(self.failed(&error, sql));
                    }
                }
            }
            running.ended();
            Ok(())
        })
        .await
    }

    async fn prepared(&self, sql: &str, values: &[Value]) -> Result<Statement, Error> {
        let running = self.runs("", &[]);
        let statement = self.client().prepare_cached(sql).await;
        running.ended();
        let statement = statement.map_err(|error| self.failed(&error, sql))?;
        let (wanted, given) = (statement.params().len(), values.len());
        if wanted != given {
            return Err(Error::Statement {
                message: format!("the statement has {wanted} parameters, and {given} were given"),
                sql: sql.to_owned(),
            });
        }
        Ok(statement)
    }

    fn failed(&self, error: &tokio_postgres::Error, sql: &str) -> Error {
        if failure::is_stale(error) {
            self.state().stale = true;
            // Every connection prepared it for the same tables.
            self.server.shares.forget(sql);
        }
        let transaction = self.state().transaction;
        match transaction {
            Progress::None => failure::of_query(error, sql),
            Progress::Open | Progress::Kept => failure::of(error, sql),
        }
    }

    fn is_open(&self) -> bool {
        self.state().transaction == Progress::Open
    }

    /// Never held while anything is waited for: only so that the future of a query is `Send`.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn runs<'s>(&'s self, sql: &'s str, values: &[Value]) -> Running<'s> {
        Running {
            session: self,
            sql,
            parameters: values.len(),
            began: Instant::now(),
            ended: false,
        }
    }

    fn client(&self) -> &ClientWrapper {
        match &self.client {
            Some(client) => client.deref(),
            None => unreachable!("a session has its client until it is dropped"),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        let is_unfinished = self.is_unfinished();
        if !self.is_open() && !is_unfinished {
            return;
        }
        // The pool makes another.
        let client = Object::take(client);
        if is_unfinished && tokio::runtime::Handle::try_current().is_ok() {
            let (token, tls) = (client.cancel_token(), self.server.address.tls.clone());
            tokio::spawn(async move {
                // A server that cannot be asked to stop sees that the connection is gone.
                let _ = timeout(END_MAX, token.cancel_query(tls)).await;
                drop(client);
            });
        }
    }
}

/// A statement that the server works on.
struct Running<'s> {
    session: &'s Session,
    /// Empty where nobody wants to know how long it took.
    sql: &'s str,
    parameters: usize,
    began: Instant,
    ended: bool,
}

impl Running<'_> {
    /// The server has answered.
    fn ended(mut self) {
        self.ended = true;
        let took = self.began.elapsed();
        if took < self.session.server.slow || self.sql.is_empty() {
            return;
        }
        let mut state = self.session.state();
        if state.slow.len() < SLOW_MAX {
            state.slow.push(Slow {
                sql: self.sql.to_owned(),
                took,
                parameters: self.parameters,
            });
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.session.state().unfinished = true;
        }
    }
}

fn parameters(values: &[Value]) -> impl ExactSizeIterator<Item = Parameter<'_>> {
    values.iter().enumerate().map(|(index, value)| Parameter {
        number: index + 1,
        value,
    })
}

fn read(row: &Raw, width: usize, values: &mut Vec<Value>) -> Result<(), Error> {
    for index in 0..width {
        values.push(values::read(row, index)?);
    }
    Ok(())
}
