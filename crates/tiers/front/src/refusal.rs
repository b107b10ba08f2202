//! Why the server itself refuses a request, and how it says so: problem+json (RFC 9457).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

/// Why a request is refused before or instead of its handler.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the request has no `Host`; send one")]
    NoHost,
    #[error("the request has more than one `Host`; send one")]
    TwoHosts,
    #[error("the `Host` is no name or address with a port; send the one of the address that was asked")]
    BadHost,
    #[error("the `Host` is not the one of the address that was asked; send the same in both")]
    OtherHost,
    #[error("the method CONNECT is for proxies, and this is none; send GET or POST")]
    Connect,
    #[error("the body comes in an encoding of transfer that is not known here; send it in chunks, or with its length")]
    Transfer,
    #[error("the body is larger than {bytes_max} bytes; send less")]
    TooLarge { bytes_max: u64 },
    #[error("the body had not arrived whole after {after_ms} ms; send it faster")]
    TooSlow { after_ms: u128 },
    #[error("the head of the request had not arrived whole after {after_ms} ms; send it faster")]
    SlowHead { after_ms: u128 },
    #[error(
        "the head of the request is larger than {bytes_max} bytes or has more than {headers_max} fields; send less"
    )]
    LargeHead { bytes_max: usize, headers_max: usize },
    #[error("the address is too long; send what it says in a body")]
    LongAddress,
    #[error("the request cannot be read; send HTTP/1.1 as RFC 9112 has it, or HTTP/2")]
    Malformed,
    #[error("no answer was ready after {after_ms} ms; try again later")]
    Late { after_ms: u128 },
    #[error("{requests_max} requests are being answered already; try again later")]
    Busy { requests_max: usize },
    #[error("the request cannot be answered because of a fault in this program; its operator finds the id in the log")]
    Panicked,
    #[error("the request did not come through a server; call its handler by `front::serve`")]
    NoCall,
    #[error("the server is stopping; ask another")]
    Draining,
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Refusal::NoHost | Refusal::TwoHosts | Refusal::BadHost | Refusal::OtherHost | Refusal::Malformed => {
                StatusCode::BAD_REQUEST
            }
            Refusal::LargeHead { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Refusal::LongAddress => StatusCode::URI_TOO_LONG,
            Refusal::Connect | Refusal::Transfer => StatusCode::NOT_IMPLEMENTED,
            Refusal::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::TooSlow { .. } | Refusal::SlowHead { .. } => StatusCode::REQUEST_TIMEOUT,
            Refusal::Late { .. } | Refusal::Busy { .. } | Refusal::Draining => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Panicked | Refusal::NoCall => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Refusal {
    /// The body of the answer.
    pub(crate) fn problem(&self) -> String {
        let status = self.status();
        let problem = serde_json::json!({
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "detail": self.to_string(),
        });
        problem.to_string()
    }
}

/// A refusal as an answer.
#[derive(Debug)]
pub struct Refused(Refusal);

impl Refused {
    pub(crate) fn new(why: Refusal) -> Refused {
        Refused(why)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = self.0.status();
        let mut response = Response::new(Body::from(self.0.problem()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response.extensions_mut().insert(self.0);
        response
    }
}
