//! The component that takes orders, and sees to it that each is shipped or refused.

mod steps;

use std::collections::BTreeMap;
use std::fmt;

use terrace::database::{Database, Error, FromRow, FromValue, Mismatch, Row, Transaction, Value};
use terrace::jobs::{Filter, Job, Jobs, Shown, State as JobState};
use terrace::{CallError, Cx, Ref, Setup, SetupError};

use crate::stock::{Stock, StockError};
use crate::stops::stop_at;

/// The kind of the job behind an order.
const KIND: &str = "order";

/// Orders that one call answers.
const LIST_MAX: u32 = 1_000;

/// Takes orders.
#[terrace::component(owner = "front-desk", requires = "asynchronous")]
pub trait Orders {
    /// Takes an order, and answers its number. What it needs of other components happens afterwards.
    #[call(once)]
    async fn place(&self, cx: &Cx, request: Request) -> Result<i64, OrderError>;

    /// How an order stands.
    #[call(read)]
    async fn status(&self, cx: &Cx, number: i64) -> Result<Status, OrderError>;

    /// How the newest orders stand, the first of them first.
    #[call(read)]
    async fn newest(&self, cx: &Cx) -> Result<Vec<Status>, OrderError>;
}

/// What a customer wants.
#[terrace::data]
pub struct Request {
    /// Who pays.
    pub customer: String,
    /// What.
    pub item: String,
    /// How many.
    pub count: u16,
    /// Where to.
    pub address: String,
}

/// An order that was taken.
#[terrace::data]
#[derive(terrace::Row)]
pub struct Order {
    /// Which one it is.
    pub number: i64,
    /// Who pays.
    pub customer: String,
    /// What.
    pub item: String,
    /// How many.
    pub count: u16,
    /// What one cost when it was ordered, in coins.
    pub price: u32,
    /// Where to.
    pub address: String,
}

/// How far an order has come.
#[terrace::data]
#[derive(Copy, Eq)]
pub enum State {
    /// Its steps are taken, or taken back.
    Open,
    /// It is paid, and on its way.
    Shipped,
    /// It was given up, and all of it taken back.
    Refused,
    /// A step could not be taken back, and somebody has to look.
    Stuck,
}

/// How an order stands.
#[terrace::data]
pub struct Status {
    /// The order.
    pub order: Order,
    /// How far it has come.
    pub state: State,
    /// Why it comes no further; of an open one, why its step is tried again.
    pub reason: Option<String>,
}

/// Why there is no order, or nothing is known of it.
#[terrace::data]
#[derive(thiserror::Error)]
pub enum OrderError {
    /// There is none of that number.
    #[error("there is no order {number}")]
    #[error(code = "not_found")]
    Unknown {
        /// Which was asked for.
        number: i64,
    },
    /// Nothing is ordered.
    #[error("an order is of one piece at least")]
    #[error(code = "invalid_argument")]
    Nothing,
    /// It is not sold.
    #[error(transparent)]
    #[error(code = "failed_precondition")]
    Stock(StockError),
    /// The call itself failed.
    #[error(transparent)]
    Call(CallError),
}

impl From<CallError> for OrderError {
    fn from(error: CallError) -> OrderError {
        OrderError::Call(error)
    }
}

impl From<Error> for OrderError {
    fn from(error: Error) -> OrderError {
        OrderError::Call(error.into())
    }
}

impl From<terrace::jobs::Error> for OrderError {
    fn from(error: terrace::jobs::Error) -> OrderError {
        match error {
            terrace::jobs::Error::Database(error) => error.into(),
            other => CallError::maybe_run(terrace::CallErrorKind::Failed, other.to_string()).into(),
        }
    }
}

impl From<StockError> for OrderError {
    fn from(error: StockError) -> OrderError {
        match error {
            StockError::Call(error) => OrderError::Call(error),
            refusal => OrderError::Stock(refusal),
        }
    }
}

impl Order {
    /// What it costs, in coins.
    pub fn total(&self) -> i64 {
        i64::from(self.price) * i64::from(self.count)
    }

    /// The key of its job.
    fn key(number: i64) -> String {
        format!("order-{number}")
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Order {
            number,
            customer,
            item,
            count,
            ..
        } = &self.order;
        let state = match self.state {
            State::Open => "open",
            State::Shipped => "shipped",
            State::Refused => "refused",
            State::Stuck => "stuck",
        };
        write!(
            f,
            "order {number}: {count} x {item} for {customer}, {}: {state}",
            self.order.total()
        )?;
        match &self.reason {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        }
    }
}

