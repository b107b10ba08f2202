//! Sources of events.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use terrace::front::{Json, Path, Problem};
use uuid::Uuid;

use super::super::{Site, event_problem};
use super::Bearer;
use super::body::{Moment, Object, line};
use super::todos::private;
use crate::events::{Events, NewSource, Source};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    url: String,
    #[serde(default)]
    name: Option<String>,
}

/// A source as the API shows it.
#[derive(Serialize)]
struct Shown {
    id: Uuid,
    kind: &'static str,
    name: String,
    url: Option<String>,
    state: &'static str,
    reason: Option<String>,
    events: u64,
    created_at: Moment,
    read_at: Option<Moment>,
    next_at: Option<Moment>,
}

#[derive(Serialize)]
struct Listed {
    sources: Vec<Shown>,
}

impl From<Source> for Shown {
    fn from(source: Source) -> Shown {
        Shown {
            id: source.id,
            kind: source.kind.word(),
            name: source.name,
            url: source.url,
            state: source.state.word(),
            reason: source.reason,
            events: source.events,
            created_at: Moment(source.created_at),
            read_at: source.read_at.map(Moment),
            next_at: source.next_at.map(Moment),
        }
    }
}

pub(super) async fn list(State(site): State<Arc<Site>>, bearer: Bearer) -> Result<Response, Problem> {
    let found = site.events.list(&bearer.cx(), bearer.owner).await;
    let sources = found.map_err(event_problem)?.sources;
    let sources = sources.into_iter().map(Shown::from).collect();
    Ok(private(Json(Listed { sources })))
}

pub(super) async fn add(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    headers: HeaderMap,
    Json(Object(new)): Json<Object<New>>,
) -> Result<Response, Problem> {
    line("url", &new.url)?;
    line("name", new.name.as_deref().unwrap_or_default())?;
    let cx = bearer.once(&headers, "POST /api/sources")?;
    let new = NewSource {
        url: new.url,
        name: new.name,
    };
    let added = site.events.add(&cx, bearer.owner, new).await;
    let source = added.map_err(event_problem)?;
    let address = HeaderValue::try_from(format!("/api/sources/{}", source.id)).map_err(Problem::internal)?;
    let mut response = private(Json(Shown::from(source)));
    *response.status_mut() = StatusCode::CREATED;
    response.headers_mut().insert(header::LOCATION, address);
    Ok(response)
}

pub(super) async fn get(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let found = site.events.get(&bearer.cx(), bearer.owner, id(&text)?).await;
    Ok(private(Json(Shown::from(found.map_err(event_problem)?))))
}

/// Has it read now; the answer does not wait for that.
pub(super) async fn poll(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let polled = site.events.poll(&bearer.cx(), bearer.owner, id(&text)?).await;
    let shown = Shown::from(polled.map_err(event_problem)?);
    Ok((StatusCode::ACCEPTED, private(Json(shown))).into_response())
}

pub(super) async fn remove(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(text): Path<String>,
) -> Result<StatusCode, Problem> {
    let removed = site.events.remove(&bearer.cx(), bearer.owner, id(&text)?).await;
    removed.map_err(event_problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The id in an address. What is no id is nobody's.
fn id(text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| Problem::new(StatusCode::NOT_FOUND, "there is no such source"))
}
