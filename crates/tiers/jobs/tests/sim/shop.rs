//! A shop whose orders are jobs of three steps over three parties, and whose notes are jobs for later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use database::migration::Kind;
use database::{Database, Migration, Migrations, Timestamp, Transaction};
use jobs::{Backoff, Config, Filter, Job, JobError, Jobs};
use sim::reference;
use terrace::{Cx, Env, Ref, sometimes};

use crate::parties::{Party, PartyError};

/// Who is asked in which order.
pub(crate) const PARTIES: [&str; 3] = ["stock", "bank", "courier"];

/// How long a job is its worker's. Many handlers run for longer.
const LEASE: Duration = Duration::from_secs(2);

/// How long the note of an order takes: longer than a lease.
const NOTE_TAKES: Duration = Duration::from_secs(3);

/// What the clock is set forward and back by meanwhile, at most every so often, in milliseconds.
const CLOCK_SET: Duration = Duration::from_secs(60);
const CLOCK_SET_EVERY_MS: u64 = 3_000;

/// When the note of an order is due.
const NOTE_AFTER: Duration = Duration::from_millis(1_500);

const TABLES: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "shop",
        kind: Kind::Expand,
        sqlite: "create table orders (number integer primary key);
                 create table notes (number integer not null);
                 create table dues (number integer primary key, due integer not null);
                 create table begun (number integer not null, wall integer not null);
                 create table wrongs (text text not null);",
        postgres: "",
    }],
};

/// Notes every change of a job that no holder of its lease may make: an end that is changed, an end or a step that is
/// written while nobody or somebody else has the job, progress that goes back.
const WATCH: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "watch",
        kind: Kind::Expand,
        sqlite: "create trigger terrace_jobs_watched after update on terrace_jobs when not (
                (old.state = 'waiting' and new.state = 'waiting' and new.fence = old.fence
                    and new.attempts = old.attempts and new.progress is old.progress and new.reason is old.reason)
                or (old.state = 'waiting' and new.state = 'running' and new.fence = old.fence + 1
                    and new.attempts = old.attempts + 1 and new.progress is old.progress)
                or (old.state = 'running' and new.fence = old.fence and new.state <> 'cancelled'
                    and coalesce(length(new.progress), 0) >= coalesce(length(old.progress), 0)
                    and not (new.state = 'waiting' and new.reason like 'fence %'
                        and new.reason not like 'fence ' || old.fence || ':%')))
             begin
                 insert into wrongs values (old.kind || ' ' || old.key || ': ' || old.state || ' ' || old.fence || ' '
                     || coalesce(length(old.progress), 0) || ' -> ' || new.state || ' ' || new.fence || ' '
                     || coalesce(length(new.progress), 0) || ', ' || coalesce(new.reason, ''));
             end;",
        postgres: "",
    }],
};

/// What is known of a job.
#[terrace::data]
pub(crate) struct Line {
    pub order: u64,
    pub kind: String,
    pub state: String,
    pub reason: String,
    /// How often it was claimed.
    pub fence: u64,
    /// Whether an attempt began before its time.
    pub early: bool,
}

/// Everything in the shop.
#[terrace::data]
pub(crate) struct Report {
    pub orders: Vec<u64>,
    pub notes: Vec<u64>,
    pub lines: Vec<Line>,
    /// Changes of jobs that nobody may make.
    pub wrongs: Vec<String>,
}

/// A shop.
#[terrace::component(requires = "asynchronous")]
pub(crate) trait Shop {
    /// Takes an order.
    #[call(once)]
    async fn order(&self, cx: &Cx, order: u64) -> Result<bool, PartyError>;

    /// Everything.
    #[call(read)]
    async fn report(&self, cx: &Cx) -> Result<Report, PartyError>;
}

/// The module.
pub(crate) struct Counter {
    database: Database,
    jobs: Jobs,
    /// Whether the node's clocks jump.
    jumps: bool,
}

