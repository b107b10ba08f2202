//! What PostgreSQL alone promises, on a real server.
#![expect(
    clippy::disallowed_methods,
    reason = "real tasks, clocks and processes: the server is outside of every world"
)]

mod connections;
mod opening;
mod relay;
mod restart;
mod statements;
mod tls;
mod transactions;

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use database::config::Place;
use database::migration::Kind;
use database::{Config, Database, Error, Migration, Migrations};
use servers::Postgres;
use world::Env;

/// How long a condition may take to come true on a machine that does much else.
const SOON: Duration = Duration::from_secs(30);

const ITEMS: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "items",
        kind: Kind::Expand,
        sqlite: "",
        postgres: "create table items (id bigint primary key, amount bigint not null check (amount >= 0), title text);",
    }],
};

/// A database of its own on the server that all tests share.
struct Bed {
    server: &'static Postgres,
    database: String,
}

impl Bed {
    fn new() -> Bed {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let database = format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let server = Postgres::shared();
        server.create_database(&database).unwrap();
        Bed { server, database }
    }

    fn config(&self) -> Config {
        config(self.server.url(&self.database))
    }

    async fn open(&self, component: &str) -> Database {
        self.open_with(component, &self.config()).await
    }

    async fn open_with(&self, component: &str, config: &Config) -> Database {
        open(component, config).await.unwrap()
    }

    fn psql(&self, sql: &str) -> String {
        self.server.psql_in(&self.database, sql).unwrap()
    }
}

fn config(url: String) -> Config {
    Config {
        engine: Place::Postgres { url, password: None },
        ..Config::default()
    }
}

async fn open(component: &str, config: &Config) -> Result<Database, Error> {
    Database::open(&Env::production("test"), component, config, &ITEMS).await
}

/// Waits until `done`.
async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !done().await {
        assert!(begun.elapsed() < SOON, "{what} does not come true");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// All that was logged by this process.
fn logged() -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Begins to keep what is logged.
fn keep_log() {
    static KEPT: OnceLock<()> = OnceLock::new();
    KEPT.get_or_init(|| {
        let subscriber = tracing_subscriber::fmt().with_writer(|| Kept).with_ansi(false).finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

struct Kept;

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
