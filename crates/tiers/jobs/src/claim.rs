//! Claims: which jobs a worker gets, under a lease and a new fence.
//!
//! On PostgreSQL rows that another worker is claiming are passed by (`for update skip locked`), in read committed: nothing
//! is decided by what is read but the rows that are locked. The number of running jobs of a limited kind is the exception,
//! so whoever counts holds a lock. On SQLite the transaction is alone.

use std::collections::BTreeMap;
use std::time::Duration;

use database::{Database, Error, Isolation, Timestamp, Transaction, Value};
use world::Env;

use crate::job::{Input, Next, step};
use crate::jobs::Inner;
use crate::limits::ROUND_ROWS_MAX;
use crate::statement::{self, places};
use crate::store::{self, CLAIMED, Claimed};

/// What a worker may take.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Whose lease it will be, for whoever looks.
    pub holder: String,
    pub lease: Duration,
    /// At most so many.
    pub count: usize,
    /// Of these kinds.
    pub kinds: Vec<WantedKind>,
}

/// A kind of which there is room for more.
#[derive(Clone, Debug)]
pub(crate) struct WantedKind {
    pub name: String,
    /// Over all replicas.
    pub concurrency: Option<usize>,
    /// What this process has room for.
    pub room: usize,
}

/// Claims jobs, those of the highest priority first and the oldest within.
pub(crate) async fn claim(database: &Database, wanted: Wanted) -> Result<Vec<Claimed>, Error> {
    let env = database.env().clone();
    let mut claimed: Vec<Claimed> = database
        .transaction_with(Isolation::ReadCommitted, async move |tx: &Transaction<'_>| {
            if wanted.takes_all() {
                return at_once(tx, &env, &wanted).await;
            }
            let mut room = room(tx, &wanted).await?;
            let mut numbers = Vec::new();
            // A kind that had less room than jobs is left out, and what it left is filled with others.
            while numbers.len() < wanted.count && !room.is_empty() {
                let found = pick(tx, &env, &room, &numbers, wanted.count).await?;
                let exhausted = take(found, &mut room, &mut numbers, wanted.count);
                if exhausted {
                    break;
                }
            }
            mark(tx, &env, &wanted, numbers).await
        })
        .await?;
    claimed.sort_by_key(|job| (-job.priority, job.due, job.number));
    Ok(claimed)
}

impl Wanted {
    /// Whether there is room for whatever is found.
    fn takes_all(&self) -> bool {
        self.kinds
            .iter()
            .all(|kind| kind.concurrency.is_none() && kind.room >= self.count)
    }
}

/// Finds and marks jobs by one statement, where none of what is found is left.
async fn at_once(tx: &Transaction<'_>, env: &Env, wanted: &Wanted) -> Result<Vec<Claimed>, Error> {
    let mut values = vec![Value::Text(wanted.holder.clone()), statement::micros(wanted.lease)];
    let kinds = places(values.len() + 1, wanted.kinds.len());
    values.extend(wanted.kinds.iter().map(|kind| Value::Text(kind.name.clone())));
    // Materialized: what is picked is picked once, however the engine goes about the update.
    let sql = format!(
        "with picked (picked) as materialized ({}) {MARK} where number in (select picked from picked) returning {CLAIMED}",
        ready("number", &kinds, "", wanted.count)
    );
    statement::query(tx, env, &sql, values).await
}

/// Makes jobs a worker's, for a lease.
const MARK: &str =
    "update terrace_jobs set state = 'running', ready = false, fence = fence + 1, attempts = attempts + 1,
         holder = $1, lease_until = :later($2), started = :now, first = coalesce(first, :now)";

/// Jobs that are ready, in the order in which they are claimed.
fn ready(columns: &str, kinds: &str, without: &str, count: usize) -> String {
    format!(
        "select {columns} from terrace_jobs :in_order
         where state = 'waiting' and ready and due <= :now and kind in ({kinds}) {without}
         order by priority desc, due, number limit {count} :skip"
    )
}

