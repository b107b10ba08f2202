//! An export, brought back: read as it comes, in bounded memory. What is there already stays as it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use terrace::Cx;
use terrace::front::{Call, Json, Problem};
use uuid::Uuid;

use super::super::{Site, reminder_problem, todo_problem};
use super::Bearer;
use super::body::{Moment, Object, line};
use super::export::{TIME_MAX, VERSION};
use super::scan::{ELEMENT_BYTES_MAX, Scanner, Wrong};
use super::todos::private;
use crate::reminders::{REMINDERS_MAX, Reminder, ReminderError, Reminders, State as Standing};
use crate::todos::{IMPORT_MAX, Todo, TodoError, Todos};

/// Bytes of an import.
pub(crate) const IMPORT_BYTES_MAX: u64 = 64 << 20;

/// Reminders that one call imports.
const REMINDERS_AT_ONCE: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame {
    version: Option<u32>,
    #[serde(rename = "email")]
    _email: Option<String>,
    #[serde(rename = "exported_at")]
    _exported_at: Option<Moment>,
    /// Empty, since its elements were taken out.
    #[serde(rename = "todos")]
    _todos: Vec<()>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Element {
    id: Uuid,
    title: String,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    due: Option<Moment>,
    #[serde(default)]
    tags: Vec<String>,
    created_at: Moment,
    updated_at: Moment,
    #[serde(default)]
    reminders: Vec<Object<Reminding>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reminding {
    id: Uuid,
    at: Moment,
    state: Stands,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stands {
    Waiting,
    Suspended,
    Sent,
}

/// How much is new.
#[derive(Default, Serialize)]
pub(crate) struct Brought {
    pub(crate) todos: u64,
    pub(crate) reminders: u64,
}

/// What has been read, and waits to be kept.
struct Batch<'s> {
    site: &'s Site,
    call: &'s Call,
    owner: Uuid,
    /// Elements that are kept.
    index: usize,
    todos: Vec<Todo>,
    /// Each with the index of its to-do.
    reminders: Vec<(usize, Reminder)>,
    brought: Brought,
}

pub(super) async fn import(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    if !kind.trim().eq_ignore_ascii_case("application/json") {
        let detail = "send an export as `application/json`, and say so in `Content-Type`";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let brought = bring(&site, &bearer.call, bearer.owner, body).await?;
    Ok(private(Json(brought)))
}

/// Imports what `body` says for `owner`.
pub(crate) async fn bring(site: &Site, call: &Call, owner: Uuid, mut body: Body) -> Result<Brought, Problem> {
    call.allow(IMPORT_BYTES_MAX, TIME_MAX);
    let mut batch = Batch {
        site,
        call,
        owner,
        index: 0,
        todos: Vec::new(),
        reminders: Vec::new(),
        brought: Brought::default(),
    };
    let (mut scanner, mut bytes) = (Scanner::default(), 0_u64);
    while let Some(frame) = body.frame().await {
        // Where that was a limit of the server's, the server says so instead.
        let not_whole = |_| Problem::new(StatusCode::BAD_REQUEST, "the body did not arrive whole; send it again");
        let Ok(data) = frame.map_err(not_whole)?.into_data() else {
            continue;
        };
        bytes += data.len() as u64;
        if bytes > IMPORT_BYTES_MAX {
            let detail = format!("the import is larger than {IMPORT_BYTES_MAX} bytes; send it in parts");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        for byte in data {
            let next = batch.index + batch.todos.len();
            if let Some(element) = scanner.take(byte).map_err(|wrong| wrong_at(wrong, next))? {
                batch.add(&element).await?;
            }
        }
    }
    let frame = scanner.end().map_err(|wrong| wrong_at(wrong, 0))?;
    let Json(Object(frame)) = Json::<Object<Frame>>::from_bytes(&frame)?;
    if frame.version.is_some_and(|version| version != VERSION) {
        return Err(Problem::invalid("version", format!("only version {VERSION} is known")));
    }
    batch.keep().await?;
    Ok(batch.brought)
}

impl Batch<'_> {
    async fn add(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let index = self.index + self.todos.len();
        let within = |mut problem: Problem| {
            problem.field = Some(match problem.field {
                Some(field) => format!("todos[{index}].{field}"),
                None => format!("todos[{index}]"),
            });
            problem.detail += "; the to-dos before it are imported, and sending all again does no harm";
            problem
        };
        let element = match read(bytes) {
            Ok(element) => element,
            Err(problem) => {
                self.keep().await?;
                return Err(within(problem));
            }
        };
        for Object(reminder) in &element.reminders {
            let reminder = Reminder {
                id: reminder.id,
                todo: element.id,
                at: reminder.at.0,
                state: match reminder.state {
                    Stands::Waiting => Standing::Waiting,
                    Stands::Suspended => Standing::Suspended,
                    Stands::Sent => Standing::Sent,
                },
            };
            self.reminders.push((index, reminder));
        }
        self.todos.push(Todo {
            id: element.id,
            title: element.title,
            done: element.done,
            due: element.due.map(|due| due.0),
            tags: element.tags,
            created_at: element.created_at.0,
            updated_at: element.updated_at.0,
        });
        match self.todos.len() >= IMPORT_MAX {
            true => self.keep().await,
            false => Ok(()),
        }
    }

    /// Keeps what has been read: first the to-dos, since a reminder is one of a to-do.
    async fn keep(&mut self) -> Result<(), Problem> {
        let todos = std::mem::take(&mut self.todos);
        let count = todos.len();
        if count > 0 {
            let kept = self.site.todos.import(&self.cx(), self.owner, todos.clone()).await;
            self.brought.todos += match kept {
                Err(TodoError::Invalid { .. }) => return Err(self.refused(todos).await),
                kept => kept.map_err(todo_problem)?,
            };
        }
        self.index += count;
        let mut seen = BTreeSet::new();
        let mut reminders = std::mem::take(&mut self.reminders);
        reminders.retain(|(_, reminder)| seen.insert(reminder.id));
        for some in reminders.chunks(REMINDERS_AT_ONCE) {
            let all = some.iter().map(|(_, reminder)| reminder.clone()).collect();
            let kept = self.site.reminders.import(&self.cx(), self.owner, all).await;
            self.brought.reminders += match kept {
                Err(ReminderError::Invalid { .. }) => return Err(self.refused_reminder(some).await),
                kept => kept.map_err(reminder_problem)?,
            };
        }
        Ok(())
    }

    /// The same of reminders.
    async fn refused_reminder(&self, reminders: &[(usize, Reminder)]) -> Problem {
        for (index, reminder) in reminders {
            let kept = self
                .site
                .reminders
                .import(&self.cx(), self.owner, vec![reminder.clone()])
                .await;
            if let Err(error) = kept {
                return reminder_problem(error).field(format!("todos[{index}].reminders"));
            }
        }
        Problem::internal("an import was refused whole, and taken one by one")
    }

    /// Which of `todos` is refused, found by one after the other; those before it are kept.
    async fn refused(&self, todos: Vec<Todo>) -> Problem {
        for (place, todo) in todos.into_iter().enumerate() {
            let index = self.index + place;
            if let Err(error) = self.site.todos.import(&self.cx(), self.owner, vec![todo]).await {
                let mut problem = todo_problem(error);
                let field = problem.field.take();
                return problem.field(match field {
                    Some(field) => format!("todos[{index}].{field}"),
                    None => format!("todos[{index}]"),
                });
            }
        }
        Problem::internal("an import was refused whole, and taken one by one")
    }

    fn cx(&self) -> Cx {
        self.call.cx(Some(&self.owner.to_string()))
    }
}

/// An element by itself.
fn read(bytes: &[u8]) -> Result<Element, Problem> {
    let Json(Object(element)) = Json::<Object<Element>>::from_bytes(bytes)?;
    line("title", &element.title)?;
    element.tags.iter().try_for_each(|tag| line("tags", tag))?;
    if element.reminders.len() as i64 > REMINDERS_MAX {
        let detail = format!("a to-do has {REMINDERS_MAX} at most; leave some out");
        return Err(Problem::invalid("reminders", detail));
    }
    Ok(element)
}

fn wrong_at(wrong: Wrong, index: usize) -> Problem {
    match wrong {
        Wrong::Frame => {
            let detail = "this is no export; send an object with the list `todos`, as /api/export answers it";
            Problem::new(StatusCode::BAD_REQUEST, detail)
        }
        Wrong::Large => {
            let detail = format!("a to-do is larger than {ELEMENT_BYTES_MAX} bytes; make it smaller");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail).field(format!("todos[{index}]"))
        }
    }
}
