//! What a request's head asks for, as headers: the other side of the face's.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use telemetry::TraceContext;
use world::{Instant, Lost};

use super::origin::Origin;
use crate::face::asked::{KEY, PROTOCOL_VERSION, TIMEOUT, TRACEPARENT};
use crate::head::Head;
use crate::interface::{Interface, Method};

/// The longest time that `connect-timeout-ms` can say: ten digits.
const TIMEOUT_MS_MAX: u128 = 9_999_999_999;

/// What a request's head asks for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: &'static Method,
    /// `/{Component}/{method}`
    path: String,
    /// When the time for it is over.
    pub(super) deadline: Option<Instant>,
    call_id: Option<u128>,
    trace: Option<TraceContext>,
    /// Whether it must not be made twice, and so gets a connection of its own.
    pub(super) is_fresh: bool,
}

impl Asked {
    pub(super) fn read(head: &Head<'_>, interface: &'static Interface, now: Instant) -> Result<Asked, String> {
        let method = interface.methods.get(head.method as usize);
        let method = method.ok_or_else(|| format!("`{}` has no such method", interface.name))?;
        let marks = &method.marks;
        Ok(Asked {
            method,
            path: format!("/{}/{}", interface.name, method.name),
            deadline: head.remaining_micros.map(|micros| now + Duration::from_micros(micros)),
            call_id: head.call_id,
            trace: head.trace.map(|(trace_id, span_id, sampled)| TraceContext {
                trace_id,
                span_id,
                sampled,
            }),
            is_fresh: !(marks.read || marks.idempotent || marks.once),
        })
    }

    /// The request to the program at `origin`; `None` if its time is over.
    pub(super) fn request(
        &self,
        origin: &Origin,
        now: Instant,
        body: Bytes,
    ) -> Result<Option<Request<Full<Bytes>>>, Lost> {
        let request = origin.request("POST", &self.path, body);
        let mut request = request.map_err(Lost::NotSent)?;
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(PROTOCOL_VERSION, HeaderValue::from_static("1"));
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_duration_since(now);
            if left.is_zero() {
                return Ok(None);
            }
            let ms = left.as_micros().div_ceil(1000).min(TIMEOUT_MS_MAX);
            headers.insert(TIMEOUT, text(ms.to_string())?);
        }
        if let Some(id) = self.call_id {
            headers.insert(KEY, text(format!("{id:032x}"))?);
        }
        if let Some(trace) = self.trace {
            headers.insert(TRACEPARENT, text(trace.to_string())?);
        }
        Ok(Some(request))
    }
}

fn text(text: String) -> Result<HeaderValue, Lost> {
    HeaderValue::try_from(text).map_err(|error| Lost::NotSent(error.to_string()))
}