impl FromValue for State {
    const WANTED: &'static str = "state of an order";

    fn from_value(value: Value) -> Result<State, Mismatch> {
        match &value {
            Value::Text(word) if word == "open" => Ok(State::Open),
            Value::Text(word) if word == "shipped" => Ok(State::Shipped),
            Value::Text(word) if word == "refused" => Ok(State::Refused),
            other => Err(Mismatch::of(other, State::WANTED)),
        }
    }
}

impl FromRow for Status {
    fn from_row(row: &mut Row) -> Result<Status, Error> {
        Ok(Status {
            order: Order::from_row(row)?,
            state: row.take("state")?,
            reason: None,
        })
    }
}

impl Status {
    /// With what its job says.
    fn with(mut self, job: Option<&Shown>) -> Status {
        let Some(job) = job.filter(|_| self.state != State::Shipped) else {
            return self;
        };
        // A job that ended otherwise than by its last step or its last compensation left something behind.
        if self.state == State::Open && matches!(job.state, JobState::Parked | JobState::Cancelled) {
            self.state = State::Stuck;
        }
        // Of what is taken back, why; not how the latest attempt to do so has failed.
        let undoing = job.progress.undoing.as_ref().filter(|_| self.state != State::Stuck);
        self.reason = undoing
            .map(|undoing| undoing.why.clone())
            .or_else(|| job.reason.clone());
        self
    }
}

/// Takes orders, and has their steps done by a job.
pub struct Counter {
    db: Database,
    jobs: Jobs,
    stock: Ref<dyn Stock>,
}

impl Counter {
    /// Needs a database, jobs, and whoever does the steps.
    pub async fn open(setup: &Setup) -> Result<Counter, SetupError> {
        let db = setup.database(terrace::migrations!("migrations/orders")).await?;
        let jobs = setup.jobs(&db).await?;
        let stock: Ref<dyn Stock> = setup.reference();
        steps::declare(&jobs, stock.clone(), setup.reference(), setup.reference())?;
        Ok(Counter { db, jobs, stock })
    }
}

impl Orders for Counter {
    async fn place(&self, cx: &Cx, request: Request) -> Result<i64, OrderError> {
        if request.count == 0 {
            return Err(OrderError::Nothing);
        }
        // Asked outside of the transaction, which may wait for nothing but itself.
        let price = self.stock.item(cx, request.item.clone()).await?.price;
        let jobs = self.jobs.clone();
        let number = self
            .db
            .once(cx, async move |tx: &Transaction<'_>| {
                let order = insert(tx, &request, price).await?;
                let job = Job::new(KIND, &order).key(Order::key(order.number));
                jobs.enqueue(tx, job).await?;
                stop_at("place", "within");
                Ok::<_, OrderError>(order.number)
            })
            .await?;
        stop_at("place", "kept");
        Ok(number)
    }

    async fn status(&self, _: &Cx, number: i64) -> Result<Status, OrderError> {
        let filter = Filter {
            key: Some(Order::key(number)),
            ..Filter::default()
        };
        // The job first: what it did before it ended is in the order then.
        let jobs = self.jobs.list(&filter, 1).await?;
        let sql = "select number, customer, item, count, price, address, state from orders where number = $1";
        let status: Option<Status> = self.db.query_optional(sql, (number,)).await?;
        let status = status.ok_or(OrderError::Unknown { number })?;
        Ok(status.with(jobs.first()))
    }

    async fn newest(&self, _: &Cx) -> Result<Vec<Status>, OrderError> {
        let filter = Filter {
            kind: Some(KIND.to_owned()),
            ..Filter::default()
        };
        let jobs = self.jobs.list(&filter, LIST_MAX).await?;
        let jobs: BTreeMap<_, _> = jobs.iter().filter_map(|job| Some((job.key.as_deref()?, job))).collect();
        let sql = format!(
            "select number, customer, item, count, price, address, state from orders order by number desc limit {LIST_MAX}"
        );
        let orders: Vec<Status> = self.db.query(&sql, ()).await?;
        let with = |status: Status| {
            let job = jobs.get(Order::key(status.order.number).as_str()).copied();
            status.with(job)
        };
        Ok(orders.into_iter().rev().map(with).collect())
    }
}

async fn insert(tx: &Transaction<'_>, request: &Request, price: u32) -> Result<Order, Error> {
    let sql = "insert into orders (customer, item, count, price, address) values ($1, $2, $3, $4, $5)
               returning number, customer, item, count, price, address";
    let Request {
        customer,
        item,
        count,
        address,
    } = request;
    tx.query_one(sql, (customer, item, *count, price, address)).await
}
