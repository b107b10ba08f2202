//! The component that knows what lies on the shelves, and for which order.

use std::fmt;

use terrace::database::{Database, Error, Transaction};
use terrace::jobs::JobError;
use terrace::{CallError, Cx, Setup, SetupError};

use crate::stops::stop_at;

/// Bytes of the name of an item.
const NAME_BYTES_MAX: usize = 100;

/// Knows what there is, and keeps some of it for orders.
#[terrace::component(owner = "warehouse", requires = "asynchronous")]
pub trait Stock {
    /// Puts more of an item on the shelf; from now on it has this price.
    #[call(once)]
    async fn fill(&self, cx: &Cx, item: String, count: u16, price: u32) -> Result<Item, StockError>;

    /// Keeps some of an item for an order.
    #[call(once)]
    async fn reserve(&self, cx: &Cx, order: i64, item: String, count: u16) -> Result<(), StockError>;

    /// Gives back what is kept for an order, and keeps nothing for it any more: also where nothing was kept yet.
    #[call(once)]
    async fn release(&self, cx: &Cx, order: i64) -> Result<(), StockError>;

    /// One item.
    #[call(read)]
    async fn item(&self, cx: &Cx, name: String) -> Result<Item, StockError>;

    /// All items, by name.
    #[call(read)]
    async fn items(&self, cx: &Cx) -> Result<Vec<Item>, StockError>;

    /// What was kept for orders, by their numbers.
    #[call(read)]
    async fn reservations(&self, cx: &Cx) -> Result<Vec<Reservation>, StockError>;
}

/// Something to sell.
#[terrace::data]
#[derive(terrace::Row)]
pub struct Item {
    /// What it is called.
    pub name: String,
    /// What one costs, in coins.
    pub price: u32,
    /// How many are left to be sold.
    pub remaining: i64,
}

/// What is kept for an order, or was.
#[terrace::data]
#[derive(terrace::Row)]
pub struct Reservation {
    /// The order.
    pub number: i64,
    /// Of which item; none where the order was given up before anything was kept.
    pub item: Option<String>,
    /// How many.
    pub count: u16,
    /// Whether they are kept still.
    pub held: bool,
}

/// Why the shelves stay as they are.
#[terrace::data]
#[derive(thiserror::Error)]
pub enum StockError {
    /// There is none of that name.
    #[error("there is no item `{name}`")]
    #[error(code = "not_found")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// There is not enough.
    #[error("there are {remaining} of `{item}`, and {count} are ordered")]
    Short {
        /// Of what.
        item: String,
        /// How many there are.
        remaining: i64,
        /// How many were asked for.
        count: u16,
    },
    /// Somebody has kept something for it, or given it up.
    #[error("order {order} was {}", if *held { "reserved before" } else { "given up; place a new one" })]
    Again {
        /// Which order.
        order: i64,
        /// Whether something is kept for it.
        held: bool,
    },
    /// It is no name.
    #[error("the name of an item has 1 to 100 bytes, not {bytes}")]
    #[error(code = "invalid_argument")]
    Name {
        /// How many it has.
        bytes: u64,
    },
    /// The call itself failed.
    #[error(transparent)]
    Call(CallError),
}

impl From<CallError> for StockError {
    fn from(error: CallError) -> StockError {
        StockError::Call(error)
    }
}

impl From<Error> for StockError {
    fn from(error: Error) -> StockError {
        StockError::Call(error.into())
    }
}

/// Only a call that failed is tried again.
impl From<StockError> for JobError {
    fn from(error: StockError) -> JobError {
        match error {
            StockError::Call(error) => error.into(),
            refusal => JobError::fail(refusal),
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} left, {} each", self.name, self.remaining, self.price)
    }
}

/// Shelves in a database.
pub struct Shelves {
    db: Database,
}

impl Shelves {
    /// Needs a database.
    pub async fn open(setup: &Setup) -> Result<Shelves, SetupError> {
        let db = setup.database(terrace::migrations!("migrations/stock")).await?;
        Ok(Shelves { db })
    }
}

impl Stock for Shelves {
    async fn fill(&self, cx: &Cx, item: String, count: u16, price: u32) -> Result<Item, StockError> {
        if item.is_empty() || item.len() > NAME_BYTES_MAX {
            return Err(StockError::Name {
                bytes: item.len() as u64,
            });
        }
        let sql = "insert into items (name, price, remaining) values ($1, $2, $3) on conflict (name)
                   do update set price = excluded.price, remaining = items.remaining + excluded.remaining
                   returning name, price, remaining";
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                Ok(tx.query_one(sql, (&item, price, count)).await?)
            })
            .await
    }

    async fn reserve(&self, cx: &Cx, order: i64, item: String, count: u16) -> Result<(), StockError> {
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                reserve(tx, order, &item, count).await?;
                stop_at("reserve", "within");
                Ok::<_, StockError>(())
            })
            .await?;
        stop_at("reserve", "kept");
        Ok(())
    }

    async fn release(&self, cx: &Cx, order: i64) -> Result<(), StockError> {
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                release(tx, order).await?;
                stop_at("release", "within");
                Ok::<_, StockError>(())
            })
            .await?;
        stop_at("release", "kept");
        Ok(())
    }

    async fn item(&self, _: &Cx, name: String) -> Result<Item, StockError> {
        let sql = "select name, price, remaining from items where name = $1";
        let item = self.db.query_optional(sql, (&name,)).await?;
        item.ok_or(StockError::Unknown { name })
    }

    async fn items(&self, _: &Cx) -> Result<Vec<Item>, StockError> {
        let sql = "select name, price, remaining from items order by name";
        Ok(self.db.query(sql, ()).await?)
    }

    async fn reservations(&self, _: &Cx) -> Result<Vec<Reservation>, StockError> {
        let sql = "select number, item, count, held from reservations order by number";
        Ok(self.db.query(sql, ()).await?)
    }
}

async fn reserve(tx: &Transaction<'_>, order: i64, item: &str, count: u16) -> Result<(), StockError> {
    if let Some(Reservation { held, .. }) = of_order(tx, order).await? {
        return Err(StockError::Again { order, held });
    }
    let sql = "select remaining from items where name = $1";
    let Some(remaining): Option<i64> = tx.query_optional(sql, (item,)).await? else {
        let name = item.to_owned();
        return Err(StockError::Unknown { name });
    };
    if remaining < i64::from(count) {
        let item = item.to_owned();
        return Err(StockError::Short { item, remaining, count });
    }
    let sql = "update items set remaining = remaining - $2 where name = $1";
    tx.execute(sql, (item, count)).await?;
    let sql = "insert into reservations (number, item, count, held) values ($1, $2, $3, $4)";
    tx.execute(sql, (order, item, count, true)).await?;
    Ok(())
}

async fn release(tx: &Transaction<'_>, order: i64) -> Result<(), Error> {
    let Some(reservation) = of_order(tx, order).await? else {
        // Whoever reserves for it late finds the mark.
        let sql = "insert into reservations (number, count, held) values ($1, 0, $2)";
        tx.execute(sql, (order, false)).await?;
        return Ok(());
    };
    if reservation.held {
        let sql = "update reservations set held = $2 where number = $1";
        tx.execute(sql, (order, false)).await?;
        let sql = "update items set remaining = remaining + $2 where name = $1";
        tx.execute(sql, (reservation.item, reservation.count)).await?;
    }
    Ok(())
}

async fn of_order(tx: &Transaction<'_>, order: i64) -> Result<Option<Reservation>, Error> {
    let sql = "select number, item, count, held from reservations where number = $1";
    tx.query_optional(sql, (order,)).await
}
