//! Reading the sources: a job for each, which asks for its own next turn.
//!
//! A source has one turn at a time, counted in its row. Whoever ends a turn makes it one more and enqueues the next job in the
//! same transaction, so that a job that is repeated, or was replaced by a press of a button, finds that it is not its turn.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header;
use chrono_tz::Tz;
use terrace::database::{Database, Timestamp, Transaction};
use terrace::jobs::{Backoff, Error, Job, JobError, Jobs};
use terrace::{Cx, Env, Ref};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::agenda::ASKED_WITHIN;
use super::calendar;
use super::facebook::{Facebook, Trouble};
use super::happening::Read;
use super::kept::{self, Kept};
use super::sealed::Sealer;
use super::tell::{self, Told};
use super::{State, checked, found};
use crate::accounts::{AccountError, Accounts};
use crate::outgoing::{Answer, Outgoing, Request};
use crate::todos::Todos;

/// The kinds of jobs.
const POLL: &str = "poll";
const TIDY: &str = "tidy";

/// What is over is removed every hour, and who was forgotten is woken.
const TIDY_AT: &str = "17 * * * *";
/// Rows that one transaction removes.
const TIDY_ROWS: i64 = 500;
/// For how long an event is known after it has begun.
const KEEP: Duration = Duration::from_secs(90 * 24 * 3600);
/// A source whose turn is so late has lost its job: it was parked, or removed by an operator.
const LOST_AFTER: Duration = Duration::from_secs(2 * 24 * 3600);

/// How long one attempt may take.
const POLL_MAX: Duration = Duration::from_secs(5 * 60);
/// How many are read at the same time in one process.
const POLLS_MAX: usize = 4;
/// After so long all is read again, changed or not: what is looked ahead goes on.
const WHOLE_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Calendars that are read into at the same time in one process: each may take some hundred MiB for a moment, and goes on though its
/// turn was taken from it.
const READS_MAX: usize = 2;
/// How long one of them may take; what is not seen by then is not known.
const READ_MAX: Duration = Duration::from_secs(10);

/// A source that fails is asked ever more seldom, down to this.
const FAILING_WAIT_MAX: Duration = Duration::from_secs(6 * 3600);
/// How long anybody may ask to be left alone.
const WAIT_MAX: Duration = Duration::from_secs(24 * 3600);

/// What seals a token of Facebook.
pub(super) const TOKEN: &str = "token";

/// It is tried for more than a day: some 340 waits of up to 10 minutes, half of that on average.
const AGAIN: Backoff = Backoff {
    first: Duration::from_millis(500),
    factor: 2,
    most: Duration::from_secs(10 * 60),
    attempts_max: 350,
};

/// Whoever reads sources.
#[derive(Clone)]
pub(super) struct Poller {
    pub(super) db: Database,
    pub(super) jobs: Jobs,
    pub(super) outgoing: Outgoing,
    pub(super) todos: Ref<dyn Todos>,
    pub(super) accounts: Ref<dyn Accounts>,
    /// With what its tokens are sealed by.
    pub(super) facebook: Option<Arc<(Facebook, Sealer)>>,
    /// How long it waits between two turns of a source that is well.
    pub(super) every: Duration,
    pub(super) reading: Reading,
}

/// Who may read into a calendar.
#[derive(Clone)]
pub(super) struct Reading(Arc<Semaphore>);

impl Default for Reading {
    fn default() -> Reading {
        Reading(Arc::new(Semaphore::new(READS_MAX)))
    }
}

/// Whose turn.
#[terrace::data]
struct Turn {
    source: Uuid,
    turn: i64,
}

/// What came of asking.
enum Asked {
    /// All that it says, and how to ask whether that has changed.
    Read {
        read: Read,
        etag: Option<String>,
        modified: Option<String>,
    },
    /// The same as before.
    Same,
    Wait(Duration, String),
    Failing(String),
    Disconnected(String),
    /// Nobody wants it any more.
    Gone,
}

