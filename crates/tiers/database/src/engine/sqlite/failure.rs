//! What SQLite's result codes mean, see <https://sqlite.org/rescode.html>.

use rusqlite::ErrorCode;
use rusqlite::ffi;
use wire::Ran;

use crate::error::{Constraint, Error};

/// What a failure of SQLite is to a component. The statement did nothing; of a commit see [`of_commit`].
pub(super) fn of(error: rusqlite::Error, sql: &str) -> Error {
    let rusqlite::Error::SqliteFailure(failure, message) = &error else {
        return Error::Statement {
            message: error.to_string(),
            sql: sql.to_owned(),
        };
    };
    let message = message.clone().unwrap_or_else(|| failure.to_string());
    match failure.code {
        ErrorCode::ConstraintViolation => constraint(failure.extended_code, message),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Busy { message },
        ErrorCode::DiskFull => Error::Full { message },
        ErrorCode::ReadOnly => Error::ReadOnly { message },
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Error::Corrupt { message },
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::OutOfMemory => {
            Error::Unavailable { message, ran: Ran::No }
        }
        _ => Error::Statement {
            message,
            sql: sql.to_owned(),
        },
    }
}

/// The same for a commit: where the disk failed in it, the log may hold all of it.
pub(super) fn of_commit(error: Error) -> Error {
    match error {
        Error::Unavailable { message, .. } => Error::Unavailable {
            message,
            ran: Ran::Maybe,
        },
        other => other,
    }
}

/// Whether a connection that has seen it is better closed.
pub(super) fn is_of_the_disk(error: &Error) -> bool {
    matches!(error, Error::Unavailable { .. } | Error::Corrupt { .. } | Error::ReadOnly { .. })
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
    let table = failed.and_then(|failed| failed.split_once('.')).map(|(table, _)| table.to_owned());
    let constraint = (kind == Constraint::Check).then(|| failed.map(str::to_owned)).flatten();
    Error::Constraint {
        kind,
        constraint,
        table,
        message,
    }
}