impl Counter {
    /// Opens it, with two workers on one database, as two replicas would be. While `strikes`, leases are lost.
    pub(crate) async fn open(env: &Env, jumps: bool, strikes: Arc<AtomicBool>) -> Result<Counter, String> {
        let opened = Database::open(env, "Shop", &database::Config::default(), &TABLES).await;
        let database = opened.map_err(|error| error.to_string())?;
        let mut first = None;
        for worker in 0..2 {
            let config = Config {
                poll: Duration::from_millis(200),
                lease: LEASE,
                ..Config::default()
            };
            let jobs = Jobs::open(env, &database, config)
                .await
                .map_err(|error| error.to_string())?;
            let watched = database.install("watch", &WATCH).await;
            watched.map_err(|error| error.to_string())?;
            declare(env, &database, &jobs, worker).map_err(|error| error.to_string())?;
            drop(jobs.start().await.map_err(|error| error.to_string())?);
            first.get_or_insert(jobs);
        }
        let jobs = first.ok_or("no jobs")?;
        drop(env.spawn("clock", set_clock(env.clone(), database.clone(), strikes)));
        Ok(Counter { database, jobs, jumps })
    }
}

/// What leases see of a wall clock that somebody sets forward and back: the workers' monotonic clocks know nothing of it,
/// so a holder goes on until it asks for more time.
async fn set_clock(env: Env, database: Database, strikes: Arc<AtomicBool>) {
    let mut random = env.random("clock");
    loop {
        env.sleep(Duration::from_millis(random.below(CLOCK_SET_EVERY_MS))).await;
        if !strikes.load(Ordering::Relaxed) {
            return;
        }
        let micros = CLOCK_SET.as_micros() as i64;
        // Another time, if the database does not answer.
        let _ = database
            .execute(
                "update terrace_jobs set lease_until = lease_until - $1 where state = 'running'",
                (micros,),
            )
            .await;
    }
}

/// Runs something as whoever has the job, slowly: what it fails with names the fence, so that one knows whose it was.
async fn held<O>(
    cx: &Cx,
    database: &Database,
    (kind, order): (&str, u64),
    takes: Duration,
    work: O,
) -> Result<(), JobError>
where
    O: Future<Output = Result<(), JobError>>,
{
    let fence: Option<i64> = database
        .query_optional(
            "select fence from terrace_jobs where kind = $1 and key = $2 and state = 'running'",
            (kind, order.to_string()),
        )
        .await?;
    let ended = work.await;
    cx.env().sleep(takes).await;
    ended.map_err(|error| match (error, fence) {
        (JobError::Retry(why), Some(fence)) => JobError::Retry(format!("fence {fence}: {why}")),
        (other, _) => other,
    })
}

fn declare(env: &Env, database: &Database, jobs: &Jobs, worker: u64) -> Result<(), jobs::Error> {
    let backoff = Backoff {
        first: Duration::from_millis(300),
        factor: 2,
        most: Duration::from_secs(4),
        attempts_max: 6,
    };
    let part = |party: &'static str, back: bool| {
        let (asked, own): (Ref<dyn Party>, Database) = (reference(env, party), database.clone());
        move |cx: Cx, order: u64| {
            let (asked, own) = (asked.clone(), own.clone());
            async move {
                sometimes!(cx.env(), back, "a step was taken back");
                let mood = order + 3 * worker + party.len() as u64;
                let work = async {
                    let answer = match back {
                        true => asked.give_back(&cx, order).await,
                        // What came of it is not always heard.
                        false if mood.is_multiple_of(5) => {
                            let _ = asked.take(&cx, order).await;
                            return Err(JobError::retry("not heard"));
                        }
                        false => asked.take(&cx, order).await,
                    };
                    match answer {
                        Ok(_) => Ok(()),
                        Err(PartyError::Refused) => Err(JobError::fail("refused")),
                        Err(PartyError::Call(error)) => Err(error.into()),
                    }
                };
                let takes = Duration::from_millis(500 * (mood % 6));
                held(&cx, &own, ("order", order), takes, work).await
            }
        }
    };
    let [stock, bank, courier] = PARTIES;
    jobs.kind("order")
        .backoff(backoff)
        .longest(Duration::from_secs(8))
        .step(stock, part(stock, false))
        .undo(part(stock, true))
        .step(bank, part(bank, false))
        .undo(part(bank, true))
        .step(courier, part(courier, false))
        .undo(part(courier, true))
        .build()?;
    let own = database.clone();
    jobs.kind("note")
        .backoff(backoff)
        .longest(Duration::from_secs(8))
        .run(move |cx: Cx, order: u64| {
            let own = own.clone();
            async move {
                let began = Timestamp::from(cx.env().wall());
                own.execute("insert into begun values ($1, $2)", (order as i64, began))
                    .await?;
                let work = async {
                    cx.env().sleep(NOTE_TAKES).await;
                    let noted: Result<bool, PartyError> = own
                        .once(&cx, async move |tx: &Transaction<'_>| {
                            tx.execute("insert into notes values ($1)", (order as i64,)).await?;
                            Ok(true)
                        })
                        .await;
                    noted.map(drop).map_err(JobError::retry)
                };
                held(&cx, &own, ("note", order), Duration::ZERO, work).await
            }
        })
}

