//! [`Json`]: a body of JSON, both ways.

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::extract;
use crate::problem::Problem;

/// A body of JSON. What cannot be read is a [`Problem`]: 415 for another kind of body, 413 above the request's limit, 400 for
/// what is no JSON, 422 with the field for a value of the wrong type or out of its range. Media types that end in `+json` are
/// JSON too, such as that of a merge patch (RFC 7396).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Json<T>, Problem> {
        let media = extract::media_type(request.headers());
        if !media.is_some_and(|media| is_json(&media)) {
            return Err(extract::other_media("application/json"));
        }
        Json::from_bytes(&extract::body(request).await?)
    }
}

fn is_json(media: &str) -> bool {
    let subtype = media.strip_prefix("application/");
    subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

impl<T: DeserializeOwned> Json<T> {
    /// The value that `bytes` are, for a body that was read otherwise.
    pub fn from_bytes(bytes: &[u8]) -> Result<Json<T>, Problem> {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let read: Result<T, _> = serde_path_to_error::deserialize(&mut deserializer);
        let value = read.map_err(|error| match error.inner().classify() {
            Category::Data => extract::refused(error.path(), error.inner()),
            Category::Syntax | Category::Eof | Category::Io => malformed(error.inner()),
        })?;
        deserializer.end().map_err(|error| malformed(&error))?;
        Ok(Json(value))
    }
}

fn malformed(error: &serde_json::Error) -> Problem {
    let detail = format!("the body is no JSON ({error}); send one value as RFC 8259 has it");
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let kind = HeaderValue::from_static("application/json");
                ([(header::CONTENT_TYPE, kind)], body).into_response()
            }
            Err(error) => Problem::internal(format!("an answer cannot be written as JSON: {error}")).into_response(),
        }
    }
}
