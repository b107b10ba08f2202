//! Schedules in their table: each due time enqueues one job, in the transaction that moves the schedule on.

use database::{Database, Error, FromRow, Isolation, Row, Timestamp, Transaction};
use world::Env;

use crate::enqueue::{Job, JobId};
use crate::error;
use crate::jobs::Inner;
use crate::kind::declared;
use crate::limits::ROUND_ROWS_MAX;
use crate::schedule::{Missed, Schedule};
use crate::statement;

/// A schedule as it was declared.
#[derive(Clone)]
pub(crate) struct Entry {
    name: String,
    cron: String,
    zone: String,
    schedule: Schedule,
    job: Job,
    priority: i32,
}

impl Entry {
    pub(crate) fn new(
        name: &str,
        cron: &str,
        zone: &str,
        job: Job,
        priority_of: impl Fn(&str) -> i32,
    ) -> Result<Entry, error::Error> {
        let schedule = Schedule::parse(cron, zone).map_err(|error| declared(format!("schedule `{name}`: {error}")))?;
        if let Err(why) = &job.payload {
            return Err(declared(format!("schedule `{name}`: {why}")));
        }
        Ok(Entry {
            name: name.to_owned(),
            cron: cron.to_owned(),
            zone: zone.to_owned(),
            schedule,
            priority: job.priority.unwrap_or_else(|| priority_of(&job.kind)),
            job,
        })
    }
}

/// Writes the declared schedules: a new one, or one that was changed, counts from now on.
pub(crate) async fn declare(database: &Database, entries: Vec<Entry>) -> Result<(), Error> {
    if entries.is_empty() {
        return Ok(());
    }
    let env = database.env().clone();
    database
        .transaction(async move |tx: &Transaction<'_>| {
            for entry in &entries {
                put(tx, &env, entry).await?;
            }
            Ok::<(), Error>(())
        })
        .await
}

async fn put(tx: &Transaction<'_>, env: &Env, entry: &Entry) -> Result<(), Error> {
    let known: Option<(String, String)> = tx
        .query_optional(
            "select cron, zone from terrace_schedules where name = $1",
            (&entry.name,),
        )
        .await?;
    let payload = entry.job.payload.clone().unwrap_or_default();
    let (kind, key, priority) = (&entry.job.kind, &entry.job.key, entry.priority);
    if known.is_some_and(|(cron, zone)| cron == entry.cron && zone == entry.zone) {
        tx.execute(
            "update terrace_schedules set kind = $2, key = $3, priority = $4, payload = $5 where name = $1",
            (&entry.name, kind, key, priority, payload),
        )
        .await?;
        return Ok(());
    }
    let now = now(tx, env).await?;
    tx.execute("delete from terrace_schedules where name = $1", (&entry.name,))
        .await?;
    tx.execute(
        "insert into terrace_schedules (name, cron, zone, kind, key, priority, payload, last, next)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        (
            &entry.name,
            &entry.cron,
            &entry.zone,
            kind,
            key,
            priority,
            payload,
            now,
            entry.schedule.after(now.as_micros()).map(Timestamp),
        ),
    )
    .await?;
    Ok(())
}

/// The clock that decides.
pub(crate) async fn now(tx: &Transaction<'_>, env: &Env) -> Result<Timestamp, Error> {
    match tx.is_postgres() {
        true => tx.query_one("select now()", ()).await,
        false => Ok(env.wall().into()),
    }
}

/// A schedule whose time has come.
struct DueRow {
    name: String,
    cron: String,
    zone: String,
    job: Job,
    priority: i32,
    last: Timestamp,
}

impl FromRow for DueRow {
    fn from_row(row: &mut Row) -> Result<DueRow, Error> {
        Ok(DueRow {
            name: row.take("name")?,
            cron: row.take("cron")?,
            zone: row.take("zone")?,
            priority: row.take("priority")?,
            last: row.take("last")?,
            job: Job {
                kind: row.take("kind")?,
                payload: Ok(row.take("payload")?),
                due: crate::enqueue::Due::After(std::time::Duration::ZERO),
                key: row.take("key")?,
                priority: None,
            },
        })
    }
}

/// Enqueues what is due, and answers when the next one is.
pub(crate) async fn round(inner: &Inner) -> Result<Option<Timestamp>, Error> {
    let (env, ids) = (inner.env.clone(), JobIds(inner.new_id().as_u128()));
    inner
        .database
        .transaction_with(Isolation::ReadCommitted, async move |tx: &Transaction<'_>| {
            let due: Vec<DueRow> = statement::query(
                tx,
                &env,
                &format!(
                    "select name, cron, zone, kind, key, priority, payload, last from terrace_schedules
                     where next <= :now order by next limit {ROUND_ROWS_MAX} :skip"
                ),
                Vec::new(),
            )
            .await?;
            for (index, row) in due.into_iter().enumerate() {
                advance(tx, &env, row, ids.nth(index)).await?;
            }
            tx.query_one("select min(next) from terrace_schedules", ()).await
        })
        .await
}

/// Ids of the jobs that one round enqueues.
struct JobIds(u128);

impl JobIds {
    fn nth(&self, index: usize) -> JobId {
        // An odd factor keeps them apart, and the bits that say which version of UUID it is stay.
        let id = self.0 ^ (index as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        JobId(uuid::Builder::from_random_bytes(id.to_be_bytes()).into_uuid())
    }
}

async fn advance(tx: &Transaction<'_>, env: &Env, row: DueRow, id: JobId) -> Result<(), Error> {
    let now = now(tx, env).await?;
    let Ok(schedule) = Schedule::parse(&row.cron, &row.zone) else {
        // Written by a program that reads more than this one does: left to it.
        tx.execute("update terrace_schedules set next = null where name = $1", (&row.name,))
            .await?;
        return Ok(());
    };
    let Some(due) = schedule.due(row.last.as_micros(), now.as_micros(), Missed::Once) else {
        return Ok(());
    };
    let mut enqueued = 0;
    if due.run {
        let job = row.job.at(Timestamp(due.at_micros));
        job.insert(tx, env, id, row.priority).await?;
        enqueued = 1;
    }
    tx.execute(
        "update terrace_schedules set last = $2, next = $3, enqueued = enqueued + $4 where name = $1",
        (
            &row.name,
            Timestamp(due.at_micros),
            schedule.after(due.at_micros).map(Timestamp),
            enqueued,
        ),
    )
    .await?;
    Ok(())
}
