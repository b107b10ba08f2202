//! What the database allows, each with its unit.

use std::time::Duration;

/// Rows that one query may answer.
pub const ROWS_MAX: usize = 100_000;

/// Bytes of text and blobs that one query may answer.
pub const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Parameters of one statement; PostgreSQL's protocol has 65,535, SQLite 32,766.
pub const PARAMETERS_MAX: usize = 32_766;

/// Transactions of one component that may wait in this process.
pub const WAITING_MAX: usize = 4_096;

/// Transactions that share one commit on SQLite.
pub const BATCH_MAX: usize = 128;

/// Pages of 4 KiB in a write-ahead log of SQLite from which on they are copied into the file.
pub const LOG_PAGES: u32 = 1_000;

/// The same, from which on the log is cut: 64 MiB. Only a reader that takes long, or one transaction, makes it longer.
pub const LOG_PAGES_MAX: u32 = 16_384;

/// How often a transaction is run before a conflict with others is given up.
pub const ATTEMPTS_MAX: u32 = 5;

/// Bytes of an answer that [`Database::once`](crate::Database::once) records.
pub const RECORD_BYTES_MAX: usize = 4 << 20;

/// How long the record of a call is kept, unless it is configured.
pub const ONCE_RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long PostgreSQL may work on one statement, unless the address says otherwise (`?options=-c statement_timeout=..`).
/// Migrations and what reads all of the data may take longer.
pub const STATEMENT_MAX: Duration = Duration::from_secs(5 * 60);

/// How long a statement waits on PostgreSQL for what another session holds, unless the address says otherwise
/// (`?options=-c lock_timeout=..`). Opening a component waits so long for another program that makes schemas and roles.
pub const LOCK_WAIT_MAX: Duration = Duration::from_secs(30);

/// The same for a program that starts while another one migrates, and for what a migration waits for.
pub const MIGRATION_WAIT_MAX: Duration = Duration::from_secs(10 * 60);

/// What a statement takes before it is traced as slow, unless it is configured.
pub const SLOW: Duration = Duration::from_millis(100);

/// Connections that read at the same time on SQLite, unless it is configured.
pub const READERS: usize = 4;

/// Connections to PostgreSQL for one component of one process, unless it is configured. Transactions and queries share them,
/// and each side keeps one; with one in all, queries run beside transactions, on the engine's thread.
pub const CONNECTIONS: usize = 8;
