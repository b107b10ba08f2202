//! The JSON API, for whoever has a token. Every refusal is problem+json.

mod body;
mod bring;
mod export;
mod reminders;
mod scan;
mod sources;
mod todos;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use chrono::Datelike;
use terrace::Cx;
use terrace::front::{Call, Problem};
use uuid::Uuid;

use super::{Site, account_problem};
use crate::accounts::{AccountError, Accounts};
use crate::hidden::Hidden;

/// Bytes of an `Idempotency-Key`.
const KEY_BYTES_MAX: usize = 255;
/// Bytes of a token.
const TOKEN_BYTES_MAX: usize = 500;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

pub(super) use bring::bring;
pub(super) use export::stream as export;

/// The description of this API, OpenAPI 3.1; a test holds it to the limits of the components.
pub(super) const DESCRIPTION: &str = include_str!("api/openapi.json");

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/todos", get(todos::list).post(todos::add))
        .route("/todos/{id}", get(todos::get).patch(todos::edit).delete(todos::delete))
        .route("/todos/{id}/reminders", get(reminders::list).post(reminders::add))
        .route("/sources", get(sources::list).post(sources::add))
        .route("/sources/{id}", get(sources::get).delete(sources::remove))
        .route("/sources/{id}/poll", post(sources::poll))
        .route("/export", get(export::export))
        .route("/import", post(bring::import))
        .route("/openapi.json", get(description))
        .fallback(nothing)
        .method_not_allowed_fallback(not_so)
}

/// What stands in the description where the years are to be that a reminder may have: a schema has no other way to say "to come".
const YEARS: &str = "YEARS_TO_COME";

/// Whole years ahead that a reminder may have.
const YEARS_AHEAD: i32 = 9;

async fn description(call: Call) -> impl IntoResponse {
    let now = chrono::DateTime::from_timestamp_micros(call.env().wall().as_micros()).unwrap_or_default();
    let years = (1..=YEARS_AHEAD).map(|ahead| format!("{:04}", now.year() + ahead));
    let years = years.collect::<Vec<_>>().join("|");
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], DESCRIPTION.replace(YEARS, &years))
}

async fn nothing(uri: Uri) -> Problem {
    let detail = format!("there is no {uri}; /api/openapi.json says what there is");
    Problem::new(StatusCode::NOT_FOUND, detail)
}

async fn not_so() -> Problem {
    let detail = "this address does not take that method; the header Allow says which it takes";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

/// Whoever the token of a request belongs to.
struct Bearer {
    call: Call,
    owner: Uuid,
    email: String,
}

impl FromRequestParts<Arc<Site>> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Bearer, Problem> {
        let call = match Call::from_request_parts(parts, site).await {
            Ok(call) => call,
            Err(_) => return Err(Problem::internal("a request without its Call")),
        };
        let token = token(&parts.headers).ok_or_else(|| {
            let detail = "this needs a token; send it as `Authorization: Bearer TOKEN` (the account page makes one)";
            unauthenticated(detail, "Bearer")
        })?;
        let found = site.accounts.bearer(&call.cx(None), token).await;
        let account = found.map_err(|error| match error {
            AccountError::SignedOut | AccountError::Wrong | AccountError::Unknown => {
                let detail = "this token is unknown or was revoked; make a new one on the account page";
                unauthenticated(detail, "Bearer error=\"invalid_token\"")
            }
            other => account_problem(other),
        })?;
        Ok(Bearer {
            call,
            owner: account.id,
            email: account.email,
        })
    }
}

impl Bearer {
    fn cx(&self) -> Cx {
        self.call.cx(Some(&self.owner.to_string()))
    }

    /// The context of a call that `method_and_route` makes, which a repeat with the same `Idempotency-Key` makes no second time.
    fn once(&self, headers: &HeaderMap, method_and_route: &str) -> Result<Cx, Problem> {
        let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(key) = given.next() else {
            return Ok(self.cx());
        };
        let bounded = key.to_str().ok().filter(|key| (1..=KEY_BYTES_MAX).contains(&key.len()));
        match bounded.filter(|_| given.next().is_none()) {
            // By name rather than by what is asked, so that the same key with another body is seen to be one.
            Some(key) => {
                let cx = self.call.keyed(&self.owner.to_string(), method_and_route, key);
                Ok(cx.named("request", &()))
            }
            None => {
                let detail = format!("send one Idempotency-Key, of 1 to {KEY_BYTES_MAX} visible ASCII characters");
                Err(Problem::invalid("Idempotency-Key", detail))
            }
        }
    }
}

fn token(headers: &HeaderMap) -> Option<Hidden> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let only = given.next().filter(|_| given.next().is_none())?.to_str().ok()?;
    let (scheme, token) = only.split_once(' ')?;
    let token = token.trim_start();
    let fits = scheme.eq_ignore_ascii_case("bearer") && (1..=TOKEN_BYTES_MAX).contains(&token.len());
    fits.then(|| Hidden::new(token))
}

fn unauthenticated(detail: &str, challenge: &'static str) -> Problem {
    let problem = Problem::new(StatusCode::UNAUTHORIZED, detail);
    problem.header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

/// The id in an address. What is no id is nobody's.
fn id(text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| Problem::new(StatusCode::NOT_FOUND, "there is no such to-do"))
}
