//! A bank of three components, for `simulate`: it moves money from a checking to a savings ledger, each on a node and a
//! disk of its own, while the world does its worst.
//!
//! There is no transaction across components. The bank keeps nothing: a transfer is two calls marked `once`, whose ids
//! derive from the transfer's own, so that whoever repeats a transfer under its id repeats these two, and each ledger
//! answers a repeated call from its record.

mod book;
pub mod scenario;

use std::sync::Arc;

use terrace::once::{Keeper, once};
use terrace::{CallError, Cx, Env, Ref};

use book::Book;

/// What each account has at first.
pub const DEPOSIT: u64 = 1_000_000;

/// The accounts that there are.
pub const ACCOUNTS: [&str; 3] = ["ada", "grace", "barbara"];

/// Money to move.
#[terrace::data]
pub struct Order {
    /// Which transfer it is, for the checks.
    pub number: u64,
    /// Whose money.
    pub account: String,
    /// How much.
    pub amount: u64,
}

/// One line of a ledger.
#[terrace::data]
pub struct Entry {
    /// The transfer it belongs to.
    pub number: u64,
    /// The call that made it, in hexadecimal digits.
    pub call: String,
    /// How much was taken out or put in.
    pub amount: u64,
}

/// Moves money.
#[terrace::component(owner = "payments", requires = "asynchronous")]
pub trait Bank {
    /// Moves money from an account's checking to its savings ledger, and answers what is left in the former. Harmless
    /// twice under one call id: what it calls is `once`.
    #[call(idempotent)]
    async fn transfer(&self, cx: &Cx, order: Order) -> Result<u64, BankError>;

    /// Somebody is not content. It has no mark: it happens at most once.
    async fn complain(&self, cx: &Cx, number: u64) -> Result<(), BankError>;
}

/// The ledger that money is taken from.
#[terrace::component(owner = "ledgers", requires = "asynchronous")]
pub trait Checking {
    /// Takes money out, and answers what is left.
    #[call(once)]
    async fn debit(&self, cx: &Cx, order: Order) -> Result<u64, BankError>;

    /// Every line so far.
    #[call(read)]
    async fn entries(&self, cx: &Cx) -> Result<Vec<Entry>, BankError>;
}

/// The ledger that money is put into.
#[terrace::component(owner = "ledgers", requires = "asynchronous")]
pub trait Savings {
    /// Puts money in, and answers how much there is.
    #[call(once)]
    async fn credit(&self, cx: &Cx, order: Order) -> Result<u64, BankError>;

    /// Every line so far.
    #[call(read)]
    async fn entries(&self, cx: &Cx) -> Result<Vec<Entry>, BankError>;
}

/// Why no money was moved.
#[terrace::data]
#[derive(thiserror::Error)]
pub enum BankError {
    /// There is not enough of it.
    #[error("the account has {balance}, which is less than {amount}")]
    #[error(code = "failed_precondition")]
    Insufficient {
        /// What there is.
        balance: u64,
        /// What was asked for.
        amount: u64,
    },
    /// The disk of the ledger does not take it.
    #[error("the ledger cannot be written: {why}")]
    Disk {
        /// What it says.
        why: String,
    },
    /// The call itself failed.
    #[error(transparent)]
    Call(CallError),
}

impl From<CallError> for BankError {
    fn from(error: CallError) -> BankError {
        BankError::Call(error)
    }
}

/// The bank's module.
pub struct Teller {
    /// Where money is taken from.
    pub checking: Ref<dyn Checking>,
    /// Where it is put.
    pub savings: Ref<dyn Savings>,
    /// Complaints, in a file that nobody syncs: they are told to the check.
    pub complaints: scenario::Complaints,
}

impl Bank for Teller {
    async fn transfer(&self, cx: &Cx, order: Order) -> Result<u64, BankError> {
        let left = self.checking.debit(cx, order.clone()).await?;
        self.savings.credit(cx, order).await?;
        Ok(left)
    }

    async fn complain(&self, _: &Cx, number: u64) -> Result<(), BankError> {
        self.complaints.add(number);
        Ok(())
    }
}

/// Who is told of each entry once it is on the disk.
pub type Told = Arc<dyn Fn(&Env, &Entry) + Send + Sync>;

/// Which way money goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Into the ledger.
    In,
    /// Out of it.
    Out,
}

/// A ledger on the disk of its node: both ledgers are one, with the sign turned round.
pub struct Ledger {
    book: Arc<Book>,
}

impl Ledger {
    /// A ledger with so much in each account at first, and what the disk has. One that forgets, for a test of the tests,
    /// does not look into its record.
    pub async fn open(env: &Env, deposit: u64, forgets: bool, told: Told) -> std::io::Result<Ledger> {
        Ok(Ledger {
            book: Arc::new(Book::open(env, deposit, forgets, told).await?),
        })
    }

    async fn write(&self, cx: &Cx, order: Order, change: Change) -> Result<u64, BankError> {
        let (book, id) = (self.book.clone(), cx.call_id());
        let keeper: Arc<dyn Keeper> = book.clone();
        once(
            keeper,
            cx,
            "entry",
            move || async move { book.stage(id, order, change) },
        )
        .await
    }
}

impl Checking for Ledger {
    async fn debit(&self, cx: &Cx, order: Order) -> Result<u64, BankError> {
        self.write(cx, order, Change::Out).await
    }

    async fn entries(&self, _: &Cx) -> Result<Vec<Entry>, BankError> {
        Ok(self.book.entries())
    }
}

impl Savings for Ledger {
    async fn credit(&self, cx: &Cx, order: Order) -> Result<u64, BankError> {
        self.write(cx, order, Change::In).await
    }

    async fn entries(&self, _: &Cx) -> Result<Vec<Entry>, BankError> {
        Ok(self.book.entries())
    }
}
