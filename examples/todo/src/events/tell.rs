//! `Todos` is told of each event, and of each change of it.
//!
//! Each call has an id that follows from source, event and version: whoever is killed between the call and the note of it makes
//! the same call again, and it changes nothing. What is about to be told is noted before that, so that the same call says the
//! same, whatever has become of the event meanwhile; and nothing newer is told before that has an answer.

use std::sync::Arc;

use terrace::database::{Database, Error, FromRow, Row, Timestamp};
use terrace::jobs::JobError;
use terrace::{CallId, Cx, Ref, Root};
use uuid::Uuid;

use super::happening::CANCELLED;
use super::kept::Kept;
use crate::todos::{Change, Due, NewTodo, TITLE_MAX, TodoError, Todos};

/// Events that are read at a time.
const AT_ONCE: i64 = 100;

/// What the to-do of an event is found by.
const TAG: &str = "event";

/// How the telling ended.
pub(super) enum Told {
    All,
    /// Some of it is not taken: no more fits, most often.
    Refused(String),
    /// The person has gone.
    Gone,
}

/// An event of which not all is told.
struct Untold {
    id: Uuid,
    title: String,
    start: Timestamp,
    is_cancelled: bool,
    version: i64,
    todo: Option<Uuid>,
    told: i64,
    told_title: Option<String>,
    told_start: Option<Timestamp>,
    begun: i64,
    begun_title: Option<String>,
    begun_start: Option<Timestamp>,
    begun_says: Option<String>,
}

/// What is being told.
struct Telling {
    version: i64,
    title: String,
    start: Timestamp,
    /// The title that its to-do gets; none where that stays as it is.
    says: Option<String>,
}

impl FromRow for Untold {
    fn from_row(row: &mut Row) -> Result<Untold, Error> {
        Ok(Untold {
            id: row.take("id")?,
            title: row.take("title")?,
            start: row.take("start")?,
            is_cancelled: row.take("cancelled")?,
            version: row.take("version")?,
            todo: row.take("todo")?,
            told: row.take("told")?,
            told_title: row.take("told_title")?,
            told_start: row.take("told_start")?,
            begun: row.take("begun")?,
            begun_title: row.take("begun_title")?,
            begun_start: row.take("begun_start")?,
            begun_says: row.take("begun_says")?,
        })
    }
}

impl Untold {
    /// The title of its to-do.
    fn says(&self) -> String {
        match self.is_cancelled {
            true => marked(&self.title, true),
            // Some calendars mark it themselves.
            false => self.title.clone(),
        }
    }

    /// Whether all that is new of it is that it is cancelled, or is not any more.
    fn is_mark_new(&self) -> bool {
        let told = self.told_title.as_deref();
        told.is_some_and(|told| marked(told, false) == marked(&self.title, false))
    }
}

/// `title` with the mark of what is cancelled, or without it.
fn marked(title: &str, is_cancelled: bool) -> String {
    let bare = title.strip_prefix(CANCELLED).unwrap_or(title);
    if !is_cancelled {
        return bare.to_owned();
    }
    let most = TITLE_MAX - CANCELLED.len();
    match bare.chars().count() > most {
        true => CANCELLED
            .chars()
            .chain(bare.chars().take(most - 1))
            .chain(['…'])
            .collect(),
        false => format!("{CANCELLED}{bare}"),
    }
}

/// Tells all that is not told of a source.
pub(super) async fn all(cx: &Cx, db: &Database, todos: &Ref<dyn Todos>, kept: &Kept) -> Result<Told, JobError> {
    let source = kept.source.id;
    loop {
        let sql = "select id, title, start, cancelled, version, todo, told, told_title, told_start, begun, begun_title, begun_start,
                   begun_says from events where source = $1 and told < version order by start, id limit $2";
        let untold: Vec<Untold> = db.query(sql, (source, AT_ONCE)).await?;
        if untold.is_empty() {
            return Ok(Told::All);
        }
        for event in untold {
            let ended = one(cx, db, todos, kept, event).await;
            match ended {
                Ok(()) => {}
                Err(TodoError::Full) => return Ok(Told::Refused(TodoError::Full.to_string())),
                // Of whom nothing is kept any more nothing is added.
                Err(TodoError::Unknown) => return Ok(Told::Gone),
                Err(TodoError::Call(error)) => return Err(error.into()),
                // It is told to whoever asks how the source stands, and tried again.
                Err(other) => return Ok(Told::Refused(other.to_string())),
            }
        }
    }
}

