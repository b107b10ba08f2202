//! What the program of one external component may cost.

use std::time::Duration;

use crate::limits::MESSAGE_BYTES_MAX;

/// What the program of one external component may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalLimits {
    /// Bytes of a request's body.
    pub request_bytes_max: usize,
    /// Bytes of an answer's body.
    pub answer_bytes_max: usize,
    /// Bytes of an answer's head.
    pub header_bytes_max: usize,
    /// Header fields of an answer.
    pub headers_max: usize,
    /// Calls under way, those that wait for a connection included; one more is `Overloaded`.
    pub calls_max: usize,
    /// Connections at once; further calls wait within their deadlines.
    pub connections_max: usize,
    /// Connections that are kept for the next call.
    pub idle_max: usize,
    /// How long one is kept: less than servers wait for a next request, of which few wait less than 2 s.
    pub idle_timeout: Duration,
    /// Time to connect, within the call's own deadline.
    pub connect_timeout: Duration,
    /// The time for which the program may take nothing of a request.
    pub write_timeout: Duration,
    /// Time for an answer to a call without a deadline: nothing else tells that the machine there is gone.
    pub answer_timeout: Duration,
    /// Characters of an error's message; the rest is cut off.
    pub message_chars_max: usize,
}

impl Default for ExternalLimits {
    fn default() -> ExternalLimits {
        ExternalLimits {
            // As much as crosses in frames.
            request_bytes_max: MESSAGE_BYTES_MAX,
            answer_bytes_max: MESSAGE_BYTES_MAX,
            header_bytes_max: 16 << 10,
            headers_max: 64,
            calls_max: 1024,
            connections_max: 64,
            idle_max: 16,
            idle_timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(600),
            message_chars_max: 1000,
        }
    }
}