/// How many of each kind may be claimed.
async fn room(tx: &Transaction<'_>, wanted: &Wanted) -> Result<BTreeMap<String, usize>, Error> {
    let mut room: BTreeMap<String, usize> = wanted
        .kinds
        .iter()
        .map(|kind| (kind.name.clone(), kind.room.min(wanted.count)))
        .collect();
    let limited: Vec<&WantedKind> = wanted.kinds.iter().filter(|kind| kind.concurrency.is_some()).collect();
    if !limited.is_empty() {
        if tx.is_postgres() {
            // Until the end of the transaction: another one that counts has to see what this one claims.
            tx.query::<()>(
                "select pg_advisory_xact_lock(hashtext(current_schema() || '.terrace_jobs'))",
                (),
            )
            .await?;
        }
        let sql = format!(
            "select kind, count(*) from terrace_jobs where state = 'running' and kind in ({}) group by kind",
            places(1, limited.len())
        );
        let names: Vec<Value> = limited.iter().map(|kind| Value::Text(kind.name.clone())).collect();
        let running: Vec<(String, i64)> = tx.query(&sql, names).await?;
        let running: BTreeMap<String, i64> = running.into_iter().collect();
        for kind in limited {
            let runs = usize::try_from(running.get(&kind.name).copied().unwrap_or(0)).unwrap_or(usize::MAX);
            let left = kind.concurrency.unwrap_or(usize::MAX).saturating_sub(runs);
            room.entry(kind.name.clone()).and_modify(|room| *room = left.min(*room));
        }
    }
    room.retain(|_, room| *room > 0);
    Ok(room)
}

/// Jobs that are ready, beside those that were taken already.
async fn pick(
    tx: &Transaction<'_>,
    env: &Env,
    room: &BTreeMap<String, usize>,
    taken: &[i64],
    count: usize,
) -> Result<Vec<(i64, String)>, Error> {
    let kinds = places(1, room.len());
    let mut values: Vec<Value> = room.keys().map(|kind| Value::Text(kind.clone())).collect();
    let without = match taken.is_empty() {
        true => String::new(),
        false => format!("and number not in ({})", places(values.len() + 1, taken.len())),
    };
    values.extend(taken.iter().map(|number| Value::Integer(*number)));
    statement::query(tx, env, &ready("number, kind", &kinds, &without, count), values).await
}

/// Takes what there is room for, and answers whether there is nothing more to be found.
fn take(found: Vec<(i64, String)>, room: &mut BTreeMap<String, usize>, numbers: &mut Vec<i64>, count: usize) -> bool {
    let few = found.len() < count;
    for (number, kind) in found {
        if numbers.len() == count {
            return true;
        }
        if let Some(left) = room.get_mut(&kind)
            && *left > 0
        {
            *left -= 1;
            numbers.push(number);
        }
    }
    room.retain(|_, room| *room > 0);
    few
}

/// Makes them this worker's.
async fn mark(tx: &Transaction<'_>, env: &Env, wanted: &Wanted, mut numbers: Vec<i64>) -> Result<Vec<Claimed>, Error> {
    let Some(last) = numbers.last().copied() else {
        return Ok(Vec::new());
    };
    // A few lengths only, so that engines prepare a few statements only.
    numbers.resize(numbers.len().next_power_of_two(), last);
    let sql = format!(
        "{MARK} where number in ({}) returning {CLAIMED}",
        places(3, numbers.len())
    );
    let mut values = vec![Value::Text(wanted.holder.clone()), statement::micros(wanted.lease)];
    values.extend(numbers.into_iter().map(Value::Integer));
    statement::query(tx, env, &sql, values).await
}

