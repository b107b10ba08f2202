//! Whom an order needs: each party takes something for it, once, and gives it back, once.

use database::migration::Kind;
use database::{Config, Database, Migration, Migrations, Transaction};
use terrace::{CallError, Cx, Env};

const TABLES: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "party",
        kind: Kind::Expand,
        sqlite: "create table taken (number integer not null);
                 create table given_back (number integer primary key);",
        postgres: "",
    }],
};

/// Of so many orders one is refused by one of the parties.
const REFUSED_EVERY: u64 = 5;

/// Why nothing was taken.
#[terrace::data]
#[derive(thiserror::Error)]
pub(crate) enum PartyError {
    /// It does not want to, or it was told to give back before.
    #[error("refused")]
    Refused,
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<database::Error> for PartyError {
    fn from(error: database::Error) -> PartyError {
        PartyError::Call(error.into())
    }
}

/// A party.
#[terrace::component(requires = "asynchronous")]
pub(crate) trait Party {
    /// Takes something for an order.
    #[call(once)]
    async fn take(&self, cx: &Cx, order: u64) -> Result<bool, PartyError>;

    /// Gives it back, and takes nothing for this order any more.
    #[call(once)]
    async fn give_back(&self, cx: &Cx, order: u64) -> Result<bool, PartyError>;

    /// For which orders something is taken.
    #[call(read)]
    async fn taken(&self, cx: &Cx) -> Result<Vec<u64>, PartyError>;
}

/// The module.
pub(crate) struct Keeper {
    database: Database,
    /// Which orders it refuses: of all these the one with this rest.
    rest: u64,
}

impl Keeper {
    /// Opens it.
    pub(crate) async fn open(env: &Env, rest: u64) -> Result<Keeper, database::Error> {
        let database = Database::open(env, "Party", &Config::default(), &TABLES).await?;
        Ok(Keeper { database, rest })
    }
}

impl Party for Keeper {
    async fn take(&self, cx: &Cx, order: u64) -> Result<bool, PartyError> {
        let refused = order % (3 * REFUSED_EVERY) == self.rest;
        self.database
            .once(cx, async move |tx: &Transaction<'_>| {
                let back: i64 = tx
                    .query_one("select count(*) from given_back where number = $1", (order as i64,))
                    .await?;
                if refused || back > 0 {
                    return Err(PartyError::Refused);
                }
                tx.execute("insert into taken values ($1)", (order as i64,)).await?;
                Ok(true)
            })
            .await
    }

    async fn give_back(&self, cx: &Cx, order: u64) -> Result<bool, PartyError> {
        self.database
            .once(cx, async move |tx: &Transaction<'_>| {
                tx.execute(
                    "insert into given_back values ($1) on conflict do nothing",
                    (order as i64,),
                )
                .await?;
                let given = tx
                    .execute("delete from taken where number = $1", (order as i64,))
                    .await?;
                Ok(given > 0)
            })
            .await
    }

    async fn taken(&self, _: &Cx) -> Result<Vec<u64>, PartyError> {
        let taken: Vec<i64> = self.database.query("select number from taken", ()).await?;
        Ok(taken.into_iter().map(i64::unsigned_abs).collect())
    }
}
