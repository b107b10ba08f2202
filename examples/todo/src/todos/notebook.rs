//! To-dos in a database: the module of [`Todos`].

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;
use terrace::database::{Database, Timestamp, Transaction};
use terrace::jobs::Jobs;
use terrace::{Cx, Setup, SetupError};
use uuid::Uuid;

use super::kept::{self, Kept};
use super::watchers::Watchers;
use super::{
    Change, DELETED_MAX, Due, Filter, IMPORT_MAX, NewTodo, Overview, Page, Todo, TodoError, Todos, checked, history,
    later, listing, person,
};
use crate::recorded;

/// How long a call waits for a change.
const CHANGED_WAIT: Duration = Duration::from_secs(20);

/// How often the database is asked meanwhile, where other replicas write to it too.
const CHANGED_POLL: Duration = Duration::from_secs(2);

/// What is left of a call's time for its answer.
const ANSWER_RESERVE: Duration = Duration::from_secs(1);

/// To-dos in a database.
pub struct Notebook {
    db: Database,
    jobs: Jobs,
    watchers: Watchers,
}

impl Notebook {
    /// Needs a database, and whoever reminds of to-dos.
    pub async fn open(setup: &Setup) -> Result<Notebook, SetupError> {
        let db = setup.database(terrace::migrations!("migrations/todos")).await?;
        let jobs = setup.jobs(&db).await?;
        later::declare(&jobs, setup.reference())?;
        Ok(Notebook {
            db,
            jobs,
            watchers: Watchers::default(),
        })
    }

    /// [`Database::once`] for a call whose id may have been given by a person: the same with other `arguments` is refused,
    /// since the answer is recorded with a digest of them.
    async fn once_for<F>(&self, cx: &Cx, arguments: &impl Serialize, work: F) -> Result<Todo, TodoError>
    where
        F: AsyncFn(&Transaction<'_>) -> Result<Todo, TodoError> + Send + 'static,
    {
        let digest = recorded::digest(arguments)?;
        let recorded = self
            .db
            .once(cx, async move |tx: &Transaction<'_>| {
                let todo = work(tx).await?;
                Ok::<(Uuid, Todo), TodoError>((digest, todo))
            })
            .await?;
        match recorded {
            (of, todo) if of == digest => Ok(todo),
            _ => Err(TodoError::Reused),
        }
    }

    /// Tells whoever waits for this person's changes, once the transaction is kept.
    fn tell(&self, owner: Uuid) -> impl Fn(&Transaction<'_>) + Send + 'static {
        let watchers = self.watchers.clone();
        move |tx| {
            let watchers = watchers.clone();
            tx.after_commit(move || watchers.tell(owner));
        }
    }
}

impl Todos for Notebook {
    async fn add(&self, cx: &Cx, owner: Uuid, new: NewTodo) -> Result<Todo, TodoError> {
        let arguments = (owner, &new);
        let now = now(cx);
        let todo = Todo {
            id: recorded::new_id(cx.env()),
            title: checked::title(&new.title)?,
            done: new.done,
            due: new.due.map(|due| checked::time("due", due)).transpose()?,
            tags: checked::tags(&new.tags)?,
            created_at: now,
            updated_at: now,
        };
        let tell = self.tell(owner);
        self.once_for(cx, &arguments, async move |tx: &Transaction<'_>| {
            person::touch(tx, owner, person::Counts::of(&todo)).await?;
            kept::insert(tx, owner, std::slice::from_ref(&todo)).await?;
            tell(tx);
            Ok(todo.clone())
        })
        .await
    }

    async fn list(&self, _: &Cx, owner: Uuid, filter: Filter) -> Result<Page, TodoError> {
        listing::page(&self.db, owner, &filter).await
    }

    async fn get(&self, _: &Cx, owner: Uuid, id: Uuid) -> Result<Todo, TodoError> {
        let sql = format!("{} and deleted_at is null", kept::SELECT);
        let kept: Option<Kept> = self.db.query_optional(&sql, (owner, id)).await?;
        kept.map(|kept| kept.todo).ok_or(TodoError::Unknown)
    }