pub(super) fn declare(poller: Poller) -> Result<(), Error> {
    let (jobs, own) = (poller.jobs.clone(), poller.clone());
    jobs.kind::<Turn>(POLL)
        .backoff(AGAIN)
        .longest(POLL_MAX)
        .per_process(POLLS_MAX)
        .run(move |cx: Cx, turn: Turn| {
            let poller = own.clone();
            async move { poller.turn(&cx, turn).await }
        })?;
    jobs.kind::<()>(TIDY).run(move |cx: Cx, ()| {
        let poller = poller.clone();
        async move { poller.tidy(cx.env().wall().into()).await }
    })?;
    jobs.schedule(TIDY, TIDY_AT, "UTC", Job::new(TIDY, &()))
}

/// Has it read, after so long.
pub(super) async fn enqueue(
    tx: &Transaction<'_>,
    jobs: &Jobs,
    source: Uuid,
    turn: i64,
    after: Duration,
) -> Result<(), terrace::database::Error> {
    let job = Job::new(POLL, &Turn { source, turn })
        .after(after)
        .key(source.to_string());
    jobs.enqueue(tx, job).await.map(drop)
}

/// Has it read no more.
pub(super) async fn cancel(tx: &Transaction<'_>, jobs: &Jobs, source: Uuid) -> Result<(), terrace::database::Error> {
    jobs.cancel(tx, POLL, &source.to_string()).await.map(drop)
}

/// Makes it its next turn, at once.
pub(super) async fn next_now(
    tx: &Transaction<'_>,
    jobs: &Jobs,
    source: Uuid,
    now: Timestamp,
) -> Result<(), terrace::database::Error> {
    let sql = "update sources set turn = turn + 1, next_at = $2, asked_at = $2 where id = $1 returning turn";
    let turn: Option<i64> = tx.query_optional(sql, (source, now)).await?;
    match turn {
        Some(turn) => enqueue(tx, jobs, source, turn, Duration::ZERO).await,
        None => Ok(()),
    }
}

impl Poller {
    async fn turn(&self, cx: &Cx, turn: Turn) -> Result<(), JobError> {
        let Some(kept) = kept::of_turn(&self.db, turn.source, turn.turn).await? else {
            return Ok(());
        };
        let now = Timestamp::from(cx.env().wall());
        let mut asked = self.ask(cx, &kept, now).await?;
        if let Asked::Read { read, etag, modified } = &asked
            && !self.note(&kept, read, (etag, modified), now).await?
        {
            asked = Asked::Failing(found::TOO_MANY.to_owned());
        }
        if !matches!(asked, Asked::Gone) {
            // What an earlier turn has left is told too, whatever came of this one.
            match tell::all(cx, &self.db, &self.todos, &kept).await? {
                Told::All => {}
                Told::Refused(why) => asked = Asked::Failing(why),
                Told::Gone => asked = Asked::Gone,
            }
        }
        self.end(cx.env(), &kept, asked).await
    }

    async fn ask(&self, cx: &Cx, kept: &Kept, now: Timestamp) -> Result<Asked, JobError> {
        let account = match self.accounts.account(cx, kept.owner).await {
            Ok(account) => account,
            Err(AccountError::Unknown) => return Ok(Asked::Gone),
            Err(AccountError::Call(error)) => return Err(error.into()),
            Err(other) => return Err(JobError::fail(other)),
        };
        let home: Tz = account.zone.parse().unwrap_or(Tz::UTC);
        match &kept.source.url {
            Some(url) => self.ask_calendar(cx, kept, url, now, home).await,
            None => Ok(self.ask_facebook(kept, now, home).await),
        }
    }

