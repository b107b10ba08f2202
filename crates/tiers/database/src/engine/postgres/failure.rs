//! What PostgreSQL's SQLSTATE codes mean, see the manual's appendix A.

use tokio_postgres::error::SqlState;
use wire::Ran;

use crate::error::{Constraint, Error};

/// What a failure of a statement is to a component. It did nothing; of a commit see [`of_commit`].
pub(super) fn of(error: &tokio_postgres::Error, sql: &str) -> Error {
    let Some(said) = error.as_db_error() else {
        let message = match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        return match error.is_closed() || std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>()) {
            true => Error::Unavailable { message, ran: Ran::No },
            false => Error::Statement {
                message,
                sql: sql.to_owned(),
            },
        };
    };
    let message = said.message().to_owned();
    let code = said.code();
    let kind = match code {
        &SqlState::UNIQUE_VIOLATION => Some(Constraint::Unique),
        &SqlState::FOREIGN_KEY_VIOLATION => Some(Constraint::ForeignKey),
        &SqlState::NOT_NULL_VIOLATION => Some(Constraint::NotNull),
        &SqlState::CHECK_VIOLATION => Some(Constraint::Check),
        code if code.code().starts_with("23") => Some(Constraint::Other),
        _ => None,
    };
    if let Some(kind) = kind {
        return Error::Constraint {
            kind,
            constraint: said.constraint().map(str::to_owned),
            table: said.table().map(str::to_owned),
            message,
        };
    }
    match code.code() {
        "40001" | "40P01" => Error::Conflict { attempts: 1 },
        "53100" => Error::Full { message },
        "53200" | "53300" | "53400" | "55P03" => Error::Busy { message },
        "25006" => Error::ReadOnly { message },
        "XX001" | "XX002" => Error::Corrupt { message },
        code if code.starts_with("57P") || code.starts_with("08") || code.starts_with("58") => {
            Error::Unavailable { message, ran: Ran::No }
        }
        _ => Error::Statement {
            message,
            sql: sql.to_owned(),
        },
    }
}

/// The same for a commit: where no answer came it may have been kept.
pub(super) fn of_commit(error: Error) -> Error {
    match error {
        Error::Unavailable { message, .. } => Error::Unavailable {
            message,
            ran: Ran::Maybe,
        },
        other => other,
    }
}
