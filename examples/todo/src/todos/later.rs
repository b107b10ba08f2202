//! What becomes of to-dos later: whoever reminds is told of changes, and what is too old is removed.

use std::time::Duration;

use terrace::database::{Database, Timestamp, Transaction};
use terrace::jobs::{Backoff, Error, Job, JobError, Jobs};
use terrace::{Cx, Ref};
use uuid::Uuid;

use super::history::too_old;
use crate::reminders::{ReminderError, Reminders};

/// The kinds of jobs.
const FOLLOW: &str = "follow";
const TIDY: &str = "tidy";

/// What is too old is removed every night.
const TIDY_AT: &str = "23 3 * * *";

/// Rows that one transaction removes.
const TIDY_ROWS: i64 = 500;

/// How long one attempt may take.
const FOLLOW_MAX: Duration = Duration::from_secs(30);

/// It is tried for more than a day: some 340 waits of up to 10 minutes, half of that on average.
const AGAIN: Backoff = Backoff {
    first: Duration::from_millis(500),
    factor: 2,
    most: Duration::from_secs(10 * 60),
    attempts_max: 350,
};

/// What whoever reminds is told.
#[terrace::data]
struct Followed {
    owner: Uuid,
    todo: Uuid,
    open: bool,
    version: i64,
}

pub(super) fn declare(jobs: &Jobs, reminders: Ref<dyn Reminders>) -> Result<(), Error> {
    jobs.kind::<Followed>(FOLLOW)
        .backoff(AGAIN)
        .longest(FOLLOW_MAX)
        .run(move |cx: Cx, followed: Followed| {
            let reminders = reminders.clone();
            async move {
                let Followed {
                    owner,
                    todo,
                    open,
                    version,
                } = followed;
                let told = reminders.follow(&cx, owner, todo, open, version).await;
                told.map_err(|error| match error {
                    ReminderError::Call(error) => error.into(),
                    refusal => JobError::fail(refusal),
                })
            }
        })?;
    let db = jobs.database().clone();
    jobs.kind::<()>(TIDY).run(move |cx: Cx, ()| {
        let db = db.clone();
        async move { tidy(&db, Timestamp::from(cx.env().wall())).await }
    })?;
    jobs.schedule(TIDY, TIDY_AT, "UTC", Job::new(TIDY, &()))
}

/// Has whoever reminds told, in the transaction of the change itself: it is told if and only if there was one.
pub(super) async fn follow(
    tx: &Transaction<'_>,
    jobs: &Jobs,
    owner: Uuid,
    todo: Uuid,
    open: bool,
    version: i64,
) -> Result<(), terrace::database::Error> {
    let followed = Followed {
        owner,
        todo,
        open,
        version,
    };
    jobs.enqueue(tx, Job::new(FOLLOW, &followed)).await.map(drop)
}

/// Removes what cannot be taken back any more, a bounded number of rows at a time.
async fn tidy(db: &Database, now: Timestamp) -> Result<(), JobError> {
    let over = too_old(now);
    for sql in [
        "delete from todos where (owner, id) in (select owner, id from todos where deleted_at <= $1 limit $2)",
        "delete from changes where (owner, todo, revision) in (
             select owner, todo, revision from changes where at <= $1 limit $2)",
    ] {
        while db.execute(sql, (over, TIDY_ROWS)).await? == TIDY_ROWS.unsigned_abs() {}
    }
    Ok(())
}
