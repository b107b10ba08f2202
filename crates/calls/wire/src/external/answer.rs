//! What a program answered, as the reply that a Terrace process would have given.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::response::Parts;
use http::{Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use serde::Deserialize;
use world::{Lost, Reply, ReplyKind};

use super::connections::told;
use super::limits::ExternalLimits;
use crate::answer::{Reason, USER_ERROR, VALUE, encode_failure};
use crate::codec::{self, Codec, Limits};
use crate::error::{CallError, CallErrorKind, ErrorCode, Ran};
use crate::face::asked::is_json;
use crate::face::failure::{RAN, shown};
use crate::interface::{Interface, Method};

/// Base64 of a detail: the Connect protocol writes it without padding, and much that writes base64 with it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The body of an error, by the Connect protocol.
#[derive(Deserialize)]
struct Failed {
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    details: Vec<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(rename = "type")]
    type_name: String,
    value: String,
}

/// The method that was called.
#[derive(Clone, Copy)]
struct Called<'a> {
    interface: &'a Interface,
    method: &'a Method,
}

/// Reads the answer to a call of `method` to its end.
pub(super) async fn read(
    response: Response<Incoming>,
    limits: &ExternalLimits,
    interface: &Interface,
    method: &Method,
) -> Result<Reply, Lost> {
    let (head, body) = response.into_parts();
    let called = Called { interface, method };
    let mut answer = vec![VALUE];
    if !whole(body, limits, &mut answer).await? {
        let message = format!(
            "the answer of {called} is larger than {} bytes; let it answer less",
            limits.answer_bytes_max
        );
        return Ok(failure(&CallError::maybe_run(CallErrorKind::Overloaded, message)));
    }
    if head.status == StatusCode::OK {
        let types = head.headers.get(header::CONTENT_TYPE);
        let given = types.and_then(|given| given.to_str().ok());
        if !given.is_some_and(is_json) {
            let given = given.map_or("none".to_owned(), |given| format!("`{}`", shown(given)));
            let message = format!("the content type of the answer of {called} is {given}, not `application/json`");
            return Ok(incompatible(message));
        }
        return Ok(Reply {
            kind: ReplyKind::Reply,
            body: answer.into(),
        });
    }
    Ok(failed(&head, &answer[1..], limits, called))
}

/// The reply to a call whose time was over before it was sent.
pub(super) fn too_late() -> Reply {
    let message = "the time for the call was over before it could be sent";
    failure(&CallError::not_run(CallErrorKind::DeadlineExceeded, message))
}

/// Appends `body`; false if it is too large, and then it is not read on.
async fn whole(mut body: Incoming, limits: &ExternalLimits, out: &mut Vec<u8>) -> Result<bool, Lost> {
    let bytes_max = limits.answer_bytes_max;
    if body.size_hint().lower() > bytes_max as u64 {
        return Ok(false);
    }
    let before = out.len();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Lost::MaybeSent(format!("the answer ended too early: {}", told(&error))))?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > bytes_max - (out.len() - before) {
            return Ok(false);
        }
        out.extend_from_slice(&data);
    }
    Ok(true)
}

/// The reply that an error is.
fn failed(head: &Parts, body: &[u8], limits: &ExternalLimits, called: Called<'_>) -> Reply {
    let ran = match head.headers.get(RAN) {
        Some(ran) if ran == "no" => Ran::No,
        _ => Ran::Maybe,
    };
    let failed: Failed = match codec::decode(Codec::Json, body, &Limits::default()) {
        Ok(failed) => failed,
        Err(error) => {
            let status = head.status.as_u16();
            let message =
                format!("{called} answered status {status} without an error of the Connect protocol: {error}");
            return failure(&CallError::new(kind_of(code_of(head.status)), ran, message));
        }
    };
    let code = ErrorCode::ALL
        .into_iter()
        .find(|code| code.name_and_status().0 == failed.code)
        .unwrap_or(ErrorCode::Unknown);
    let expected = called.interface.type_name(&called.method.error);
    if let Some(detail) = failed.details.iter().find(|detail| detail.type_name == expected) {
        return match BASE64.decode(&detail.value) {
            Ok(value) => {
                let mut body = vec![USER_ERROR, code.number()];
                body.extend_from_slice(&value);
                Reply {
                    kind: ReplyKind::Reply,
                    body: body.into(),
                }
            }
            Err(error) => incompatible(format!(
                "the error of {called} has a `value` that is no base64: {error}"
            )),
        };
    }
    // Beside what failed in the call itself others stand details of their own, such as when to try again.
    if let Some(detail) = failed
        .details
        .first()
        .filter(|_| kind_of(code) == CallErrorKind::Incompatible)
    {
        let given = shown(&detail.type_name);
        return incompatible(format!(
            "the error of {called} has the `type` `{given}`, not `{expected}`"
        ));
    }
    let said: String = failed.message.chars().take(limits.message_chars_max).collect();
    let name = code.name_and_status().0;
    failure(&CallError::new(
        kind_of(code),
        ran,
        format!("{called} answered `{name}`: {said}"),
    ))
}

/// What a code without a detail means: the other way round than [`CallErrorKind::code`].
fn kind_of(code: ErrorCode) -> CallErrorKind {
    match code {
        ErrorCode::Canceled => CallErrorKind::Cancelled,
        ErrorCode::DeadlineExceeded => CallErrorKind::DeadlineExceeded,
        ErrorCode::PermissionDenied | ErrorCode::Unauthenticated => CallErrorKind::Denied,
        ErrorCode::Unavailable => CallErrorKind::Unavailable,
        ErrorCode::ResourceExhausted => CallErrorKind::Overloaded,
        ErrorCode::Unknown | ErrorCode::Internal | ErrorCode::DataLoss => CallErrorKind::Failed,
        // The program does not know the method or its arguments, or it has an error of its own that it does not send.
        ErrorCode::Unimplemented
        | ErrorCode::FailedPrecondition
        | ErrorCode::InvalidArgument
        | ErrorCode::OutOfRange
        | ErrorCode::NotFound
        | ErrorCode::AlreadyExists
        | ErrorCode::Aborted => CallErrorKind::Incompatible,
    }
}

/// The code of a status that came without one (Connect protocol, "HTTP to Error Code").
fn code_of(status: StatusCode) -> ErrorCode {
    match status.as_u16() {
        400 => ErrorCode::Internal,
        401 => ErrorCode::Unauthenticated,
        403 => ErrorCode::PermissionDenied,
        404 => ErrorCode::Unimplemented,
        429 | 502 | 503 | 504 => ErrorCode::Unavailable,
        _ => ErrorCode::Unknown,
    }
}

fn incompatible(message: String) -> Reply {
    failure(&CallError::maybe_run(CallErrorKind::Incompatible, message))
}

fn failure(error: &CallError) -> Reply {
    let mut body = Vec::new();
    Reply {
        kind: encode_failure(Reason::Kind, error, &mut body),
        body: body.into(),
    }
}

impl std::fmt::Display for Called<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}.{}`", self.interface.name, self.method.name)
    }
}