/// Makes ready what is due, and answers when the next one is, with the present time.
pub(crate) async fn make_ready(database: &Database) -> Result<(Option<Timestamp>, Timestamp), Error> {
    let env = database.env().clone();
    database
        .transaction_with(Isolation::ReadCommitted, async move |tx: &Transaction<'_>| {
            let sql = format!(
                "update terrace_jobs set ready = true where number in
                     (select number from terrace_jobs where state = 'waiting' and not ready and due <= :now
                      order by due limit {ROUND_ROWS_MAX} :skip)"
            );
            statement::execute(tx, &env, &sql, Vec::new()).await?;
            let next: Option<Timestamp> = tx
                .query_optional(
                    "select due from terrace_jobs where state = 'waiting' and not ready order by due limit 1",
                    (),
                )
                .await?;
            Ok((next, crate::timetable::now(tx, &env).await?))
        })
        .await
}

/// Takes away leases that are over, but for those that this process still holds: it stops these first, so that it never
/// runs a job twice at a time. Answers which those are.
pub(crate) async fn take_over(inner: &std::sync::Arc<Inner>) -> Result<Vec<crate::JobId>, Error> {
    let (env, own) = (inner.env.clone(), inner.clone());
    inner
        .database
        .transaction_with(Isolation::ReadCommitted, async move |tx: &Transaction<'_>| {
            let sql = format!(
                "select {CLAIMED} from terrace_jobs where state = 'running' and lease_until <= :now
                 order by lease_until limit {ROUND_ROWS_MAX} :skip"
            );
            let over: Vec<Claimed> = statement::query(tx, &env, &sql, Vec::new()).await?;
            let mut held = Vec::new();
            for job in over {
                if own.running().contains_key(&job.id) {
                    held.push(job.id);
                    continue;
                }
                let (mut life, random) = (job.life.clone(), own.draw());
                let next = match own.kind(&job.kind) {
                    Some(kind) => step(&mut life, &kind.plan, Input::Lost, random),
                    // Whoever knows it decides.
                    None => Next::Wait {
                        after: Duration::ZERO,
                        reason: "its worker was lost".to_owned(),
                    },
                };
                let (sql, values) = store::update(job.id, job.fence, &life, &next);
                statement::execute(tx, &env, sql, values).await?;
            }
            Ok(held)
        })
        .await
}

/// Parks what has been due for `unknown_after` and is of none of `kinds`.
pub(crate) async fn park_unknown(
    database: &Database,
    kinds: Vec<String>,
    unknown_after: Duration,
) -> Result<u64, Error> {
    let env = database.env().clone();
    database
        .transaction_with(Isolation::ReadCommitted, async move |tx: &Transaction<'_>| {
            let known = match kinds.is_empty() {
                true => String::new(),
                false => format!("and kind not in ({})", places(2, kinds.len())),
            };
            let sql = format!(
                "update terrace_jobs set state = 'parked', ready = false, ended = :now,
                     reason = 'no program knows its kind; declare the kind, then replay it'
                 where number in (select number from terrace_jobs
                     where state = 'waiting' and ready and due <= :later($1) {known} limit {ROUND_ROWS_MAX} :skip)"
            );
            let after = match tx.is_postgres() {
                true => unknown_after,
                false => Duration::ZERO,
            };
            let mut values = vec![statement::before(after)];
            values.extend(kinds.iter().cloned().map(Value::Text));
            statement::execute(tx, &env, &sql, values).await
        })
        .await
}

/// Removes some of what was done or cancelled longer than `keep` ago.
pub(crate) async fn remove(database: &Database, keep: Duration) -> Result<u64, Error> {
    let env = database.env().clone();
    database
        .transaction_with(Isolation::ReadCommitted, async move |tx: &Transaction<'_>| {
            let sql = format!(
                "delete from terrace_jobs where number in (select number from terrace_jobs
                     where state in ('done', 'cancelled') and ended <= :later($1) limit {ROUND_ROWS_MAX} :skip)"
            );
            statement::execute(tx, &env, &sql, vec![statement::before(keep)]).await
        })
        .await
}
