//! A transaction or a query, run until it is answered, refused, or in vain too often.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;
use wire::Ran;

use super::shares::Side;
use super::{Server, Session};
use crate::error::Error;
use crate::limits::ATTEMPTS_MAX;
use crate::row::Rows;
use crate::transaction::{Link, Transaction};
use crate::value::Value;
use crate::work::{Hook, Isolation, Work, settle};

/// What a conflict waits for at most before its first repetition; twice as much before each further one.
const CONFLICT_BACKOFF: Duration = Duration::from_millis(4);

/// The same where the server is not there: it may be starting.
const LOST_BACKOFF: Duration = Duration::from_millis(200);

/// Runs a transaction; `waits` is its place among those that wait.
pub(super) async fn transact(server: &Arc<Server>, mut work: Box<dyn Work>, waits: OwnedSemaphorePermit) {
    let mut waits = Some(waits);
    for attempts in 1.. {
        if !work.is_wanted() {
            return;
        }
        let taken = Session::take(server, Side::Thread).await;
        drop(waits.take());
        let (end, session) = match taken {
            Ok(session) => {
                if !work.is_wanted() {
                    return;
                }
                let end = attempt(&session, &mut *work).await;
                session.roll_back().await;
                (end, Some(session))
            }
            Err(error) => (Err(error), None),
        };
        if let Some(backoff) = repeated(server, &end, session.as_ref(), work.tells_repeats(), attempts) {
            drop(session);
            sleep(backoff).await;
            continue;
        }
        let end = end.map_err(|error| counted(error, attempts));
        settle(work, end);
        if let Some(session) = session {
            session.tell_slow().await;
        }
        return;
    }
}

/// Runs a query that changes nothing, and answers what it found with the session that did.
pub(super) async fn query(
    server: &Arc<Server>,
    side: Side,
    sql: &str,
    values: &[Value],
    waits: OwnedSemaphorePermit,
) -> (Result<Rows, Error>, Option<Session>) {
    let mut waits = Some(waits);
    let mut attempts = 1;
    loop {
        let taken = Session::take(server, side).await;
        drop(waits.take());
        let (end, session) = match taken {
            Ok(session) => (session.query(sql, values).await, Some(session)),
            Err(error) => (Err(error), None),
        };
        match repeated(server, &end, session.as_ref(), true, attempts) {
            None => return (end.map_err(|error| counted(error, attempts)), session),
            Some(backoff) => {
                drop(session);
                sleep(backoff).await;
                attempts += 1;
            }
        }
    }
}

/// Runs one statement in a transaction of its own, on its caller's runtime. Begin, statement and commit are sent together.
/// Where no answer comes it may have been kept, and is not run again.
pub(super) async fn execute(
    server: &Arc<Server>,
    isolation: Isolation,
    sql: &str,
    values: &[Value],
    waits: OwnedSemaphorePermit,
) -> (Result<u64, Error>, Option<Session>) {
    let mut waits = Some(waits);
    let mut attempts = 1;
    loop {
        let taken = Session::take(server, Side::Callers).await;
        drop(waits.take());
        let (end, session) = match taken {
            Ok(session) => {
                session.begin(begin(isolation), isolation == Isolation::Snapshot);
                let end = session.finish(sql, values).await;
                session.roll_back().await;
                (end, Some(session))
            }
            Err(error) => (Err(error), None),
        };
        match repeated(server, &end, session.as_ref(), false, attempts) {
            None => return (end.map_err(|error| counted(error, attempts)), session),
            Some(backoff) => {
                drop(session);
                sleep(backoff).await;
                attempts += 1;
            }
        }
    }
}

/// How long to wait until it is run again, if it is.
fn repeated<T>(
    server: &Server,
    end: &Result<T, Error>,
    session: Option<&Session>,
    repeats: bool,
    attempts: u32,
) -> Option<Duration> {
    let is_stale = session.is_some_and(Session::is_stale);
    again(end.as_ref().err(), is_stale, repeats, attempts).map(|backoff| server.jittered(backoff))
}

/// Whether to run it again, and how long to wait until then at most.
fn again(error: Option<&Error>, is_stale: bool, repeats: bool, attempts: u32) -> Option<Duration> {
    if attempts >= ATTEMPTS_MAX {
        return None;
    }
    let doubled = 1 << (attempts - 1);
    match error? {
        _ if is_stale => Some(Duration::ZERO),
        Error::Conflict { .. } => Some(CONFLICT_BACKOFF * doubled),
        Error::Unavailable { ran: Ran::No, .. } => Some(LOST_BACKOFF * doubled),
        Error::Unavailable { .. } if repeats => Some(LOST_BACKOFF * doubled),
        _ => None,
    }
}

fn counted(error: Error, attempts: u32) -> Error {
    match error {
        Error::Conflict { .. } => Error::Conflict { attempts },
        other => other,
    }
}

fn begin(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Serializable => "begin isolation level serializable read write",
        Isolation::ReadCommitted => "begin isolation level read committed read write",
        Isolation::Snapshot => "begin isolation level repeatable read read only; set local statement_timeout = 0",
    }
}

/// Runs the closure once. What it did is kept where hooks are answered, and otherwise not, or perhaps: that is for
/// [`Session::roll_back`].
async fn attempt(session: &Session, work: &mut dyn Work) -> Result<Vec<Hook>, Error> {
    session.begin(begin(work.isolation()), work.isolation() == Isolation::Snapshot);
    let transaction = Transaction::new(Link::Postgres(session));
    let answered = {
        let mut closure = pin!(transaction.guard(work.attempt(&transaction)));
        let answered = poll_fn(
            |cx| match catch_unwind(AssertUnwindSafe(|| closure.as_mut().poll(cx))) {
                Ok(polled) => polled.map(Ok),
                Err(_) => std::task::Poll::Ready(Err(Error::Panicked)),
            },
        );
        answered.await
    };
    let is_ok = match answered {
        Ok(Ok(is_ok)) => is_ok,
        Ok(Err(error)) | Err(error) => return Err(error),
    };
    let failure = transaction.failure();
    if session.is_kept() && failure.is_none() {
        return Ok(transaction.into_after_commit());
    }
    match failure {
        // It will be run again, or else its caller is to know that it was.
        Some(error @ (Error::Conflict { .. } | Error::Unavailable { .. })) => Err(error),
        Some(error) if is_ok || session.is_stale() => Err(error),
        // Whatever it made of the failure of a statement is what its caller gets, but nothing is kept.
        _ if !is_ok => Ok(Vec::new()),
        _ if session.is_unfinished() => Err(Error::Denied {
            message: GIVEN_UP.to_owned(),
        }),
        _ => {
            session.commit().await?;
            Ok(transaction.into_after_commit())
        }
    }
}

const GIVEN_UP: &str = "a statement of the transaction was given up before it was answered, so that nobody knows what it \
                        did; await every statement to its end";
