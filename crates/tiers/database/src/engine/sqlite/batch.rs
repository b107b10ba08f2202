//! Transactions that share a commit: each behind a savepoint, all kept by one sync of the disk or none of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::Connection;
use super::failure;
use crate::error::Error;
use crate::transaction::{Link, Transaction};
use crate::work::{Hook, Work, settle};

/// The disk failed, so that the connection is not to be used any more.
pub(super) struct Broken;

/// Runs a batch and settles all of it.
pub(super) fn perform(connection: &Connection, batch: Vec<Box<dyn Work>>) -> Result<(), Broken> {
    let mut wanted: Vec<Box<dyn Work>> = batch.into_iter().filter(|work| work.is_wanted()).collect();
    if wanted.len() > 1 {
        match together(connection, &mut wanted) {
            Together::Kept(ends) => {
                traced(connection, ends.len());
                for (work, end) in wanted.into_iter().zip(ends) {
                    settle(work, end);
                }
                return Ok(());
            }
            Together::Again => {}
            Together::Failed(error) => {
                let broken = failure::is_of_the_disk(&error);
                wanted.into_iter().for_each(|work| settle(work, Err(error.clone())));
                return if broken { Err(Broken) } else { Ok(()) };
            }
        }
    }
    let mut broken = false;
    for mut work in wanted.into_iter().filter(|work| work.is_wanted()) {
        let end = alone(connection, &mut *work);
        traced(connection, 1);
        broken |= end.as_ref().err().is_some_and(failure::is_of_the_disk);
        settle(work, end);
    }
    if broken { Err(Broken) } else { Ok(()) }
}

/// What came of a batch.
enum Together {
    /// It is kept; how each of it ended.
    Kept(Vec<End>),
    /// Nothing of it was; each may be run again by itself.
    Again,
    /// None could begin, or the commit failed and it may be that all of it was kept.
    Failed(Error),
}

/// How one of a batch ended, if the batch is kept: with what is to be done then, or by itself.
type End = Result<Vec<Hook>, Error>;

fn together(connection: &Connection, batch: &mut [Box<dyn Work>]) -> Together {
    if let Err(error) = connection.control("begin immediate") {
        return Together::Failed(error);
    }
    let mut ends = Vec::with_capacity(batch.len());
    for work in batch.iter_mut() {
        match one_of_many(connection, &mut **work) {
            Some(end) => ends.push(end),
            None => {
                roll_back(connection);
                return Together::Again;
            }
        }
    }
    match connection.control("commit").map_err(failure::of_commit) {
        Ok(()) => Together::Kept(ends),
        Err(error) => {
            roll_back(connection);
            match error {
                Error::Unavailable { .. } => Together::Failed(error),
                // Certainly nothing was kept. One alone may be too large for the disk, or break the constraint.
                _ => Together::Again,
            }
        }
    }
}

/// Runs one behind a savepoint; `None` if the others cannot be kept beside it.
fn one_of_many(connection: &Connection, work: &mut dyn Work) -> Option<End> {
    if !work.is_wanted() {
        return Some(Ok(Vec::new()));
    }
    connection.control("savepoint one").ok()?;
    let end = attempt(connection, work);
    let failed = match &end {
        Ok(Attempt::Refused(failure)) => failure.as_ref(),
        Ok(Attempt::Keep(_)) => None,
        Err(error) => Some(error),
    };
    // SQLite ends the whole transaction by itself after some failures, such as one of the disk.
    if connection.is_idle() || failed.is_some_and(ends_batch) {
        return None;
    }
    if !matches!(end, Ok(Attempt::Keep(_))) {
        connection.control("rollback to one").ok()?;
    }
    connection.control("release one").ok()?;
    Some(end.map(Attempt::into_hooks))
}

fn alone(connection: &Connection, work: &mut dyn Work) -> End {
    connection.control("begin immediate")?;
    let end = match attempt(connection, work) {
        Ok(Attempt::Keep(hooks)) => connection.control("commit").map(|()| hooks).map_err(failure::of_commit),
        Ok(Attempt::Refused(_)) => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    roll_back(connection);
    end
}

/// Runs a transaction that only reads.
pub(super) fn snapshot(connection: &Connection, mut work: Box<dyn Work>) {
    let end = connection
        .control("begin")
        .and_then(|()| attempt(connection, &mut *work));
    roll_back(connection);
    settle(work, end.map(Attempt::into_hooks));
}

/// What came of a closure.
enum Attempt {
    /// It answered `Ok`.
    Keep(Vec<Hook>),
    /// It answered an `Err` of its own, perhaps since a statement failed.
    Refused(Option<Error>),
}

impl Attempt {
    fn into_hooks(self) -> Vec<Hook> {
        match self {
            Attempt::Keep(hooks) => hooks,
            Attempt::Refused(_) => Vec::new(),
        }
    }
}

/// Polls the closure once: every statement is done when it is polled, so it ends.
fn attempt(connection: &Connection, work: &mut dyn Work) -> Result<Attempt, Error> {
    let given_up = work.given_up().clone();
    let _wanted = connection.while_wanted(&given_up);
    let transaction = Transaction::new(Link::Sqlite(connection));
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let closure = pin!(transaction.guard(work.attempt(&transaction)));
        closure.poll(&mut Context::from_waker(Waker::noop()))
    }));
    let kept = match polled {
        Err(_) => return Err(Error::Panicked),
        Ok(Poll::Ready(kept)) => kept?,
        // The guard says so itself.
        Ok(Poll::Pending) => false,
    };
    match transaction.failure() {
        // Whatever it made of the failure of a statement is what its caller gets, but nothing is kept.
        failure if !kept => Ok(Attempt::Refused(failure)),
        Some(failure) => Err(failure),
        None => Ok(Attempt::Keep(transaction.into_after_commit())),
    }
}

/// Whether the others of a batch cannot be kept beside it.
fn ends_batch(error: &Error) -> bool {
    failure::is_of_the_disk(error) || matches!(error, Error::Full { .. })
}

/// How many transactions share a commit.
fn traced(connection: &Connection, transactions: usize) {
    tracing::trace!(target: "terrace::database", file = connection.file(), transactions, "a commit");
}

fn roll_back(connection: &Connection) {
    if !connection.is_idle() {
        // A rollback that fails has happened: SQLite has forgotten the transaction.
        let _ = connection.control("rollback");
    }
}
