//! A database of its own for each test, on each engine, and jobs on it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use database::config::Place;
use database::migration::Kind;
use database::{Database, Migration, Migrations, Timestamp, Transaction};
use jobs::{Backoff, Config, Job, JobId, Jobs, Shown, State};
use world::Env;
use world::memory::World;
use world::production::Options;

/// The component's own table: effects, in order.
const TABLES: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "effects",
        kind: Kind::Expand,
        sqlite: "create table effects (number integer primary key, text text not null);",
        postgres: "create table effects (number bigserial primary key, text text not null);",
    }],
};

/// How long an engine may take for what happens beside a test.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a test gets.
pub(crate) struct Fixture {
    pub(crate) db: Database,
    pub(crate) env: Env,
    component: String,
}

/// Retries that a test need not wait for.
pub(crate) const SOON: Backoff = Backoff {
    first: Duration::from_millis(1),
    factor: 1,
    most: Duration::from_millis(1),
    attempts_max: 3,
};

/// What handlers have done, in order.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    pub(crate) fn add(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.all().len()
    }
}

impl Fixture {
    async fn open(env: Env, component: String, config: database::Config) -> Fixture {
        let db = Database::open(&env, &component, &config, &TABLES).await.unwrap();
        Fixture { db, env, component }
    }

    /// Jobs with a short poll, and a lease that a busy machine does not lose.
    pub(crate) async fn jobs(&self) -> Jobs {
        self.jobs_with(|_| {}).await
    }

    pub(crate) async fn jobs_with(&self, change: impl FnOnce(&mut Config)) -> Jobs {
        let mut config = Config {
            poll: Duration::from_millis(20),
            ..Config::default()
        };
        change(&mut config);
        Jobs::open(&self.env, &self.replica().await, config).await.unwrap()
    }

    /// Another replica's handle on the same data; on SQLite there is one for all.
    async fn replica(&self) -> Database {
        match self.db.is_postgres() {
            true => {
                let config = self.db.config();
                Database::open(&self.env, &self.component, config, &TABLES)
                    .await
                    .unwrap()
            }
            false => self.db.clone(),
        }
    }

    pub(crate) async fn enqueue(&self, jobs: &Jobs, job: Job) -> JobId {
        let own = jobs.clone();
        let enqueued = self
            .db
            .transaction(async move |tx: &Transaction<'_>| own.enqueue(tx, job.clone()).await);
        enqueued.await.unwrap()
    }

    pub(crate) async fn cancel(&self, jobs: &Jobs, kind: &'static str, key: &'static str) -> u64 {
        let own = jobs.clone();
        let cancelled = self
            .db
            .transaction(async move |tx: &Transaction<'_>| own.cancel(tx, kind, key).await);
        cancelled.await.unwrap()
    }

    /// Moves a column of a job's times by so much, as if time had passed.
    pub(crate) async fn age(&self, column: &str, id: JobId, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap();
        let sql = match self.db.is_postgres() {
            true => {
                format!("update terrace_jobs set {column} = {column} - interval '1 microsecond' * $2 where id = $1")
            }
            false => format!("update terrace_jobs set {column} = {column} - $2 where id = $1"),
        };
        assert_eq!(self.db.execute(&sql, (id.0, micros)).await.unwrap(), 1);
    }

    /// Waits until a job is in a state.
    pub(crate) async fn wait(&self, jobs: &Jobs, id: JobId, state: State) -> Shown {
        self.until(&format!("{id} {state}"), || async {
            let shown = jobs.show(id).await.unwrap();
            (shown.state == state).then_some(shown)
        })
        .await
    }

    /// Waits until there is something.
    pub(crate) async fn until<T, O>(&self, what: &str, look: impl Fn() -> O) -> T
    where
        O: Future<Output = Option<T>>,
    {
        let waited = self.env.timeout(PATIENCE, async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                self.env.sleep(Duration::from_millis(2)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("{what} did not come"))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.env.wall().into()
    }
}

/// SQLite on real files.
pub(crate) fn on_sqlite<F: Future<Output = ()>>(part: &str, name: &str, test: impl FnOnce(Fixture) -> F) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{part}-{name}-{}", std::process::id()));
    let data = Some(folder.clone());
    let ended = catch_unwind(AssertUnwindSafe(|| {
        runtime().block_on(async {
            let env = Env::production_with(
                "test",
                Options {
                    data,
                    ..Options::default()
                },
            );
            test(Fixture::open(env, "Contract".to_owned(), database::Config::default()).await).await;
        });
    }));
    // What a failure left may be looked at.
    match ended {
        Ok(()) => std::fs::remove_dir_all(folder).unwrap(),
        Err(panic) => resume_unwind(panic),
    }
}

/// A real PostgreSQL.
pub(crate) fn on_postgres<F: Future<Output = ()>>(part: &str, name: &str, test: impl FnOnce(Fixture) -> F) {
    let url = servers::Postgres::shared().url("postgres");
    // Short enough for a name of a schema, and its own.
    let initials: String = name.split('_').filter_map(|word| word.chars().next()).collect();
    runtime().block_on(async {
        let config = database::Config {
            engine: Place::Postgres { url, password: None },
            ..database::Config::default()
        };
        let component = format!("{part}{initials}{}", name.len());
        test(Fixture::open(Env::production("test"), component, config).await).await;
    });
}

/// SQLite on the disk of a simulated node.
pub(crate) fn simulated<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(Fixture) -> F + Send + 'static) {
    sim::sqlite::register().unwrap();
    let world = World::new(1);
    let env = world.node("a");
    let ended = world.run(env.clone().spawn("test", async move {
        test(Fixture::open(env, "Contract".to_owned(), database::Config::default()).await).await;
    }));
    if let Err(lost) = ended {
        panic!("{lost}");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap()
}
