//! An answer that is an error, as the Connect protocol writes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::de::IgnoredAny;

use crate::error::{ErrorCode, Ran};

/// Says whether the callee may have run; an error without it means `maybe`.
pub(crate) const RAN: HeaderName = HeaderName::from_static("terrace-ran");

/// An error on its way to the caller.
#[derive(Debug)]
pub(crate) struct Failure(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: ErrorCode,
    status: StatusCode,
    ran: Ran,
    message: String,
    /// JSON.
    detail: Option<String>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Failure {
    /// An error of a call that certainly did not run, with the status of its code.
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Failure {
        let (_, status) = code.name_and_status();
        Failure(Box::new(Inner {
            code,
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            ran: Ran::No,
            message: message.into(),
            detail: None,
            header: None,
        }))
    }

    /// With another status than its code has.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Failure {
        self.0.status = status;
        self
    }

    /// With what is known of the callee.
    pub(crate) fn with_ran(mut self, ran: Ran) -> Failure {
        self.0.ran = ran;
        self
    }

    /// With a header of its own.
    pub(crate) fn with_header(mut self, name: HeaderName, value: &'static str) -> Failure {
        self.0.header = Some((name, HeaderValue::from_static(value)));
        self
    }

    /// With the method's own error, whose JSON is `value`.
    pub(crate) fn with_detail(mut self, type_name: &str, value: &[u8]) -> Failure {
        let debug = match (serde_json::from_slice::<IgnoredAny>(value), std::str::from_utf8(value)) {
            (Ok(_), Ok(json)) => format!(",\"debug\":{json}"),
            // What is no JSON would spoil the whole body.
            _ => String::new(),
        };
        let (type_name, value) = (quoted(type_name), STANDARD_NO_PAD.encode(value));
        self.0.detail = Some(format!("{{\"type\":{type_name},\"value\":\"{value}\"{debug}}}"));
        self
    }

    /// The body: `{"code", "message", "details"}`.
    pub(crate) fn body(&self) -> String {
        let (code, _) = self.0.code.name_and_status();
        let details = self
            .0
            .detail
            .iter()
            .map(|detail| format!(",\"details\":[{detail}]"))
            .collect::<String>();
        format!(
            "{{\"code\":\"{code}\",\"message\":{}{details}}}",
            quoted(&self.0.message)
        )
    }

    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = json(self.0.status, self.body().into());
        let ran = match self.0.ran {
            Ran::No => "no",
            Ran::Maybe => "maybe",
        };
        response.headers_mut().insert(RAN, HeaderValue::from_static(ran));
        if let Some((name, value)) = self.0.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// An answer of `status` whose body is JSON.
pub(crate) fn json(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// What a peer sent, short enough for a sentence.
pub(crate) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 64;
    let mut shown: String = text.chars().take(CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::Failure;
    use crate::error::{ErrorCode, Ran};

    #[test]
    fn a_body_has_code_message_and_details() {
        let failure = Failure::new(ErrorCode::NotFound, "no \"such\" item");
        assert_eq!(failure.body(), r#"{"code":"not_found","message":"no \"such\" item"}"#);
        let failure = failure.with_detail("TodoError", br#"{"Unknown":{"id":7}}"#);
        let detail = r#"{"type":"TodoError","value":"eyJVbmtub3duIjp7ImlkIjo3fX0","debug":{"Unknown":{"id":7}}}"#;
        let body = format!(r#"{{"code":"not_found","message":"no \"such\" item","details":[{detail}]}}"#);
        assert_eq!(failure.body(), body);
    }

    #[test]
    fn a_detail_that_is_no_json_does_not_spoil_the_body() {
        for value in [&b"{"[..], b"\xff", b""] {
            let body = Failure::new(ErrorCode::Aborted, "").with_detail("E", value).body();
            assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok(), "{body}");
        }
    }

    #[test]
    fn every_code_has_its_status_and_every_error_says_whether_it_ran() {
        for code in ErrorCode::ALL {
            let response = Failure::new(code, "").into_response();
            assert_eq!(response.status().as_u16(), code.name_and_status().1);
            assert_eq!(response.headers()["terrace-ran"], "no");
        }
        let response = Failure::new(ErrorCode::Internal, "")
            .with_ran(Ran::Maybe)
            .into_response();
        assert_eq!(response.headers()["terrace-ran"], "maybe");
    }
}
