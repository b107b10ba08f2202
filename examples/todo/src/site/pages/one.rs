//! One to-do: its page, and what is done to it from there or from the list.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use terrace::front::{Form, Path, Problem, redirect};
use uuid::Uuid;

use super::super::{Site, local, reminder_problem, todo_problem};
use super::form::{self, back, tags};
use super::list::{due, shown};
use super::visitor::Person;
use crate::reminders::{REMINDERS_MAX, Reminders};
use crate::todos::{Change, Due, TITLE_MAX, Todos};

pub(super) async fn page(
    State(site): State<Arc<Site>>,
    person: Person,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let values = values(&site, &person, id(&text)?).await?;
    person.page("todo.html", values)
}

async fn values(site: &Site, person: &Person, id: Uuid) -> Result<Value, Problem> {
    let cx = person.cx();
    let todo = site.todos.get(&cx, person.id(), id).await.map_err(todo_problem)?;
    let found = site.reminders.list(&cx, person.id(), vec![id]).await;
    let reminders = found.map_err(reminder_problem)?;
    Ok(json!({
        "todo": shown(person, &todo, &reminders),
        "key": person.new_key(),
        "title_max": TITLE_MAX,
        "reminders_max": REMINDERS_MAX,
        "at": "",
    }))
}

pub(super) async fn save(
    State(site): State<Arc<Site>>,
    person: Person,
    Path(text): Path<String>,
    Form(form): Form<form::Todo>,
) -> Result<Response, Problem> {
    person.check(&form.csrf)?;
    let id = id(&text)?;
    match saved(&site, &person, id, &form).await {
        Ok(()) => Ok(redirect(&back(&form.back))),
        Err(problem) => {
            let mut values = values(&site, &person, id).await?;
            values["todo"]["title"] = form.title.into();
            values["todo"]["tags_text"] = form.tags.into();
            // The template reads nothing else of it.
            values["todo"]["due"] = match form.due.is_empty() {
                true => Value::Null,
                false => json!({ "input": form.due }),
            };
            person.again("todo.html", values, problem)
        }
    }
}

async fn saved(site: &Site, person: &Person, id: Uuid, form: &form::Todo) -> Result<(), Problem> {
    // A field holds less than a to-do: no seconds, no second 02:30, no comma within a tag. What was not touched stays.
    let before = site.todos.get(&person.cx(), person.id(), id).await;
    let before = before.map_err(todo_problem)?;
    let was = before.due.map(|due| local::input(due, person.zone)).unwrap_or_default();
    let change = Change {
        title: Some(form.title.clone()),
        done: None,
        due: match form.due.trim() == was {
            true => Due::Keep,
            false => due(&form.due, person)?.map_or(Due::Never, Due::At),
        },
        tags: (form.tags != before.tags.join(", ")).then(|| tags(&form.tags)),
    };
    edit(site, person, id, change).await
}

async fn edit(site: &Site, person: &Person, id: Uuid, change: Change) -> Result<(), Problem> {
    let edited = site.todos.edit(&person.cx(), person.id(), id, change).await;
    edited.map(drop).map_err(todo_problem)
}

pub(super) async fn done(
    State(site): State<Arc<Site>>,
    person: Person,
    Path(text): Path<String>,
    Form(form): Form<form::Plain>,
) -> Result<Response, Problem> {
    set_done(&site, &person, &text, &form, true).await
}

pub(super) async fn reopen(
    State(site): State<Arc<Site>>,
    person: Person,
    Path(text): Path<String>,
    Form(form): Form<form::Plain>,
) -> Result<Response, Problem> {
    set_done(&site, &person, &text, &form, false).await
}

async fn set_done(
    site: &Site,
    person: &Person,
    text: &str,
    form: &form::Plain,
    is_done: bool,
) -> Result<Response, Problem> {
    person.check(&form.csrf)?;
    let id = id(text)?;
    let change = Change {
        done: Some(is_done),
        ..Change::default()
    };
    edit(site, person, id, change).await?;
    let did = if is_done { "done" } else { "opened" };
    Ok(redirect(&with_undo(&form.back, did, id)))
}

pub(super) async fn delete(
    State(site): State<Arc<Site>>,
    person: Person,
    Path(text): Path<String>,
    Form(form): Form<form::Plain>,
) -> Result<Response, Problem> {
    person.check(&form.csrf)?;
    let id = id(&text)?;
    let deleted = site.todos.delete(&person.cx(), person.id(), id).await;
    deleted.map_err(todo_problem)?;
    Ok(redirect(&with_undo(&form.back, "deleted", id)))
}

pub(super) async fn undo(
    State(site): State<Arc<Site>>,
    person: Person,
    Path(text): Path<String>,
    Form(form): Form<form::Plain>,
) -> Result<Response, Problem> {
    person.check(&form.csrf)?;
    let undone = site.todos.undo(&person.cx(), person.id(), id(&text)?).await;
    undone.map_err(todo_problem)?;
    Ok(redirect(&back(&form.back)))
}

pub(super) async fn remind(
    State(site): State<Arc<Site>>,
    person: Person,
    Path(text): Path<String>,
    Form(form): Form<form::Reminder>,
) -> Result<Response, Problem> {
    person.check(&form.csrf)?;
    let id = id(&text)?;
    match reminded(&site, &person, id, &form).await {
        Ok(()) => Ok(redirect(&format!("/todos/{id}"))),
        Err(problem) => {
            let mut values = values(&site, &person, id).await?;
            values["at"] = form.at.into();
            person.again("todo.html", values, problem)
        }
    }
}

async fn reminded(site: &Site, person: &Person, id: Uuid, form: &form::Reminder) -> Result<(), Problem> {
    let at = local::read(&form.at, person.zone);
    let at = at.ok_or_else(|| Problem::invalid("at", "this is no time; write it as 2030-05-01T18:00"))?;
    let cx = match form.key.is_empty() {
        true => person.cx(),
        false => person.once(&format!("POST /todos/{id}/reminders"), &form.key),
    };
    let added = site.reminders.add(&cx, person.id(), id, at).await;
    added.map(drop).map_err(reminder_problem)
}

pub(super) async fn remove_reminder(
    State(site): State<Arc<Site>>,
    person: Person,
    Path((text, reminder)): Path<(String, String)>,
    Form(form): Form<form::Plain>,
) -> Result<Response, Problem> {
    person.check(&form.csrf)?;
    let todo = id(&text)?;
    let removed = site.reminders.remove(&person.cx(), person.id(), id(&reminder)?).await;
    removed.map_err(reminder_problem)?;
    Ok(redirect(&format!("/todos/{todo}")))
}

fn id(text: &str) -> Result<Uuid, Problem> {
    let problem = || {
        Problem::new(
            StatusCode::NOT_FOUND,
            "there is no such to-do; it may have been deleted",
        )
    };
    Uuid::try_parse(text).map_err(|_| problem())
}

/// The list, with what was done there and can be taken back.
fn with_undo(query: &str, did: &str, id: Uuid) -> String {
    let list = back(query);
    let joint = if list.contains('?') { '&' } else { '?' };
    format!("{list}{joint}did={did}&to={id}")
}
