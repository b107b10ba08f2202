//! Ours, on either engine.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use jobs::{Job, Jobs};
use terrace::database::config::Place;
use terrace::database::{Config, Database, Error, Timestamp, Transaction};
use terrace::{CallError, CallId, Cx, Env, Root, TraceContext};
use world::production::Options;

use crate::case::{Account, BALANCE, FILL, INSERT, NOTE, RANGE, RECORDS, ROW, ROWS, TABLES, UPDATE};
use crate::queue::{Handled, Ran, Worker};

const KIND: &str = "bench";

pub(crate) struct Ours {
    env: Env,
    database: Database,
    handled: Handled,
    /// Whose worker was started last; each has one.
    jobs: Mutex<Option<Jobs>>,
}

impl Ours {
    /// On SQLite, in this folder.
    pub(crate) async fn on_sqlite(folder: PathBuf) -> anyhow::Result<Ours> {
        let options = Options {
            data: Some(folder),
            ..Options::default()
        };
        Ours::open(Env::production_with("bench", options), Config::default()).await
    }

    /// On the PostgreSQL at this address.
    pub(crate) async fn on_postgres(url: String) -> anyhow::Result<Ours> {
        let config = Config {
            engine: Place::Postgres { url, password: None },
            ..Config::default()
        };
        Ours::open(Env::production("bench"), config).await
    }

    async fn open(env: Env, config: Config) -> anyhow::Result<Ours> {
        let database = Database::open(&env, "Bench", &config, &TABLES).await?;
        database.execute(FILL, ()).await?;
        let records = match database.is_postgres() {
            true => {
                "insert into terrace_once (id, label, digest, answer, at)
                 select gen_random_uuid(), '', gen_random_uuid(), ''::bytea, $1 from generate_series(1, $2)"
            }
            false => {
                "with recursive n (i) as (select 1 union all select i + 1 from n where i < $2)
                 insert into terrace_once (id, label, digest, answer, at)
                 select randomblob(16), '', randomblob(16), x'', $1 from n"
            }
        };
        database
            .execute(records, (Timestamp::from(env.wall()), RECORDS))
            .await?;
        Ok(Ours {
            env,
            database,
            handled: Handled::default(),
            jobs: Mutex::default(),
        })
    }

    pub(crate) async fn row(&self, id: i64) -> anyhow::Result<Account> {
        Ok(self.database.query_one(ROW, (id,)).await?)
    }

    pub(crate) async fn rows(&self, from: i64) -> anyhow::Result<Vec<Account>> {
        Ok(self.database.query(ROWS, (from, from + RANGE)).await?)
    }

    pub(crate) async fn transfer(&self, id: i64) -> anyhow::Result<i64> {
        let work = async move |tx: &Transaction<'_>| transfer(tx, id).await;
        let balance: Result<i64, Error> = self.database.transaction(work).await;
        Ok(balance?)
    }

    pub(crate) async fn once(&self, call: u128, id: i64) -> anyhow::Result<i64> {
        // As a call that has come in; what it costs to make one is no part of the database.
        let root = Root {
            began: None,
            id: Some(CallId(call)),
            deadline: None,
            principal: None,
            trace: Some(TraceContext {
                trace_id: 1,
                span_id: 1,
                sampled: false,
            }),
        };
        let cx = Cx::from_root(&self.env, root);
        let work = async move |tx: &Transaction<'_>| Ok::<_, CallError>(transfer(tx, id).await?);
        Ok(self.database.once(&cx, work).await?)
    }

    pub(crate) async fn insert(&self, id: i64) -> anyhow::Result<()> {
        self.database.execute(INSERT, (id, 1_i64, NOTE)).await?;
        Ok(())
    }

    pub(crate) async fn enqueue(&self, id: i64) -> anyhow::Result<()> {
        let jobs = self.jobs().clone().context("the worker was not started")?;
        let work = async move |tx: &Transaction<'_>| jobs.enqueue(tx, Job::new(KIND, &id)).await;
        self.database.transaction(work).await?;
        Ok(())
    }

    pub(crate) async fn start(&self) -> anyhow::Result<Worker> {
        let jobs = Jobs::open(&self.env, &self.database, jobs::Config::default()).await?;
        let handled = self.handled.clone();
        jobs.kind::<i64>(KIND).run(move |_, _| {
            let handled = handled.clone();
            async move {
                handled.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        })?;
        let worker = jobs.start().await?;
        *self.jobs() = Some(jobs);
        Ok(Worker {
            handled: self.handled.clone(),
            handled_before: self.handled.load(Ordering::Relaxed),
            runs: Ran::Ours(worker),
        })
    }

    fn jobs(&self) -> MutexGuard<'_, Option<Jobs>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn transfer(tx: &Transaction<'_>, id: i64) -> Result<i64, Error> {
    let balance: i64 = tx.query_one(BALANCE, (id,)).await?;
    tx.execute(UPDATE, (id, balance + 1)).await?;
    tx.execute(INSERT, (id, 1_i64, NOTE)).await?;
    Ok(balance + 1)
}
