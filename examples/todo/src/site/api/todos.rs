//! To-dos of whoever asks: list, add, get, edit, delete.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer, Serialize};
use terrace::front::{Json, Path, Problem, Query};

use super::super::{Site, todo_problem};
use super::body::{Moment, Object, Shown, line, present};
use super::{Bearer, id};
use crate::todos::{Change, Due, Filter, LIST_MAX, NewTodo, Todos};

/// To-dos of a page, where nothing else is asked for.
const LIMIT_DEFAULT: u32 = 50;

/// What is asked of a list; an empty text is as none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default, deserialize_with = "truth")]
    done: Option<bool>,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    after: String,
    #[serde(default = "limit_default")]
    limit: u32,
}

#[derive(Serialize)]
struct Listed {
    todos: Vec<Shown>,
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    title: String,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    due: Option<Moment>,
    #[serde(default)]
    tags: Vec<String>,
}

/// A merge patch (RFC 7396): what is not there stays, `null` takes away what may be missing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Patch {
    #[serde(default, deserialize_with = "present")]
    title: Option<String>,
    #[serde(default, deserialize_with = "present")]
    done: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    due: Option<Option<Moment>>,
    #[serde(default, deserialize_with = "present")]
    tags: Option<Option<Vec<String>>>,
}

pub(super) async fn list(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    if !(1..=LIST_MAX).contains(&asked.limit) {
        return Err(Problem::invalid("limit", format!("write 1 to {LIST_MAX}")));
    }
    for (field, text) in [("tag", &asked.tag), ("q", &asked.q)] {
        line(field, text)?;
    }
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let filter = Filter {
        done: asked.done,
        tag: given(asked.tag),
        q: given(asked.q),
        after: given(asked.after),
        limit: asked.limit,
    };
    let page = site
        .todos
        .list(&bearer.cx(), bearer.owner, filter)
        .await
        .map_err(todo_problem)?;
    Ok(private(Json(Listed {
        todos: page.todos.into_iter().map(Shown::from).collect(),
        next: page.next,
    })))
}

pub(super) async fn add(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    headers: HeaderMap,
    Json(Object(new)): Json<Object<New>>,
) -> Result<Response, Problem> {
    line("title", &new.title)?;
    all_lines(&new.tags)?;
    let cx = bearer.once(&headers, "POST /api/todos")?;
    let new = NewTodo {
        title: new.title,
        done: new.done,
        due: new.due.map(|due| due.0),
        tags: new.tags,
    };
    let todo = site.todos.add(&cx, bearer.owner, new).await.map_err(todo_problem)?;
    let address = HeaderValue::try_from(format!("/api/todos/{}", todo.id)).map_err(Problem::internal)?;
    let mut response = private(Json(Shown::from(todo)));
    *response.status_mut() = StatusCode::CREATED;
    response.headers_mut().insert(header::LOCATION, address);
    Ok(response)
}

pub(super) async fn get(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let found = site.todos.get(&bearer.cx(), bearer.owner, id(&text)?).await;
    Ok(private(Json(Shown::from(found.map_err(todo_problem)?))))
}

pub(super) async fn edit(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(text): Path<String>,
    Json(Object(patch)): Json<Object<Patch>>,
) -> Result<Response, Problem> {
    let id = id(&text)?;
    if let Some(title) = &patch.title {
        line("title", title)?;
    }
    let tags = patch.tags.map(Option::unwrap_or_default);
    all_lines(tags.as_deref().unwrap_or_default())?;
    let change = Change {
        title: patch.title,
        done: patch.done,
        due: match patch.due {
            None => Due::Keep,
            Some(None) => Due::Never,
            Some(Some(at)) => Due::At(at.0),
        },
        tags,
    };
    let edited = site.todos.edit(&bearer.cx(), bearer.owner, id, change).await;
    Ok(private(Json(Shown::from(edited.map_err(todo_problem)?))))
}

pub(super) async fn delete(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(text): Path<String>,
) -> Result<StatusCode, Problem> {
    let deleted = site.todos.delete(&bearer.cx(), bearer.owner, id(&text)?).await;
    deleted.map_err(todo_problem)?;
    Ok(StatusCode::NO_CONTENT)
}

fn all_lines(tags: &[String]) -> Result<(), Problem> {
    tags.iter().try_for_each(|tag| line("tags", tag))
}

/// What is one person's is kept by nobody between.
pub(super) fn private(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    let stored = HeaderValue::from_static("private, no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, stored);
    response
}

fn limit_default() -> u32 {
    LIMIT_DEFAULT
}

fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "" => Ok(None),
        "true" => Ok(Some(true)),
        "false" => Ok(Some(false)),
        _ => Err(serde::de::Error::custom("write true or false")),
    }
}
