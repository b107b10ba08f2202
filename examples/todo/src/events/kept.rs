//! Sources as they are kept.

use terrace::database::{Database, Error, FromRow, FromValue, Mismatch, Row, Timestamp, Transaction, Value};
use uuid::Uuid;

use super::{Kind, Source, State};

/// Columns of a [`Kept`].
const SELECT: &str =
    "select id, owner, kind, name, is_named, url, sealed, state, reason, failures, turn, etag, modified, whole_at, asked_at,
    created_at, read_at, next_at,
    (select count(*) from events where events.source = sources.id and events.todo is not null) as events from sources";

/// A source, and what is needed to read it.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) source: Source,
    pub(super) owner: Uuid,
    /// Whether a person has named it.
    pub(super) is_named: bool,
    pub(super) sealed: Option<Vec<u8>>,
    /// How often it failed since it was read.
    pub(super) failures: i64,
    pub(super) turn: i64,
    pub(super) etag: Option<String>,
    pub(super) modified: Option<String>,
    /// When all of it was read last.
    pub(super) whole_at: Option<Timestamp>,
    /// When it was asked last.
    pub(super) asked_at: Option<Timestamp>,
}

impl FromRow for Kept {
    fn from_row(row: &mut Row) -> Result<Kept, Error> {
        let events: i64 = row.take("events")?;
        Ok(Kept {
            source: Source {
                id: row.take("id")?,
                kind: row.take("kind")?,
                name: row.take("name")?,
                url: row.take("url")?,
                state: row.take("state")?,
                reason: row.take("reason")?,
                events: events.unsigned_abs(),
                created_at: row.take("created_at")?,
                read_at: row.take("read_at")?,
                next_at: row.take("next_at")?,
            },
            owner: row.take("owner")?,
            is_named: row.take("is_named")?,
            sealed: row.take("sealed")?,
            failures: row.take("failures")?,
            turn: row.take("turn")?,
            etag: row.take("etag")?,
            modified: row.take("modified")?,
            whole_at: row.take("whole_at")?,
            asked_at: row.take("asked_at")?,
        })
    }
}

impl FromValue for Kind {
    const WANTED: &'static str = "kind of a source";

    fn from_value(value: Value) -> Result<Kind, Mismatch> {
        match &value {
            Value::Text(word) if word == "calendar" => Ok(Kind::Calendar),
            Value::Text(word) if word == "facebook" => Ok(Kind::Facebook),
            other => Err(Mismatch::of(other, Kind::WANTED)),
        }
    }
}

impl Kind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Calendar => "calendar",
            Kind::Facebook => "facebook",
        }
    }
}

impl FromValue for State {
    const WANTED: &'static str = "state of a source";

    fn from_value(value: Value) -> Result<State, Mismatch> {
        let all = [
            State::New,
            State::Well,
            State::Failing,
            State::Waiting,
            State::Disconnected,
        ];
        let found = match &value {
            Value::Text(word) => all.into_iter().find(|state| state.word() == word),
            _ => None,
        };
        found.ok_or_else(|| Mismatch::of(&value, State::WANTED))
    }
}

impl State {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            State::New => "new",
            State::Well => "well",
            State::Failing => "failing",
            State::Waiting => "waiting",
            State::Disconnected => "disconnected",
        }
    }
}

/// The source whose turn it is.
pub(super) async fn of_turn(db: &Database, id: Uuid, turn: i64) -> Result<Option<Kept>, Error> {
    let sql = format!("{SELECT} where id = $1 and turn = $2");
    db.query_optional(&sql, (id, turn)).await
}

pub(super) async fn all(db: &Database, owner: Uuid) -> Result<Vec<Kept>, Error> {
    let sql = format!("{SELECT} where owner = $1 order by created_at desc, id");
    db.query(&sql, (owner,)).await
}

pub(super) async fn one(db: &Database, owner: Uuid, id: Uuid) -> Result<Option<Kept>, Error> {
    let sql = format!("{SELECT} where owner = $1 and id = $2");
    db.query_optional(&sql, (owner, id)).await
}

pub(super) async fn one_within(tx: &Transaction<'_>, owner: Uuid, id: Uuid) -> Result<Option<Kept>, Error> {
    let sql = format!("{SELECT} where owner = $1 and id = $2");
    tx.query_optional(&sql, (owner, id)).await
}

pub(super) async fn insert(tx: &Transaction<'_>, kept: &Kept) -> Result<(), Error> {
    let source = &kept.source;
    let sql =
        "insert into sources (id, owner, kind, name, is_named, url, sealed, state, failures, turn, created_at, next_at)
               values ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $10)";
    let values = (
        source.id,
        kept.owner,
        source.kind.word(),
        &source.name,
        kept.is_named,
        &source.url,
        &kept.sealed,
        source.state.word(),
        kept.turn,
        source.created_at,
    );
    tx.execute(sql, values).await.map(drop)
}
