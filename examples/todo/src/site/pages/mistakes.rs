//! Problems as pages.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use terrace::front::Problem;

use super::super::Site;

/// Bytes of a problem, which quotes little of what was sent.
const PROBLEM_BYTES_MAX: usize = 16 << 10;

/// What a problem says.
#[derive(Deserialize)]
struct Said {
    title: String,
    detail: String,
}

pub(super) async fn nothing() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "there is no such page; it may have been moved or deleted",
    )
}

pub(super) async fn not_so() -> Problem {
    let detail = "this page is not asked for in that way; go back and try again from there";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

/// Makes a page of each problem, wherever it comes from: a handler, an extractor, or a route that is not there.
pub(super) async fn as_pages(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    // A script reads what it asks for itself.
    let wants_json = request
        .headers()
        .get(header::ACCEPT)
        .is_some_and(|kind| kind == "application/json");
    let response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE);
    if wants_json || kind.is_none_or(|kind| kind != "application/problem+json") {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, PROBLEM_BYTES_MAX).await.unwrap_or_default();
    let said = serde_json::from_slice(&bytes).unwrap_or(Said {
        title: "Error".to_owned(),
        detail: "something went wrong; try again".to_owned(),
    });
    let status = parts.status.as_u16();
    let page = site.templates.render(
        "problem.html",
        json!({ "title": said.title, "detail": said.detail, "status": status, "person": null, "csrf": "" }),
    );
    let Ok(page) = page else {
        return (parts, bytes).into_response();
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    parts.headers.insert(header::CONTENT_TYPE, kind);
    (parts, page.0).into_response()
}
