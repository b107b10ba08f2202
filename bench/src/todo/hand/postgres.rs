//! PostgreSQL by hand: tokio-postgres on the server's runtime, connections from deadpool, statements prepared once for
//! each connection, serializable transactions that are tried again.

use std::time::{Duration, SystemTime};

use anyhow::bail;
use chrono::{DateTime, Utc};
use deadpool_postgres::{Client, Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{Json, ToSql};
use tokio_postgres::{Config, Error, IsolationLevel, NoTls, Row};
use uuid::Uuid;

use super::store::{Added, Bound};
use super::todo::{TODOS_MAX, Todo};

/// Connections, as many as ours has.
const CONNECTIONS: usize = 8;
/// How often a transaction is tried, as often as with ours.
const ATTEMPTS_MAX: u32 = 5;
/// How long is waited after the first conflict, at most; after each other one twice as long, as with ours.
const BACKOFF: Duration = Duration::from_millis(4);

pub(super) struct Postgres {
    pool: Pool,
}

impl Postgres {
    pub(super) async fn open(url: &str) -> anyhow::Result<Postgres> {
        let config: Config = url.parse()?;
        let settings = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let pool = Pool::builder(Manager::from_config(config, NoTls, settings))
            .max_size(CONNECTIONS)
            .build()?;
        let client = pool.get().await?;
        client.batch_execute(include_str!("schema/postgres.sql")).await?;
        Ok(Postgres { pool })
    }

    pub(super) async fn register(&self, tokens: Vec<Vec<u8>>) -> anyhow::Result<()> {
        let client = self.pool.get().await?;
        for token in tokens {
            let id = Uuid::new_v4();
            let sql = "insert into accounts (id, email, zone, created_at) values ($1, $2, 'UTC', now())";
            client.execute(sql, &[&id, &format!("{id}@example.org")]).await?;
            let sql = "insert into tokens (digest, account, name, created_at) values ($1, $2, 'bench', now())";
            client.execute(sql, &[&token, &id]).await?;
        }
        Ok(())
    }

    pub(super) async fn person(&self, digest: Vec<u8>) -> anyhow::Result<Option<Uuid>> {
        let client = self.pool.get().await?;
        let sql = "select a.id from tokens t join accounts a on a.id = t.account where t.digest = $1";
        let statement = client.prepare_cached(sql).await?;
        let row = client.query_opt(&statement, &[&digest]).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    pub(super) async fn list(&self, sql: &str, values: Vec<Bound>) -> anyhow::Result<Vec<Todo>> {
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(sql).await?;
        let values: Vec<Box<dyn ToSql + Send + Sync>> = values.into_iter().map(value).collect();
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value as _).collect();
        let rows = client.query(&statement, &values).await?;
        Ok(rows.iter().map(todo).collect::<Result<_, _>>()?)
    }

    pub(super) async fn add(&self, owner: Uuid, record: Uuid, digest: Uuid, todo: &Todo) -> anyhow::Result<Added> {
        for attempt in 0..ATTEMPTS_MAX {
            let mut client = self.pool.get().await?;
            match add(&mut client, owner, record, digest, todo).await {
                Err(error) if is_conflict(&error) => {}
                other => return Ok(other?),
            }
            drop(client);
            // Between half of it and all of it, so that those who met do not meet again.
            let fraction = f64::from(Uuid::new_v4().as_bytes()[0]) / 255.0;
            tokio::time::sleep((BACKOFF * (1 << attempt)).mul_f64(0.5 + fraction / 2.0)).await;
        }
        bail!("{ATTEMPTS_MAX} conflicts in a row")
    }
}

async fn add(client: &mut Client, owner: Uuid, record: Uuid, digest: Uuid, todo: &Todo) -> Result<Added, Error> {
    let builder = client.build_transaction().isolation_level(IsolationLevel::Serializable);
    let tx = builder.start().await?;
    let sql = tx
        .prepare_cached("select digest, answer from once where id = $1")
        .await?;
    if let Some(row) = tx.query_opt(&sql, &[&record]).await? {
        let is_same = row.try_get::<_, Uuid>(0)? == digest;
        return Ok(if is_same {
            Added::Answer(row.try_get(1)?)
        } else {
            Added::Reused
        });
    }
    let sql = tx
        .prepare_cached(
            "insert into owners (owner, revision, open, done, forgotten) values ($1, 1, $2, $3, false)
             on conflict (owner) do update set revision = owners.revision + 1, open = owners.open + excluded.open,
                 done = owners.done + excluded.done
             returning open + done, forgotten",
        )
        .await?;
    let (open, done) = (i64::from(!todo.done), i64::from(todo.done));
    let row = tx.query_one(&sql, &[&owner, &open, &done]).await?;
    if row.try_get(1)? {
        return Ok(Added::Forgotten);
    }
    if row.try_get::<_, i64>(0)? > TODOS_MAX {
        return Ok(Added::Full);
    }
    let sql = tx
        .prepare_cached(
            "insert into todos (owner, id, title, title_lower, done, due, tags, created_at, updated_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
        )
        .await?;
    let (due, at) = (todo.due.map(SystemTime::from), SystemTime::from(todo.created_at));
    let (lower, tags) = (todo.title.to_lowercase(), Json(&todo.tags));
    tx.execute(
        &sql,
        &[&owner, &todo.id, &todo.title, &lower, &todo.done, &due, &tags, &at],
    )
    .await?;
    if !todo.tags.is_empty() {
        let sql = "insert into tags (owner, tag, todo, open) select $1, tag, $3, $4 from unnest($2::text[]) as tag";
        let sql = tx.prepare_cached(sql).await?;
        tx.execute(&sql, &[&owner, &todo.tags, &todo.id, &!todo.done]).await?;
    }
    let sql = tx
        .prepare_cached("insert into once (id, digest, answer, at) values ($1, $2, $3, $4)")
        .await?;
    let answer = serde_json::to_vec(todo).unwrap_or_default();
    tx.execute(&sql, &[&record, &digest, &answer, &at]).await?;
    tx.commit().await?;
    Ok(Added::Answer(answer))
}

/// A record that another request wrote meanwhile is found by the next attempt.
fn is_conflict(error: &Error) -> bool {
    let conflicts = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::UNIQUE_VIOLATION,
    ];
    error.code().is_some_and(|code| conflicts.contains(code))
}

fn value(bound: Bound) -> Box<dyn ToSql + Send + Sync> {
    match bound {
        Bound::Id(id) => Box::new(id),
        Bound::Text(text) => Box::new(text),
        Bound::Bool(is_so) => Box::new(is_so),
        Bound::Time(at) => Box::new(SystemTime::from(at)),
        Bound::Number(number) => Box::new(number),
    }
}

fn todo(row: &Row) -> Result<Todo, Error> {
    let time = |at: SystemTime| DateTime::<Utc>::from(at);
    let Json(tags) = row.try_get(4)?;
    Ok(Todo {
        id: row.try_get(0)?,
        title: row.try_get(1)?,
        done: row.try_get(2)?,
        due: row.try_get::<_, Option<SystemTime>>(3)?.map(time),
        tags,
        created_at: time(row.try_get(5)?),
        updated_at: time(row.try_get(6)?),
    })
}
