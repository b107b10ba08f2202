//! [`Problem`]: why a request is not answered as it asks, as problem+json (RFC 9457).

use std::borrow::Cow;
use std::fmt;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use wire::{CallError, CallErrorKind};

/// Bytes of a detail that are sent: what a peer sent wrongly is quoted in some.
const DETAIL_BYTES_MAX: usize = 500;

/// What a peer is told to wait before it tries again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// Why a request is not answered as it asks. As a response it is `application/problem+json`: `status`, `title`, `detail` and,
/// where one part of the request is to blame, `field`. It is not stored by anyone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {detail}")]
pub struct Problem {
    /// The status of the answer.
    pub status: StatusCode,
    /// What kind of problem it is; alike for all of one kind.
    pub title: Cow<'static, str>,
    /// What is wrong this time, and the next step.
    pub detail: String,
    /// The field or parameter that is to blame, such as `due` or `todos[3].title`.
    pub field: Option<String>,
    /// Further headers of the answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What only the log is told.
    why: Option<Box<str>>,
}

/// Said in the log, in the line of the request.
#[derive(Clone)]
pub(crate) struct Why(pub(crate) Box<str>);

impl Problem {
    /// A problem of which a peer is told `detail`: what is wrong, and the next step.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem {
            status,
            title: Cow::Borrowed(status.canonical_reason().unwrap_or("Error")),
            detail: detail.into(),
            field: None,
            headers: Vec::new(),
            why: None,
        }
    }

    /// A fault of this program: 500. The log has `why`; the peer is told that an operator finds it there.
    pub fn internal(why: impl fmt::Display) -> Problem {
        let detail =
            "the request cannot be answered because of a fault in this program; its operator finds the id in the log";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail).logged(why)
    }

    /// A value that cannot be taken: 422 for the field or parameter `field`.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).field(field)
    }

    /// The same with another title, for a kind of its own.
    pub fn title(mut self, title: impl Into<Cow<'static, str>>) -> Problem {
        self.title = title.into();
        self
    }

    /// The same, with the field or parameter that is to blame.
    pub fn field(mut self, field: impl Into<String>) -> Problem {
        self.field = Some(field.into());
        self
    }

    /// The same, with one more header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.headers.push((name, value));
        self
    }

    /// The same, and the log is told `why`, which the peer is not. No secret and nothing of a body belongs there.
    pub fn logged(mut self, why: impl fmt::Display) -> Problem {
        self.why = Some(why.to_string().into());
        self
    }
}

/// What is known of the callee is told, since it decides whether a request may be sent again; the error's own words are for
/// the log.
impl From<CallError> for Problem {
    fn from(error: CallError) -> Problem {
        let not_run = error.certainly_did_not_run();
        let (status, detail) = match error.kind() {
            CallErrorKind::Unavailable | CallErrorKind::Overloaded | CallErrorKind::Cancelled => {
                (StatusCode::SERVICE_UNAVAILABLE, later(not_run))
            }
            CallErrorKind::DeadlineExceeded => (StatusCode::GATEWAY_TIMEOUT, later(not_run)),
            CallErrorKind::Denied => (
                StatusCode::FORBIDDEN,
                "this is not allowed; sign in as somebody who may do it",
            ),
            CallErrorKind::Incompatible | CallErrorKind::Failed => return Problem::internal(error),
        };
        Problem::new(status, detail).logged(error)
    }
}

fn later(not_run: bool) -> &'static str {
    if not_run {
        "a part of this program cannot be reached, and nothing was done; try again later"
    } else {
        "a part of this program did not answer, and what was asked may be done; look before it is asked again"
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        #[derive(Serialize)]
        struct Written<'p> {
            title: &'p str,
            status: u16,
            detail: &'p str,
            #[serde(skip_serializing_if = "Option::is_none")]
            field: Option<&'p str>,
        }
        cut(&mut self.detail);
        if let Some(field) = &mut self.field {
            cut(field);
        }
        let written = Written {
            title: &self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            field: self.field.as_deref(),
        };
        // Texts and a number can always be written.
        let body = serde_json::to_vec(&written).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        if let Some(why) = self.why {
            response.extensions_mut().insert(Why(why));
        }
        response
    }
}

fn cut(text: &mut String) {
    if text.len() > DETAIL_BYTES_MAX {
        text.truncate(text.floor_char_boundary(DETAIL_BYTES_MAX));
        text.push('…');
    }
}
