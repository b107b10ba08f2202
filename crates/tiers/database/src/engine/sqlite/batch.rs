//! Transactions that share a commit: each behind a savepoint, all kept by one sync of the disk or none of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::Connection;
use super::failure;
use crate::error::Error;
use crate::transaction::{Link, Transaction};
use crate::work::Work;

type Hook = Box<dyn FnOnce() + Send>;

/// The disk failed, so that the connection is not to be used any more.
pub(super) struct Broken;

/// Runs a batch and settles all of it.
pub(super) fn perform(connection: &Connection, batch: Vec<Box<dyn Work>>) -> Result<(), Broken> {
    let mut wanted: Vec<Box<dyn Work>> = batch.into_iter().filter(|work| work.is_wanted()).collect();
    if wanted.len() > 1 {
        match together(connection, &mut wanted) {
            Ok(ends) => {
                for (work, end) in wanted.into_iter().zip(ends) {
                    settle(work, end);
                }
                return Ok(());
            }
            Err(Failed::Again) => {}
            Err(Failed::Commit(error)) => {
                let broken = failure::is_of_the_disk(&error);
                wanted.into_iter().for_each(|work| work.settle(Err(error.clone())));
                return if broken { Err(Broken) } else { Ok(()) };
            }
        }
    }
    let mut broken = false;
    for mut work in wanted {
        let end = alone(connection, &mut *work);
        broken |= end.as_ref().err().is_some_and(failure::is_of_the_disk);
        settle(work, end);
    }
    if broken { Err(Broken) } else { Ok(()) }
}

/// Why a batch was not kept.
enum Failed {
    /// Nothing was; each may be run again by itself.
    Again,
    /// The commit failed, and it may be that all of it was kept.
    Commit(Error),
}

/// How one of a batch ended, if the batch is kept: with what is to be done then, or by itself.
type End = Result<Vec<Hook>, Error>;

fn together(connection: &Connection, batch: &mut [Box<dyn Work>]) -> Result<Vec<End>, Failed> {
    let again = |_| Failed::Again;
    connection.script("begin immediate").map_err(again)?;
    let mut ends = Vec::with_capacity(batch.len());
    for work in batch.iter_mut() {
        let begun = connection.execute("savepoint one", &[]);
        let end = match begun {
            Ok(_) => attempt(connection, &mut **work),
            Err(error) => Err(error),
        };
        let ended = match &end {
            Ok(Attempt::Keep(_)) => connection.execute("release one", &[]).map(drop),
            Ok(Attempt::Refused(_)) | Err(_) => undo(connection),
        };
        // A failure of the disk ends the whole of it.
        let failed = match &end {
            Ok(Attempt::Refused(failure)) => failure.as_ref(),
            Ok(Attempt::Keep(_)) => None,
            Err(error) => Some(error),
        };
        let whole = failed.is_none_or(|error| !ends_batch(error));
        if connection.is_idle() || ended.is_err() || !whole {
            roll_back(connection);
            return Err(Failed::Again);
        }
        ends.push(end.map(Attempt::into_hooks));
    }
    match connection.script("commit") {
        Ok(()) => Ok(ends),
        Err(error) => {
            roll_back(connection);
            match failure::of_commit(error) {
                Error::Full { .. } | Error::Busy { .. } => Err(Failed::Again),
                error => Err(Failed::Commit(error)),
            }
        }
    }
}

fn alone(connection: &Connection, work: &mut dyn Work) -> End {
    connection.script("begin immediate")?;
    let end = match attempt(connection, work) {
        Ok(Attempt::Keep(hooks)) => connection.script("commit").map(|()| hooks).map_err(failure::of_commit),
        Ok(Attempt::Refused(_)) => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    roll_back(connection);
    end
}

/// Runs a transaction that only reads.
pub(super) fn snapshot(connection: &Connection, mut work: Box<dyn Work>) {
    let end = connection.script("begin").and_then(|()| attempt(connection, &mut *work));
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

fn undo(connection: &Connection) -> Result<(), Error> {
    if connection.is_idle() {
        return Ok(());
    }
    connection.execute("rollback to one", &[])?;
    connection.execute("release one", &[]).map(drop)
}

fn roll_back(connection: &Connection) {
    if !connection.is_idle() {
        // A rollback that fails has happened: SQLite has forgotten the transaction.
        let _ = connection.script("rollback");
    }
}

fn settle(work: Box<dyn Work>, end: End) {
    match end {
        Ok(hooks) => {
            hooks.into_iter().for_each(|hook| hook());
            work.settle(Ok(()));
        }
        Err(error) => work.settle(Err(error)),
    }
}
