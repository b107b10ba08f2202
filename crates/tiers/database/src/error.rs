//! [`Error`]: why a statement or a transaction had no effect, or may have had one.

use std::fmt;

use wire::{CallError, CallErrorKind, Ran};

use crate::value::Value;

/// Why a statement or a transaction failed. Nothing of it was kept, but where [`Error::Unavailable`] says that it may
/// have run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A constraint of the schema forbids it.
    #[error("{kind} constraint{} is violated: {message}", named(constraint.as_deref(), table.as_deref()))]
    Constraint {
        /// Which kind.
        kind: Constraint,
        /// Its name, where the engine tells it.
        constraint: Option<String>,
        /// The table, where the engine tells it.
        table: Option<String>,
        /// What the engine said.
        message: String,
    },
    /// Others changed the same rows at the same time, again and again.
    #[error(
        "the transaction was in conflict with others {attempts} times and did nothing; try again, or make it smaller"
    )]
    Conflict {
        /// How often it was run.
        attempts: u32,
    },
    /// There is no room to wait, or somebody holds what is needed.
    #[error("the database is busy: {message}")]
    Busy {
        /// With what.
        message: String,
    },
    /// The disk is full. What was acknowledged is kept.
    #[error("the disk of the database is full: {message}; free some space, then try again")]
    Full {
        /// What the engine said.
        message: String,
    },
    /// The file or the server does not take changes.
    #[error("the database is read-only: {message}; make it writable, then try again")]
    ReadOnly {
        /// What the engine said.
        message: String,
    },
    /// What is on the disk is damaged.
    #[error("the database is corrupt: {message}; move its files away, then fill a new one by `database restore`")]
    Corrupt {
        /// What the engine said.
        message: String,
    },
    /// The server or the disk did not answer.
    #[error("the database is unavailable: {message}{}", if *ran == Ran::Maybe { "; the transaction may have been kept" } else { "" })]
    Unavailable {
        /// Why.
        message: String,
        /// Whether it may have been kept.
        ran: Ran,
    },
    /// The statement is wrong.
    #[error("{message}{}", shown(sql))]
    Statement {
        /// What is wrong.
        message: String,
        /// The statement.
        sql: String,
    },
    /// A column holds something else than was asked for.
    #[error("column `{column}` holds {found}, not {wanted}")]
    Mismatch {
        /// Which column.
        column: String,
        /// What it holds.
        found: String,
        /// What was asked for, and the field it was for, where there is one.
        wanted: String,
    },
    /// A query for one row found another number.
    #[error("{found} rows instead of one{}", shown(sql))]
    Rows {
        /// How many.
        found: usize,
        /// The query.
        sql: String,
    },
    /// An answer is larger than is allowed.
    #[error("the answer has more than {limit}; ask for less, with `limit` and `where`")]
    TooLarge {
        /// How much is allowed.
        limit: String,
    },
    /// The transaction does something that a transaction may not do.
    #[error("{message}")]
    Denied {
        /// What, and the next step.
        message: String,
    },
    /// A statement of the transaction failed before, so that nothing of it is kept.
    #[error("an earlier statement of this transaction failed, and nothing of it is kept: {message}")]
    Failed {
        /// How it failed.
        message: String,
    },
    /// The closure panicked.
    #[error("the transaction panicked; its log says where")]
    Panicked,
    /// The database could not be opened, or its schema is not what this program knows.
    #[error("{message}")]
    Open {
        /// Why, and the next step.
        message: String,
    },
}

/// A kind of constraint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// `UNIQUE`, `PRIMARY KEY`
    Unique,
    /// `REFERENCES`
    ForeignKey,
    /// `NOT NULL`
    NotNull,
    /// `CHECK`
    Check,
    /// Any other.
    Other,
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Constraint::Unique => "unique",
            Constraint::ForeignKey => "foreign key",
            Constraint::NotNull => "not null",
            Constraint::Check => "check",
            Constraint::Other => "a",
        })
    }
}

/// A value that is not of the type that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What was found.
    pub found: String,
    /// What was asked for.
    pub wanted: &'static str,
}

impl Mismatch {
    /// What is found where `wanted` was asked for. Texts are not shown: they may be anything.
    pub fn of(found: &Value, wanted: &'static str) -> Mismatch {
        let found = match found {
            Value::Integer(value) => format!("integer {value}"),
            Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
            other => other.kind().to_owned(),
        };
        Mismatch { found, wanted }
    }
}

impl Error {
    /// Whether nothing of it can have been kept.
    pub fn certainly_did_nothing(&self) -> bool {
        !matches!(self, Error::Unavailable { ran: Ran::Maybe, .. })
    }

    /// Whether the same may succeed at another time, with nothing changed by anybody.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Error::Conflict { .. } | Error::Busy { .. } | Error::Unavailable { .. } | Error::Full { .. }
        )
    }
}

/// What a caller of the component learns. The statement stays here.
impl From<Error> for CallError {
    fn from(error: Error) -> CallError {
        let kind = match &error {
            Error::Conflict { .. } | Error::Busy { .. } => CallErrorKind::Overloaded,
            Error::Unavailable { .. } | Error::Full { .. } | Error::ReadOnly { .. } | Error::Open { .. } => {
                CallErrorKind::Unavailable
            }
            Error::Denied { .. } => CallErrorKind::Denied,
            _ => CallErrorKind::Failed,
        };
        let message = match &error {
            Error::Statement { message, .. } => message.clone(),
            Error::Rows { found, .. } => format!("{found} rows instead of one"),
            other => other.to_string(),
        };
        // The handler did run; only its own transaction did nothing.
        CallError::maybe_run(kind, message)
    }
}

fn named(constraint: Option<&str>, table: Option<&str>) -> String {
    let constraint = constraint.map(|name| format!(" `{name}`")).unwrap_or_default();
    let table = table.map(|name| format!(" of table `{name}`")).unwrap_or_default();
    constraint + &table
}

/// Bytes of a statement that a message shows.
const SQL_SHOWN_BYTES: usize = 200;

fn shown(sql: &str) -> String {
    if sql.is_empty() {
        return String::new();
    }
    let mut end = SQL_SHOWN_BYTES.min(sql.len());
    while !sql.is_char_boundary(end) {
        end -= 1;
    }
    let more = if end < sql.len() { ".." } else { "" };
    format!(" in `{}{more}`", &sql[..end])
}
