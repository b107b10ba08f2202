//! What is done, and the tables it is done on: the same statements on every side.

use terrace::database::migration::Kind;
use terrace::database::{Migration, Migrations};

/// Rows of `accounts`.
pub(crate) const ACCOUNTS: i64 = 10_000;

/// Records of earlier calls, as after a while: in an index of a few pages serializable transactions meet on PostgreSQL.
pub(crate) const RECORDS: i64 = 100_000;

/// Rows that the longer query answers.
pub(crate) const RANGE: i64 = 100;

/// A prime, so that operations that follow each other meet different accounts until all were met.
const STRIDE: i64 = 7_919;

/// What an entry says.
pub(crate) const NOTE: &str = "one of the things that people write beside a payment";

pub(crate) const ROW: &str = "select id, owner, balance, note from accounts where id = $1";
pub(crate) const ROWS: &str = "select id, owner, balance, note from accounts where id >= $1 and id < $2 order by id";
pub(crate) const BALANCE: &str = "select balance from accounts where id = $1";
pub(crate) const UPDATE: &str = "update accounts set balance = $2 where id = $1";
pub(crate) const INSERT: &str = "insert into entries (account, amount, note) values ($1, $2, $3)";
pub(crate) const FILL: &str = "with recursive n (i) as (select 0 union all select i + 1 from n where i < 9999)
     insert into accounts select i, 'owner number ' || i, 1000, 'what somebody wrote about this account once' from n";

pub(crate) const SQLITE: &str = "create table accounts (
         id integer primary key, owner text not null, balance integer not null, note text not null
     );
     create table entries (
         number integer primary key, account integer not null, amount integer not null, note text not null
     );";
pub(crate) const POSTGRES: &str = "create table accounts (
         id bigint primary key, owner text not null, balance bigint not null, note text not null
     );
     create table entries (
         number bigserial primary key, account bigint not null, amount bigint not null, note text not null
     );";

/// The tables of our side.
pub(crate) const TABLES: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "bench",
        kind: Kind::Expand,
        sqlite: SQLITE,
        postgres: POSTGRES,
    }],
};

/// A row of `accounts`.
#[derive(Debug, terrace::Row)]
pub(crate) struct Account {
    pub(crate) id: i64,
    pub(crate) owner: String,
    pub(crate) balance: i64,
    pub(crate) note: String,
}

impl Account {
    /// Something of every column, so that none of them is read in vain.
    pub(crate) fn weight(&self) -> i64 {
        let bytes = i64::try_from(self.owner.len() + self.note.len()).unwrap_or(i64::MAX);
        self.id.wrapping_add(self.balance).wrapping_add(bytes)
    }
}

/// One kind of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// A row by its key.
    Row,
    /// A hundred rows.
    Rows,
    /// Read, update, insert, in one transaction.
    Transaction,
    /// The same, once for a call id.
    Once,
    /// A transaction that inserts one row.
    Insert,
    /// A job from its enqueuing to its end.
    Job,
}

/// One operation, by so many clients at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Case {
    pub(crate) operation: Operation,
    pub(crate) clients: u64,
}

impl Case {
    /// What it is called.
    pub(crate) fn name(self) -> String {
        let operation = match self.operation {
            Operation::Row => "query, a row by key",
            Operation::Rows => "query, 100 rows",
            Operation::Transaction => "transaction: read, update, insert",
            Operation::Once => "`once`: read, update, insert, record",
            Operation::Insert => "transaction: one insert",
            Operation::Job => "job: enqueue, claim, run, complete",
        };
        format!("{operation}, in flight: {}", self.clients)
    }

    /// Whether ours is to cost at most a tenth more than the same by hand.
    pub(crate) fn has_goal(self) -> bool {
        !matches!(self.operation, Operation::Insert | Operation::Job)
    }
}

/// All of them.
pub(crate) const CASES: [Case; 11] = [
    case(Operation::Row, 1),
    case(Operation::Row, 8),
    case(Operation::Rows, 1),
    case(Operation::Rows, 8),
    case(Operation::Transaction, 1),
    case(Operation::Transaction, 8),
    case(Operation::Once, 1),
    case(Operation::Once, 8),
    case(Operation::Insert, 1),
    case(Operation::Insert, 64),
    case(Operation::Job, 64),
];

const fn case(operation: Operation, clients: u64) -> Case {
    Case { operation, clients }
}

/// The account of the operation with this number. Accounts of operations that run at the same time differ.
pub(crate) fn account(number: u64) -> i64 {
    let number = i64::try_from(number % ACCOUNTS.unsigned_abs()).unwrap_or(0);
    number * STRIDE % ACCOUNTS
}

/// The first account of a range that begins at the account of this number.
pub(crate) fn range(number: u64) -> i64 {
    account(number).min(ACCOUNTS - RANGE)
}

/// The id of the call with this number; ids are hashes, which do not lie beside each other.
pub(crate) fn call(number: u64) -> u128 {
    (u128::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}
