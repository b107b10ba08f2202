//! What happens when the time of a reminder has come: a job of its own asks how its to-do stands, and mails.

use std::time::Duration;

use terrace::database::{Database, Timestamp, Transaction};
use terrace::jobs::mail::Mail;
use terrace::jobs::{Backoff, Error, Job, JobError, Jobs};
use terrace::{Cx, Ref};
use uuid::Uuid;

use super::{KEEP_DAYS, Reminder, ReminderError, follow, letter};
use crate::accounts::{AccountError, Accounts};
use crate::todos::{TodoError, Todos};

/// The kinds of jobs.
const RING: &str = "remind";
const TIDY: &str = "tidy";

/// What is too old is removed every night.
const TIDY_AT: &str = "41 3 * * *";

/// Rows that one transaction removes.
const TIDY_ROWS: i64 = 500;

/// How long one attempt may take.
const RING_MAX: Duration = Duration::from_secs(30);

/// It is tried for more than a day: some 340 waits of up to 10 minutes, half of that on average.
const AGAIN: Backoff = Backoff {
    first: Duration::from_millis(500),
    factor: 2,
    most: Duration::from_secs(10 * 60),
    attempts_max: 350,
};

/// Whoever rings.
#[derive(Clone)]
pub(super) struct Ringing {
    pub(super) db: Database,
    pub(super) jobs: Jobs,
    pub(super) mail: Mail,
    pub(super) todos: Ref<dyn Todos>,
    pub(super) accounts: Ref<dyn Accounts>,
    /// Where people reach the application.
    pub(super) url: String,
}

/// Whose reminder.
#[terrace::data]
struct Due {
    owner: Uuid,
    id: Uuid,
}

/// What is to become of a reminder whose time has come.
enum Outcome {
    Skip,
    Send(Box<terrace::jobs::mail::Message>),
}

pub(super) fn declare(ringing: Ringing) -> Result<(), Error> {
    let (jobs, db) = (ringing.jobs.clone(), ringing.db.clone());
    jobs.kind::<Due>(RING)
        .backoff(AGAIN)
        .longest(RING_MAX)
        .run(move |cx: Cx, due: Due| {
            let ringing = ringing.clone();
            async move { ringing.ring(&cx, due).await }
        })?;
    jobs.kind::<()>(TIDY).run(move |cx: Cx, ()| {
        let db = db.clone();
        async move { tidy(&db, Timestamp::from(cx.env().wall())).await }
    })?;
    jobs.schedule(TIDY, TIDY_AT, "UTC", Job::new(TIDY, &()))
}

/// Has it rung when its time comes, or at once if it has.
pub(super) async fn enqueue(
    tx: &Transaction<'_>,
    jobs: &Jobs,
    owner: Uuid,
    reminder: &Reminder,
) -> Result<(), terrace::database::Error> {
    let id = reminder.id;
    let job = Job::new(RING, &Due { owner, id }).at(reminder.at).key(key(owner, id));
    jobs.enqueue(tx, job).await.map(drop)
}

/// Has it not rung.
pub(super) async fn cancel(
    tx: &Transaction<'_>,
    jobs: &Jobs,
    owner: Uuid,
    id: Uuid,
) -> Result<(), terrace::database::Error> {
    jobs.cancel(tx, RING, &key(owner, id)).await.map(drop)
}

/// An id is one person's: somebody else who brings the same export back has the same ones.
fn key(owner: Uuid, id: Uuid) -> String {
    format!("{owner} {id}")
}

impl Ringing {
    async fn ring(&self, cx: &Cx, due: Due) -> Result<(), JobError> {
        let Due { owner, id } = due;
        let sql = "select id, todo, at, state from reminders where owner = $1 and id = $2
                       and state in ('waiting', 'suspended')";
        let reminder: Option<Reminder> = self.db.query_optional(sql, (owner, id)).await?;
        // Removed, or done by an attempt whose end was not noted.
        let Some(reminder) = reminder else { return Ok(()) };
        let seen = follow::version(&self.db, owner, reminder.todo).await?;
        let outcome = self.outcome(cx, owner, &reminder).await?;
        let mail = self.mail.clone();
        let ended: Result<(), ReminderError> = self
            .db
            .once(cx, async move |tx: &Transaction<'_>| {
                // Where a change was told since it was asked, the answer may be of before: a reminder that is skipped now
                // would not be back with a change that has been told already.
                if follow::version_within(tx, owner, reminder.todo).await? != seen {
                    return Err(follow::again());
                }
                let state = match outcome {
                    Outcome::Skip => "skipped",
                    Outcome::Send(_) => "sent",
                };
                let sql = "update reminders set state = $3 where owner = $1 and id = $2
                               and state in ('waiting', 'suspended')";
                let rung = tx.execute(sql, (owner, id, state)).await?;
                if let (Outcome::Send(message), 1) = (&outcome, rung) {
                    mail.send(tx, message).await?;
                }
                Ok(())
            })
            .await;
        ended.map_err(|error| match error {
            ReminderError::Call(error) => error.into(),
            refusal => JobError::fail(refusal),
        })
    }

    async fn outcome(&self, cx: &Cx, owner: Uuid, reminder: &Reminder) -> Result<Outcome, JobError> {
        let todo = match self.todos.get(cx, owner, reminder.todo).await {
            Ok(todo) if !todo.done => todo,
            Ok(_) | Err(TodoError::Unknown) => return Ok(Outcome::Skip),
            Err(TodoError::Call(error)) => return Err(error.into()),
            Err(other) => return Err(JobError::fail(other)),
        };
        let account = match self.accounts.account(cx, owner).await {
            Ok(account) => account,
            Err(AccountError::Unknown) => return Ok(Outcome::Skip),
            Err(AccountError::Call(error)) => return Err(error.into()),
            Err(other) => return Err(JobError::fail(other)),
        };
        let letter = letter::write(self.mail.draft(), &todo, &account, reminder.at, &self.url);
        Ok(Outcome::Send(Box::new(letter.map_err(JobError::fail)?)))
    }
}

/// Removes what has been over for long, a bounded number of rows at a time.
async fn tidy(db: &Database, now: Timestamp) -> Result<(), JobError> {
    let over = now.before(Duration::from_secs(KEEP_DAYS * 24 * 3600));
    let sql = "delete from reminders where (owner, id) in (
                   select owner, id from reminders where state <> 'waiting' and at <= $1 limit $2)";
    while db.execute(sql, (over, TIDY_ROWS)).await? == TIDY_ROWS.unsigned_abs() {}
    let sql = "delete from followed where (owner, todo) in (
                   select owner, todo from followed where not exists (
                       select 1 from reminders where reminders.owner = followed.owner and reminders.todo = followed.todo)
                   limit $1)";
    while db.execute(sql, (TIDY_ROWS,)).await? == TIDY_ROWS.unsigned_abs() {}
    Ok(())
}
