//! The list of a person's to-dos, and what adds to it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use terrace::database::Timestamp;
use terrace::front::{Form, Problem, Query, redirect};
use uuid::Uuid;

use super::super::{Site, local, reminder_problem, todo_problem};
use super::form::{self, back, tags};
use super::visitor::{Person, Visitor, encoded};
use crate::reminders::{Reminder, Reminders, State as Standing};
use crate::todos::{Filter, NewTodo, Overview, TAG_MAX, TITLE_MAX, Todo, TodoError, Todos};

/// To-dos of one page.
const LIMIT: u32 = 50;

/// Tags beside the list; the others are found by a search.
const TAGS_SHOWN_MAX: usize = 30;

/// What is asked of the list; an empty text is as none.
#[derive(Clone, Default, Deserialize)]
pub(super) struct Asked {
    /// `open`, `done` or `all`.
    #[serde(default)]
    show: String,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    after: String,
    /// What was done just now, to which to-do: so it can be taken back.
    #[serde(default)]
    did: String,
    #[serde(default)]
    to: String,
    /// The to-do of a mailed link.
    #[serde(default)]
    todo: String,
}

impl Asked {
    fn show(&self) -> &'static str {
        match self.show.as_str() {
            "done" => "done",
            "all" => "all",
            _ => "open",
        }
    }

    /// As a query, but for what changes: `show`, `tag`, `q`.
    fn query(&self, show: &str, tag: &str, q: &str) -> String {
        let mut parts = Vec::new();
        if show != "open" {
            parts.push(format!("show={show}"));
        }
        for (name, value) in [("tag", tag), ("q", q)] {
            if !value.is_empty() {
                parts.push(format!("{name}={}", encoded(value)));
            }
        }
        parts.join("&")
    }

    /// Where the browser is, without what was done there.
    fn here(&self) -> String {
        let mut query = self.query(self.show(), &self.tag, &self.q);
        if !self.after.is_empty() {
            let joint = if query.is_empty() { "" } else { "&" };
            query += &format!("{joint}after={}", encoded(&self.after));
        }
        query
    }

    fn of_query(query: &str) -> Asked {
        let uri = format!("/?{query}").parse();
        let asked = uri
            .ok()
            .and_then(|uri| axum::extract::Query::<Asked>::try_from_uri(&uri).ok());
        asked.map(|asked| asked.0).unwrap_or_default()
    }
}

/// What a person has begun to write.
#[derive(Default)]
struct Draft {
    title: String,
    due: String,
    tags: String,
}

