//! Databases of the tests.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use database::{Config, Database, Error, Migration, Migrations, Transaction};
use world::Env;
use world::production::Options;

pub(crate) const TABLES: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "items",
        kind: database::migration::Kind::Expand,
        sqlite: "create table items (id integer primary key, text text not null);
                 create table parents (id integer primary key);
                 create table children (parent integer references parents deferrable initially deferred);",
        postgres: "",
    }],
};

/// A folder of its own.
pub(crate) fn folder(name: &str) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("{name}-{}-{number}", std::process::id());
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sqlite").join(name)
}

pub(crate) fn env(folder: &Path) -> Env {
    let options = Options {
        data: Some(folder.to_owned()),
        ..Options::default()
    };
    Env::production_with("test", options)
}

pub(crate) async fn open(env: &Env, component: &str) -> Result<Database, Error> {
    Database::open(env, component, &Config::default(), &TABLES).await
}

pub(crate) async fn add(database: &Database, id: i64, text: &str) -> Result<(), Error> {
    let text = text.to_owned();
    database
        .transaction(async move |tx: &Transaction<'_>| {
            tx.execute("insert into items values ($1, $2)", (id, &text)).await?;
            Ok(())
        })
        .await
}

pub(crate) async fn ids(database: &Database) -> Result<Vec<i64>, Error> {
    database.query("select id from items order by id", ()).await
}
