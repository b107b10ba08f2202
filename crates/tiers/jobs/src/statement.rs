//! SQL for both engines, and the clock that decides.
//!
//! On PostgreSQL it is the server's `now()`, one clock for all replicas: when the transaction began. On SQLite it is the
//! node's wall clock, read when the statement is made. `:now` and `:later(micros)` stand for it in a statement.

use std::time::Duration;

use database::{Database, Error, FromRow, Isolation, Timestamp, Transaction, Value};
use world::Env;

/// Runs a statement and answers how many rows it changed.
pub(crate) async fn execute(tx: &Transaction<'_>, env: &Env, sql: &str, values: Vec<Value>) -> Result<u64, Error> {
    let (sql, values) = written(tx.is_postgres(), env.wall().into(), sql, values);
    tx.execute(&sql, values).await
}

/// Runs one statement in a transaction of its own and answers how many rows it changed.
pub(crate) async fn alone(
    database: &Database,
    isolation: Isolation,
    sql: &str,
    values: Vec<Value>,
) -> Result<u64, Error> {
    let (sql, values) = written(database.is_postgres(), database.env().wall().into(), sql, values);
    database.execute_with(isolation, &sql, values).await
}

/// The rows of a query.
pub(crate) async fn query<R: FromRow>(
    tx: &Transaction<'_>,
    env: &Env,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<R>, Error> {
    let (sql, values) = written(tx.is_postgres(), env.wall().into(), sql, values);
    tx.query(&sql, values).await
}

/// A duration as a parameter.
pub(crate) fn micros(duration: Duration) -> Value {
    // A hundred centuries: what is added to now stays a time that both engines can keep.
    const MOST: i64 = 10_000 * 366 * 24 * 3600 * 1_000_000;
    Value::Integer(i64::try_from(duration.as_micros()).map_or(MOST, |micros| micros.min(MOST)))
}

/// A duration back from now, as a parameter.
pub(crate) fn before(duration: Duration) -> Value {
    match micros(duration) {
        Value::Integer(micros) => Value::Integer(-micros),
        other => other,
    }
}

/// `$from, $from+1, ..`: so many parameters.
pub(crate) fn places(from: usize, count: usize) -> String {
    let places: Vec<String> = (from..from + count).map(|place| format!("${place}")).collect();
    places.join(", ")
}

/// The statement as an engine takes it. `:skip` is the lock that passes by rows which others hold; `:in_order` is the index
/// by which jobs are claimed, without which SQLite sorts all that wait for each claim.
pub(crate) fn written(is_postgres: bool, now: Timestamp, sql: &str, mut values: Vec<Value>) -> (String, Vec<Value>) {
    if is_postgres {
        let sql = sql.replace(":later(", "(now() + interval '1 microsecond' * ");
        return (
            sql.replace(":now", "now()")
                .replace(":skip", "for update skip locked")
                .replace(":in_order", ""),
            values,
        );
    }
    let sql = sql
        .replace(":skip", "")
        .replace(":in_order", "indexed by terrace_jobs_ready");
    if !sql.contains(":now") && !sql.contains(":later(") {
        return (sql, values);
    }
    values.push(Value::Timestamp(now));
    let place = format!("${}", values.len());
    let sql = sql.replace(":later(", &format!("({place} + "));
    (sql.replace(":now", &place), values)
}

#[cfg(test)]
mod tests {
    use database::{Timestamp, Value};

    use super::written;

    #[test]
    fn each_engine_gets_its_own_clock() {
        let sql = "update t set a = :later($1), b = :now where c in (select c from d :skip)";
        let (postgres, values) = written(true, Timestamp(9), sql, vec![Value::Integer(5)]);
        let wanted = "update t set a = (now() + interval '1 microsecond' * $1), b = now() where c in (select c from d for \
                      update skip locked)";
        assert_eq!((postgres.as_str(), values.len()), (wanted, 1));
        let (sqlite, values) = written(false, Timestamp(9), sql, vec![Value::Integer(5)]);
        assert_eq!(
            sqlite,
            "update t set a = ($2 + $1), b = $2 where c in (select c from d )"
        );
        assert_eq!(values[1], Value::Timestamp(Timestamp(9)));
    }
}
