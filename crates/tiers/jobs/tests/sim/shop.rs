//! A shop whose orders are jobs of three steps over three parties, and whose notes are jobs for later.

use std::time::Duration;

use database::migration::Kind;
use database::{Database, Migration, Migrations, Transaction};
use jobs::{Backoff, Config, Filter, Job, JobError, Jobs, State};
use sim::reference;
use terrace::{Cx, Env, Ref, sometimes};

use crate::parties::{Party, PartyError};

/// Who is asked in which order.
pub(crate) const PARTIES: [&str; 3] = ["stock", "bank", "courier"];

/// When the note of an order is due.
const NOTE_AFTER: Duration = Duration::from_millis(1_500);

const TABLES: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "shop",
        kind: Kind::Expand,
        sqlite: "create table orders (number integer primary key);
                 create table notes (number integer not null);",
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
    /// Whether its latest attempt began before its time, by the clock that decides.
    pub early: bool,
}

/// Everything in the shop.
#[terrace::data]
pub(crate) struct Report {
    pub orders: Vec<u64>,
    pub notes: Vec<u64>,
    pub lines: Vec<Line>,
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
}

impl Counter {
    /// Opens it, with two workers on one database, as two replicas would be.
    pub(crate) async fn open(env: &Env) -> Result<Counter, String> {
        let opened = Database::open(env, "Shop", &database::Config::default(), &TABLES).await;
        let database = opened.map_err(|error| error.to_string())?;
        let mut first = None;
        for _ in 0..2 {
            let config = Config {
                poll: Duration::from_millis(200),
                lease: Duration::from_secs(3),
                ..Config::default()
            };
            let jobs = Jobs::open(env, &database, config)
                .await
                .map_err(|error| error.to_string())?;
            declare(env, &database, &jobs).map_err(|error| error.to_string())?;
            drop(jobs.start().await.map_err(|error| error.to_string())?);
            first.get_or_insert(jobs);
        }
        let jobs = first.ok_or("no jobs")?;
        Ok(Counter { database, jobs })
    }
}

fn declare(env: &Env, database: &Database, jobs: &Jobs) -> Result<(), jobs::Error> {
    let backoff = Backoff {
        first: Duration::from_millis(300),
        factor: 2,
        most: Duration::from_secs(4),
        attempts_max: 6,
    };
    let part = |party: &'static str, back: bool| {
        let asked: Ref<dyn Party> = reference(env, party);
        move |cx: Cx, order: u64| {
            let asked = asked.clone();
            async move {
                sometimes!(cx.env(), back, "a step was taken back");
                let answer = match back {
                    true => asked.give_back(&cx, order).await,
                    false => asked.take(&cx, order).await,
                };
                match answer {
                    Ok(_) => Ok(()),
                    Err(PartyError::Refused) => Err(JobError::fail("refused")),
                    Err(PartyError::Call(error)) => Err(error.into()),
                }
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
                let noted: Result<bool, PartyError> = own
                    .once(&cx, async move |tx: &Transaction<'_>| {
                        tx.execute("insert into notes values ($1)", (order as i64,)).await?;
                        Ok(true)
                    })
                    .await;
                noted.map(drop).map_err(JobError::retry)
            }
        })
}

impl Shop for Counter {
    async fn order(&self, cx: &Cx, order: u64) -> Result<bool, PartyError> {
        let jobs = self.jobs.clone();
        self.database
            .once(cx, async move |tx: &Transaction<'_>| {
                tx.execute("insert into orders values ($1)", (order as i64,)).await?;
                jobs.enqueue(tx, Job::new("order", &order).key(order.to_string()))
                    .await?;
                let note = Job::new("note", &order).key(order.to_string()).after(NOTE_AFTER);
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
        let taken_over = listed
            .iter()
            .any(|job| job.fence > job.attempts && job.progress.undoing.is_none());
        sometimes!(cx.env(), taken_over, "a job was claimed again");
        Ok(Report {
            orders: orders.into_iter().map(i64::unsigned_abs).collect(),
            notes: notes.into_iter().map(i64::unsigned_abs).collect(),
            lines: listed
                .into_iter()
                .map(|job| Line {
                    order: job.key.and_then(|key| key.parse().ok()).unwrap_or_default(),
                    kind: job.kind,
                    state: job.state.word().to_owned(),
                    reason: job.reason.unwrap_or_default(),
                    early: job.state != State::Waiting && job.started.is_some_and(|started| started < job.due),
                })
                .collect(),
        })
    }
}
