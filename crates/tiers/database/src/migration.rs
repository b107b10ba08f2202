//! Migrations: numbered steps of a schema, each run once, in order, under a lock, and never changed afterwards.

use xxhash_rust::xxh3::xxh3_128;

use crate::database::Database;
use crate::error::Error;
use crate::timestamp::Timestamp;
use crate::transaction::Transaction;
use crate::work::Isolation;

/// The set of what a component brings itself.
pub(crate) const COMPONENT: &str = "component";

/// The set of the tables that every database has.
pub(crate) const OWN: &str = "terrace";

/// The steps of a schema, oldest first.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// Each with its own number.
    pub list: &'static [Migration],
}

/// One step of a schema.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its place in the order.
    pub number: u32,
    /// What it is called.
    pub name: &'static str,
    /// What it does to programs that know only the steps before it.
    pub kind: Kind,
    /// What SQLite runs.
    pub sqlite: &'static str,
    /// What PostgreSQL runs.
    pub postgres: &'static str,
}

/// What a step does to programs that know only the steps before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They go on: it adds tables, columns that may be missing, indexes.
    Expand,
    /// They fail: it removes or tightens what they use. Release it once no older program runs.
    Contract,
}

impl Kind {
    /// The word for it, in a file and in the table of migrations.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Expand => "expand",
            Kind::Contract => "contract",
        }
    }
}

impl Migrations {
    /// None: for a component that only uses documents, or tables of tiers.
    pub const NONE: Migrations = Migrations { list: &[] };
}

impl Migration {
    /// What the engine runs.
    pub(crate) fn text(&self, is_postgres: bool) -> &'static str {
        if is_postgres { self.postgres } else { self.sqlite }
    }

    /// The checksum of that, as it is kept: line ends do not count.
    pub(crate) fn checksum(&self, is_postgres: bool) -> String {
        let text = self.text(is_postgres).replace("\r\n", "\n");
        format!("{:032x}", xxh3_128(text.trim_end().as_bytes()))
    }
}

/// Runs what is missing of `migrations`.
pub(crate) async fn install(database: &Database, set: &str, migrations: &Migrations) -> Result<(), Error> {
    database
        .transaction_with(Isolation::ReadCommitted, async |tx: &Transaction<'_>| {
            lock(tx).await?;
            tx.execute(TABLE[usize::from(tx.is_postgres())], ()).await
        })
        .await?;
    for migration in migrations.list {
        let (set, migration) = (set.to_owned(), *migration);
        let at = Timestamp::from(database.env().wall());
        database
            .transaction_with(Isolation::ReadCommitted, async move |tx: &Transaction<'_>| {
                run(tx, &set, &migration, at).await
            })
            .await?;
    }
    Ok(())
}

const TABLE: [&str; 2] = [
    "create table if not exists terrace_migrations (
         set_name text not null, number integer not null, name text not null, kind text not null,
         checksum text not null, at integer not null, primary key (set_name, number)
     )",
    "create table if not exists terrace_migrations (
         set_name text not null, number bigint not null, name text not null, kind text not null,
         checksum text not null, at timestamptz not null, primary key (set_name, number)
     )",
];

/// One program at a time changes a schema. On SQLite a transaction that writes is alone anyway.
async fn lock(tx: &Transaction<'_>) -> Result<(), Error> {
    if tx.is_postgres() {
        tx.query::<()>("select pg_advisory_xact_lock(hashtext(current_schema()))", ())
            .await?;
    }
    Ok(())
}

async fn run(tx: &Transaction<'_>, set: &str, migration: &Migration, at: Timestamp) -> Result<(), Error> {
    lock(tx).await?;
    let checksum = migration.checksum(tx.is_postgres());
    let known: Option<String> = tx
        .query_optional(
            "select checksum from terrace_migrations where set_name = $1 and number = $2",
            (set, migration.number),
        )
        .await?;
    match known {
        Some(known) if known == checksum => Ok(()),
        Some(_) => Err(Error::Open {
            message: format!(
                "migration {:04}_{} was changed after it had been run; put its old text back, and write what is new into a \
                 migration of its own",
                migration.number, migration.name
            ),
        }),
        None => {
            tx.script(migration.text(tx.is_postgres())).await?;
            tx.execute(
                "insert into terrace_migrations (set_name, number, name, kind, checksum, at)
                 values ($1, $2, $3, $4, $5, $6)",
                (set, migration.number, migration.name, migration.kind.word(), checksum, at),
            )
            .await?;
            Ok(())
        }
    }
}
