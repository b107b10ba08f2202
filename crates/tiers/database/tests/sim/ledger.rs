//! A component over a database: each entry is a line in two tables and one more in a count, or it is not there.

use database::{Config, Database, Migration, Migrations, Transaction};
use terrace::{CallError, Cx, Env};

const TABLES: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "ledger",
        kind: database::migration::Kind::Expand,
        sqlite: "create table debits (number integer not null, place integer not null);
                 create table credits (number integer not null);
                 create table total (entries integer not null);
                 create table remarks (number integer not null);
                 insert into total values (0);",
        postgres: "",
    }],
};

/// Everything in a ledger.
#[terrace::data]
pub(crate) struct Content {
    /// The number of each entry, and its place.
    pub debits: Vec<(u64, u64)>,
    /// The number of each entry.
    pub credits: Vec<u64>,
    /// The number of each remark.
    pub remarks: Vec<u64>,
    /// How many entries there are.
    pub total: u64,
}

/// Why there is no entry.
#[terrace::data]
#[derive(thiserror::Error)]
pub(crate) enum LedgerError {
    /// It was to be refused.
    #[error("refused")]
    Refused,
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<database::Error> for LedgerError {
    fn from(error: database::Error) -> LedgerError {
        LedgerError::Call(error.into())
    }
}

/// A ledger.
#[terrace::component(requires = "asynchronous")]
pub(crate) trait Ledger {
    /// Enters `number`, and answers its place. One that is to be refused is, when half of it is done.
    #[call(once)]
    async fn enter(&self, cx: &Cx, number: u64, refused: bool) -> Result<u64, LedgerError>;

    /// Has no mark: it happens at most once.
    async fn remark(&self, cx: &Cx, number: u64) -> Result<(), LedgerError>;

    /// How many debits, credits and entries there are, seen at one time.
    #[call(read)]
    async fn counts(&self, cx: &Cx) -> Result<(u64, u64, u64), LedgerError>;

    /// Everything.
    #[call(read)]
    async fn content(&self, cx: &Cx) -> Result<Content, LedgerError>;
}

/// The module.
pub(crate) struct Book {
    database: Database,
    forgets: bool,
}

impl Book {
    /// Opens it.
    pub(crate) async fn open(env: &Env, forgets: bool) -> Result<Book, database::Error> {
        let database = Database::open(env, "Ledger", &Config::default(), &TABLES).await?;
        Ok(Book { database, forgets })
    }
}

async fn enter(tx: &Transaction<'_>, number: u64, refused: bool) -> Result<u64, LedgerError> {
    let sum: i64 = tx
        .query_one("update total set entries = entries + 1 returning entries", ())
        .await?;
    let place = u64::try_from(sum).unwrap_or_default();
    tx.execute("insert into debits values ($1, $2)", (number as i64, sum))
        .await?;
    if refused {
        return Err(LedgerError::Refused);
    }
    tx.execute("insert into credits values ($1)", (number as i64,)).await?;
    Ok(place)
}

impl Ledger for Book {
    async fn enter(&self, cx: &Cx, number: u64, refused: bool) -> Result<u64, LedgerError> {
        let work = async move |tx: &Transaction<'_>| enter(tx, number, refused).await;
        match self.forgets {
            false => self.database.once(cx, work).await,
            true => self.database.transaction(work).await,
        }
    }

    async fn remark(&self, _: &Cx, number: u64) -> Result<(), LedgerError> {
        let number = number as i64;
        self.database
            .execute("insert into remarks values ($1)", (number,))
            .await?;
        Ok(())
    }

    async fn counts(&self, _: &Cx) -> Result<(u64, u64, u64), LedgerError> {
        let (debits, credits, total): (i64, i64, i64) = self
            .database
            .query_one(
                "select (select count(*) from debits), (select count(*) from credits), entries from total",
                (),
            )
            .await?;
        Ok((debits as u64, credits as u64, total as u64))
    }

    async fn content(&self, _: &Cx) -> Result<Content, LedgerError> {
        let debits: Vec<(i64, i64)> = self.database.query("select number, place from debits", ()).await?;
        let credits: Vec<i64> = self.database.query("select number from credits", ()).await?;
        let remarks: Vec<i64> = self.database.query("select number from remarks", ()).await?;
        let total: i64 = self.database.query_one("select entries from total", ()).await?;
        Ok(Content {
            debits: debits
                .into_iter()
                .map(|(number, place)| (number as u64, place as u64))
                .collect(),
            credits: credits.into_iter().map(|number| number as u64).collect(),
            remarks: remarks.into_iter().map(|number| number as u64).collect(),
            total: total as u64,
        })
    }
}
