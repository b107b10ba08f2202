//! Pages of to-dos, and what a person has at one glance.

use terrace::database::{Database, ToValue};
use uuid::Uuid;

use super::cursor::Cursor;
use super::kept::Kept;
use super::{Filter, LIST_MAX, OVERVIEW_TAGS_MAX, Overview, Page, TodoError, checked};

/// The to-dos that `filter` wants.
pub(super) async fn page(db: &Database, owner: Uuid, filter: &Filter) -> Result<Page, TodoError> {
    if filter.limit == 0 || filter.limit > LIST_MAX {
        let given = filter.limit;
        return Err(checked::invalid(
            "limit",
            format!("it is {given}; write 1 to {LIST_MAX}"),
        ));
    }
    let mut sql = "select id, title, done, due, tags, created_at, updated_at, deleted_at from todos
         where owner = $1 and deleted_at is null"
        .to_owned();
    let mut values = vec![owner.to_value()];
    if let Some(done) = filter.done {
        values.push(done.to_value());
        sql += &format!(" and done = ${}", values.len());
    }
    if let Some(tag) = &filter.tag {
        values.push(checked::tag("tags", tag)?.to_value());
        let number = values.len();
        sql += &format!(" and id in (select todo from tags where owner = $1 and tag = ${number})");
    }
    if let Some(pattern) = filter.q.as_deref().map(checked::pattern).transpose()?.flatten() {
        values.push(pattern.to_value());
        sql += &format!(" and title_lower like ${} escape '{}'", values.len(), checked::ESCAPE);
    }
    if let Some(after) = &filter.after {
        let Cursor { created_at, id } = Cursor::read(after)?;
        values.extend([created_at.to_value(), id.to_value()]);
        let (at, id) = (values.len() - 1, values.len());
        sql += &format!(" and created_at <= ${at} and (created_at < ${at} or id > ${id})");
    }
    // One more than is asked for says whether there are more.
    values.push((i64::from(filter.limit) + 1).to_value());
    sql += &format!(" order by created_at desc, id limit ${}", values.len());
    let kept: Vec<Kept> = db.query(&sql, values).await?;
    let most = filter.limit as usize;
    let more = kept.len() > most;
    let todos: Vec<_> = kept.into_iter().take(most).map(|kept| kept.todo).collect();
    let next = todos.last().filter(|_| more).map(|last| {
        let (created_at, id) = (last.created_at, last.id);
        Cursor { created_at, id }.write()
    });
    Ok(Page { todos, next })
}

/// Counts and tags.
pub(super) async fn overview(db: &Database, owner: Uuid) -> Result<Overview, TodoError> {
    // The revision first: what is read after it is as new at least.
    let sql = "select revision, open, done from owners where owner = $1";
    let known: Option<(i64, i64, i64)> = db.query_optional(sql, (owner,)).await?;
    let (revision, open, done) = known.unwrap_or_default();
    let sql = "select tag, count(*) as todos from tags where owner = $1 and open group by tag order by todos desc, tag limit $2";
    let counted: Vec<(String, i64)> = db.query(sql, (owner, OVERVIEW_TAGS_MAX)).await?;
    let mut tags: Vec<(String, u64)> = counted
        .into_iter()
        .map(|(tag, todos)| (tag, todos.unsigned_abs()))
        .collect();
    tags.sort();
    Ok(Overview {
        open: open.unsigned_abs(),
        done: done.unsigned_abs(),
        tags,
        revision,
    })
}
