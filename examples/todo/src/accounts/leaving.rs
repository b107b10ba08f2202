//! What becomes of the data of who leaves: a job has each component forget it.

use std::time::Duration;

use terrace::jobs::{Backoff, Error, Job, JobError, Jobs};
use terrace::{Cx, Ref};
use uuid::Uuid;

use super::limit;
use crate::events::{EventError, Events};
use crate::reminders::{ReminderError, Reminders};
use crate::todos::{TodoError, Todos};

/// The kinds of jobs.
pub(super) const LEAVE: &str = "leave";
const TIDY: &str = "tidy";

/// What counts nowhere any more is removed every hour.
const TIDY_AT: &str = "7 * * * *";

/// It is tried for more than a day: some 340 waits of up to 10 minutes, half of that on average.
const AGAIN: Backoff = Backoff {
    first: Duration::from_millis(500),
    factor: 2,
    most: Duration::from_secs(10 * 60),
    attempts_max: 350,
};

/// How long one attempt may take.
const LEAVE_MAX: Duration = Duration::from_secs(60);

pub(super) fn declare(
    jobs: &Jobs,
    todos: Ref<dyn Todos>,
    reminders: Ref<dyn Reminders>,
    events: Ref<dyn Events>,
) -> Result<(), Error> {
    jobs.kind::<Uuid>(LEAVE)
        .backoff(AGAIN)
        .longest(LEAVE_MAX)
        .run(move |cx: Cx, account: Uuid| {
            let (todos, reminders, events) = (todos.clone(), reminders.clone(), events.clone());
            async move {
                // Events first: of what is gone nobody makes to-dos any more.
                events.forget(&cx, account).await.map_err(|error| match error {
                    EventError::Call(error) => error.into(),
                    refusal => JobError::fail(refusal),
                })?;
                // To-dos before reminders: of one that is gone nobody adds a reminder any more.
                todos.forget(&cx, account).await.map_err(|error| match error {
                    TodoError::Call(error) => error.into(),
                    refusal => JobError::fail(refusal),
                })?;
                reminders.forget(&cx, account).await.map_err(|error| match error {
                    ReminderError::Call(error) => error.into(),
                    refusal => JobError::fail(refusal),
                })
            }
        })?;
    let db = jobs.database().clone();
    jobs.kind::<()>(TIDY).run(move |cx: Cx, ()| {
        let db = db.clone();
        async move {
            let now = cx.env().wall().into();
            limit::tidy(&db, now).await?;
            for (table, longest) in [("pending", super::PENDING_MAX), ("resets", super::RESET_MAX)] {
                let sql = format!("delete from {table} where at <= $1");
                db.execute(&sql, (now.before(longest),)).await?;
            }
            Ok::<(), JobError>(())
        }
    })?;
    jobs.schedule(TIDY, TIDY_AT, "UTC", Job::new(TIDY, &()))
}