/// Tells one version of an event: the one whose telling has begun, or else the latest.
async fn one(cx: &Cx, db: &Database, todos: &Ref<dyn Todos>, kept: &Kept, event: Untold) -> Result<(), TodoError> {
    let source = kept.source.id;
    if event.todo.is_none() && event.is_cancelled && event.begun == 0 {
        let sql = "update events set told = $3 where source = $1 and id = $2 and begun = 0 and told < $3";
        return Ok(db.execute(sql, (source, event.id, event.version)).await.map(drop)?);
    }
    let Some(telling) = begin(cx, db, todos, kept, &event).await? else {
        return Ok(());
    };
    let todo = match event.todo {
        None => add(cx, todos, kept, &event, &telling).await?,
        Some(todo) => edit(cx, todos, kept, &event, &telling, todo).await?,
    };
    let sql = "update events set todo = $3, told = $4, told_title = $5, told_start = $6
               where source = $1 and id = $2 and begun = $4 and told < $4";
    let values = (source, event.id, todo, telling.version, &telling.title, telling.start);
    Ok(db.execute(sql, values).await.map(drop)?)
}

/// Notes what is about to be told, before it is: of what was begun and is in doubt the very same is told again, and nothing newer
/// before that has an answer. Otherwise it could come late, and undo what is newer.
async fn begin(
    cx: &Cx,
    db: &Database,
    todos: &Ref<dyn Todos>,
    kept: &Kept,
    event: &Untold,
) -> Result<Option<Telling>, TodoError> {
    if let (true, Some(title), Some(start)) = (event.begun > event.told, &event.begun_title, event.begun_start) {
        return Ok(Some(Telling {
            version: event.begun,
            title: title.clone(),
            start,
            says: event.begun_says.clone(),
        }));
    }
    let telling = Telling {
        version: event.version,
        title: event.says(),
        start: event.start,
        says: new_title(cx, todos, kept, event).await?,
    };
    let sql = "update events set begun = $3, begun_title = $4, begun_start = $5, begun_says = $6
               where source = $1 and id = $2 and begun = $7 and told = $8";
    let now = (telling.version, &telling.title, telling.start, &telling.says);
    let values = (
        kept.source.id,
        event.id,
        now.0,
        now.1,
        now.2,
        now.3,
        event.begun,
        event.told,
    );
    // Where another turn has begun meanwhile it is looked at again.
    Ok((db.execute(sql, values).await? > 0).then_some(telling))
}

/// The title that the to-do of `event` gets, if it is to get another one. What a person calls it is marked, and stays.
async fn new_title(cx: &Cx, todos: &Ref<dyn Todos>, kept: &Kept, event: &Untold) -> Result<Option<String>, TodoError> {
    let says = event.says();
    if event.told_title.as_ref() == Some(&says) {
        return Ok(None);
    }
    let (Some(todo), true) = (event.todo, event.is_mark_new()) else {
        return Ok(Some(says));
    };
    match todos.get(cx, kept.owner, todo).await {
        Ok(there) => Ok(Some(marked(&there.title, says.starts_with(CANCELLED)))),
        // Deleted: it is told, and nobody hears it.
        Err(TodoError::Unknown) => Ok(Some(says)),
        Err(other) => Err(other),
    }
}

async fn add(
    cx: &Cx,
    todos: &Ref<dyn Todos>,
    kept: &Kept,
    event: &Untold,
    telling: &Telling,
) -> Result<Option<Uuid>, TodoError> {
    let new = NewTodo {
        title: telling.title.clone(),
        done: false,
        due: Some(telling.start),
        tags: vec![TAG.to_owned()],
    };
    let cx = of_event(cx, kept, event, "add", 0);
    Ok(Some(todos.add(&cx, kept.owner, new).await?.id))
}

/// Tells what has changed; what a person has changed themselves stays, where the source says nothing new of it.
async fn edit(
    cx: &Cx,
    todos: &Ref<dyn Todos>,
    kept: &Kept,
    event: &Untold,
    telling: &Telling,
    todo: Uuid,
) -> Result<Option<Uuid>, TodoError> {
    let is_start_new = event.told_start != Some(telling.start);
    let change = Change {
        title: telling.says.clone(),
        due: if is_start_new {
            Due::At(telling.start)
        } else {
            Due::Keep
        },
        ..Change::default()
    };
    if telling.says.is_some() || is_start_new {
        let cx = of_event(cx, kept, event, "edit", telling.version);
        match todos.edit(&cx, kept.owner, todo, change).await {
            // Who has deleted it wants to hear no more of it.
            Ok(_) | Err(TodoError::Unknown) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(Some(todo))
}

/// The context of a call that is the same one whoever makes it whenever.
fn of_event(cx: &Cx, kept: &Kept, event: &Untold, what: &str, version: i64) -> Cx {
    // One that was removed and connected again is another one, whose to-dos are new.
    let since = kept.source.created_at.as_micros().to_le_bytes();
    let parts: [&[u8]; 6] = [
        b"todo events",
        what.as_bytes(),
        kept.source.id.as_bytes(),
        &since,
        event.id.as_bytes(),
        &version.to_le_bytes(),
    ];
    let root = Root {
        began: None,
        id: Some(CallId::from_parts(&parts)),
        deadline: cx.deadline(),
        principal: Some(Arc::from(kept.owner.to_string())),
        trace: Some(cx.trace()),
    };
    Cx::from_root(cx.env(), root).named("event", &())
}
