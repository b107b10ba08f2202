//! Answers in gzip, for those who take it (RFC 9110, 8.4 and 12.5.3).

use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper::body::{Body as _, Frame};

/// Bytes below which packing costs more than it saves: the answer is one packet on the network anyway.
pub(crate) const BYTES_MIN: usize = 1024;

/// Bytes that are packed without a break, so that one answer does not keep the others waiting: about 1 ms.
const BYTES_AT_ONCE: usize = 32 << 10;

/// The same routes, whose texts are packed for those who take gzip: not below 1 KiB, not events, not parts of files, and
/// nothing that is packed already.
pub fn compressed(router: Router) -> Router {
    router.layer(from_fn(compress))
}

async fn compress(request: Request, next: Next) -> Response {
    let takes_gzip = takes_gzip(request.headers());
    let mut response = next.run(request).await;
    if !is_for_packing(&response) {
        return response;
    }
    add_vary(response.headers_mut());
    // Of HEAD too: it is told what GET would be (RFC 9110, 8.6), and nobody asks for the body.
    if !takes_gzip {
        return response;
    }
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::ACCEPT_RANGES);
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    weaken(headers);
    response.map(|body| Body::new(Packed::new(body)))
}

/// The bytes in gzip, as small as they get.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // A vector takes all that is written.
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.unwrap_or_else(|_| bytes.to_vec())
}

/// Whether a peer takes gzip: it is named, or else `*` is, and not with the weight 0. Who says nothing gets bytes as they are.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(header::ACCEPT_ENCODING).iter();
    let listed = fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','));
    let (mut gzip, mut any) = (None, None);
    for one in listed {
        let mut parts = one.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let wanted = weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0));
        if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
            gzip = Some(wanted);
        } else if coding == "*" {
            any = Some(wanted);
        }
    }
    gzip.or(any).unwrap_or(false)
}

/// Whether bytes of this kind get smaller.
pub(crate) fn is_text(kind: &HeaderValue) -> bool {
    let kind = kind.to_str().unwrap_or_default().to_ascii_lowercase();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    let named = [
        "application/json",
        "application/javascript",
        "application/xml",
        "application/wasm",
        "image/svg+xml",
    ];
    // Events are seen one by one, and each would be packed alone.
    essence != "text/event-stream"
        && (essence.starts_with("text/")
            || named.contains(&essence)
            || essence.ends_with("+json")
            || essence.ends_with("+xml"))
}

fn is_for_packing(response: &Response) -> bool {
    let headers = response.headers();
    let without = [header::CONTENT_ENCODING, header::CONTENT_RANGE];
    let status = response.status();
    let has_body = status.is_success() && status != StatusCode::NO_CONTENT && status != StatusCode::PARTIAL_CONTENT;
    let size = response.body().size_hint().upper();
    let control = headers.get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok());
    (has_body || status.is_client_error() || status.is_server_error())
        && headers.get(header::CONTENT_TYPE).is_some_and(is_text)
        && !without.iter().any(|name| headers.contains_key(name))
        && !control.is_some_and(|control| control.to_ascii_lowercase().contains("no-transform"))
        && size.is_none_or(|bytes| usize::try_from(bytes).is_ok_and(|bytes| bytes >= BYTES_MIN))
}

fn add_vary(headers: &mut HeaderMap) {
    let named = headers
        .get_all(header::VARY)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let known = named
        .flat_map(|value| value.split(','))
        .any(|name| name.trim() == "*" || name.trim().eq_ignore_ascii_case("accept-encoding"));
    if !known {
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
}

/// The packed bytes are not those that a strong tag is of.
fn weaken(headers: &mut HeaderMap) {
    let strong = headers
        .get(header::ETAG)
        .filter(|tag| tag.as_bytes().starts_with(b"\""));
    if let Some(Ok(weak)) = strong.map(|tag| HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat())) {
        headers.insert(header::ETAG, weak);
    }
}

/// A body that is packed as it is sent. What has come so far is sent whenever nothing more is ready.
struct Packed {
    body: Body,
    /// `None` once it ended.
    encoder: Option<GzEncoder<Vec<u8>>>,
    /// What of a frame is still to be packed.
    rest: Bytes,
    /// Whether the encoder holds something back.
    is_behind: bool,
}

impl Packed {
    fn new(body: Body) -> Packed {
        Packed {
            body,
            encoder: Some(GzEncoder::new(Vec::new(), Compression::new(5))),
            rest: Bytes::new(),
            is_behind: false,
        }
    }

    /// What the encoder has given, if anything.
    fn taken(&mut self) -> Option<Bytes> {
        let given = self.encoder.as_mut().map(|encoder| std::mem::take(encoder.get_mut()));
        given.filter(|bytes| !bytes.is_empty()).map(Bytes::from)
    }
}

impl hyper::body::Body for Packed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        loop {
            let Some(encoder) = &mut this.encoder else {
                return Poll::Ready(None);
            };
            if !this.rest.is_empty() {
                let part = this.rest.split_to(this.rest.len().min(BYTES_AT_ONCE));
                encoder.write_all(&part).map_err(axum::Error::new)?;
                this.is_behind = true;
                if let Some(bytes) = this.taken() {
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                continue;
            }
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers say nothing of packed bytes, and are left out.
                    this.rest = frame.into_data().unwrap_or_default();
                }
                Poll::Ready(Some(Err(error))) => {
                    this.encoder = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => {
                    let Some(encoder) = this.encoder.take() else {
                        return Poll::Ready(None);
                    };
                    let last = encoder.finish().map_err(axum::Error::new)?;
                    return Poll::Ready(Some(Ok(Frame::data(last.into()))));
                }
                Poll::Pending if this.is_behind => {
                    encoder.flush().map_err(axum::Error::new)?;
                    this.is_behind = false;
                    if let Some(bytes) = this.taken() {
                        return Poll::Ready(Some(Ok(Frame::data(bytes))));
                    }
                    return Poll::Pending;
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
