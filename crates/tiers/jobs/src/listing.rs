//! What operators see and do: `APP jobs list|show|retry|cancel`.

use std::time::Duration;

use database::{FromRow, Row, Timestamp, Transaction, Value};
use serde::{Deserialize, Serialize};

use crate::enqueue::JobId;
use crate::error::Error;
use crate::job::{Progress, State};
use crate::jobs::Jobs;
use crate::limits::{LIST_MAX, RETENTION_MARGIN};
use crate::{statement, store};

/// Which jobs to list; without anything all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// In this state.
    pub state: Option<State>,
    /// Of this kind.
    pub kind: Option<String>,
    /// With this key.
    pub key: Option<String>,
}

/// A job, as data. Its payload stays in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Which job.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// The key by which it can be cancelled.
    pub key: Option<String>,
    /// Higher ones run first.
    pub priority: i64,
    /// Where it stands.
    pub state: State,
    /// Not before then.
    pub due: Timestamp,
    /// When it was enqueued.
    pub enqueued: Timestamp,
    /// When its first attempt began, from which effects are remembered for the database's `once_retention`.
    pub first: Option<Timestamp>,
    /// When its latest attempt began.
    pub started: Option<Timestamp>,
    /// When its latest attempt ended, as far as it did.
    pub ended: Option<Timestamp>,
    /// Until when whoever runs it holds it.
    pub lease_until: Option<Timestamp>,
    /// Whoever runs it: node and worker.
    pub holder: Option<String>,
    /// Attempts of the part that comes next, the running one included.
    pub attempts: i64,
    /// How often it was claimed, or taken away.
    pub fence: i64,
    /// How often it was begun anew after all was taken back.
    pub round: i64,
    /// The latest error, or why it is parked or cancelled.
    pub reason: Option<String>,
    /// Which steps are done, and which were taken back.
    pub progress: Progress,
    /// Bytes of its payload.
    pub payload_bytes: i64,
}

const SHOWN: &str =
    "id, kind, key, priority, state, due, enqueued, first, started, ended, lease_until, holder, attempts, fence,
     round, reason, progress, length(payload) as payload_bytes";

impl FromRow for Shown {
    fn from_row(row: &mut Row) -> Result<Shown, database::Error> {
        let state: String = row.take("state")?;
        Ok(Shown {
            id: JobId(row.take("id")?),
            kind: row.take("kind")?,
            key: row.take("key")?,
            priority: row.take("priority")?,
            // The table checks it.
            state: State::from_word(&state).unwrap_or(State::Parked),
            due: row.take("due")?,
            enqueued: row.take("enqueued")?,
            first: row.take("first")?,
            started: row.take("started")?,
            ended: row.take("ended")?,
            lease_until: row.take("lease_until")?,
            holder: row.take("holder")?,
            attempts: row.take("attempts")?,
            fence: row.take("fence")?,
            round: row.take("round")?,
            reason: row.take("reason")?,
            progress: store::read(row.take("progress")?),
            payload_bytes: row.take("payload_bytes")?,
        })
    }
}

impl Jobs {
    /// The newest jobs that match, at most `limit` and never more than [`LIST_MAX`].
    pub async fn list(&self, filter: &Filter, limit: u32) -> Result<Vec<Shown>, Error> {
        let (mut wheres, mut values) = (vec!["1 = 1".to_owned()], Vec::new());
        let state = filter.state.map(|state| state.word().to_owned());
        for (column, wanted) in [("state", &state), ("kind", &filter.kind), ("key", &filter.key)] {
            if let Some(wanted) = wanted {
                values.push(Value::Text(wanted.clone()));
                wheres.push(format!("{column} = ${}", values.len()));
            }
        }
        let sql = format!(
            "select {SHOWN} from terrace_jobs where {} order by number desc limit {}",
            wheres.join(" and "),
            limit.min(LIST_MAX)
        );
        Ok(self.database().query(&sql, values).await?)
    }

    /// How many jobs of each kind are in each state.
    pub async fn counts(&self) -> Result<Vec<(String, State, u64)>, Error> {
        let sql = "select kind, state, count(*) from terrace_jobs group by kind, state order by kind, state";
        let rows: Vec<(String, String, i64)> = self.database().query(sql, ()).await?;
        Ok(rows
            .into_iter()
            .filter_map(|(kind, state, count)| Some((kind, State::from_word(&state)?, count.unsigned_abs())))
            .collect())
    }

    /// One job.
    pub async fn show(&self, id: JobId) -> Result<Shown, Error> {
        let sql = format!("select {SHOWN} from terrace_jobs where id = $1");
        let shown = self.database().query_optional(&sql, (id.0,)).await?;
        shown.ok_or(Error::Missing { id })
    }