    async fn edit(&self, cx: &Cx, owner: Uuid, id: Uuid, change: Change) -> Result<Todo, TodoError> {
        let arguments = (owner, id, &change);
        let title = change.title.as_deref().map(checked::title).transpose()?;
        let tags = change.tags.as_deref().map(checked::tags).transpose()?;
        if let Due::At(due) = change.due {
            checked::time("due", due)?;
        }
        let (done, due) = (change.done, change.due);
        let (now, tell, jobs) = (now(cx), self.tell(owner), self.jobs.clone());
        self.once_for(cx, &arguments, async move |tx: &Transaction<'_>| {
            let before = kept::of(tx, owner, id).await?.filter(|kept| !kept.deleted);
            let before = before.ok_or(TodoError::Unknown)?;
            let mut after = before.clone();
            let todo = &mut after.todo;
            todo.title = title.clone().unwrap_or_else(|| todo.title.clone());
            todo.tags = tags.clone().unwrap_or_else(|| todo.tags.clone());
            todo.done = done.unwrap_or(todo.done);
            todo.due = match due {
                Due::Keep => todo.due,
                Due::Never => None,
                Due::At(at) => Some(at),
            };
            // What changes nothing is no change that could be taken back.
            if after != before {
                after.todo.updated_at = now;
                let revision = replace(tx, &jobs, owner, &before, &after).await?;
                history::note(tx, owner, revision, now, &before).await?;
                tell(tx);
            }
            Ok(after.todo)
        })
        .await
    }

    async fn delete(&self, cx: &Cx, owner: Uuid, id: Uuid) -> Result<(), TodoError> {
        let (now, tell, jobs) = (now(cx), self.tell(owner), self.jobs.clone());
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                let before = kept::of(tx, owner, id).await?.filter(|kept| !kept.deleted);
                let before = before.ok_or(TodoError::Unknown)?;
                let mut after = before.clone();
                after.deleted = true;
                after.todo.updated_at = now;
                let revision = replace(tx, &jobs, owner, &before, &after).await?;
                history::note(tx, owner, revision, now, &before).await?;
                kept::keep_latest_deleted(tx, owner, DELETED_MAX).await?;
                tell(tx);
                Ok(())
            })
            .await
    }

    async fn undo(&self, cx: &Cx, owner: Uuid, id: Uuid) -> Result<Todo, TodoError> {
        let (now, tell, jobs) = (now(cx), self.tell(owner), self.jobs.clone());
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                let before = kept::of(tx, owner, id).await?.ok_or(TodoError::Unknown)?;
                let change = history::take_last(tx, owner, id, now).await?;
                // To whom a deleted one cannot be given back any more it is not there.
                let nothing = if before.deleted {
                    TodoError::Unknown
                } else {
                    TodoError::NothingToUndo
                };
                let after = change.ok_or(nothing)?.taken_back(&before.todo, now);
                replace(tx, &jobs, owner, &before, &after).await?;
                tell(tx);
                Ok(after.todo)
            })
            .await
    }

    async fn overview(&self, _: &Cx, owner: Uuid) -> Result<Overview, TodoError> {
        listing::overview(&self.db, owner).await
    }

    async fn import(&self, cx: &Cx, owner: Uuid, todos: Vec<Todo>) -> Result<u64, TodoError> {
        let todos = importable(todos)?;
        let (tell, jobs) = (self.tell(owner), self.jobs.clone());
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                let remnants = kept::remove_deleted(tx, owner, &todos).await?;
                let new = kept::insert(tx, owner, &todos).await?;
                let added = || todos.iter().filter(|todo| new.contains(&todo.id));
                let revision = person::touch(tx, owner, added().map(person::Counts::of).sum()).await?;
                // Whoever was told that these are deleted learns that they are back.
                for todo in added().filter(|todo| remnants.contains(&todo.id)) {
                    later::follow(tx, &jobs, owner, todo.id, !todo.done, revision).await?;
                }
                tell(tx);
                Ok(new.len() as u64)
            })
            .await
    }

    async fn changed(&self, cx: &Cx, owner: Uuid, since: i64) -> Result<i64, TodoError> {
        let env = cx.env();
        let left = cx.remaining().map(|left| left.saturating_sub(ANSWER_RESERVE));
        let end = env.deadline(left.map_or(CHANGED_WAIT, |left| left.min(CHANGED_WAIT)));
        let watcher = self.watchers.watch(owner);
        loop {
            // Before it asks, so that what comes in between is not missed.
            let told = watcher.told();
            let revision = person::revision(&self.db, owner).await?;
            let left = end.saturating_duration_since(env.now());
            if revision != since || left.is_zero() {
                return Ok(revision);
            }
            let wait = if self.db.is_postgres() {
                left.min(CHANGED_POLL)
            } else {
                left
            };
            // Whether it was told or waited in vain, it looks.
            let _ = env.timeout(wait, told).await;
        }
    }

    async fn forget(&self, cx: &Cx, owner: Uuid) -> Result<(), TodoError> {
        let tell = self.tell(owner);
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                tx.execute("delete from todos where owner = $1", (owner,)).await?;
                person::forget(tx, owner).await?;
                tell(tx);
                Ok(())
            })
            .await
    }
}

/// Puts `after` in the place of `before`, and sees to it that whoever reminds learns what matters of it. Answers the
/// person's revision.
async fn replace(
    tx: &Transaction<'_>,
    jobs: &Jobs,
    owner: Uuid,
    before: &Kept,
    after: &Kept,
) -> Result<i64, TodoError> {
    let revision = person::touch(tx, owner, after.counts() - before.counts()).await?;
    kept::update(tx, owner, after).await?;
    if after.is_open() != before.is_open() {
        later::follow(tx, jobs, owner, after.todo.id, after.is_open(), revision).await?;
    }
    Ok(revision)
}

/// To-dos of an export, each once and checked.
fn importable(todos: Vec<Todo>) -> Result<Vec<Todo>, TodoError> {
    if todos.len() > IMPORT_MAX {
        let count = todos.len();
        return Err(checked::invalid(
            "todos",
            format!("there are {count}; send {IMPORT_MAX} at a time"),
        ));
    }
    let mut seen = BTreeSet::new();
    let mut checked = Vec::with_capacity(todos.len());
    for todo in todos {
        if seen.insert(todo.id) {
            checked.push(Todo {
                title: checked::title(&todo.title)?,
                tags: checked::tags(&todo.tags)?,
                due: todo.due.map(|due| checked::time("due", due)).transpose()?,
                created_at: checked::time("created_at", todo.created_at)?,
                updated_at: checked::time("updated_at", todo.updated_at)?,
                ..todo
            });
        }
    }
    Ok(checked)
}

fn now(cx: &Cx) -> Timestamp {
    Timestamp::from(cx.env().wall())
}
