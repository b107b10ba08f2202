//! What PostgreSQL's SQLSTATE codes mean, see the manual's appendix A.

use std::error::Error as StdError;

use deadpool_postgres::PoolError;
use tokio_postgres::error::DbError;
use wire::Ran;

use super::address::Address;
use super::shares::Refused;
use super::values::Unfit;
use super::{ANSWER_MAX, CONNECT_MAX, POOL_WAIT_MAX};
use crate::error::{Constraint, Error};
use crate::limits::{LOCK_WAIT_MAX, STATEMENT_MAX};

/// What a failure of a statement is to a component. It did nothing; of a commit see [`of_commit`].
pub(super) fn of(error: &tokio_postgres::Error, sql: &str) -> Error {
    if let Some(said) = error.as_db_error() {
        return of_server(said, sql);
    }
    let source = error.source();
    if let Some(unfit) = source.and_then(|source| source.downcast_ref::<Unfit>()) {
        return statement(unfit.to_string(), sql);
    }
    let message = told(error);
    if is_lost(error) {
        return Error::Unavailable { message, ran: Ran::No };
    }
    statement(message, sql)
}

/// Whether the connection is gone.
pub(super) fn is_lost(error: &tokio_postgres::Error) -> bool {
    error.is_closed() || error.source().is_some_and(|source| source.is::<std::io::Error>())
}

/// The plan of a prepared statement no longer fits the tables: `RevalidateCachedQuery` in `plancache.c`. Or the server
/// does not know the statement any more (26000).
pub(super) fn is_stale(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|said| {
        let code = said.code().code();
        code == "26000" || (code == "0A000" && said.routine() == Some("RevalidateCachedQuery"))
    })
}

fn of_server(said: &DbError, sql: &str) -> Error {
    let message = message(said);
    let code = said.code().code();
    match code {
        "23505" | "23503" | "23502" | "23514" | "23P01" | "23000" | "23001" | "44000" => Error::Constraint {
            kind: match code {
                "23505" => Constraint::Unique,
                "23503" | "23001" => Constraint::ForeignKey,
                "23502" => Constraint::NotNull,
                "23514" => Constraint::Check,
                _ => Constraint::Other,
            },
            // A column that may not be null has no name for that.
            constraint: said.constraint().or(said.column()).map(str::to_owned),
            table: said.table().map(str::to_owned),
            message,
        },
        "40001" | "40P01" => Error::Conflict { attempts: 1 },
        "53100" => Error::Full { message },
        "53200" | "53300" | "53400" => Error::Busy { message },
        "55P03" => Error::Busy {
            message: format!(
                "{message}; another session holds it, for up to {} s that are waited: `pg_locks` says which",
                LOCK_WAIT_MAX.as_secs()
            ),
        },
        "57014" => Error::Busy {
            message: format!(
                "{message}; a statement may take {} s: have it do less, as by an index or in parts",
                STATEMENT_MAX.as_secs()
            ),
        },
        "25006" => Error::ReadOnly { message },
        "XX001" | "XX002" => Error::Corrupt { message },
        code if code.starts_with("57P") || code.starts_with("08") || code.starts_with("58") => {
            Error::Unavailable { message, ran: Ran::No }
        }
        _ => statement(message, sql),
    }
}

/// What the server said, with what it said beside it, unless that shows values: the detail of a constraint does.
fn message(said: &DbError) -> String {
    let mut message = said.message().to_owned();
    let class = &said.code().code()[..2.min(said.code().code().len())];
    let details = [
        said.detail().filter(|_| !["22", "23", "44"].contains(&class)),
        said.hint(),
    ];
    for detail in details.into_iter().flatten() {
        message.push_str("; ");
        message.push_str(detail.trim_end_matches('.'));
    }
    message
}

/// The same for a commit: where no answer came it may have been kept.
pub(super) fn of_commit(error: &tokio_postgres::Error) -> Error {
    match of(error, "commit") {
        refused @ Error::Statement { .. } if error.as_db_error().is_some() => refused,
        other => in_doubt(other),
    }
}