    async fn ask_calendar(&self, cx: &Cx, kept: &Kept, url: &str, now: Timestamp, home: Tz) -> Result<Asked, JobError> {
        let mut request = Request::get().with(header::ACCEPT, "text/calendar, */*;q=0.1");
        let is_whole = kept.whole_at.is_some_and(|at| at.after(WHOLE_AFTER) > now && at <= now);
        if is_whole {
            for (name, value) in [
                (header::IF_NONE_MATCH, &kept.etag),
                (header::IF_MODIFIED_SINCE, &kept.modified),
            ] {
                if let Some(value) = value {
                    request = request.with(name, value);
                }
            }
        }
        let answer = match self.outgoing.get(url, &request).await {
            Ok(answer) => answer,
            Err(refusal) => return Ok(Asked::Failing(refusal.to_string())),
        };
        match answer.status.as_u16() {
            200 => {}
            304 if is_whole => return Ok(Asked::Same),
            429 | 503 => {
                let why = format!("it answered {}, and wants to be left alone for a while", answer.status);
                return Ok(match retry_after(&answer, now) {
                    Some(wait) => Asked::Wait(wait, why),
                    None => Asked::Failing(why),
                });
            }
            _ => return Ok(Asked::Failing(format!("it answered {}", answer.status))),
        }
        let field = |name| {
            answer
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let (etag, modified) = (field(header::ETAG), field(header::LAST_MODIFIED));
        let body = answer.body;
        // Off the tasks' threads: a large one takes a while.
        let Ok(permit) = self.reading.0.clone().acquire_owned().await else {
            return Ok(Asked::Failing("it is not read any more".to_owned()));
        };
        let (clock, ends) = (cx.env().clone(), cx.env().deadline(READ_MAX));
        let read = cx.env().blocking("calendar", move || {
            // Held for as long as the thread is, which nobody can stop.
            let _permit = permit;
            calendar::read(&body, now, home, Box::new(move || clock.now() >= ends))
        });
        Ok(match read.await {
            Ok(Ok(read)) => Asked::Read { read, etag, modified },
            Ok(Err(wrong)) => Asked::Failing(wrong.to_string()),
            // A rule that nobody has thought of: the others go on.
            Err(lost) => {
                tracing::error!(%lost, source = %kept.source.id, "a calendar could not be read");
                Asked::Failing("it holds something that cannot be understood".to_owned())
            }
        })
    }

    async fn ask_facebook(&self, kept: &Kept, now: Timestamp, home: Tz) -> Asked {
        let again = || Asked::Disconnected("connect Facebook again".to_owned());
        let Some((facebook, sealer)) = self.facebook.as_deref() else {
            return Asked::Failing("Facebook is not configured here any more".to_owned());
        };
        let token = kept
            .sealed
            .as_deref()
            .and_then(|sealed| sealer.unseal(TOKEN, kept.source.id, sealed));
        let Some(token) = token else { return again() };
        match facebook.events(&token, now, home).await {
            Ok(read) => Asked::Read {
                read,
                etag: None,
                modified: None,
            },
            Err(Trouble::Disconnected(why)) => Asked::Disconnected(why),
            Err(Trouble::Wait(wait)) => {
                Asked::Wait(wait, "Facebook wants to be asked less often for a while".to_owned())
            }
            Err(Trouble::Failing(why)) => Asked::Failing(why),
        }
    }

    /// Notes what was read, in one transaction, and answers whether all of it fits.
    async fn note(
        &self,
        kept: &Kept,
        read: &Read,
        (etag, modified): (&Option<String>, &Option<String>),
        now: Timestamp,
    ) -> Result<bool, JobError> {
        let (id, turn, read) = (kept.source.id, kept.turn, read.clone());
        let (etag, modified) = (etag.clone(), modified.clone());
        let name = read.name.as_deref().filter(|_| !kept.is_named).map(checked::said);
        let name = name.unwrap_or_else(|| kept.source.name.clone());
        let noted: Result<bool, terrace::database::Error> = self
            .db
            .transaction(async move |tx: &Transaction<'_>| {
                let sql =
                    "update sources set name = $3, etag = $4, modified = $5, whole_at = $6 where id = $1 and turn = $2";
                // Removed meanwhile, or another's turn.
                if tx.execute(sql, (id, turn, &name, &etag, &modified, now)).await? == 0 {
                    return Ok(true);
                }
                let fits = found::note(tx, id, &read, now).await?;
                if !fits {
                    // Unchanged it does not fit either: it is read again, rather than taken for read.
                    let sql = "update sources set etag = null, modified = null, whole_at = null where id = $1";
                    tx.execute(sql, (id,)).await?;
                }
                Ok(fits)
            })
            .await;
        Ok(noted?)
    }

