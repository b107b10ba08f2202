//! A database of its own for each test, on each engine.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::time::Duration;

use database::config::Place;
use database::{Config, Database, Error, Migrations};
use world::Env;
use world::memory::World;
use world::production::Options;

/// The tables of the contract.
pub(crate) const TABLES: Migrations = terrace::migrations!("tests/migrations/contract");

/// How long a real engine may take for what happens beside a test.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a test gets.
pub(crate) struct Fixture {
    pub(crate) db: Database,
    pub(crate) env: Env,
    component: String,
    config: Config,
}

impl Fixture {
    async fn open(env: Env, component: String, config: Config) -> Fixture {
        let db = Database::open(&env, &component, &config, &TABLES).await.unwrap();
        Fixture {
            db,
            env,
            component,
            config,
        }
    }

    /// Another database of the same engine: nobody has opened it before, or the test has.
    pub(crate) async fn other(&self, suffix: &str, migrations: &Migrations) -> Result<Database, Error> {
        self.other_with(suffix, migrations, |_| {}).await
    }

    /// The same with another configuration.
    pub(crate) async fn other_with(
        &self,
        suffix: &str,
        migrations: &Migrations,
        change: impl FnOnce(&mut Config),
    ) -> Result<Database, Error> {
        let mut config = self.config.clone();
        change(&mut config);
        Database::open(&self.env, &format!("{}{suffix}", self.component), &config, migrations).await
    }

    /// Waits until `sql` counts `expected`.
    pub(crate) async fn wait_for_count(&self, sql: &str, expected: i64) {
        let waited = self.env.timeout(PATIENCE, async {
            while self.db.query_one::<i64>(sql, ()).await.unwrap() != expected {
                self.env.sleep(Duration::from_millis(1)).await;
            }
        });
        assert!(waited.await.is_ok(), "`{sql}` is not {expected}");
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
            test(Fixture::open(env, "Contract".to_owned(), Config::default()).await).await;
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
    let server = servers::Postgres::shared();
    let url = server.url("postgres");
    let component = format!("{part}{:08x}", xxhash_rust::xxh3::xxh3_64(name.as_bytes()) as u32);
    runtime().block_on(async {
        let config = Config {
            engine: Place::Postgres { url, password: None },
            ..Config::default()
        };
        test(Fixture::open(Env::production("test"), component, config).await).await;
    });
}

/// SQLite on the disk of a simulated node.
pub(crate) fn simulated<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(Fixture) -> F + Send + 'static) {
    sim::sqlite::register().unwrap();
    let world = World::new(1);
    let env = world.node("a");
    let ended = world.run(env.clone().spawn("test", async move {
        test(Fixture::open(env, "Contract".to_owned(), Config::default()).await).await;
    }));
    if let Err(lost) = ended {
        panic!("{lost}");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}
