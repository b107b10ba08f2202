//! What the extractors share: a body within the request's limit, and the field that serde found wanting.

use std::fmt::Display;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

use crate::call::Call;
use crate::config::Config;
use crate::problem::Problem;

/// The whole body of `request`, of no more bytes than its call or, without one, the default allows.
pub(crate) async fn body(request: Request) -> Result<Bytes, Problem> {
    let call = request.extensions().get::<Call>();
    let bytes_max = call.map_or_else(|| Config::default().body_bytes_max, Call::body_bytes_max);
    read(request.into_body(), bytes_max).await
}

async fn read(body: Body, bytes_max: u64) -> Result<Bytes, Problem> {
    let limit = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    to_bytes(body, limit).await.map_err(|error| {
        let source = std::error::Error::source(&error);
        if source.is_some_and(|source| source.is::<http_body_util::LengthLimitError>()) {
            let detail = format!("the body is larger than {bytes_max} bytes; send less");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
        } else {
            // Where that was a limit of the server's, the server says so instead.
            Problem::new(StatusCode::BAD_REQUEST, "the body did not arrive whole; send it whole")
        }
    })
}

/// The media type of a body, without parameters and in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let mut given = headers.get_all(header::CONTENT_TYPE).iter();
    let only = given.next().filter(|_| given.next().is_none())?.to_str().ok()?;
    let essence = only.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

/// A body of another kind than the route takes.
pub(crate) fn other_media(expected: &str) -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        format!("the body is not of the kind that is taken here; send it as `{expected}` and say so in `Content-Type`"),
    )
}

/// A value that serde refused, at `path`.
pub(crate) fn refused(path: &serde_path_to_error::Path, why: &dyn Display) -> Problem {
    let why = why.to_string();
    let place = path.to_string();
    let place = if place == "." { "" } else { &place };
    // serde knows the name of a field that is missing or one too many, but puts it into its sentence only.
    let named = ["missing field `", "unknown field `", "duplicate field `"]
        .into_iter()
        .find_map(|sentence| {
            let (name, _) = why.strip_prefix(sentence)?.split_once('`')?;
            let known = place == name || place.strip_suffix(name).is_some_and(|before| before.ends_with('.'));
            (!known).then_some(name)
        });
    let field = match (place.strip_suffix(".?").unwrap_or(place), named) {
        ("" | "?", Some(name)) => name.to_owned(),
        (place, Some(name)) => format!("{place}.{name}"),
        (place, None) => place.to_owned(),
    };
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why);
    if field.is_empty() {
        problem
    } else {
        problem.field(field)
    }
}
