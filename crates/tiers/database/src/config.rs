//! [`Config`]: where a component's data is kept, and how.

use std::time::Duration;

use crate::limits::{CONNECTIONS, ONCE_RETENTION, READERS, SLOW};

/// Where data is kept, and how. The default is SQLite on the node's disk.
#[derive(Clone)]
pub struct Config {
    /// Which engine.
    pub engine: Place,
    /// Connections that read at the same time; SQLite only. Default: 4.
    pub readers: usize,
    /// Connections to PostgreSQL for one component of one process. Default: 8.
    pub connections: usize,
    /// What a statement takes before it is traced with its plan. Default: 100 ms.
    pub slow: Duration,
    /// How long the record of a call is kept. Default: 7 days, longer than any retry or job lasts.
    pub once_retention: Duration,
    /// Whether migrations are run when the database is opened; otherwise by `database migrate`. Default: true.
    pub migrate: bool,
    /// Where the process that has a component's file can be asked about it, for the lock file beside it; SQLite only.
    /// Default: nowhere.
    pub owner: Option<Owner>,
}

/// Where the process that has a component's file can be asked about it.
#[derive(Clone)]
pub struct Owner {
    /// Its address.
    pub address: String,
    /// What whoever asks has to know.
    pub token: String,
}

/// Which engine, and where.
#[derive(Clone)]
pub enum Place {
    /// A file for each component on the node's disk.
    Sqlite,
    /// A schema for each component on a server.
    Postgres {
        /// `postgres://user@host:port/database`
        url: String,
        /// The user's password, if it has one.
        password: Option<String>,
    },
}

impl Default for Config {
    fn default() -> Config {
        Config {
            engine: Place::Sqlite,
            readers: READERS,
            connections: CONNECTIONS,
            slow: SLOW,
            once_retention: ONCE_RETENTION,
            migrate: true,
            owner: None,
        }
    }
}
