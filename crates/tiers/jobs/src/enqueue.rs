//! [`Job`]: something to be done later, on its way into the database.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use component::Data;
use database::{Error, Timestamp, Transaction, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wire::Codec;
use world::Env;

use crate::limits::{NAME_BYTES_MAX, PAYLOAD_BYTES_MAX};
use crate::statement;

/// Which job it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobId(pub Uuid);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<JobId, uuid::Error> {
        text.parse().map(JobId)
    }
}

/// Something to be done later: a kind, its payload, when, and in which order.
///
/// ```
/// # use std::time::Duration;
/// use jobs::Job;
///
/// let reminder = Job::new("reminder", &"water the plants".to_owned())
///     .after(Duration::from_secs(3600))
///     .key("todo-7");
/// ```
#[derive(Clone, Debug)]
pub struct Job {
    pub(crate) kind: String,
    /// In the tagged encoding, or why it has none.
    pub(crate) payload: Result<Vec<u8>, String>,
    pub(crate) due: Due,
    pub(crate) key: Option<String>,
    pub(crate) priority: Option<i32>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    At(Timestamp),
    After(Duration),
}

impl Job {
    /// A job of `kind`, due at once. The kind has to be declared with the same type of payload wherever the component
    /// runs.
    pub fn new<T: Data>(kind: &str, payload: &T) -> Job {
        let mut bytes = Vec::new();
        let encoded = wire::encode(Codec::Tagged, payload, &mut bytes);
        let payload = match encoded {
            Err(error) => Err(format!("the payload of `{kind}` cannot be written: {error}")),
            Ok(()) if bytes.len() > PAYLOAD_BYTES_MAX => Err(format!(
                "the payload of `{kind}` has {} bytes, and at most {PAYLOAD_BYTES_MAX} are allowed; keep the data in a table \
                 or a file, and its key in the job",
                bytes.len()
            )),
            Ok(()) => Ok(bytes),
        };
        Job {
            kind: kind.to_owned(),
            payload,
            due: Due::After(Duration::ZERO),
            key: None,
            priority: None,
        }
    }

    /// Not before `at`, by the clock that decides: the server's on PostgreSQL, the node's on SQLite.
    pub fn at(mut self, at: Timestamp) -> Job {
        self.due = Due::At(at);
        self
    }

    /// Not before so much time has passed since it was enqueued, by the same clock.
    pub fn after(mut self, after: Duration) -> Job {
        self.due = Due::After(after);
        self
    }

    /// The key by which it can be cancelled. Several jobs may have one.
    pub fn key(mut self, key: impl Into<String>) -> Job {
        self.key = Some(key.into());
        self
    }

    /// Higher ones run first, older ones first within. Without it the kind's own, which is 0 unless it says otherwise.
    pub fn priority(mut self, priority: i32) -> Job {
        self.priority = Some(priority);
        self
    }

    /// Whether it has no time to wait for.
    pub(crate) fn is_due_at_once(&self) -> bool {
        matches!(self.due, Due::After(after) if after.is_zero())
    }

    /// Puts it into the table.
    pub(crate) async fn insert(&self, tx: &Transaction<'_>, env: &Env, id: JobId, priority: i32) -> Result<(), Error> {
        let payload = self.payload.as_ref().map_err(|why| denied(why.clone()))?;
        named("a kind", &self.kind).map_err(denied)?;
        if let Some(key) = &self.key {
            named("a key", key).map_err(denied)?;
        }
        let (due, ready, sql) = match self.due {
            Due::At(at) => (Value::Timestamp(at), false, INSERT_AT),
            Due::After(after) => (statement::micros(after), after.is_zero(), INSERT_AFTER),
        };
        let values = vec![
            Value::Uuid(id.0),
            Value::Text(self.kind.clone()),
            self.key.clone().map_or(Value::Null, Value::Text),
            Value::Integer(priority.into()),
            Value::Bytes(payload.clone()),
            Value::Bool(ready),
            due,
        ];
        statement::execute(tx, env, sql, values).await?;
        Ok(())
    }
}

const INSERT_AT: &str = "insert into terrace_jobs (id, kind, key, priority, payload, state, ready, due, enqueued)
     values ($1, $2, $3, $4, $5, 'waiting', $6, $7, :now)";

const INSERT_AFTER: &str = "insert into terrace_jobs (id, kind, key, priority, payload, state, ready, due, enqueued)
     values ($1, $2, $3, $4, $5, 'waiting', $6, :later($7), :now)";

/// Checks the name of `what`.
pub(crate) fn named(what: &str, name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(format!(
            "{what} has a name of {} bytes; give it one of 1 to {NAME_BYTES_MAX}",
            name.len()
        ));
    }
    if name.chars().any(char::is_control) {
        return Err(format!(
            "{what} has a control character in its name {name:?}; leave it out"
        ));
    }
    Ok(())
}

pub(crate) fn denied(message: String) -> Error {
    Error::Denied { message }
}