/// Where no answer came, or none that is understood, it may have been kept.
pub(super) fn in_doubt(error: Error) -> Error {
    match error {
        Error::Unavailable { message, .. } | Error::Statement { message, .. } => Error::Unavailable {
            message,
            ran: Ran::Maybe,
        },
        other => other,
    }
}

/// The same for `begin`, which asks a standby for too much (0A000).
pub(super) fn of_begin(error: &tokio_postgres::Error) -> Error {
    match of(error, "begin") {
        Error::Statement { message, .. } => Error::ReadOnly { message },
        other => other,
    }
}

/// The same for a query, whose session may not write.
pub(super) fn of_query(error: &tokio_postgres::Error, sql: &str) -> Error {
    match of(error, sql) {
        Error::ReadOnly { message } => statement(
            format!("`query` changes nothing ({message}); use `execute` or `transaction`"),
            sql,
        ),
        other => other,
    }
}

/// Why there is no connection.
pub(super) fn of_pool(refused: Refused, address: &Address, connections: usize) -> Error {
    let unavailable = |message| Error::Unavailable { message, ran: Ran::No };
    let error = match refused {
        Refused::Taken => {
            return Error::Busy {
                message: format!(
                    "all {connections} connections of the component were taken for {} s; make transactions shorter, or \
                     raise `connections`",
                    POOL_WAIT_MAX.as_secs()
                ),
            };
        }
        Refused::Pool(error) => error,
    };
    match error {
        PoolError::Timeout(_) => unavailable(silent(address)),
        PoolError::Backend(error) => match error.as_db_error().map(|said| said.code().code()) {
            Some("53300") => Error::Busy {
                message: connecting(&error, address),
            },
            _ => unavailable(connecting(&error, address)),
        },
        other => unavailable(other.to_string()),
    }
}

/// A statement was sent, and no answer came in time. Where the commit was sent with it, it may have been kept.
pub(super) fn stuck(address: &Address, commits: bool) -> Error {
    let message = format!(
        "PostgreSQL at {address} did not answer a statement in {} s, and its connection was closed; see whether the server \
         runs, and what `pg_stat_activity` says",
        ANSWER_MAX.as_secs()
    );
    match commits {
        true => Error::Unavailable {
            message,
            ran: Ran::Maybe,
        },
        // It is not sent again: each time would take as long.
        false => Error::Busy { message },
    }
}

/// Nothing came in time.
pub(super) fn silent(address: &Address) -> String {
    format!("PostgreSQL at {address} did not answer in {} s", CONNECT_MAX.as_secs())
}

/// Why a connection could not be made, and the next step.
pub(super) fn connecting(error: &tokio_postgres::Error, address: &Address) -> String {
    let Some(said) = error.as_db_error() else {
        let why = told(error);
        let next = match error.to_string().contains("TLS") {
            true => "name the certificate to trust with `sslrootcert=FILE` in the address, or say `sslmode=disable`",
            false if error.to_string().contains("authentication") || error.to_string().contains("configuration") => {
                "give the user's password in the secret of the database"
            }
            false => "start it, or correct `tiers.database`",
        };
        return format!("no connection to PostgreSQL at {address}: {why}; {next}");
    };
    let next = match said.code().code() {
        "28P01" => "correct the password of the user",
        "28000" => "let the user in with a line in pg_hba.conf, or use another user",
        "3D000" => "create the database with `createdb`, or correct `tiers.database`",
        "53300" => "raise `max_connections` of the server, or lower `connections`",
        "57P03" => "wait until the server has started",
        _ => "see the server's log",
    };
    format!("PostgreSQL at {address} refused: {}; {next}", message(said))
}

/// Whether a server that refused may take us a little later.
pub(super) fn may_pass(error: &tokio_postgres::Error) -> bool {
    match error.as_db_error() {
        Some(said) => matches!(said.code().code(), "53300" | "57P01" | "57P02" | "57P03"),
        None => is_lost(error),
    }
}

fn told(error: &tokio_postgres::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn statement(message: String, sql: &str) -> Error {
    Error::Statement {
        message,
        sql: sql.to_owned(),
    }
}
