//! A database of its own for each component: SQLite or PostgreSQL, by one contract.
//!
//! ```text
//! Database::{transaction, once} → Closure → engine.submit
//!     sqlite    queue → drain: one commit for all that wait → settle → the caller
//!     postgres  a thread with a runtime of its own → begin, closure, commit → settle → the caller
//! Database::query → engine.query: a reader's connection
//! ```

pub mod config;
mod database;
pub mod document;
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
pub use crate::document::{Document, Documents, Find, Holds, Index};
pub use crate::holder::{Holder, holder};
pub use crate::error::{Constraint, Error, Mismatch};
pub use crate::migration::{Applied, Migration, Migrations};
pub use crate::row::{FromRow, Row};
pub use crate::timestamp::Timestamp;
pub use crate::transaction::Transaction;
pub use crate::value::{FromValue, Json, Parameters, ToValue, Value};
pub use crate::work::Isolation;
