//! The last changes of each to-do, so that they can be taken back.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use terrace::database::{Error, Json, Timestamp, Transaction};
use uuid::Uuid;

use super::kept::Kept;
use super::{CHANGES_MAX, Todo, UNDO_DAYS};

/// How a to-do was before a change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Before {
    title: String,
    done: bool,
    due: Option<Timestamp>,
    tags: Vec<String>,
}

impl Before {
    /// The to-do as it was, as of `now`. A deleted one cannot be changed, so before each change there was one.
    pub(super) fn taken_back(self, todo: &Todo, now: Timestamp) -> Kept {
        Kept {
            todo: Todo {
                id: todo.id,
                title: self.title,
                done: self.done,
                due: self.due,
                tags: self.tags,
                created_at: todo.created_at,
                updated_at: now,
            },
            deleted: false,
        }
    }
}

/// Notes how it was before the change of that revision, and forgets the oldest one above the limit.
pub(super) async fn note(
    tx: &Transaction<'_>,
    owner: Uuid,
    revision: i64,
    now: Timestamp,
    before: &Kept,
) -> Result<(), Error> {
    let todo = &before.todo;
    let before = Before {
        title: todo.title.clone(),
        done: todo.done,
        due: todo.due,
        tags: todo.tags.clone(),
    };
    let sql = "insert into changes (owner, todo, revision, at, before) values ($1, $2, $3, $4, $5)";
    tx.execute(sql, (owner, todo.id, revision, now, Json(before))).await?;
    let sql = "delete from changes where owner = $1 and todo = $2 and revision in (
                   select revision from changes where owner = $1 and todo = $2 order by revision desc
                   limit 10 offset $3)";
    tx.execute(sql, (owner, todo.id, CHANGES_MAX)).await.map(drop)
}

/// Takes the last change that is not too old.
pub(super) async fn take_last(
    tx: &Transaction<'_>,
    owner: Uuid,
    id: Uuid,
    now: Timestamp,
) -> Result<Option<Before>, Error> {
    let sql = "select revision, before from changes where owner = $1 and todo = $2 and at > $3
               order by revision desc limit 1";
    let last: Option<(i64, Json<Before>)> = tx.query_optional(sql, (owner, id, too_old(now))).await?;
    let Some((revision, Json(before))) = last else {
        return Ok(None);
    };
    let sql = "delete from changes where owner = $1 and todo = $2 and revision = $3";
    tx.execute(sql, (owner, id, revision)).await?;
    Ok(Some(before))
}

/// Changes from then on and before are not taken back any more.
pub(super) fn too_old(now: Timestamp) -> Timestamp {
    now.before(Duration::from_secs(UNDO_DAYS * 24 * 3600))
}
