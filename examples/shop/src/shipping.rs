//! The component that sends parcels.

use std::fmt;

use terrace::database::{Database, Error, Transaction};
use terrace::jobs::JobError;
use terrace::{CallError, Cx, Setup, SetupError};

use crate::stops::stop_at;

/// Bytes of an address.
const ADDRESS_BYTES_MAX: usize = 200;

/// Sends what was ordered.
#[terrace::component(owner = "post", requires = "asynchronous")]
pub trait Shipping {
    /// Sends an order's parcel.
    #[call(once)]
    async fn ship(&self, cx: &Cx, order: i64, item: String, count: u16, address: String) -> Result<(), ShippingError>;

    /// Calls an order's parcel back, and sends none any more: also where none was sent yet.
    #[call(once)]
    async fn recall(&self, cx: &Cx, order: i64) -> Result<(), ShippingError>;

    /// All parcels, by the numbers of their orders.
    #[call(read)]
    async fn parcels(&self, cx: &Cx) -> Result<Vec<Parcel>, ShippingError>;
}

/// What was sent for an order.
#[terrace::data]
#[derive(terrace::Row)]
pub struct Parcel {
    /// The order.
    pub number: i64,
    /// What is in it; nothing where the order was given up before it was sent.
    pub item: Option<String>,
    /// How many.
    pub count: u16,
    /// Where it goes.
    pub address: Option<String>,
    /// Whether it was not called back.
    pub sent: bool,
}

/// Why nothing is sent.
#[terrace::data]
#[derive(thiserror::Error)]
pub enum ShippingError {
    /// Nobody could deliver it.
    #[error("`{address}` is no address: it has a street and a number, and at most 200 bytes")]
    #[error(code = "invalid_argument")]
    Address {
        /// What was given.
        address: String,
    },
    /// It was sent before, or given up.
    #[error("order {order} was {}", if *sent { "sent before" } else { "given up; place a new one" })]
    Again {
        /// Which order.
        order: i64,
        /// Whether its parcel is on its way.
        sent: bool,
    },
    /// The call itself failed.
    #[error(transparent)]
    Call(CallError),
}

impl From<CallError> for ShippingError {
    fn from(error: CallError) -> ShippingError {
        ShippingError::Call(error)
    }
}

impl From<Error> for ShippingError {
    fn from(error: Error) -> ShippingError {
        ShippingError::Call(error.into())
    }
}

/// Only a call that failed is tried again.
impl From<ShippingError> for JobError {
    fn from(error: ShippingError) -> JobError {
        match error {
            ShippingError::Call(error) => error.into(),
            refusal => JobError::fail(refusal),
        }
    }
}

impl fmt::Display for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.sent { "sent" } else { "called back" };
        match (&self.item, &self.address) {
            (Some(item), Some(address)) => {
                let Parcel { number, count, .. } = self;
                write!(f, "order {number}: {count} x {item} {way} to {address}")
            }
            _ => write!(f, "order {}: nothing sent", self.number),
        }
    }
}

/// Parcels in a database.
pub struct Dispatch {
    db: Database,
}

impl Dispatch {
    /// Needs a database.
    pub async fn open(setup: &Setup) -> Result<Dispatch, SetupError> {
        let db = setup.database(terrace::migrations!("migrations/shipping")).await?;
        Ok(Dispatch { db })
    }
}

impl Shipping for Dispatch {
    async fn ship(&self, cx: &Cx, order: i64, item: String, count: u16, address: String) -> Result<(), ShippingError> {
        if !is_address(&address) {
            return Err(ShippingError::Address { address });
        }
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                if let Some(sent) = sent(tx, order).await? {
                    return Err(ShippingError::Again { order, sent });
                }
                let sql = "insert into parcels (number, item, count, address, sent) values ($1, $2, $3, $4, $5)";
                tx.execute(sql, (order, &item, count, &address, true)).await?;
                stop_at("ship", "within");
                Ok(())
            })
            .await?;
        stop_at("ship", "kept");
        Ok(())
    }

    async fn recall(&self, cx: &Cx, order: i64) -> Result<(), ShippingError> {
        // Whoever ships it late finds the mark.
        let sql = "insert into parcels (number, count, sent) values ($1, 0, $2) on conflict (number)
                   do update set sent = excluded.sent";
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                tx.execute(sql, (order, false)).await?;
                stop_at("recall", "within");
                Ok::<_, ShippingError>(())
            })
            .await?;
        stop_at("recall", "kept");
        Ok(())
    }

    async fn parcels(&self, _: &Cx) -> Result<Vec<Parcel>, ShippingError> {
        let sql = "select number, item, count, address, sent from parcels order by number";
        Ok(self.db.query(sql, ()).await?)
    }
}

async fn sent(tx: &Transaction<'_>, order: i64) -> Result<Option<bool>, Error> {
    tx.query_optional("select sent from parcels where number = $1", (order,))
        .await
}

fn is_address(address: &str) -> bool {
    let has = |of: fn(char) -> bool| address.chars().any(of);
    address.len() <= ADDRESS_BYTES_MAX && has(char::is_alphabetic) && has(char::is_numeric)
}
