//! What SQLite's result codes mean, see <https://sqlite.org/rescode.html>.

use rusqlite::ErrorCode;
use rusqlite::ffi;
use wire::Ran;

use crate::error::{Constraint, Error};

/// The name of a component's file.
pub(super) fn file(component: &str) -> String {
    format!("{component}.sqlite")
}

/// What a failure of SQLite on `file` is to a component. The statement did nothing; of a commit see [`of_commit`].
pub(super) fn of(error: rusqlite::Error, sql: &str, file: &str) -> Error {
    let rusqlite::Error::SqliteFailure(failure, message) = &error else {
        return Error::Statement {
            message: error.to_string(),
            sql: sql.to_owned(),
        };
    };
    let message = message.clone().unwrap_or_else(|| failure.to_string());
    let of_file = || format!("`{file}`: {message}");
    match failure.code {
        ErrorCode::ConstraintViolation => constraint(failure.extended_code, message),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Busy { message: of_file() },
        ErrorCode::DiskFull => Error::Full { message: of_file() },
        ErrorCode::ReadOnly => Error::ReadOnly { message: of_file() },
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Error::Corrupt { message: of_file() },
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::OutOfMemory => {
            Error::Unavailable {
                message: of_file(),
                ran: Ran::No,
            }
        }
        ErrorCode::AuthorizationForStatementDenied => Error::Statement {
            message: "a transaction begins and ends with its closure, and has one file".to_owned(),
            sql: sql.to_owned(),
        },
        _ => Error::Statement {
            message,
            sql: sql.to_owned(),
        },
    }
}

/// The same for a commit. Where the disk failed in it, all of it may be in the log, and count after a crash: it is not
/// known. Otherwise nothing was kept: no room was found for the end of the transaction in the log, somebody else had the
/// lock, or a deferred constraint forbade it.
pub(super) fn of_commit(error: Error) -> Error {
    match error {
        Error::Full { .. } | Error::Busy { .. } | Error::Constraint { .. } => error,
        Error::Unavailable { message, .. } | Error::Corrupt { message } | Error::ReadOnly { message } => {
            maybe(format!("in a commit: {message}"))
        }
        other => maybe(format!("in a commit: {other}")),
    }
}

fn maybe(message: String) -> Error {
    Error::Unavailable {
        message,
        ran: Ran::Maybe,
    }
}

/// Whether a connection that has seen it is better closed.
pub(super) fn is_of_the_disk(error: &Error) -> bool {
    matches!(
        error,
        Error::Unavailable { .. } | Error::Corrupt { .. } | Error::ReadOnly { .. }
    )
}

fn constraint(code: i32, message: String) -> Error {
    let kind = match code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            Constraint::Unique
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Constraint::ForeignKey,
        ffi::SQLITE_CONSTRAINT_NOTNULL => Constraint::NotNull,
        ffi::SQLITE_CONSTRAINT_CHECK => Constraint::Check,
        _ => Constraint::Other,
    };
    // "UNIQUE constraint failed: todos.id, todos.owner"; of a check it is the constraint's name or its text.
    let failed = message.split_once("constraint failed: ").map(|(_, failed)| failed);
    let table = failed
        .and_then(|failed| failed.split_once('.'))
        .map(|(table, _)| table.to_owned());
    let constraint = (kind == Constraint::Check).then(|| failed.map(str::to_owned)).flatten();
    Error::Constraint {
        kind,
        constraint,
        table,
        message,
    }
}
