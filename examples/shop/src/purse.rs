//! The component that keeps the customers' money.

use std::fmt;

use terrace::database::{Database, Error, Transaction};
use terrace::jobs::JobError;
use terrace::{CallError, Cx, Setup, SetupError};

use crate::stops::stop_at;

/// Bytes of the name of a customer.
const NAME_BYTES_MAX: usize = 100;

/// Keeps money, and takes it for orders.
#[terrace::component(owner = "payments", requires = "asynchronous")]
pub trait Purse {
    /// Puts money on a customer's account.
    #[call(once)]
    async fn deposit(&self, cx: &Cx, customer: String, amount: u32) -> Result<Account, PurseError>;

    /// Takes the money for an order.
    #[call(once)]
    async fn charge(&self, cx: &Cx, order: i64, customer: String, amount: i64) -> Result<(), PurseError>;

    /// Gives back the money for an order, and takes none for it any more: also where none was taken yet.
    #[call(once)]
    async fn refund(&self, cx: &Cx, order: i64) -> Result<(), PurseError>;

    /// All accounts, by customer.
    #[call(read)]
    async fn accounts(&self, cx: &Cx) -> Result<Vec<Account>, PurseError>;

    /// What was taken for orders, by their numbers.
    #[call(read)]
    async fn payments(&self, cx: &Cx) -> Result<Vec<Payment>, PurseError>;
}

/// A customer's money.
#[terrace::data]
#[derive(terrace::Row)]
pub struct Account {
    /// Whose it is.
    pub customer: String,
    /// How much there is, in coins.
    pub balance: i64,
}

/// What an order has cost.
#[terrace::data]
#[derive(terrace::Row)]
pub struct Payment {
    /// The order.
    pub number: i64,
    /// Who has paid; none where the order was given up before anybody did.
    pub customer: Option<String>,
    /// How much, in coins.
    pub amount: i64,
    /// Whether it was not paid back.
    pub kept: bool,
}

/// Why no money is moved.
#[terrace::data]
#[derive(thiserror::Error)]
pub enum PurseError {
    /// There is not enough.
    #[error("{customer} has {balance}, and {amount} is to be paid")]
    Insufficient {
        /// Whose money.
        customer: String,
        /// What there is.
        balance: i64,
        /// What was asked for.
        amount: i64,
    },
    /// It costs nothing, or less.
    #[error("an order costs 1 at least, not {amount}")]
    #[error(code = "invalid_argument")]
    Amount {
        /// What was asked for.
        amount: i64,
    },
    /// It was charged before, or given up.
    #[error("order {order} was {}", if *kept { "charged before" } else { "given up; place a new one" })]
    Again {
        /// Which order.
        order: i64,
        /// Whether money is taken for it.
        kept: bool,
    },
    /// It is no name.
    #[error("the name of a customer has 1 to 100 bytes, not {bytes}")]
    #[error(code = "invalid_argument")]
    Name {
        /// How many it has.
        bytes: u64,
    },
    /// The call itself failed.
    #[error(transparent)]
    Call(CallError),
}

impl From<CallError> for PurseError {
    fn from(error: CallError) -> PurseError {
        PurseError::Call(error)
    }
}

impl From<Error> for PurseError {
    fn from(error: Error) -> PurseError {
        PurseError::Call(error.into())
    }
}

/// Only a call that failed is tried again.
impl From<PurseError> for JobError {
    fn from(error: PurseError) -> JobError {
        match error {
            PurseError::Call(error) => error.into(),
            refusal => JobError::fail(refusal),
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has {}", self.customer, self.balance)
    }
}

/// Accounts in a database.
pub struct Till {
    db: Database,
}

impl Till {
    /// Needs a database.
    pub async fn open(setup: &Setup) -> Result<Till, SetupError> {
        let db = setup.database(terrace::migrations!("migrations/purse")).await?;
        Ok(Till { db })
    }
}

impl Purse for Till {
    async fn deposit(&self, cx: &Cx, customer: String, amount: u32) -> Result<Account, PurseError> {
        if customer.is_empty() || customer.len() > NAME_BYTES_MAX {
            return Err(PurseError::Name {
                bytes: customer.len() as u64,
            });
        }
        let sql = "insert into accounts (customer, balance) values ($1, $2) on conflict (customer)
                   do update set balance = accounts.balance + excluded.balance
                   returning customer, balance";
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                Ok(tx.query_one(sql, (&customer, amount)).await?)
            })
            .await
    }

    async fn charge(&self, cx: &Cx, order: i64, customer: String, amount: i64) -> Result<(), PurseError> {
        if amount < 1 {
            return Err(PurseError::Amount { amount });
        }
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                charge(tx, order, &customer, amount).await?;
                stop_at("charge", "within");
                Ok::<_, PurseError>(())
            })
            .await?;
        stop_at("charge", "kept");
        Ok(())
    }

    async fn refund(&self, cx: &Cx, order: i64) -> Result<(), PurseError> {
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                refund(tx, order).await?;
                stop_at("refund", "within");
                Ok::<_, PurseError>(())
            })
            .await?;
        stop_at("refund", "kept");
        Ok(())
    }

    async fn accounts(&self, _: &Cx) -> Result<Vec<Account>, PurseError> {
        let sql = "select customer, balance from accounts order by customer";
        Ok(self.db.query(sql, ()).await?)
    }

    async fn payments(&self, _: &Cx) -> Result<Vec<Payment>, PurseError> {
        let sql = "select number, customer, amount, kept from payments order by number";
        Ok(self.db.query(sql, ()).await?)
    }
}

async fn charge(tx: &Transaction<'_>, order: i64, customer: &str, amount: i64) -> Result<(), PurseError> {
    if let Some(Payment { kept, .. }) = of_order(tx, order).await? {
        return Err(PurseError::Again { order, kept });
    }
    let sql = "select balance from accounts where customer = $1";
    let balance: Option<i64> = tx.query_optional(sql, (customer,)).await?;
    let balance = balance.unwrap_or_default();
    if balance < amount {
        let customer = customer.to_owned();
        return Err(PurseError::Insufficient {
            customer,
            balance,
            amount,
        });
    }
    let sql = "update accounts set balance = balance - $2 where customer = $1";
    tx.execute(sql, (customer, amount)).await?;
    let sql = "insert into payments (number, customer, amount, kept) values ($1, $2, $3, $4)";
    tx.execute(sql, (order, customer, amount, true)).await?;
    Ok(())
}

async fn refund(tx: &Transaction<'_>, order: i64) -> Result<(), Error> {
    let Some(payment) = of_order(tx, order).await? else {
        // Whoever charges for it late finds the mark.
        let sql = "insert into payments (number, amount, kept) values ($1, 0, $2)";
        tx.execute(sql, (order, false)).await?;
        return Ok(());
    };
    if payment.kept {
        let sql = "update payments set kept = $2 where number = $1";
        tx.execute(sql, (order, false)).await?;
        let sql = "update accounts set balance = balance + $2 where customer = $1";
        tx.execute(sql, (payment.customer, payment.amount)).await?;
    }
    Ok(())
}

async fn of_order(tx: &Transaction<'_>, order: i64) -> Result<Option<Payment>, Error> {
    let sql = "select number, customer, amount, kept from payments where number = $1";
    tx.query_optional(sql, (order,)).await
}
