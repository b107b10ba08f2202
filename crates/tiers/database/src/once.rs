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
use crate::work::Isolation;

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

/// How long after a start they are looked for first, and at most twice as long.
const FORGET_FIRST: Duration = Duration::from_secs(60);

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

/// Runs `work` unless it is recorded, and answers what it answered the first time. The record is claimed before the effect:
/// where the same call is in flight in another transaction, PostgreSQL has the claim wait for that one's end.
pub(crate) async fn recorded<T, E, F>(tx: &Transaction<'_>, key: &Key, work: &F) -> Result<T, E>
where
    F: AsyncFn(&Transaction<'_>) -> Result<T, E>,
    T: Data,
    E: Failure + From<Error>,
{
    let Some(place) = claim(tx, key).await? else {
        let gone = || CallError::maybe_run(CallErrorKind::Failed, "its record is gone".to_owned());
        return answered::<T, E>(tx, key).await?.ok_or_else(|| gone().into());
    };
    let value = work(tx).await?;
    let mut answer = Vec::new();
    let written = wire::encode(Codec::Tagged, &value, &mut answer);
    written.map_err(|error| unrecorded(error.to_string()))?;
    if answer.len() > RECORD_BYTES_MAX {
        let message = format!("{} bytes are more than {RECORD_BYTES_MAX}; answer less", answer.len());
        return Err(unrecorded(message).into());
    }
    match place {
        Place::Row(row) => {
            let sql = "update terrace_once set answer = $2 where ctid = $1::text::tid";
            tx.finish(sql, (row, answer)).await?;
        }
        Place::Key => {
            let sql = "update terrace_once set answer = $3 where id = $1 and label = $2";
            tx.finish(sql, (key.id, &key.label, answer)).await?;
        }
    }
    Ok(value)
}

/// Where a claim lies.
enum Place {
    /// At its key.
    Key,
    /// In this row of PostgreSQL's table. To find it by its key would read a page of the index, and a serializable
    /// transaction that has read a page is in conflict with all who write to it: a small table has one.
    Row(String),
}

/// Claims the call, unless it is there.
async fn claim(tx: &Transaction<'_>, key: &Key) -> Result<Option<Place>, Error> {
    let claim =
        "insert into terrace_once (id, label, digest, answer, at) values ($1, $2, $3, $4, $5) on conflict do nothing";
    let values = (key.id, &key.label, key.digest, &[][..], key.at);
    if tx.is_postgres() {
        let row = tx
            .query_optional(&format!("{claim} returning ctid::text"), values)
            .await?;
        return Ok(row.map(Place::Row));
    }
    let claimed = tx.execute(claim, values).await?;
    Ok((claimed > 0).then_some(Place::Key))
}

/// What the call answered when it had its effect, if it had.
pub(crate) async fn answered<T, E>(tx: &Transaction<'_>, key: &Key) -> Result<Option<T>, E>
where
    T: Data,
    E: Failure + From<Error>,
{
    let sql = "select digest, answer from terrace_once where id = $1 and label = $2";
    let row: Option<(Uuid, Vec<u8>)> = tx.query_optional(sql, (key.id, &key.label)).await?;
    let Some((digest, answer)) = row else { return Ok(None) };
    if digest != key.digest {
        let message = format!(
            "call id reused: {} was used with other arguments before; use a new one for a new request",
            key.id.simple()
        );
        return Err(E::from(CallError::not_run(CallErrorKind::Denied, message)));
    }
    let read = wire::decode(Codec::Tagged, &answer, &Limits::default());
    read.map(Some).map_err(|error| {
        let message = format!("the recorded answer cannot be read: {error}");
        E::from(CallError::maybe_run(CallErrorKind::Incompatible, message))
    })
}

fn unrecorded(why: String) -> CallError {
    CallError::maybe_run(CallErrorKind::Failed, format!("the answer cannot be recorded: {why}"))
}

/// Removes records that are too old, little by little, as long as the database is open.
pub(crate) fn forget_in_time(database: &Database) {
    let env = database.env().clone();
    let weak = database.downgrade();
    drop(env.clone().spawn("once retention", async move {
        // A program that is often started forgets too, and many that start at once do not all begin with it.
        let mut wait = FORGET_FIRST.mul_f64(1.0 + env.random("once retention").below(1_000) as f64 / 1_000.0);
        loop {
            env.sleep(wait).await;
            wait = FORGET_EVERY;
            let Some(database) = weak.upgrade().map(Database::from_inner) else {
                return;
            };
            if let Err(error) = forget(&database).await {
                tracing::warn!(
                    target: "terrace::database", component = database.component(), %error,
                    "records of calls that are too old were not removed, and will be tried again"
                );
            }
        }
    }));
}

/// Removes every record that is too old, in small transactions between which others have their turn.
async fn forget(database: &Database) -> Result<(), Error> {
    let retention = database.config().once_retention;
    let before = Timestamp::from(database.env().wall().saturating_sub(retention));
    loop {
        // As many replicas do this at the same time, what one of them finds gone is no conflict.
        let some = async move |tx: &Transaction<'_>| {
            tx.execute(
                "delete from terrace_once where (id, label) in
                 (select id, label from terrace_once where at < $1 limit $2)",
                (before, FORGET_ROWS),
            )
            .await
        };
        let removed: Result<u64, Error> = database.transaction_with(Isolation::ReadCommitted, some).await;
        if removed? < FORGET_ROWS as u64 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;
    use wire::CallError;
    use world::Env;
    use world::memory::World;

    use super::{FORGET_EVERY, FORGET_FIRST, FORGET_ROWS, Key, answered, recorded};
    use crate::config::Config;
    use crate::database::Database;
    use crate::error::Error;
    use crate::limits::ONCE_RETENTION;
    use crate::migration::Migrations;
    use crate::timestamp::Timestamp;
    use crate::transaction::Transaction;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, macros::Shape)]
    #[shape(crate = "::component")]
    struct Failed(String);

    impl From<Error> for Failed {
        fn from(error: Error) -> Failed {
            Failed(error.to_string())
        }
    }

    impl From<CallError> for Failed {
        fn from(error: CallError) -> Failed {
            Failed(format!("{:?}: {error}", error.kind()))
        }
    }

    fn simulated<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(Env, Database) -> F + Send + 'static) {
        sim::sqlite::register().unwrap();
        let world = World::new(1);
        let env = world.node("a");
        let ended = world.run(env.clone().spawn("test", async move {
            let db = Database::open(&env, "Once", &Config::default(), &Migrations::NONE)
                .await
                .unwrap();
            test(env, db).await;
        }));
        ended.unwrap();
    }

    fn key(db: &Database, id: u128, digest: u128) -> Key {
        Key {
            id: Uuid::from_u128(id),
            label: String::new(),
            digest: Uuid::from_u128(digest),
            at: db.env().wall().into(),
        }
    }

    async fn answer(db: &Database, id: u128, digest: u128) -> Result<Option<u32>, Failed> {
        let key = key(db, id, digest);
        db.transaction(async move |tx: &Transaction<'_>| answered(tx, &key).await)
            .await
    }

    async fn once(db: &Database, id: u128, digest: u128) -> Result<u32, Failed> {
        let key = key(db, id, digest);
        let work = async |_: &Transaction<'_>| Ok(7);
        db.transaction(async move |tx: &Transaction<'_>| recorded(tx, &key, &work).await)
            .await
    }

    #[test]
    fn an_id_with_other_arguments_is_refused_and_its_record_stays() {
        simulated(|_, db| async move {
            assert_eq!(once(&db, 1, 5).await, Ok(7));
            let refused = once(&db, 1, 6).await.unwrap_err();
            assert!(
                refused.0.contains("call id reused") && refused.0.contains("Denied"),
                "{refused:?}"
            );
            assert_eq!(once(&db, 1, 5).await, Ok(7));
        });
    }

    #[test]
    fn what_a_call_has_answered_is_known_before_it_is_made_again() {
        simulated(|_, db| async move {
            assert_eq!(answer(&db, 1, 5).await, Ok(None));
            assert_eq!(once(&db, 1, 5).await, Ok(7));
            assert_eq!(answer(&db, 1, 5).await, Ok(Some(7)));
            assert_eq!(answer(&db, 2, 5).await, Ok(None));
            let refused = answer(&db, 1, 6).await.unwrap_err();
            assert!(refused.0.contains("call id reused"), "{refused:?}");
        });
    }

    #[test]
    fn records_are_kept_as_long_as_is_promised_and_then_removed() {
        simulated(|env, db| async move {
            let count = async |db: &Database| {
                db.query_one::<i64>("select count(*) from terrace_once", ())
                    .await
                    .unwrap()
            };
            // More than one step removes.
            let rows = FORGET_ROWS * 2 + 1;
            let fill = "with recursive n (i) as (select 1 union all select i + 1 from n where i < $1)
                        insert into terrace_once select i, '', '', '', $2 from n";
            db.execute(fill, (rows, Timestamp::from(env.wall()))).await.unwrap();
            env.sleep(ONCE_RETENTION - FORGET_EVERY).await;
            assert_eq!(count(&db).await, rows);
            assert_eq!(once(&db, 1, 5).await, Ok(7));
            env.sleep(FORGET_EVERY * 2 + FORGET_FIRST * 2).await;
            assert_eq!(count(&db).await, 1);
            env.sleep(ONCE_RETENTION + FORGET_EVERY).await;
            assert_eq!(count(&db).await, 0);
        });
    }

    #[test]
    fn a_closed_database_is_not_kept_open_by_what_forgets() {
        simulated(|env, db| async move {
            let weak = db.downgrade();
            drop(db);
            env.sleep(FORGET_FIRST * 2 + Duration::from_secs(1)).await;
            assert!(weak.upgrade().is_none());
        });
    }
}
