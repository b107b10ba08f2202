//! The record behind [`Database::once`](crate::Database::once): call ids, digests of arguments and answers, kept in the
//! effects' own transaction.

use std::time::Duration;

use component::{Cx, Data, Failure};
use uuid::Uuid;
use wire::{CallError, CallErrorKind, Codec, Limits};
use world::Wall;

use crate::database::Database;
use crate::error::Error;
use crate::limits::RECORD_BYTES_MAX;
use crate::migration::{Kind, Migration, Migrations};
use crate::timestamp::Timestamp;
use crate::transaction::Transaction;

/// The tables that every database has.
pub(crate) const TABLES: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "once",
        kind: Kind::Expand,
        sqlite: "create table terrace_once (
                     id blob not null, label text not null, digest blob not null, answer blob not null,
                     at integer not null, primary key (id, label)
                 ) without rowid;
                 create index terrace_once_at on terrace_once (at);",
        // What lies on the disk in the order of time needs no more of an index.
        postgres: "create table terrace_once (
                       id uuid not null, label text not null, digest uuid not null, answer bytea not null,
                       at timestamptz not null, primary key (id, label)
                   );
                   create index terrace_once_at on terrace_once using brin (at);",
    }],
};

/// How often records that are too old are looked for.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// Records that are removed in one transaction.
const FORGET_ROWS: i64 = 1_000;

/// One effect of one call.
pub(crate) struct Key {
    id: Uuid,
    label: String,
    digest: Uuid,
    at: Timestamp,
}

impl Key {
    pub(crate) fn new(cx: &Cx, label: &str, now: Wall) -> Key {
        Key {
            id: Uuid::from_u128(cx.call_id().0),
            label: label.to_owned(),
            digest: Uuid::from_u128(cx.arguments_digest()),
            at: now.into(),
        }
    }
}

/// Runs `work` unless it is recorded, and answers what it answered the first time.
pub(crate) async fn recorded<T, E, F>(tx: &Transaction<'_>, key: &Key, work: &F) -> Result<T, E>
where
    F: AsyncFn(&Transaction<'_>) -> Result<T, E>,
    T: Data,
    E: Failure + From<Error>,
{
    let known: Option<(Uuid, Vec<u8>)> = tx
        .query_optional(
            "select digest, answer from terrace_once where id = $1 and label = $2",
            (key.id, &key.label),
        )
        .await?;
    if let Some((digest, answer)) = known {
        if digest != key.digest {
            let message = format!(
                "call id reused: {} was used with other arguments before; use a new one for a new request",
                key.id.simple()
            );
            return Err(E::from(CallError::not_run(CallErrorKind::Denied, message)));
        }
        let read = wire::decode(Codec::Tagged, &answer, &Limits::default());
        return read.map_err(|error| {
            let message = format!("the recorded answer cannot be read: {error}");
            E::from(CallError::maybe_run(CallErrorKind::Incompatible, message))
        });
    }
    let value = work(tx).await?;
    let mut answer = Vec::new();
    let written = wire::encode(Codec::Tagged, &value, &mut answer);
    written.map_err(|error| unrecorded(error.to_string()))?;
    if answer.len() > RECORD_BYTES_MAX {
        let message = format!("{} bytes are more than {RECORD_BYTES_MAX}; answer less", answer.len());
        return Err(unrecorded(message).into());
    }
    tx.execute(
        "insert into terrace_once (id, label, digest, answer, at) values ($1, $2, $3, $4, $5)",
        (key.id, &key.label, key.digest, answer, key.at),
    )
    .await?;
    Ok(value)
}

fn unrecorded(why: String) -> CallError {
    CallError::maybe_run(CallErrorKind::Failed, format!("the answer cannot be recorded: {why}"))
}

/// Removes records that are too old, little by little, as long as the database is open.
pub(crate) fn forget_in_time(database: &Database) {
    let env = database.env().clone();
    let weak = database.downgrade();
    drop(env.clone().spawn("once retention", async move {
        loop {
            env.sleep(FORGET_EVERY).await;
            let Some(database) = weak.upgrade().map(Database::from_inner) else { return };
            if let Err(error) = forget(&database).await {
                tracing::warn!(
                    target: "terrace::database", component = database.component(), %error,
                    "records of calls that are too old were not removed, and will be tried again"
                );
            }
        }
    }));
}

/// Removes every record that is too old, and answers how many there were.
pub(crate) async fn forget(database: &Database) -> Result<u64, Error> {
    let retention = database.config().once_retention;
    let before = Timestamp::from(database.env().wall().saturating_sub(retention));
    let mut removed = 0;
    loop {
        let some = database
            .execute(
                "delete from terrace_once where (id, label) in
                 (select id, label from terrace_once where at < $1 limit $2)",
                (before, FORGET_ROWS),
            )
            .await?;
        removed += some;
        if some < FORGET_ROWS as u64 {
            return Ok(removed);
        }
    }
}

