//! [`redirect`]: to another page of the same site, and nowhere else.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::problem::Problem;

/// Bytes of an address that a browser is led to.
const ADDRESS_BYTES_MAX: usize = 2048;

/// Leads a browser to the page `to` of this site, by GET: 303, what a form is answered when it was taken. Where `to` is not
/// [local](is_local), that is 400.
pub fn redirect(to: &str) -> Response {
    match HeaderValue::from_str(to).ok().filter(|_| is_local(to)) {
        Some(location) => {
            let stored = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            (StatusCode::SEE_OTHER, [(header::LOCATION, location), stored]).into_response()
        }
        None => {
            let detail = "the page to go on to is not one of this site; begin its address with one `/`";
            Problem::new(StatusCode::BAD_REQUEST, detail).into_response()
        }
    }
}

/// Whether `to` is a path of the site that names it, however a browser reads it: one `/` first, no backslash (which browsers
/// take for `/`), and no character that they drop or that ends a header.
pub fn is_local(to: &str) -> bool {
    let mut bytes = to.bytes();
    bytes.next() == Some(b'/')
        && to.len() <= ADDRESS_BYTES_MAX
        && bytes.next() != Some(b'/')
        && to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}