    /// Ends the turn: how it stands, and when it is read next.
    async fn end(&self, env: &Env, kept: &Kept, asked: Asked) -> Result<(), JobError> {
        let failures = if matches!(asked, Asked::Failing(_)) {
            kept.failures + 1
        } else {
            0
        };
        let (state, reason, wait) = match asked {
            Asked::Read { .. } | Asked::Same => (State::Well, None, Some(self.every)),
            Asked::Wait(wait, why) => (State::Waiting, Some(why), Some(wait.min(WAIT_MAX).max(self.every))),
            Asked::Failing(why) => (State::Failing, Some(why), Some(self.later(failures))),
            Asked::Disconnected(why) => (State::Disconnected, Some(why), None),
            Asked::Gone => return Ok(self.remove(kept).await?),
        };
        // Up to a tenth more, so that those that were added together do not come together.
        let wait = wait.map(|wait| wait + wait.mul_f64(env.random("polls").fraction() / 10.0));
        let now = Timestamp::from(env.wall());
        let next_at = wait.map(|wait| now.after(wait));
        let read_at = if state == State::Well {
            Some(now)
        } else {
            kept.source.read_at
        };
        let (id, turn, jobs) = (kept.source.id, kept.turn, self.jobs.clone());
        let ended: Result<(), terrace::database::Error> = self
            .db
            .transaction(async move |tx: &Transaction<'_>| {
                let sql = "update sources set state = $3, reason = $4, failures = $5, read_at = $6, next_at = $7, asked_at = $8,
                           turn = turn + 1
                           where id = $1 and turn = $2";
                let values = (id, turn, state.word(), &reason, failures, read_at, next_at, now);
                if tx.execute(sql, values).await? == 0 {
                    return Ok(());
                }
                match wait {
                    Some(wait) => enqueue(tx, &jobs, id, turn + 1, wait).await,
                    None => Ok(()),
                }
            })
            .await;
        Ok(ended?)
    }

    /// The wait after so many failures.
    fn later(&self, failures: i64) -> Duration {
        let doublings = u32::try_from(failures.clamp(0, 16)).unwrap_or(16);
        let wait = self.every.saturating_mul(1 << doublings);
        wait.min(FAILING_WAIT_MAX).max(self.every)
    }

    async fn remove(&self, kept: &Kept) -> Result<(), terrace::database::Error> {
        self.db
            .execute("delete from sources where id = $1", (kept.source.id,))
            .await
            .map(drop)
    }

    /// Removes what is long over, and wakes the sources whose job is lost.
    async fn tidy(&self, now: Timestamp) -> Result<(), JobError> {
        let sql = "delete from events where (source, id) in (select source, id from events where start <= $1 limit $2)";
        while self.db.execute(sql, (now.before(KEEP), TIDY_ROWS)).await? == TIDY_ROWS.unsigned_abs() {}
        let sql = "delete from asked where at <= $1";
        self.db.execute(sql, (now.before(ASKED_WITHIN),)).await?;
        let sql = "select id from sources where next_at <= $1 limit $2";
        let lost: Vec<Uuid> = self.db.query(sql, (now.before(LOST_AFTER), TIDY_ROWS)).await?;
        for id in lost {
            let jobs = self.jobs.clone();
            let woken: Result<(), terrace::database::Error> = self
                .db
                .transaction(async move |tx: &Transaction<'_>| next_now(tx, &jobs, id, now).await)
                .await;
            woken?;
        }
        Ok(())
    }
}

/// For how long it wants to be left alone: seconds, or until a date (RFC 9110, section 10.2.3).
fn retry_after(answer: &Answer, now: Timestamp) -> Option<Duration> {
    let after = answer.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    // `GMT` is not among the zones of RFC 2822, section 3.3, but among the obsolete ones that are read.
    let until = chrono::DateTime::parse_from_rfc2822(after).ok()?.timestamp_micros();
    let micros = u64::try_from(until.saturating_sub(now.as_micros())).ok()?;
    Some(Duration::from_micros(micros))
}
