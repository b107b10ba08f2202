//! A database of its own for each component: SQLite or PostgreSQL, by one contract.
//!
//! A component asks for its database when it is opened, with the steps of its schema. On SQLite it is a file that one process
//! owns; on PostgreSQL a schema and a role. No other component can read it. The same SQL runs on both, with `$1` for
//! parameters; where dialects differ, a step of the schema has a text for each.
//!
//! ```
//! # use database::{Database, Error, Transaction};
//! # async fn example(db: Database) -> Result<(), Error> {
//! let owner = "ada".to_owned();
//! let left: i64 = db
//!     .transaction(async move |tx: &Transaction<'_>| {
//!         tx.execute("update purses set cents = cents - $1 where owner = $2", (500, &owner)).await?;
//!         tx.query_one("select cents from purses where owner = $1", (&owner,)).await
//!     })
//!     .await?;
//! # let _ = left;
//! # Ok(())
//! # }
//! ```
//!
//! # Life of a transaction
//!
//! ```text
//! Database::{transaction, once} → Closure → engine.submit
//!     sqlite    queue → drain: one commit for all that wait → settle → the caller
//!     postgres  a thread with a runtime of its own → begin, closure, commit → settle → the caller
//! Database::query → engine.query: a reader's connection; on PostgreSQL on the caller's own runtime, as is `execute`
//! ```
//!
//! The closure's future is made and polled by the engine, so it need not be `Send`. It awaits nothing but statements of its
//! transaction; a call through a `Ref`, or a wait for anything else, is denied, since all who wait for the database would wait
//! with it. A statement that failed ends the transaction on both engines.
//!
//! # Assumed world
//!
//! | | |
//! |---|---|
//! | process failures | crash and recovery at any instant, within a commit too |
//! | disk | keeps what was synced; tears, loses and reorders what was not; may be full or fail; does not lie about a sync |
//! | PostgreSQL | a server that is as durable as it says (`fsync` on); it may stop, restart and cut connections at any instant |
//! | links, timing | none on SQLite; to PostgreSQL any loss and delay |
//! | clocks | order nothing; retention of records is by the node's wall clock |
//!
//! | promise | |
//! |---|---|
//! | an acknowledged transaction is durable | nobody is told before the commit that holds it was synced; a file of SQLite that is deleted or replaced meanwhile takes no further one |
//! | a transaction is kept whole or not at all, and is serializable | on PostgreSQL a conflict is run again, at most [`limits::ATTEMPTS_MAX`] times |
//! | effects of [`Database::once`] happen once for a call id within `once_retention` | the record is in the effect's own transaction |
//! | a statement on a PostgreSQL that stands still ends | within [`limits::STATEMENT_MAX`], and for a lock [`limits::LOCK_WAIT_MAX`] |
//! | an error says whether anything may have been kept | only [`Error::Unavailable`] with [`wire::Ran::Maybe`] leaves that open |
//!
//! Outside that world: rot in a row of SQLite is read as if it had been written, since SQLite keeps no checksums of rows; a
//! damaged structure is [`Error::Corrupt`]. `tests/sim.rs` holds the crate to this table on simulated disks,
//! `tests/kill_sqlite.rs` and `tests/kill_postgres.rs` real processes and a real server.
//!
//! # What it is not
//!
//! It is no remote component: a closure cannot cross. It is no transaction across components: that is a job with steps. It is no
//! mapper of objects: rows become structs by `#[derive(Row)]`, and SQL stays SQL.

pub mod config;
mod database;
pub mod document;
pub mod dump;
mod engine;
mod error;
mod holder;
pub mod limits;
pub mod migration;
mod moved;
mod once;
mod row;
mod sql;
mod timestamp;
mod transaction;
mod value;
mod work;

pub use crate::config::{Config, Owner};
pub use crate::database::Database;
pub use crate::document::{Document, Documents, Find, Holds, Index};
pub use crate::error::{Constraint, Error, Mismatch};
pub use crate::holder::{Holder, holder};
pub use crate::migration::{Applied, Migration, Migrations};
pub use crate::row::{FromRow, Row};
pub use crate::timestamp::Timestamp;
pub use crate::transaction::Transaction;
pub use crate::value::{FromValue, Json, Parameters, ToValue, Value};
pub use crate::work::Isolation;