impl Shop for Counter {
    async fn order(&self, cx: &Cx, order: u64) -> Result<bool, PartyError> {
        let jobs = self.jobs.clone();
        let due = Timestamp::from(cx.env().wall()).after(NOTE_AFTER);
        self.database
            .once(cx, async move |tx: &Transaction<'_>| {
                tx.execute("insert into orders values ($1)", (order as i64,)).await?;
                jobs.enqueue(tx, Job::new("order", &order).key(order.to_string()))
                    .await?;
                tx.execute("insert into dues values ($1, $2)", (order as i64, due))
                    .await?;
                let note = Job::new("note", &order).key(order.to_string()).at(due);
                jobs.enqueue(tx, note).await?;
                Ok(true)
            })
            .await
    }

    async fn report(&self, cx: &Cx) -> Result<Report, PartyError> {
        let listed = self.jobs.list(&Filter::default(), 1_000).await;
        let listed = listed.map_err(|error| {
            PartyError::Call(terrace::CallError::maybe_run(
                terrace::CallErrorKind::Unavailable,
                error.to_string(),
            ))
        })?;
        let orders: Vec<i64> = self.database.query("select number from orders", ()).await?;
        let notes: Vec<i64> = self.database.query("select number from notes", ()).await?;
        let wrongs: Vec<String> = self.database.query("select text from wrongs", ()).await?;
        let dues: Vec<(i64, Timestamp)> = self.database.query("select number, due from dues", ()).await?;
        let begun: Vec<(i64, Timestamp)> = self.database.query("select number, wall from begun", ()).await?;
        let (dues, jumps) = (BTreeMap::from_iter(dues), self.jumps);
        // By the clock that decided; and where clocks do not jump, by the one that the handler saw.
        let early = move |order: u64, first: Option<Timestamp>| {
            dues.get(&(order as i64)).is_some_and(|due| {
                first.is_some_and(|first| first < *due)
                    || !jumps && begun.iter().any(|(number, wall)| *number == order as i64 && wall < due)
            })
        };
        let taken_over = listed
            .iter()
            .any(|job| job.fence > job.attempts && job.progress.undoing.is_none());
        sometimes!(cx.env(), taken_over, "a job was claimed again");
        Ok(Report {
            orders: orders.into_iter().map(i64::unsigned_abs).collect(),
            notes: notes.into_iter().map(i64::unsigned_abs).collect(),
            lines: listed
                .into_iter()
                .map(|job| {
                    let order = job.key.and_then(|key| key.parse().ok()).unwrap_or_default();
                    Line {
                        order,
                        early: job.kind == "note" && early(order, job.first),
                        kind: job.kind,
                        state: job.state.word().to_owned(),
                        reason: job.reason.unwrap_or_default(),
                        fence: job.fence.unsigned_abs(),
                    }
                })
                .collect(),
            wrongs,
        })
    }
}
