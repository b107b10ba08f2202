//! What one peer may cost.

use std::time::Duration;

use crate::limits::{ASSEMBLY_BYTES_MAX, MESSAGE_BYTES_MAX};

/// What one connection to the HTTP face may cost. How many connections there may be is the listener's limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaceLimits {
    /// Bytes of a request's body.
    pub request_bytes_max: usize,
    /// Bytes of bodies that have arrived in part, of all requests at once with HTTP/2.
    pub arriving_bytes_max: usize,
    /// Bytes of a request's head.
    pub header_bytes_max: usize,
    /// Header fields of a request with HTTP/1.
    pub headers_max: usize,
    /// Requests at once on one HTTP/2 connection, and so the answers that may wait there for a peer that takes none.
    pub requests_max: u32,
    /// The time for the whole head of a request, which is also how long a connection may be idle.
    pub header_timeout: Duration,
    /// The time for a whole body.
    pub body_timeout: Duration,
    /// The time for which a peer may take nothing of an answer.
    pub write_timeout: Duration,
    /// How long what a refused peer still sends is read and thrown away, so that it can read why.
    pub linger_timeout: Duration,
}

impl Default for FaceLimits {
    fn default() -> FaceLimits {
        FaceLimits {
            // As much as crosses in frames.
            request_bytes_max: MESSAGE_BYTES_MAX,
            arriving_bytes_max: ASSEMBLY_BYTES_MAX,
            header_bytes_max: 16 << 10,
            headers_max: 64,
            requests_max: 64,
            header_timeout: Duration::from_secs(20),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            linger_timeout: Duration::from_secs(2),
        }
    }
}
