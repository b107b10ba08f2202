//! The two databases behind the routes.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::postgres::Postgres;
use super::sqlite::Sqlite;
use super::todo::{Filter, Todo};

pub(super) enum Store {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// What became of a to-do to be added.
pub(super) enum Added {
    /// The to-do as JSON, of this request or of an earlier one with the same key.
    Answer(Vec<u8>),
    /// The key was used with another body.
    Reused,
    /// The person has as many as one may have.
    Full,
    /// The person's data was deleted for good.
    Forgotten,
}

/// A value of a statement that is made of a filter.
pub(super) enum Bound {
    Id(Uuid),
    Text(String),
    Bool(bool),
    Time(DateTime<Utc>),
    Number(i64),
}

impl Store {
    /// Makes accounts, each with one token of which only the digest is kept.
    pub(super) async fn register(&self, tokens: Vec<Vec<u8>>) -> anyhow::Result<()> {
        match self {
            Store::Sqlite(sqlite) => sqlite.register(tokens).await,
            Store::Postgres(postgres) => postgres.register(tokens).await,
        }
    }

    pub(super) async fn person(&self, digest: Vec<u8>) -> anyhow::Result<Option<Uuid>> {
        match self {
            Store::Sqlite(sqlite) => sqlite.person(digest).await,
            Store::Postgres(postgres) => postgres.person(digest).await,
        }
    }

    pub(super) async fn list(
        &self,
        owner: Uuid,
        filter: Filter,
        after: Option<(DateTime<Utc>, Uuid)>,
        limit: u32,
    ) -> anyhow::Result<Vec<Todo>> {
        let (sql, values) = statement(owner, filter, after, limit);
        match self {
            Store::Sqlite(sqlite) => sqlite.list(sql, values).await,
            Store::Postgres(postgres) => postgres.list(&sql, values).await,
        }
    }

    pub(super) async fn add(&self, owner: Uuid, record: Uuid, digest: Uuid, todo: Todo) -> anyhow::Result<Added> {
        match self {
            Store::Sqlite(sqlite) => sqlite.add(owner, record, digest, todo).await,
            Store::Postgres(postgres) => postgres.add(owner, record, digest, &todo).await,
        }
    }
}

/// Both engines take `$1`.
fn statement(owner: Uuid, filter: Filter, after: Option<(DateTime<Utc>, Uuid)>, limit: u32) -> (String, Vec<Bound>) {
    let mut sql = "select id, title, done, due, tags, created_at, updated_at from todos
         where owner = $1 and deleted_at is null"
        .to_owned();
    let mut values = vec![Bound::Id(owner)];
    if let Some(done) = filter.done {
        values.push(Bound::Bool(done));
        sql += &format!(" and done = ${}", values.len());
    }
    if let Some(tag) = filter.tag {
        values.push(Bound::Text(tag));
        sql += &format!(
            " and id in (select todo from tags where owner = $1 and tag = ${})",
            values.len()
        );
    }
    if let Some(q) = filter.q {
        let escaped = q
            .to_lowercase()
            .replace('!', "!!")
            .replace('%', "!%")
            .replace('_', "!_");
        values.push(Bound::Text(format!("%{escaped}%")));
        sql += &format!(" and title_lower like ${} escape '!'", values.len());
    }
    if let Some((at, id)) = after {
        values.extend([Bound::Time(at), Bound::Id(id)]);
        let (at, id) = (values.len() - 1, values.len());
        sql += &format!(" and created_at <= ${at} and (created_at < ${at} or id > ${id})");
    }
    values.push(Bound::Number(i64::from(limit)));
    sql += &format!(" order by created_at desc, id limit ${}", values.len());
    (sql, values)
}
