//! [`Form`]: what a page's form sends.

use axum::extract::{FromRequest, Request};
use http::Method;
use serde::de::DeserializeOwned;

use crate::extract;
use crate::problem::Problem;

/// The fields of a form, `application/x-www-form-urlencoded`: of the body, or by GET of the address. A value of the wrong type
/// or out of its range is 422 with the field's name, another kind of body 415.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form<T>(pub T);

const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Form<T>, Problem> {
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            return read(request.uri().query().unwrap_or_default().as_bytes()).map(Form);
        }
        if extract::media_type(request.headers()).as_deref() != Some(MEDIA_TYPE) {
            return Err(extract::other_media(MEDIA_TYPE));
        }
        read(&extract::body(request).await?).map(Form)
    }
}

/// The value that pairs of names and values are.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded::parse(bytes));
    serde_path_to_error::deserialize(deserializer).map_err(|error| extract::refused(error.path(), error.inner()))
}
