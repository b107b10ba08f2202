//! PostgreSQL by hand: tokio-postgres on the clients' runtime, connections from deadpool, statements prepared once for
//! each connection, serializable transactions that are tried again.

use std::time::Duration;

use anyhow::{Context, bail};
use deadpool_postgres::{Client, Manager, ManagerConfig, Pool, RecyclingMethod, Transaction};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, Error, IsolationLevel, NoTls, Row};
use uuid::Uuid;

use crate::case::{Account, BALANCE, FILL, INSERT, NOTE, POSTGRES, RANGE, RECORDS, ROW, ROWS, UPDATE};
use crate::queue::Claimed;

/// Connections, as many as ours has.
const CONNECTIONS: usize = 8;
/// How often a transaction is tried, as often as with ours.
const ATTEMPTS_MAX: u32 = 5;

const TABLES: &str = "create table once (
         id uuid primary key, digest uuid not null, answer bytea not null, at timestamptz not null
     );
     create index once_at on once using brin (at);
     create table queue (
         id bigserial primary key, kind text not null, payload bytea not null, state text not null,
         due timestamptz not null, fence bigint not null default 0, attempts bigint not null default 0,
         lease_until timestamptz
     );
     create index queue_ready on queue (due, id) where state = 'waiting';
     create index queue_lease on queue (lease_until) where state = 'running';";

pub(crate) struct Postgres {
    pool: Pool,
}

impl Postgres {
    /// At this address, in the schema `byhand`.
    pub(crate) async fn open(url: &str) -> anyhow::Result<Postgres> {
        let mut config: Config = url.parse()?;
        config.options("-c search_path=byhand");
        let settings = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let pool = Pool::builder(Manager::from_config(config, NoTls, settings))
            .max_size(CONNECTIONS)
            .build()?;
        let client = pool.get().await?;
        client.batch_execute("create schema byhand").await?;
        client.batch_execute(POSTGRES).await?;
        client.batch_execute(TABLES).await?;
        client.execute(FILL, &[]).await?;
        let records = "insert into once select gen_random_uuid(), gen_random_uuid(), ''::bytea, now()
                       from generate_series(1, $1::bigint)";
        client.execute(records, &[&RECORDS]).await?;
        Ok(Postgres { pool })
    }

    /// Has the server count rows and values of all tables, ours too, as it does by itself after a while.
    pub(crate) async fn analyze(&self) -> anyhow::Result<()> {
        Ok(self.pool.get().await?.batch_execute("analyze").await?)
    }

    /// How often the server has synced its log so far.
    pub(crate) async fn syncs(&self) -> anyhow::Result<u64> {
        let row = self
            .pool
            .get()
            .await?
            .query_one("select wal_sync from pg_stat_wal", &[])
            .await?;
        Ok(u64::try_from(row.try_get::<_, i64>(0)?)?)
    }

    pub(crate) async fn row(&self, id: i64) -> anyhow::Result<Account> {
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(ROW).await?;
        Ok(account(&client.query_one(&statement, &[&id]).await?)?)
    }

    pub(crate) async fn rows(&self, from: i64) -> anyhow::Result<Vec<Account>> {
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(ROWS).await?;
        let rows = client.query(&statement, &[&from, &(from + RANGE)]).await?;
        Ok(rows.iter().map(account).collect::<Result<_, _>>()?)
    }

    pub(crate) async fn transfer(&self, id: i64) -> anyhow::Result<i64> {
        for _ in 0..ATTEMPTS_MAX {
            let mut client = self.pool.get().await?;
            match transferred(&mut client, id).await {
                Err(error) if is_conflict(&error) => {}
                other => return Ok(other?),
            }
        }
        bail!("{ATTEMPTS_MAX} conflicts in a row")
    }

    pub(crate) async fn once(&self, call: u128, id: i64) -> anyhow::Result<i64> {
        let (call, digest) = (Uuid::from_u128(call), Uuid::nil());
        for _ in 0..ATTEMPTS_MAX {
            let mut client = self.pool.get().await?;
            match recorded(&mut client, call, digest, id).await {
                Err(error) if is_conflict(&error) => {}
                other => {
                    let answer = other?.context("the call id was used with other arguments")?;
                    return Ok(serde_json::from_slice(&answer)?);
                }
            }
        }
        bail!("{ATTEMPTS_MAX} conflicts in a row")
    }

