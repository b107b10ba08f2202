//! The two routes, and what every request goes through.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::HttpBody;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, FromRequestParts, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::{DateTime, SubsecRound, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::problem::Problem;
use super::store::{Added, Store};
use super::todo::{Filter, NewTodo, Page, record};

const BODY_BYTES_MAX: usize = 1 << 20;
const REQUEST_TIME: Duration = Duration::from_secs(30);
const KEY_BYTES_MAX: usize = 255;
const REQUEST_ID_BYTES_MAX: usize = 128;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The headers of every answer, the same as ours adds.
const HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; \
         frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

pub(super) fn router(store: Arc<Store>) -> Router {
    Router::new()
        .route("/api/todos", get(list).post(add))
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "there is no such page"))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(around))
        .with_state(store)
}

/// The account that a request's token belongs to.
struct Person(Uuid);

impl FromRequestParts<Arc<Store>> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, store: &Arc<Store>) -> Result<Person, Problem> {
        let given = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let token = given.and_then(|value| value.strip_prefix("Bearer "));
        let nobody = || Problem::new(StatusCode::UNAUTHORIZED, "send `Authorization: Bearer TOKEN`");
        let digest = Sha256::digest(token.ok_or_else(nobody)?).to_vec();
        store.person(digest).await?.map(Person).ok_or_else(nobody)
    }
}

async fn list(
    State(store): State<Arc<Store>>,
    Person(owner): Person,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<Page>, Problem> {
    let Query(filter) = filter?;
    let (limit, after) = (filter.limit()?, filter.after()?);
    let todos = store.list(owner, filter, after, limit + 1).await?;
    Ok(Json(Page::new(todos, limit)))
}

async fn add(
    State(store): State<Arc<Store>>,
    Person(owner): Person,
    headers: HeaderMap,
    new: Result<Json<NewTodo>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(new) = new?;
    let record = match headers.get(IDEMPOTENCY_KEY) {
        None => Uuid::new_v4(),
        Some(key) => {
            let key = key.to_str().ok().filter(|key| (1..=KEY_BYTES_MAX).contains(&key.len()));
            record(
                owner,
                key.ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "the idempotency key is no short text"))?,
            )
        }
    };
    let digest = new.digest(owner);
    let todo = new.checked(DateTime::trunc_subsecs(Utc::now(), 6))?;
    match store.add(owner, record, digest, todo).await? {
        Added::Answer(body) => {
            Ok((StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], body).into_response())
        }
        Added::Reused => Err(Problem::field(
            IDEMPOTENCY_KEY,
            "this key was used for another to-do; use a new one",
        )),
        Added::Full => Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "there are too many to-dos already; delete some",
        )),
        Added::Forgotten => Err(Problem::new(StatusCode::NOT_FOUND, "there is no such person")),
    }
}

/// The request's id and time, the access log, the headers of every answer.
async fn around(request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let given = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok());
    let is_plain = |id: &&str| {
        (1..=REQUEST_ID_BYTES_MAX).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let id = given
        .filter(is_plain)
        .map_or_else(|| Uuid::new_v4().simple().to_string(), str::to_owned);
    let mut response = tokio::time::timeout(REQUEST_TIME, next.run(request))
        .await
        .unwrap_or_else(|_| {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "it took too long; try again").into_response()
        });
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let (status, bytes) = (response.status().as_u16(), response.body().size_hint().exact());
    tracing::info!(
        method = method.as_str(),
        path,
        status,
        bytes,
        duration_us = begin.elapsed().as_micros(),
        request_id = id,
        "request"
    );
    response
}
