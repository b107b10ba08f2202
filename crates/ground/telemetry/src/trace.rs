//! Trace context between processes: the `traceparent` header of W3C Trace Context, level 1
//! (<https://www.w3.org/TR/trace-context-1/>, section 3.2).

use std::fmt;
use std::str::FromStr;

/// Bytes of a `traceparent` of version 00: `00-{trace-id}-{parent-id}-{trace-flags}`.
pub const TRACEPARENT_BYTES: usize = 55;

const SAMPLED: u8 = 0b0000_0001;

/// Which trace a call belongs to, and which span of it asks.
///
/// Both ids are drawn by whoever starts a trace or a span and are never zero: zero is *invalid* on the wire
/// (sections 3.2.2.3 and 3.2.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The whole trace: the same in every process.
    pub trace_id: u128,
    /// This span: the `parent-id` of what it calls.
    pub span_id: u64,
    /// Whether the caller may have recorded it (section 3.2.2.5.1).
    pub sampled: bool,
}

/// Why a `traceparent` was refused. The receiver then starts a trace of its own (section 3.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TraceparentError {
    /// Not the length that its version has.
    #[error("traceparent has {bytes} bytes; version 00 has {TRACEPARENT_BYTES}, a later one at least as many")]
    Length {
        /// Bytes received.
        bytes: usize,
    },
    /// Version `ff` is forbidden (section 3.2.2.1).
    #[error("traceparent has the forbidden version ff; send version 00")]
    Version,
    /// Something else than a dash between two fields.
    #[error("traceparent has no dash at byte {at}; write version-traceid-parentid-flags")]
    Dash {
        /// Where a dash belongs, counted from 0.
        at: usize,
    },
    /// Something else than a lower-case hexadecimal digit inside a field.
    #[error("traceparent has no lower-case hexadecimal digit at byte {at}")]
    Digit {
        /// Where the digit belongs, counted from 0.
        at: usize,
    },
    /// A trace id of zeros.
    #[error("traceparent has a trace-id of zeros; draw a random one")]
    ZeroTrace,
    /// A parent id of zeros.
    #[error("traceparent has a parent-id of zeros; draw a random one")]
    ZeroParent,
}

impl TraceContext {
    /// The context of a span below this one: same trace, same decision whether to sample.
    pub fn child(self, span_id: u64) -> TraceContext {
        TraceContext { span_id, ..self }
    }

    /// Reads a `traceparent`. A version above 00 is read as far as 00 goes (section 3.2.4).
    pub fn parse(traceparent: &[u8]) -> Result<TraceContext, TraceparentError> {
        let bytes = traceparent.len();
        let Some(fields) = traceparent.first_chunk::<TRACEPARENT_BYTES>() else {
            return Err(TraceparentError::Length { bytes });
        };
        let version = hexadecimal(fields, 0, 2)? as u8;
        if version == 0xff {
            return Err(TraceparentError::Version);
        }
        if version == 0 && bytes > TRACEPARENT_BYTES {
            return Err(TraceparentError::Length { bytes });
        }
        for at in [2, 35, 52, TRACEPARENT_BYTES] {
            if traceparent.get(at).is_some_and(|byte| *byte != b'-') {
                return Err(TraceparentError::Dash { at });
            }
        }
        let trace_id = hexadecimal(fields, 3, 35)?;
        let span_id = hexadecimal(fields, 36, 52)? as u64;
        let flags = hexadecimal(fields, 53, 55)? as u8;
        if trace_id == 0 {
            return Err(TraceparentError::ZeroTrace);
        }
        if span_id == 0 {
            return Err(TraceparentError::ZeroParent);
        }
        // The other flags say nothing in level 1: ignored here, zero when sent on (section 3.2.2.5.2).
        Ok(TraceContext {
            trace_id,
            span_id,
            sampled: flags & SAMPLED != 0,
        })
    }
}

impl FromStr for TraceContext {
    type Err = TraceparentError;

    fn from_str(traceparent: &str) -> Result<TraceContext, TraceparentError> {
        TraceContext::parse(traceparent.as_bytes())
    }
}

/// Writes a `traceparent` of version 00, the version it sends whatever it received (section 3.2.4).
impl fmt::Display for TraceContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = if self.sampled { SAMPLED } else { 0 };
        write!(formatter, "00-{:032x}-{:016x}-{flags:02x}", self.trace_id, self.span_id)
    }
}

fn hexadecimal(fields: &[u8; TRACEPARENT_BYTES], from: usize, to: usize) -> Result<u128, TraceparentError> {
    let mut value = 0;
    for (at, byte) in fields.iter().enumerate().take(to).skip(from) {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return Err(TraceparentError::Digit { at }),
        };
        value = value << 4 | u128::from(digit);
    }
    Ok(value)
}
