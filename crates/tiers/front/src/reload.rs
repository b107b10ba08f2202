//! [`reloading`]: pages that load themselves anew while they are written, without a line of it in the application.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use world::Env;

use crate::call::Call;
use crate::events::{Event, Events};
use crate::problem::Problem;

/// Where the script is, and where it hears of another start.
const SCRIPT: &str = "/terrace/reload.js";
const STARTED: &str = "/terrace/started";

/// Bytes of a page that gets the script.
const PAGE_BYTES_MAX: usize = 64 << 20;

/// `router`, whose pages have one more script: it loads them anew once the program was started again. Not for production:
/// each open page holds a connection, and pages are not compressed.
pub fn reloading(router: Router, env: &Env) -> Router {
    let started: Arc<str> = format!("{:032x}", env.random("reload").u128()).into();
    let told = started.clone();
    let events = get(move |call: Call| async move {
        Events::new(&call, move |sender| async move {
            let event = Event::new(&*told).named("started");
            if sender.send(event).await.is_ok() {
                // Until the page is left, or the program ends.
                std::future::pending().await
            }
        })
    });
    router
        .layer(from_fn_with_state(started, add_script))
        .route(SCRIPT, get(script))
        .route(STARTED, events)
}

async fn script() -> Response {
    let kind = HeaderValue::from_static("text/javascript; charset=utf-8");
    let stored = HeaderValue::from_static("no-store");
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, stored)];
    (headers, include_str!("reload.js")).into_response()
}

async fn add_script(State(started): State<Arc<str>>, mut request: Request, next: Next) -> Response {
    // What is compressed could not be added to.
    request.headers_mut().remove(header::ACCEPT_ENCODING);
    let is_read = request.method() != Method::HEAD && !is_fetched(request.headers());
    let shows_pages = accepts_page(request.headers());
    let response = next.run(request).await;
    let is_problem = shows_pages && is(response.headers(), "application/problem+json");
    if !is_read || !is_problem && !is(response.headers(), "text/html") {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(mut page) = to_bytes(body, PAGE_BYTES_MAX).await else {
        return Problem::internal("a page that could not be read to its end").into_response();
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    if is_problem {
        // Where a page should be there is one, which is loaded anew once what is wrong with it is mended.
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        parts.headers.insert(header::CONTENT_TYPE, kind);
        page = problem_page(parts.status, &String::from_utf8_lossy(&page)).into();
    }
    let script = format!("<script src=\"{SCRIPT}\" data-started=\"{started}\" defer></script>\n");
    // A parser takes what comes behind `</html>` for a part of the body (WHATWG HTML, 13.2.6.4.22).
    Response::from_parts(parts, Body::from([&page, script.as_bytes()].concat()))
}

/// Whether a script asks, which takes what it wants from the page.
fn is_fetched(headers: &HeaderMap) -> bool {
    let to = headers.get("sec-fetch-dest");
    to.is_some_and(|to| to != "document" && to != "iframe")
}

/// Whether a browser is to show what comes.
fn accepts_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|kinds| kinds.to_str().ok());
    accepted.is_some_and(|kinds| kinds.contains("text/html"))
}

fn is(headers: &HeaderMap, wanted: &str) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with(wanted)) && !headers.contains_key(header::CONTENT_ENCODING)
}

fn problem_page(status: StatusCode, said: &str) -> String {
    let said = said.replace('&', "&amp;").replace('<', "&lt;");
    format!("<!doctype html>\n<meta charset=\"utf-8\">\n<title>{status}</title>\n<pre>{said}</pre>\n")
}
