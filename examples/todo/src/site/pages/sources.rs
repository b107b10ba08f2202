//! The page of calendars: what is read, how it stands, and what adds and removes it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use terrace::database::Timestamp;
use terrace::front::{Form, Path, Problem, Query, redirect};
use uuid::Uuid;

use super::super::{Site, event_problem, local};
use super::form::{self, Plain};
use super::visitor::Person;
use crate::events::{EventError, Events, Kind, NAME_MAX, NewSource, SOURCES_MAX};
use crate::hidden::Hidden;
use crate::outgoing::ADDRESS_BYTES_MAX;

#[derive(Deserialize)]
pub(super) struct Did {
    #[serde(default)]
    did: String,
}

/// What Facebook sends a person back with.
#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
}

pub(super) async fn page(
    State(site): State<Arc<Site>>,
    person: Person,
    Query(did): Query<Did>,
) -> Result<Response, Problem> {
    let mut values = values(&site, &person).await?;
    values["did"] = match did.did.as_str() {
        "added" => "Added. Its events become to-dos in a moment.",
        "polled" => "It is read now.",
        "removed" => "Removed. The to-dos of its events stay.",
        _ => "",
    }
    .into();
    person.page("sources.html", values)
}

async fn values(site: &Site, person: &Person) -> Result<Value, Problem> {
    let now = Timestamp::from(person.visitor.call.env().wall());
    let found = site.events.list(&person.cx(), person.id()).await;
    let found = found.map_err(event_problem)?;
    let time = |time: Timestamp| local::show(time, person.zone, now);
    let sources = found.sources.iter().map(|source| {
        json!({
            "id": source.id,
            "kind": source.kind.word(),
            "name": source.name,
            "url": source.url,
            "state": source.state.word(),
            "reason": source.reason,
            "events": source.events,
            "read_at": source.read_at.map(time),
            "next_at": source.next_at.map(time),
        })
    });
    Ok(json!({
        "sources": sources.collect::<Vec<_>>(),
        "has_facebook": found.has_facebook,
        "is_facebook_there": found.sources.iter().any(|source| source.kind == Kind::Facebook),
        "key": person.new_key(),
        "address": "", "name": "", "did": "",
        "url_max": ADDRESS_BYTES_MAX, "name_max": NAME_MAX, "sources_max": SOURCES_MAX,
    }))
}

/// The page again, with what is wrong.
async fn again(site: &Site, person: &Person, problem: Problem) -> Result<Response, Problem> {
    let values = values(site, person).await?;
    person.again("sources.html", values, problem)
}

pub(super) async fn add(
    State(site): State<Arc<Site>>,
    person: Person,
    Form(form): Form<form::Source>,
) -> Result<Response, Problem> {
    person.check(&form.csrf)?;
    let new = NewSource {
        url: form.url.clone(),
        name: Some(form.name.trim().to_owned()).filter(|name| !name.is_empty()),
    };
    let cx = match form.key.is_empty() {
        true => person.cx(),
        false => person.once("POST /sources", &form.key),
    };
    let added = site.events.add(&cx, person.id(), new).await;
    let problem = match added {
        Ok(_) => return Ok(redirect("/sources?did=added")),
        Err(EventError::Reused) => {
            Problem::invalid("url", "this form has added another one already; send it once more")
        }
        Err(other) => event_problem(other),
    };
    let mut values = values(&site, &person).await?;
    values["address"] = form.url.into();
    values["name"] = form.name.into();
    person.again("sources.html", values, problem)
}

pub(super) async fn poll(
    State(site): State<Arc<Site>>,
    person: Person,
    Path(text): Path<String>,
    Form(form): Form<Plain>,
) -> Result<Response, Problem> {
    person.check(&form.csrf)?;
    match site.events.poll(&person.cx(), person.id(), id(&text)?).await {
        Ok(_) => Ok(redirect("/sources?did=polled")),
        Err(error) => again(&site, &person, event_problem(error)).await,
    }
}

pub(super) async fn remove(
    State(site): State<Arc<Site>>,
    person: Person,
    Path(text): Path<String>,
    Form(form): Form<Plain>,
) -> Result<Response, Problem> {
    person.check(&form.csrf)?;
    let removed = site.events.remove(&person.cx(), person.id(), id(&text)?).await;
    removed.map_err(event_problem)?;
    Ok(redirect("/sources?did=removed"))
}

/// Leads to Facebook: by a page, since what a form is answered with may lead a browser nowhere else (`form-action` of the front's
/// content security policy).
pub(super) async fn connect(
    State(site): State<Arc<Site>>,
    person: Person,
    Form(form): Form<Plain>,
) -> Result<Response, Problem> {
    person.check(&form.csrf)?;
    match site.events.connect(&person.cx(), person.id()).await {
        Ok(address) => person.page("leave.html", json!({ "to": address, "whom": "Facebook" })),
        Err(error) => again(&site, &person, event_problem(error)).await,
    }
}

/// Back from Facebook, with a code or without one. What it came with was given to this person by `connect`, which stands in for the
/// token of a form.
pub(super) async fn back(
    State(site): State<Arc<Site>>,
    person: Person,
    Query(back): Query<Back>,
) -> Result<Response, Problem> {
    if back.code.is_empty() {
        // Not in the words of the address, which anybody may have written.
        let why = "Facebook is not connected: it says that you have not allowed it; connect it again if you want to";
        let problem = Problem::new(StatusCode::CONFLICT, why);
        return again(&site, &person, problem).await;
    }
    let (state, code) = (Hidden::new(back.state), Hidden::new(back.code));
    match site.events.connected(&person.cx(), person.id(), state, code).await {
        Ok(_) => Ok(redirect("/sources?did=added")),
        Err(error) => again(&site, &person, event_problem(error)).await,
    }
}

fn id(text: &str) -> Result<Uuid, Problem> {
    let problem = || {
        Problem::new(
            StatusCode::NOT_FOUND,
            "there is no such source; it may have been removed",
        )
    };
    Uuid::try_parse(text).map_err(|_| problem())
}
