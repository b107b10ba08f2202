//! Migrations: numbered steps of a schema, each run once, in order, under a lock, and never changed afterwards.

mod judgement;

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::database::Database;
use crate::error::Error;
use crate::limits::MIGRATION_WAIT_MAX;
use crate::sql;
use crate::timestamp::Timestamp;
use crate::transaction::Transaction;
use crate::work::Isolation;

/// The set of what a component brings itself.
pub const COMPONENT: &str = "component";

/// The set of the tables that every database has.
pub const OWN: &str = "terrace";

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

    /// The file of that, by the names that `migrations!` reads.
    pub(crate) fn file(&self, is_postgres: bool) -> String {
        let dialect = match is_postgres {
            _ if self.sqlite == self.postgres => "",
            true => ".postgres",
            false => ".sqlite",
        };
        format!("{:04}_{}{dialect}.sql", self.number, self.name)
    }
}

/// A step that a database has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its place in the order.
    pub number: u32,
    /// What it is called.
    pub name: String,
    /// `expand` or `contract`
    pub kind: String,
    /// The checksum of the text that was run.
    pub checksum: String,
    /// When it was run.
    pub at: Timestamp,
}

impl Database {
    /// The steps of `set` that this database has, oldest first.
    pub async fn migrations(&self, set: &str) -> Result<Vec<Applied>, Error> {
        let rows = match self.query(RECORDS, (set,)).await {
            Err(Error::Statement { .. }) if !has_table(self).await? => Vec::new(),
            // Another program has made the table in the meantime, or the second answer says what is wrong.
            Err(Error::Statement { .. }) => self.query(RECORDS, (set,)).await?,
            rows => rows?,
        };
        Ok(rows.into_iter().map(applied).collect())
    }

    /// The steps of `migrations` that this database does not have yet; an error where it has others than these.
    pub async fn pending(&self, set: &str, migrations: &Migrations) -> Result<Vec<Migration>, Error> {
        let records = self.migrations(set).await?;
        judgement::missing(self.component(), set, migrations, &records, self.is_postgres())
    }
}

/// Runs what is missing of `migrations`. Where nothing is, that costs one query.
pub(crate) async fn install(database: &Database, set: &str, migrations: &Migrations) -> Result<(), Error> {
    let missing = database.pending(set, migrations).await?;
    if missing.is_empty() {
        return Ok(());
    }
    refuse_unless_migrating(
        database,
        &missing
            .iter()
            .map(|step| step.file(database.is_postgres()))
            .collect::<Vec<_>>(),
    )?;
    let component = database.component().to_owned();
    let make_table = async move |tx: &Transaction<'_>| {
        lock(tx, &component).await?;
        tx.execute(TABLE[usize::from(tx.is_postgres())], ()).await
    };
    database.transaction_with(Isolation::ReadCommitted, make_table).await?;
    for _ in 0..missing.len() {
        let (component, set, migrations) = (database.component().to_owned(), set.to_owned(), *migrations);
        let at = Timestamp::from(database.env().wall());
        let next = async move |tx: &Transaction<'_>| run_next(tx, &component, &set, &migrations, at).await;
        database.transaction_with(Isolation::ReadCommitted, next).await?;
    }
    Ok(())
}

/// Where a start does not migrate, it says what is missing.
pub(crate) fn refuse_unless_migrating(database: &Database, missing: &[String]) -> Result<(), Error> {
    if database.config().migrate {
        return Ok(());
    }
    Err(Error::Open {
        message: format!(
            "the database of `{}` lacks {}, and this program does not migrate when it starts; run `database migrate`, then \
             start again",
            database.component(),
            missing.join(", ")
        ),
    })
}

/// One program at a time changes the schema of a component, until its transaction ends. On SQLite a transaction that
/// writes is alone anyway. The transaction reads what was kept before each of its statements, so that it sees behind the
/// lock what the one before it has done.
pub(crate) async fn lock(tx: &Transaction<'_>, component: &str) -> Result<(), Error> {
    if tx.is_postgres() {
        let wait = MIGRATION_WAIT_MAX.as_millis();
        tx.script(&format!("set local lock_timeout = {wait}")).await?;
        let key = xxh3_64(format!("terrace migrations of {}", component.to_lowercase()).as_bytes());
        tx.query::<()>("select pg_advisory_xact_lock($1)", (key.cast_signed(),))
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

const RECORDS: &str =
    "select number, name, kind, checksum, at from terrace_migrations where set_name = $1 order by number";

fn applied((number, name, kind, checksum, at): (u32, String, String, String, Timestamp)) -> Applied {
    Applied {
        number,
        name,
        kind,
        checksum,
        at,
    }
}

async fn has_table(database: &Database) -> Result<bool, Error> {
    let sql = if database.is_postgres() {
        "select to_regclass('terrace_migrations') is not null"
    } else {
        "select exists (select 1 from sqlite_schema where name = 'terrace_migrations')"
    };
    database.query_one(sql, ()).await
}

/// Runs the oldest step that is missing, unless another program was faster and none is.
async fn run_next(
    tx: &Transaction<'_>,
    component: &str,
    set: &str,
    migrations: &Migrations,
    at: Timestamp,
) -> Result<(), Error> {
    lock(tx, component).await?;
    let records: Vec<_> = tx.query(RECORDS, (set,)).await?.into_iter().map(applied).collect();
    let missing = judgement::missing(component, set, migrations, &records, tx.is_postgres())?;
    let Some(migration) = missing.first() else {
        return Ok(());
    };
    let statements = sql::statements(migration.text(tx.is_postgres()));
    let count = statements.len();
    for (index, (line, statement)) in statements.into_iter().enumerate() {
        let done = match sql::admitted(statement) {
            Ok(()) => tx.script(statement).await,
            Err(refused) => Err(refused),
        };
        done.map_err(|error| failed(error, migration, tx.is_postgres(), (index + 1, count, line)))?;
    }
    tx.execute(
        "insert into terrace_migrations (set_name, number, name, kind, checksum, at) values ($1, $2, $3, $4, $5, $6)",
        (
            set,
            migration.number,
            migration.name,
            migration.kind.word(),
            migration.checksum(tx.is_postgres()),
            at,
        ),
    )
    .await?;
    Ok(())
}

fn failed(error: Error, migration: &Migration, is_postgres: bool, place: (usize, usize, usize)) -> Error {
    // The next attempt, or the next start, may do it.
    if error.is_transient() {
        return error;
    }
    let (index, count, line) = place;
    Error::Open {
        message: format!(
            "migration {} failed in statement {index} of {count}, line {line}: {error}; nothing of this migration is kept: \
             correct it and start again",
            migration.file(is_postgres)
        ),
    }
}
