//! How the to-dos that have reminders stand, as far as their component has told.

use std::time::Duration;

use terrace::database::{Database, Error, Timestamp, Transaction};
use terrace::jobs::Jobs;
use terrace::{CallError, CallErrorKind};
use uuid::Uuid;

use super::{LATE_HOURS_MAX, Reminder, ReminderError, ring};

const VERSION: &str = "select version from followed where owner = $1 and todo = $2";
const BEGIN: &str =
    "insert into followed (owner, todo, version) values ($1, $2, 0) on conflict (owner, todo) do nothing";

/// The version of the to-do that was told last: 0 before any was, and none of one that is not followed.
pub(super) async fn version(db: &Database, owner: Uuid, todo: Uuid) -> Result<Option<i64>, Error> {
    db.query_optional(VERSION, (owner, todo)).await
}

/// [`version`] within a transaction.
pub(super) async fn version_within(tx: &Transaction<'_>, owner: Uuid, todo: Uuid) -> Result<Option<i64>, Error> {
    tx.query_optional(VERSION, (owner, todo)).await
}

/// Follows a to-do from now on.
pub(super) async fn begin(db: &Database, owner: Uuid, todo: Uuid) -> Result<(), Error> {
    db.execute(BEGIN, (owner, todo)).await.map(drop)
}

/// [`begin`] within a transaction.
pub(super) async fn begin_within(tx: &Transaction<'_>, owner: Uuid, todo: Uuid) -> Result<(), Error> {
    tx.execute(BEGIN, (owner, todo)).await.map(drop)
}

/// What was asked may be older than what was told meanwhile.
pub(super) fn again() -> ReminderError {
    let message = "the to-do was changed meanwhile; try again";
    ReminderError::Call(CallError::not_run(CallErrorKind::Unavailable, message.to_owned()))
}

/// Does what follows from a change of a to-do.
pub(super) async fn told(
    tx: &Transaction<'_>,
    jobs: &Jobs,
    (owner, todo): (Uuid, Uuid),
    open: bool,
    version: i64,
    now: Timestamp,
) -> Result<(), ReminderError> {
    let sql = "update followed set version = $3 where owner = $1 and todo = $2 and version < $3";
    if tx.execute(sql, (owner, todo, version)).await? == 0 {
        return Ok(());
    }
    if !open {
        // Their jobs stay, and ask when their time comes: what is told may come late.
        let sql = "update reminders set state = 'suspended' where owner = $1 and todo = $2 and state = 'waiting'";
        tx.execute(sql, (owner, todo)).await?;
        return Ok(());
    }
    let sql = "select id, todo, at, state from reminders where owner = $1 and todo = $2 and state = 'skipped'";
    let skipped: Vec<Reminder> = tx.query(sql, (owner, todo)).await?;
    for reminder in &skipped {
        let late = reminder.at.after(Duration::from_secs(LATE_HOURS_MAX * 3600)) < now;
        let state = if late { "sent" } else { "waiting" };
        let sql = "update reminders set state = $3 where owner = $1 and id = $2";
        tx.execute(sql, (owner, reminder.id, state)).await?;
        if !late {
            ring::enqueue(tx, jobs, owner, reminder).await?;
        }
    }
    let sql = "update reminders set state = 'waiting' where owner = $1 and todo = $2 and state = 'suspended'";
    tx.execute(sql, (owner, todo)).await?;
    Ok(())
}
