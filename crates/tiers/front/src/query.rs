//! [`Query`] and [`Path`]: what an address says.

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::form;
use crate::problem::Problem;

/// The parameters after `?`. A value of the wrong type or out of its range is 422 with the parameter's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Query<T>, Problem> {
        form::read(parts.uri.query().unwrap_or_default().as_bytes()).map(Query)
    }
}

/// The parts of a path that its route names. What cannot be one of them is not there: 404.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Path<T>, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Path(value)),
            Err(rejection) if rejection.status().is_server_error() => Err(Problem::internal(rejection.body_text())),
            Err(_) => Err(Problem::new(
                StatusCode::NOT_FOUND,
                "there is nothing at this address; look at how it is written",
            )),
        }
    }
}
