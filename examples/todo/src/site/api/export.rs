//! All of a person's data, streamed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::Channel;
use http_body_util::channel::Sender;
use serde::Serialize;
use terrace::Cx;
use terrace::database::Timestamp;
use terrace::front::{Call, Problem};
use uuid::Uuid;

use super::super::{Site, reminder_problem, todo_problem};
use super::Bearer;
use super::body::{Moment, Shown};
use super::reminders;
use super::todos::private;
use crate::reminders::Reminders;
use crate::todos::{Filter, LIST_MAX, Todos};

/// What the form of an export is called; one that is not known is refused.
pub(crate) const VERSION: u32 = 1;

/// The time for an export or an import.
pub(super) const TIME_MAX: Duration = Duration::from_secs(10 * 60);

/// Pages that wait for whoever takes them.
const PAGES_WAITING_MAX: usize = 2;

#[derive(Serialize)]
struct Element {
    #[serde(flatten)]
    todo: Shown,
    reminders: Vec<reminders::Shown>,
}

pub(super) async fn export(State(site): State<Arc<Site>>, bearer: Bearer) -> Result<Response, Problem> {
    let email = bearer.email.clone();
    stream(site, bearer.call, bearer.owner, &email).await
}

/// The answer to `call`: what `owner` has. A page is read when the one before it was taken.
pub(crate) async fn stream(site: Arc<Site>, call: Call, owner: Uuid, email: &str) -> Result<Response, Problem> {
    call.allow(0, TIME_MAX);
    // Before the answer begins, so that whatever hinders is still said.
    let (first, next) = page(&site, &cx(&call, owner), owner, None).await?;
    let now = Moment(Timestamp::from(call.env().wall()));
    let email = serde_json::to_string(email).map_err(Problem::internal)?;
    let exported_at = serde_json::to_string(&now).map_err(Problem::internal)?;
    let head = format!("{{\"version\":{VERSION},\"email\":{email},\"exported_at\":{exported_at},\"todos\":[");
    let (sender, body) = Channel::<Bytes, io::Error>::new(PAGES_WAITING_MAX);
    let env = call.env().clone();
    // It ends when the last page is sent, or nobody takes it.
    drop(env.spawn("export", async move {
        send(sender, site, call, owner, head + &first, next).await
    }));
    let mut response = private(Body::new(body).into_response());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let file = HeaderValue::from_static("attachment; filename=\"todos.json\"");
    headers.insert(header::CONTENT_DISPOSITION, file);
    Ok(response)
}

async fn send(
    mut sender: Sender<Bytes, io::Error>,
    site: Arc<Site>,
    call: Call,
    owner: Uuid,
    first: String,
    mut next: Option<String>,
) {
    if sender.send_data(first.into()).await.is_err() {
        return;
    }
    while let Some(after) = next {
        match page(&site, &cx(&call, owner), owner, Some(after)).await {
            Ok((text, following)) => {
                if sender.send_data(format!(",{text}").into()).await.is_err() {
                    return;
                }
                next = following;
            }
            // Without its end it is no JSON, so nobody takes it for whole.
            Err(problem) => {
                tracing::error!(target: "todo::site", %problem, "an export was cut short");
                return sender.abort(io::Error::other("cut short"));
            }
        }
    }
    // Whoever is gone by now needs no end.
    let _ = sender.send_data(Bytes::from_static(b"]}\n")).await;
}

fn cx(call: &Call, owner: Uuid) -> Cx {
    call.cx(Some(&owner.to_string()))
}

/// The next to-dos with their reminders as JSON without its brackets, and where the rest begins.
async fn page(site: &Site, cx: &Cx, owner: Uuid, after: Option<String>) -> Result<(String, Option<String>), Problem> {
    let filter = Filter {
        after,
        limit: LIST_MAX,
        ..Filter::default()
    };
    let page = site.todos.list(cx, owner, filter).await.map_err(todo_problem)?;
    let ids = page.todos.iter().map(|todo| todo.id).collect();
    let found = site.reminders.list(cx, owner, ids).await.map_err(reminder_problem)?;
    let mut text = String::new();
    for todo in page.todos {
        let of_it = found.iter().filter(|reminder| reminder.todo == todo.id);
        let element = Element {
            reminders: of_it.map(reminders::Shown::from).collect(),
            todo: Shown::from(todo),
        };
        if !text.is_empty() {
            text.push(',');
        }
        text += &serde_json::to_string(&element).map_err(Problem::internal)?;
    }
    Ok((text, page.next))
}