pub(super) async fn home(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let Some(account) = visitor.account().await? else {
        if let Ok(todo) = Uuid::try_parse(&asked.todo) {
            return Ok(redirect(&format!("/sign-in?next=%2Ftodos%2F{todo}")));
        }
        return visitor.page("welcome.html", json!({}));
    };
    // The link of a reminder.
    if let Ok(todo) = Uuid::try_parse(&asked.todo) {
        return Ok(redirect(&format!("/todos/{todo}")));
    }
    let person = visitor.known(account);
    match values(&site, &person, &asked, Draft::default()).await {
        Ok(values) => person.page("list.html", values),
        // Such as a cursor of a former page.
        Err(problem) if problem.field.is_some() => {
            let values = values(&site, &person, &Asked::default(), Draft::default()).await?;
            person.again("list.html", values, problem)
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn add(
    State(site): State<Arc<Site>>,
    person: Person,
    Form(form): Form<form::Todo>,
) -> Result<Response, Problem> {
    person.check(&form.csrf)?;
    match added(&site, &person, &form).await {
        Ok(()) => Ok(redirect(&back(&form.back))),
        Err(problem) => {
            let draft = Draft {
                title: form.title,
                due: form.due,
                tags: form.tags,
            };
            let values = values(&site, &person, &Asked::of_query(&form.back), draft).await?;
            person.again("list.html", values, problem)
        }
    }
}

async fn added(site: &Site, person: &Person, form: &form::Todo) -> Result<(), Problem> {
    let new = NewTodo {
        title: form.title.clone(),
        done: false,
        due: due(&form.due, person)?,
        tags: tags(&form.tags),
    };
    let cx = match form.key.is_empty() {
        true => person.cx(),
        false => person.once("POST /todos", &form.key),
    };
    let added = site.todos.add(&cx, person.id(), new).await;
    added.map(drop).map_err(|error| match error {
        TodoError::Reused => {
            let detail = "this form has added another to-do already; send it once more to add this one too";
            Problem::invalid("title", detail)
        }
        other => todo_problem(other),
    })
}

/// What a field for a time says, which may be empty.
pub(super) fn due(text: &str, person: &Person) -> Result<Option<Timestamp>, Problem> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let read = local::read(text, person.zone).map(Some);
    read.ok_or_else(|| {
        Problem::invalid(
            "due",
            "this is no time; write it as 2030-05-01T18:00, or leave it empty",
        )
    })
}

async fn values(site: &Site, person: &Person, asked: &Asked, draft: Draft) -> Result<Value, Problem> {
    let (cx, owner) = (person.cx(), person.id());
    // Before the list, so that what comes in between is shown soon rather than missed.
    let overview = site.todos.overview(&cx, owner).await.map_err(todo_problem)?;
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let filter = Filter {
        done: match asked.show() {
            "open" => Some(false),
            "done" => Some(true),
            _ => None,
        },
        tag: given(&asked.tag),
        q: given(&asked.q),
        after: given(&asked.after),
        limit: LIMIT,
    };
    let page = site.todos.list(&cx, owner, filter).await.map_err(todo_problem)?;
    let ids = page.todos.iter().map(|todo| todo.id).collect();
    let reminders = site.reminders.list(&cx, owner, ids).await.map_err(reminder_problem)?;
    let here = asked.here();
    let next = page.next.map(|next| {
        let query = asked.query(asked.show(), &asked.tag, &asked.q);
        let joint = if query.is_empty() { "" } else { "&" };
        format!("/?{query}{joint}after={}", encoded(&next))
    });
    let todos: Vec<Value> = page.todos.iter().map(|todo| shown(person, todo, &reminders)).collect();
    let address = |show: &str, tag: &str| address(&asked.query(show, tag, &asked.q));
    Ok(json!({
        "todos": todos,
        "next": next,
        "is_first": asked.after.is_empty(),
        "tabs": [
            { "name": "Open", "count": overview.open, "address": address("open", &asked.tag), "is_here": asked.show() == "open" },
            { "name": "Done", "count": overview.done, "address": address("done", &asked.tag), "is_here": asked.show() == "done" },
            { "name": "All", "count": overview.open + overview.done, "address": address("all", &asked.tag), "is_here": asked.show() == "all" },
        ],
        "tags": tags_shown(asked, &overview),
        "all": self::address(&asked.query(asked.show(), "", "")),
        "show": asked.show(), "tag": asked.tag, "q": asked.q,
        "back": here,
        "revision": overview.revision,
        "undo": undo(asked),
        "key": person.new_key(),
        "draft": { "title": draft.title, "due": draft.due, "tags": if draft.tags.is_empty() { asked.tag.clone() } else { draft.tags } },
        "title_max": TITLE_MAX, "tag_max": TAG_MAX,
    }))
}

fn address(query: &str) -> String {
    match query {
        "" => "/".to_owned(),
        query => format!("/?{query}"),
    }
}

fn tags_shown(asked: &Asked, overview: &Overview) -> Vec<Value> {
    let shown = overview.tags.iter().take(TAGS_SHOWN_MAX).map(|(tag, count)| {
        let is_here = *tag == asked.tag;
        let to = if is_here { "" } else { tag };
        json!({ "name": tag, "count": count, "is_here": is_here, "address": address(&asked.query(asked.show(), to, "")) })
    });
    shown.collect()
}

/// What can be taken back of what was just done.
fn undo(asked: &Asked) -> Value {
    let what = match asked.did.as_str() {
        "done" => "Completed.",
        "deleted" => "Deleted.",
        "opened" => "Open again.",
        _ => return Value::Null,
    };
    let id = Uuid::try_parse(&asked.to);
    id.map_or(Value::Null, |id| json!({ "what": what, "id": id }))
}

/// A to-do as a page shows it.
pub(super) fn shown(person: &Person, todo: &Todo, reminders: &[Reminder]) -> Value {
    let now = Timestamp::from(person.visitor.call.env().wall());
    let time = |time| local::show(time, person.zone, now);
    let of_it = reminders.iter().filter(|reminder| reminder.todo == todo.id);
    let of_it: Vec<Value> = of_it
        .map(|reminder| {
            let state = match reminder.state {
                Standing::Waiting => "waiting",
                Standing::Suspended => "suspended",
                Standing::Sent => "sent",
            };
            json!({ "id": reminder.id, "at": time(reminder.at), "state": state })
        })
        .collect();
    let tags = todo
        .tags
        .iter()
        .map(|tag| json!({ "name": tag, "address": format!("/?tag={}", encoded(tag)) }));
    json!({
        "id": todo.id,
        "title": todo.title,
        "done": todo.done,
        "due": todo.due.map(time),
        "tags": tags.collect::<Vec<_>>(),
        "tags_text": todo.tags.join(", "),
        "created_at": time(todo.created_at),
        "waiting": of_it.iter().filter(|reminder| reminder["state"] == "waiting").count(),
        "reminders": of_it,
    })
}
