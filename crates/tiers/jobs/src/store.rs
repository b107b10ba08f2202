//! What a worker writes about a job: each statement names the fence with which the job was claimed, and changes nothing
//! where somebody else has it since.

use std::time::Duration;

use database::{Database, Error, FromRow, Isolation, Row, Timestamp, Value};
use wire::{Codec, Limits};

use crate::enqueue::JobId;
use crate::job::{Life, Next, Progress};
use crate::limits::REASON_BYTES_MAX;
use crate::statement;

/// A job as it was claimed.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    pub number: i64,
    pub id: JobId,
    pub kind: String,
    pub key: Option<String>,
    pub payload: Vec<u8>,
    pub priority: i64,
    pub due: Timestamp,
    pub fence: i64,
    pub round: i64,
    pub first: Timestamp,
    pub started: Timestamp,
    pub life: Life,
}

/// The columns of a [`Claimed`].
pub(crate) const CLAIMED: &str =
    "number, id, kind, key, payload, priority, due, fence, round, first, started, attempts, progress, cancelling";

impl FromRow for Claimed {
    fn from_row(row: &mut Row) -> Result<Claimed, Error> {
        Ok(Claimed {
            number: row.take("number")?,
            id: JobId(row.take("id")?),
            kind: row.take("kind")?,
            key: row.take("key")?,
            payload: row.take("payload")?,
            priority: row.take("priority")?,
            due: row.take("due")?,
            fence: row.take("fence")?,
            round: row.take("round")?,
            first: row.take("first")?,
            started: row.take("started")?,
            life: life(row)?,
        })
    }
}

/// The part of a row that says how far its job has come.
pub(crate) fn life(row: &mut Row) -> Result<Life, Error> {
    let attempts: i64 = row.take("attempts")?;
    let progress: Option<Vec<u8>> = row.take("progress")?;
    Ok(Life {
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        progress: read(progress),
        cancelling: row.take("cancelling")?,
    })
}

/// What cannot be read was written by a program that knows more: then nothing is known to be done, and what is done again
/// is answered from the callees' records.
pub(crate) fn read(progress: Option<Vec<u8>>) -> Progress {
    let read = progress.map(|bytes| wire::decode(Codec::Tagged, &bytes, &Limits::default()));
    read.and_then(Result::ok).unwrap_or_default()
}

/// `progress` as a parameter: nothing of a job without steps.
pub(crate) fn progress(progress: &Progress) -> Value {
    if *progress == Progress::default() {
        return Value::Null;
    }
    let mut bytes = Vec::new();
    match wire::encode(Codec::Tagged, progress, &mut bytes) {
        Ok(()) => Value::Bytes(bytes),
        // Names and texts: there is nothing in it that cannot be written.
        Err(_) => Value::Null,
    }
}

/// Writes what comes next for a job that was claimed with `fence`, and answers whether it is this holder's still.
pub(crate) async fn save(database: &Database, id: JobId, fence: i64, life: &Life, next: &Next) -> Result<bool, Error> {
    let (sql, values) = update(id, fence, life, next);
    let changed = statement::alone(database, Isolation::ReadCommitted, sql, values);
    Ok(changed.await? > 0)
}

/// The statement for it.
pub(crate) fn update(id: JobId, fence: i64, life: &Life, next: &Next) -> (&'static str, Vec<Value>) {
    let mut values = vec![
        Value::Uuid(id.0),
        Value::Integer(fence),
        Value::Integer(life.attempts.into()),
        progress(&life.progress),
    ];
    let sql = match next {
        Next::Run(_) => {
            "update terrace_jobs set attempts = $3, progress = $4
             where id = $1 and fence = $2 and state = 'running'"
        }
        Next::Wait { after, reason } => {
            values.push(Value::Text(shortened(reason)));
            values.push(Value::Bool(after.is_zero()));
            values.push(statement::micros(*after));
            "update terrace_jobs set attempts = $3, progress = $4, reason = $5, state = 'waiting', ready = $6,
                 due = :later($7), ended = :now, lease_until = null, holder = null
             where id = $1 and fence = $2 and state = 'running'"
        }
        Next::End { state, reason } => {
            values.push(
                reason
                    .as_deref()
                    .map_or(Value::Null, |reason| Value::Text(shortened(reason))),
            );
            values.push(Value::Text(state.word().to_owned()));
            "update terrace_jobs set attempts = $3, progress = $4, reason = $5, state = $6, ready = false, ended = :now,
                 lease_until = null, holder = null
             where id = $1 and fence = $2 and state = 'running'"
        }
    };
    (sql, values)
}

/// Asks for another lease, and answers whether the job is this holder's still.
pub(crate) async fn renew(database: &Database, id: JobId, fence: i64, lease: Duration) -> Result<bool, Error> {
    let values = vec![Value::Uuid(id.0), Value::Integer(fence), statement::micros(lease)];
    let sql = "update terrace_jobs set lease_until = :later($3) where id = $1 and fence = $2 and state = 'running'";
    let changed = statement::alone(database, Isolation::ReadCommitted, sql, values);
    Ok(changed.await? > 0)
}

/// A reason as it is kept.
pub(crate) fn shortened(reason: &str) -> String {
    let mut end = REASON_BYTES_MAX.min(reason.len());
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    // PostgreSQL keeps every character but this.
    reason[..end].replace('\0', " ")
}
