//! Plain HTTP beside HTTPS: every address leads to the same one there.

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};

use crate::host;
use crate::refusal::{Refusal, Refused};

/// The port of HTTPS that no address names.
const HTTPS_PORT: u16 = 443;

/// Leads whoever asks to the same address by HTTPS on `port` of the same host. 308, so that a form is sent again rather than
/// asked for.
pub fn redirect_to_https(port: u16) -> Router {
    Router::new().fallback(move |uri: Uri, headers: HeaderMap| async move { redirected(port, &uri, &headers) })
}

fn redirected(port: u16, uri: &Uri, headers: &HeaderMap) -> Response {
    let given = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(given) = given.filter(|host| host::is_host(host)) else {
        return Refused::new(Refusal::NoHost).into_response();
    };
    let (name, _) = host::split(given);
    let port = if port == HTTPS_PORT {
        String::new()
    } else {
        format!(":{port}")
    };
    // `*` of OPTIONS is no path.
    let path = uri
        .path_and_query()
        .map(|path| path.as_str())
        .filter(|path| path.starts_with('/'));
    match HeaderValue::try_from(format!("https://{name}{port}{}", path.unwrap_or("/"))) {
        Ok(location) => {
            // Otherwise a browser keeps it beyond a change of the configuration (RFC 9110, 15.4.9).
            let kept = HeaderValue::from_static("no-store");
            let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, kept)];
            (StatusCode::PERMANENT_REDIRECT, headers).into_response()
        }
        Err(_) => Refused::new(Refusal::BadHost).into_response(),
    }
}