    /// Replays a parked job: it runs as if it had not failed, from the part that failed. Its effects happen once still, as
    /// long as they are remembered: from a day before that ends it is refused, with the steps that may happen twice,
    /// unless `may_repeat`. The clock of that starts at the first attempt. A job whose steps were all taken back begins anew, and
    /// its effects are new ones.
    pub async fn retry(&self, id: JobId, may_repeat: bool) -> Result<(), Error> {
        let (inner, retention) = (self.inner.clone(), self.database().config().once_retention);
        let jobs = self.clone();
        self.database()
            .transaction(async move |tx: &Transaction<'_>| {
                let shown = in_transaction(tx, id).await?;
                if shown.state != State::Parked {
                    return Err(Error::State {
                        id,
                        state: shown.state.word(),
                        wanted: "a parked one can be replayed",
                    });
                }
                let anew = shown.progress.undoing.as_ref().is_some_and(|undoing| undoing.complete);
                let now = crate::timetable::now(tx, &inner.env).await?;
                if let Some(steps) = jobs.repeats(&shown, now, retention).filter(|_| !anew && !may_repeat) {
                    let first = shown.first.unwrap_or(now);
                    let until = first.after(retention.saturating_sub(RETENTION_MARGIN));
                    return Err(Error::MayRepeat {
                        id,
                        first,
                        until,
                        steps,
                    });
                }
                let again = match anew {
                    true => ", round = round + 1, progress = null, first = null",
                    // Whoever allowed a repetition allows it for as long as effects are remembered.
                    false if may_repeat => ", first = null",
                    false => "",
                };
                let sql = format!(
                    "update terrace_jobs set state = 'waiting', ready = true, due = :now, attempts = 0, fence = fence + 1{again}
                     where id = $1"
                );
                statement::execute(tx, &inner.env, &sql, vec![Value::Uuid(id.0)]).await?;
                let woken = inner.clone();
                tx.after_commit(move || woken.wake.notify.notify_one());
                Ok(())
            })
            .await
    }

    /// Cancels one job, whatever its key; a parked one too. See [`Jobs::cancel`].
    pub async fn cancel_job(&self, id: JobId) -> Result<(), Error> {
        let jobs = self.clone();
        self.database()
            .transaction(async move |tx: &Transaction<'_>| {
                let shown = in_transaction(tx, id).await?;
                let has_steps = jobs.has_steps(&shown.kind);
                let matched = "id = $1";
                if shown.state == State::Parked {
                    let sql =
                        "update terrace_jobs set state = 'cancelled', ended = :now, fence = fence + 1 where id = $1";
                    statement::execute(tx, &jobs.inner.env, sql, vec![Value::Uuid(id.0)]).await?;
                    return Ok(());
                }
                let cancelled = jobs
                    .cancel_matching(tx, matched, vec![Value::Uuid(id.0)], has_steps)
                    .await?;
                if cancelled == 0 {
                    return Err(Error::State {
                        id,
                        state: shown.state.word(),
                        wanted: "one that waits, runs or is parked can be cancelled",
                    });
                }
                let inner = jobs.inner.clone();
                tx.after_commit(move || {
                    inner.stop_where(|running, _| *running == id);
                    inner.wake.notify.notify_one();
                });
                Ok(())
            })
            .await
    }

    /// What a replay may do a second time, or nothing where all is remembered.
    fn repeats(&self, shown: &Shown, now: Timestamp, retention: Duration) -> Option<Vec<String>> {
        let first = shown.first?;
        if now < first.after(retention.saturating_sub(RETENTION_MARGIN)) {
            return None;
        }
        let kind = self.inner.kind(&shown.kind);
        let steps = kind.map(|kind| kind.plan.steps.clone()).unwrap_or_default();
        if steps.is_empty() {
            return Some(vec![format!("all of `{}`", shown.kind)]);
        }
        let names = match &shown.progress.undoing {
            // What has answered is not done again: only what comes next may have happened.
            None => steps
                .iter()
                .map(|(name, _)| name)
                .find(|name| !shown.progress.done.contains(name))
                .cloned(),
            Some(undoing) => {
                let from = steps
                    .iter()
                    .position(|(name, _)| *name == undoing.from)
                    .unwrap_or(steps.len() - 1);
                let left = steps[..=from]
                    .iter()
                    .rev()
                    .find(|(name, undo)| *undo && !undoing.undone.contains(name));
                left.map(|(name, _)| format!("the compensation of {name}"))
            }
        };
        Some(names.into_iter().collect())
    }
}

async fn in_transaction(tx: &Transaction<'_>, id: JobId) -> Result<Shown, Error> {
    let sql = format!("select {SHOWN} from terrace_jobs where id = $1");
    tx.query_optional(&sql, (id.0,)).await?.ok_or(Error::Missing { id })
}
