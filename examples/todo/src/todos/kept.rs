//! To-dos as their table keeps them.

use std::collections::BTreeSet;

use terrace::database::{Error, FromRow, Json, Row, ToValue, Transaction, Value};
use uuid::Uuid;

use super::Todo;
use super::person::Counts;

/// Finds one, deleted or not, by its person and id.
pub(super) const SELECT: &str = "select id, title, done, due, tags, created_at, updated_at, deleted_at from todos
     where owner = $1 and id = $2";

/// A to-do, which may have been deleted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kept {
    pub(super) todo: Todo,
    pub(super) deleted: bool,
}

impl Kept {
    /// Whether it is to be reminded of.
    pub(super) fn is_open(&self) -> bool {
        !self.deleted && !self.todo.done
    }

    /// As what it counts.
    pub(super) fn counts(&self) -> Counts {
        match self.deleted {
            true => Counts::default(),
            false => Counts::of(&self.todo),
        }
    }
}

impl FromRow for Kept {
    fn from_row(row: &mut Row) -> Result<Kept, Error> {
        let Json(tags) = row.take("tags")?;
        let deleted_at: Option<terrace::database::Timestamp> = row.take("deleted_at")?;
        Ok(Kept {
            todo: Todo {
                id: row.take("id")?,
                title: row.take("title")?,
                done: row.take("done")?,
                due: row.take("due")?,
                tags,
                created_at: row.take("created_at")?,
                updated_at: row.take("updated_at")?,
            },
            deleted: deleted_at.is_some(),
        })
    }
}

/// One, deleted or not.
pub(super) async fn of(tx: &Transaction<'_>, owner: Uuid, id: Uuid) -> Result<Option<Kept>, Error> {
    tx.query_optional(SELECT, (owner, id)).await
}

/// Adds those whose ids are not there yet, and answers these ids.
pub(super) async fn insert(tx: &Transaction<'_>, owner: Uuid, todos: &[Todo]) -> Result<BTreeSet<Uuid>, Error> {
    if todos.is_empty() {
        return Ok(BTreeSet::new());
    }
    let rows = todos.iter().map(|todo| {
        vec![
            owner.to_value(),
            todo.id.to_value(),
            todo.title.to_value(),
            todo.title.to_lowercase().to_value(),
            todo.done.to_value(),
            todo.due.to_value(),
            Json(&todo.tags).to_value(),
            todo.created_at.to_value(),
            todo.updated_at.to_value(),
        ]
    });
    let (places, values) = rows_of(rows);
    let sql = format!(
        "insert into todos (owner, id, title, title_lower, done, due, tags, created_at, updated_at) values {places}
         on conflict (owner, id) do nothing returning id"
    );
    let new: BTreeSet<Uuid> = tx.query(&sql, values).await?.into_iter().collect();
    tag(tx, owner, todos.iter().filter(|todo| new.contains(&todo.id))).await?;
    Ok(new)
}

/// Puts one in the place of what it was.
pub(super) async fn update(tx: &Transaction<'_>, owner: Uuid, kept: &Kept) -> Result<(), Error> {
    let todo = &kept.todo;
    let sql = "update todos set title = $3, title_lower = $4, done = $5, due = $6, tags = $7, updated_at = $8,
                   deleted_at = $9
               where owner = $1 and id = $2";
    let title_lower = todo.title.to_lowercase();
    let deleted_at = kept.deleted.then_some(todo.updated_at);
    let values = (
        owner,
        todo.id,
        &todo.title,
        title_lower,
        todo.done,
        todo.due,
        Json(&todo.tags),
        todo.updated_at,
        deleted_at,
    );
    tx.execute(sql, values).await?;
    tx.execute("delete from tags where owner = $1 and todo = $2", (owner, todo.id))
        .await?;
    match kept.deleted {
        true => Ok(()),
        false => tag(tx, owner, std::iter::once(todo)).await,
    }
}

/// Removes deleted ones for good but for the latest.
pub(super) async fn keep_latest_deleted(tx: &Transaction<'_>, owner: Uuid, most: i64) -> Result<(), Error> {
    let sql = "delete from todos where owner = $1 and id in (
                   select id from todos where owner = $1 and deleted_at is not null
                   order by deleted_at desc limit 100 offset $2)";
    tx.execute(sql, (owner, most)).await.map(drop)
}

/// Removes for good those of `todos` that are deleted, and answers their ids.
pub(super) async fn remove_deleted(tx: &Transaction<'_>, owner: Uuid, todos: &[Todo]) -> Result<BTreeSet<Uuid>, Error> {
    if todos.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut values = vec![owner.to_value()];
    values.extend(todos.iter().map(|todo| todo.id.to_value()));
    let ids: Vec<String> = (2..=values.len()).map(|number| format!("${number}")).collect();
    let sql = format!(
        "delete from todos where owner = $1 and deleted_at is not null and id in ({}) returning id",
        ids.join(", ")
    );
    Ok(tx.query(&sql, values).await?.into_iter().collect())
}

/// Notes by which tags they are found.
async fn tag<'t>(tx: &Transaction<'_>, owner: Uuid, todos: impl Iterator<Item = &'t Todo>) -> Result<(), Error> {
    let tagged = todos.flat_map(|todo| todo.tags.iter().map(move |tag| (todo, tag)));
    let rows: Vec<Vec<Value>> = tagged
        .map(|(todo, tag)| {
            vec![
                owner.to_value(),
                tag.to_value(),
                todo.id.to_value(),
                (!todo.done).to_value(),
            ]
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let (places, values) = rows_of(rows.into_iter());
    let sql = format!("insert into tags (owner, tag, todo, open) values {places}");
    tx.execute(&sql, values).await.map(drop)
}

/// `($1, $2), ($3, $4)`, and what stands there. An import has at most 200 rows of 9, and 4,000 tags of 4: both engines take
/// twice as many parameters.
fn rows_of(rows: impl Iterator<Item = Vec<Value>>) -> (String, Vec<Value>) {
    let (mut places, mut values) = (Vec::new(), Vec::new());
    for row in rows {
        let numbers: Vec<String> = (1..=row.len())
            .map(|place| format!("${}", values.len() + place))
            .collect();
        places.push(format!("({})", numbers.join(", ")));
        values.extend(row);
    }
    (places.join(", "), values)
}
