//! What crosses the API, and what its fields may hold.

use std::collections::BTreeSet;
use std::fmt::Display;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::problem::Problem;

const TITLE_MAX: usize = 500;
const TAGS_MAX: usize = 20;
const TAG_MAX: usize = 50;
const LIST_MAX: u32 = 200;
const LIST: u32 = 50;

/// To-dos of one person.
pub(super) const TODOS_MAX: i64 = 100_000;

#[derive(Clone, Debug, Serialize)]
pub(super) struct Todo {
    pub(super) id: Uuid,
    pub(super) title: String,
    pub(super) done: bool,
    pub(super) due: Option<DateTime<Utc>>,
    pub(super) tags: Vec<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTodo {
    title: String,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    due: Option<DateTime<Utc>>,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    pub(super) done: Option<bool>,
    pub(super) tag: Option<String>,
    pub(super) q: Option<String>,
    after: Option<String>,
    #[serde(default = "usual")]
    limit: u32,
}

#[derive(Debug, Serialize)]
pub(super) struct Page {
    todos: Vec<Todo>,
    next: Option<String>,
}

fn usual() -> u32 {
    LIST
}

impl NewTodo {
    /// What the record of an idempotency key keeps of the body.
    pub(super) fn digest(&self, owner: Uuid) -> Uuid {
        let body = serde_json::to_vec(self).unwrap_or_default();
        half(Sha256::new().chain_update(owner).chain_update(body))
    }

    pub(super) fn checked(self, now: DateTime<Utc>) -> Result<Todo, Problem> {
        let mut tags = BTreeSet::new();
        for tag in &self.tags {
            tags.insert(line("tags", tag, TAG_MAX)?);
        }
        if tags.len() > TAGS_MAX {
            return Err(Problem::field(
                "tags",
                format!("a to-do has {TAGS_MAX} at most; leave some out"),
            ));
        }
        Ok(Todo {
            id: Uuid::new_v4(),
            title: line("title", &self.title, TITLE_MAX)?,
            done: self.done,
            due: self.due,
            tags: tags.into_iter().collect(),
            created_at: now,
            updated_at: now,
        })
    }
}

impl Filter {
    pub(super) fn limit(&self) -> Result<u32, Problem> {
        match self.limit {
            1..=LIST_MAX => Ok(self.limit),
            limit => Err(Problem::field("limit", format!("it is {limit}; write 1 to {LIST_MAX}"))),
        }
    }

    /// Where the page before ended.
    pub(super) fn after(&self) -> Result<Option<(DateTime<Utc>, Uuid)>, Problem> {
        let Some(after) = &self.after else { return Ok(None) };
        let read = || {
            let (micros, id) = after.split_once('_')?;
            let at = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
            Some((at, id.parse().ok()?))
        };
        let wrong = || {
            Problem::field(
                "after",
                "it is not the `next` of an earlier page; leave it out to begin anew",
            )
        };
        read().map(Some).ok_or_else(wrong)
    }
}

impl Page {
    /// `todos` has one more than `limit` where there are more.
    pub(super) fn new(mut todos: Vec<Todo>, limit: u32) -> Page {
        let more = todos.len() > limit as usize;
        todos.truncate(limit as usize);
        let last = todos.last().filter(|_| more);
        let next = last.map(|last| format!("{}_{}", last.created_at.timestamp_micros(), last.id));
        Page { todos, next }
    }
}

/// The id under which the answer to a request with this key is kept.
pub(super) fn record(owner: Uuid, key: &str) -> Uuid {
    let hash = Sha256::new().chain_update("POST /api/todos").chain_update(owner);
    half(hash.chain_update(key))
}

fn half(hash: Sha256) -> Uuid {
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    Uuid::from_bytes(half)
}

fn line(field: &'static str, text: &str, most: usize) -> Result<String, Problem> {
    let refused = |why: &dyn Display| Err(Problem::field(field, why.to_string()));
    let (trimmed, characters) = (text.trim(), text.trim().chars().count());
    if characters == 0 || characters > most {
        return refused(&format_args!("it has {characters} characters; write 1 to {most}"));
    }
    if trimmed.chars().any(char::is_control) {
        return refused(&"it has a line break or another control character; take it out");
    }
    Ok(trimmed.to_owned())
}
