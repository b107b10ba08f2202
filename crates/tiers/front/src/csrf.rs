//! Whether a form was sent by a page of this site: by its token, and by what the browser says of where it comes from.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, StatusCode, header};

use crate::problem::Problem;

const TOKEN_BYTES: usize = 32;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// `token` under `mask`, with the mask.
pub(crate) fn masked(token: &[u8; TOKEN_BYTES], mask: [u8; TOKEN_BYTES]) -> String {
    let mut both = [0; 2 * TOKEN_BYTES];
    let (first, second) = both.split_at_mut(TOKEN_BYTES);
    first.copy_from_slice(&mask);
    for (byte, (token, mask)) in second.iter_mut().zip(token.iter().zip(mask)) {
        *byte = token ^ mask;
    }
    URL_SAFE_NO_PAD.encode(both)
}

/// Refuses a token that is not `expected` under any mask.
pub(crate) fn check_token(expected: &[u8; TOKEN_BYTES], given: &str) -> Result<(), Problem> {
    let mut both = [0; 2 * TOKEN_BYTES];
    let is_whole = URL_SAFE_NO_PAD.decode_slice(given, &mut both) == Ok(both.len());
    let (mask, under) = both.split_at(TOKEN_BYTES);
    // No step depends on where the first difference is.
    let bytes = expected.iter().zip(mask.iter().zip(under));
    let difference = bytes.fold(0, |sum, (expected, (mask, under))| sum | (expected ^ mask ^ under));
    if is_whole && std::hint::black_box(difference) == 0 {
        return Ok(());
    }
    let detail =
        "the form's token is missing, old or of another session; load the page again and send the form from there";
    Err(Problem::new(StatusCode::FORBIDDEN, detail))
}

/// Refuses what a browser says comes from another site. One that says nothing is left to the token.
pub(crate) fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let from_here = headers
        .get(&SEC_FETCH_SITE)
        .is_none_or(|site| site == "same-origin" || site == "none");
    let origin = headers.get(header::ORIGIN);
    let same = origin.is_none_or(|origin| {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let origin = origin.to_str().ok();
        host.zip(origin).is_some_and(|(host, origin)| is_of(origin, host))
    });
    let once = |name: HeaderName| headers.get_all(name).iter().count() <= 1;
    if from_here && same && once(SEC_FETCH_SITE) && once(header::ORIGIN) {
        return Ok(());
    }
    let detail = "the request comes from a page of another site; send it from a page of this one";
    Err(Problem::new(StatusCode::FORBIDDEN, detail))
}

/// Whether `origin` is a page of `host`, by either scheme: behind a proxy that ends TLS it is not the connection's.
fn is_of(origin: &str, host: &str) -> bool {
    let (name, port) = match origin.split_once("://") {
        Some(("http", name)) => (name, ":80"),
        Some(("https", name)) => (name, ":443"),
        _ => return false,
    };
    let plain = |text: &str| text.strip_suffix(port).unwrap_or(text).to_ascii_lowercase();
    !name.is_empty() && plain(name) == plain(host)
}