    pub(crate) async fn insert(&self, id: i64) -> anyhow::Result<()> {
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(INSERT).await?;
        client.execute(&statement, &[&id, &1_i64, &NOTE]).await?;
        Ok(())
    }

    pub(crate) async fn enqueue(&self, id: i64) -> anyhow::Result<()> {
        let client = self.pool.get().await?;
        let sql = "insert into queue (kind, payload, state, due) values ('bench', $1, 'waiting', now())";
        let statement = client.prepare_cached(sql).await?;
        client.execute(&statement, &[&serde_json::to_vec(&id)?]).await?;
        Ok(())
    }

    pub(crate) async fn claim(&self, most: usize, lease: Duration) -> anyhow::Result<Vec<Claimed>> {
        let client = self.pool.get().await?;
        let statement = client
            .prepare_cached(
                "update queue set state = 'running', fence = fence + 1, attempts = attempts + 1,
                     lease_until = now() + interval '1 second' * $2
                 where id in (select id from queue where state = 'waiting' and due <= now()
                     order by due, id limit $1 for update skip locked)
                 returning id, fence, payload",
            )
            .await?;
        let rows = client
            .query(&statement, &[&i64::try_from(most)?, &lease.as_secs_f64()])
            .await?;
        let claimed = rows.iter().map(|row| {
            Ok(Claimed {
                id: row.try_get(0)?,
                fence: row.try_get(1)?,
                payload: row.try_get(2)?,
            })
        });
        claimed.collect()
    }

    pub(crate) async fn complete(&self, id: i64, fence: i64) -> anyhow::Result<()> {
        let client = self.pool.get().await?;
        let sql =
            "update queue set state = 'done', lease_until = null where id = $1 and fence = $2 and state = 'running'";
        let statement = client.prepare_cached(sql).await?;
        client.execute(&statement, &[&id, &fence]).await?;
        Ok(())
    }
}

async fn transferred(client: &mut Client, id: i64) -> Result<i64, Error> {
    let tx = begin(client).await?;
    let balance = transfer(&tx, id).await?;
    tx.commit().await?;
    Ok(balance)
}

async fn recorded(client: &mut Client, call: Uuid, digest: Uuid, id: i64) -> Result<Option<Vec<u8>>, Error> {
    let tx = begin(client).await?;
    let look = tx
        .prepare_cached("select digest, answer from once where id = $1")
        .await?;
    if let Some(row) = tx.query_opt(&look, &[&call]).await? {
        let is_same = row.try_get::<_, Uuid>(0)? == digest;
        return Ok(if is_same { Some(row.try_get(1)?) } else { None });
    }
    let answer = serde_json::to_vec(&transfer(&tx, id).await?).unwrap_or_default();
    let sql = "insert into once (id, digest, answer, at) values ($1, $2, $3, now())";
    let insert = tx.prepare_cached(sql).await?;
    tx.execute(&insert, &[&call, &digest, &answer]).await?;
    tx.commit().await?;
    Ok(Some(answer))
}

async fn begin(client: &mut Client) -> Result<Transaction<'_>, Error> {
    client
        .build_transaction()
        .isolation_level(IsolationLevel::Serializable)
        .start()
        .await
}

async fn transfer(tx: &Transaction<'_>, id: i64) -> Result<i64, Error> {
    let statement = tx.prepare_cached(BALANCE).await?;
    let balance: i64 = tx.query_one(&statement, &[&id]).await?.try_get(0)?;
    let statement = tx.prepare_cached(UPDATE).await?;
    tx.execute(&statement, &[&id, &(balance + 1)]).await?;
    let statement = tx.prepare_cached(INSERT).await?;
    tx.execute(&statement, &[&id, &1_i64, &NOTE]).await?;
    Ok(balance + 1)
}

fn account(row: &Row) -> Result<Account, Error> {
    Ok(Account {
        id: row.try_get(0)?,
        owner: row.try_get(1)?,
        balance: row.try_get(2)?,
        note: row.try_get(3)?,
    })
}

fn is_conflict(error: &Error) -> bool {
    let code = error.code();
    code == Some(&SqlState::T_R_SERIALIZATION_FAILURE) || code == Some(&SqlState::T_R_DEADLOCK_DETECTED)
}
