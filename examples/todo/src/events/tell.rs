//! `Todos` is told of each event, and of each change of it.
//!
//! Each call has an id that follows from source, event and version: whoever is killed between the call and the note of it makes
//! the same call again, and it changes nothing. What an event said when it was to be added is noted before that, so that the
//! same call says the same, whatever has become of the event meanwhile.

use std::sync::Arc;

use terrace::database::{Database, Error, FromRow, Row, Timestamp};
use terrace::jobs::JobError;
use terrace::{CallId, Cx, Ref, Root};
use uuid::Uuid;

use super::happening::CANCELLED;
use super::kept::Kept;
use crate::todos::{Change, Due, NewTodo, TodoError, Todos};

/// Events that are read at a time.
const AT_ONCE: i64 = 100;

/// What the to-do of an event is found by.
const TAG: &str = "event";

/// How the telling ended.
pub(super) enum Told {
    All,
    /// No more than was told fits.
    Full(String),
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
    begun: i64,
    todo: Option<Uuid>,
    told_title: Option<String>,
    told_start: Option<Timestamp>,
}

impl FromRow for Untold {
    fn from_row(row: &mut Row) -> Result<Untold, Error> {
        Ok(Untold {
            id: row.take("id")?,
            title: row.take("title")?,
            start: row.take("start")?,
            is_cancelled: row.take("cancelled")?,
            version: row.take("version")?,
            begun: row.take("begun")?,
            todo: row.take("todo")?,
            told_title: row.take("told_title")?,
            told_start: row.take("told_start")?,
        })
    }
}

impl Untold {
    /// The title of its to-do.
    fn says(&self) -> String {
        match self.is_cancelled {
            true => format!("{CANCELLED}{}", self.title),
            false => self.title.clone(),
        }
    }
}

/// Tells all that is not told of a source.
pub(super) async fn all(cx: &Cx, db: &Database, todos: &Ref<dyn Todos>, kept: &Kept) -> Result<Told, JobError> {
    let source = kept.source.id;
    loop {
        let sql = "select id, title, start, cancelled, version, begun, todo, told_title, told_start from events
                   where source = $1 and told < version order by start, id limit $2";
        let untold: Vec<Untold> = db.query(sql, (source, AT_ONCE)).await?;
        if untold.is_empty() {
            return Ok(Told::All);
        }
        for event in untold {
            let ended = match event.todo {
                Some(todo) => change(cx, db, todos, kept, &event, todo).await,
                None => add(cx, db, todos, kept, &event).await,
            };
            match ended {
                Ok(()) => {}
                Err(TodoError::Full) => return Ok(Told::Full(TodoError::Full.to_string())),
                // Of whom nothing is kept any more nothing is added.
                Err(TodoError::Unknown) => return Ok(Told::Gone),
                Err(TodoError::Call(error)) => return Err(error.into()),
                Err(other) => return Err(JobError::fail(other)),
            }
        }
    }
}

async fn add(cx: &Cx, db: &Database, todos: &Ref<dyn Todos>, kept: &Kept, event: &Untold) -> Result<(), TodoError> {
    let source = kept.source.id;
    if event.is_cancelled && event.begun == 0 {
        let sql = "update events set told = $3 where source = $1 and id = $2";
        return Ok(db.execute(sql, (source, event.id, event.version)).await.map(drop)?);
    }
    let (begun, title, start) = match (event.begun, &event.told_title, event.told_start) {
        (begun @ 1.., Some(title), Some(start)) => (begun, title.clone(), start),
        _ => {
            let sql = "update events set begun = $3, told_title = $4, told_start = $5 where source = $1 and id = $2";
            let says = event.says();
            let values = (source, event.id, event.version, &says, event.start);
            db.execute(sql, values).await?;
            (event.version, says, event.start)
        }
    };
    let new = NewTodo {
        title,
        done: false,
        due: Some(start),
        tags: vec![TAG.to_owned()],
    };
    let todo = todos.add(&of_event(cx, kept, event, "add", 0), kept.owner, new).await?;
    let sql = "update events set todo = $3, told = $4 where source = $1 and id = $2";
    Ok(db.execute(sql, (source, event.id, todo.id, begun)).await.map(drop)?)
}

/// Tells what has changed; what a person has changed themselves stays, where the source says nothing new of it.
async fn change(
    cx: &Cx,
    db: &Database,
    todos: &Ref<dyn Todos>,
    kept: &Kept,
    event: &Untold,
    todo: Uuid,
) -> Result<(), TodoError> {
    let says = event.says();
    let is_title_new = event.told_title.as_ref() != Some(&says);
    let is_start_new = event.told_start != Some(event.start);
    let change = Change {
        title: is_title_new.then(|| says.clone()),
        due: if is_start_new { Due::At(event.start) } else { Due::Keep },
        ..Change::default()
    };
    if is_title_new || is_start_new {
        let cx = of_event(cx, kept, event, "edit", event.version);
        match todos.edit(&cx, kept.owner, todo, change).await {
            // Who has deleted it wants to hear no more of it.
            Ok(_) | Err(TodoError::Unknown) => {}
            Err(other) => return Err(other),
        }
    }
    let sql = "update events set told = $3, told_title = $4, told_start = $5 where source = $1 and id = $2";
    let values = (kept.source.id, event.id, event.version, &says, event.start);
    Ok(db.execute(sql, values).await.map(drop)?)
}

/// The context of a call that is the same one whoever makes it whenever.
fn of_event(cx: &Cx, kept: &Kept, event: &Untold, what: &str, version: i64) -> Cx {
    let parts: [&[u8]; 5] = [
        b"todo events",
        what.as_bytes(),
        kept.source.id.as_bytes(),
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
