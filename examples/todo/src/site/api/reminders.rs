//! Reminders of a to-do.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use terrace::front::{Json, Path, Problem};
use uuid::Uuid;

use super::super::{Site, reminder_problem, todo_problem};
use super::body::{Moment, Object};
use super::todos::private;
use super::{Bearer, id};
use crate::reminders::{Reminder, Reminders, State as Standing};
use crate::todos::Todos;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    at: Moment,
}

/// A reminder as the API shows it.
#[derive(Serialize)]
pub(super) struct Shown {
    id: Uuid,
    at: Moment,
    state: &'static str,
}

#[derive(Serialize)]
struct Listed {
    reminders: Vec<Shown>,
}

impl From<&Reminder> for Shown {
    fn from(reminder: &Reminder) -> Shown {
        Shown {
            id: reminder.id,
            at: Moment(reminder.at),
            state: match reminder.state {
                Standing::Waiting => "waiting",
                Standing::Suspended => "suspended",
                Standing::Sent => "sent",
            },
        }
    }
}

pub(super) async fn list(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let todo = id(&text)?;
    let cx = bearer.cx();
    site.todos.get(&cx, bearer.owner, todo).await.map_err(todo_problem)?;
    let found = site.reminders.list(&cx, bearer.owner, vec![todo]).await;
    let reminders = found.map_err(reminder_problem)?.iter().map(Shown::from).collect();
    Ok(private(Json(Listed { reminders })))
}

pub(super) async fn add(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(text): Path<String>,
    headers: HeaderMap,
    Json(Object(new)): Json<Object<New>>,
) -> Result<Response, Problem> {
    let todo = id(&text)?;
    let cx = bearer.once(&headers, &format!("POST /api/todos/{todo}/reminders"))?;
    let added = site.reminders.add(&cx, bearer.owner, todo, new.at.0).await;
    let shown = Shown::from(&added.map_err(reminder_problem)?);
    Ok((StatusCode::CREATED, private(Json(shown))).into_response())
}
