//! What a server allows its peers, and which headers it adds.

use std::time::Duration;

use http::{HeaderName, HeaderValue, header};

/// What a peer may cost, and what is said to all. A field without a unit in its name counts things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Connections of one listener. The next ones wait in the listener's own queue.
    pub connections_max: usize,
    /// Connections of one peer: an IPv4 address, or the /64 of an IPv6 one. The next ones are closed at once. Not counted
    /// behind `proxies`, from which all come.
    pub connections_per_peer_max: usize,
    /// Proxies through which every request comes; 0 where people connect themselves. So many entries at the end of
    /// `X-Forwarded-For` and `X-Forwarded-Proto` are believed: the first of them says who asked, and by which scheme. Whoever
    /// else can connect could then say so of themselves.
    pub proxies: usize,
    /// Requests at once on one HTTP/2 connection.
    pub streams_max: u32,
    /// Requests of one listener whose handlers run at once; a request above it is answered 503.
    pub requests_max: usize,
    /// Bytes of a request's head; by HTTP/2 each field counts 32 more (RFC 9113, 6.5.2).
    pub header_bytes_max: usize,
    /// Header fields of a request.
    pub headers_max: usize,
    /// Bytes of a request's body, unless its route allows more by [`Call::allow`](crate::Call::allow).
    pub body_bytes_max: u64,
    /// The time for a whole head by HTTP/1, for TLS's handshake, and for the answer to a ping by HTTP/2.
    pub header_timeout: Duration,
    /// The time for a whole body.
    pub body_timeout: Duration,
    /// The time for a handler, from head to head; what an answer's body takes is not counted.
    pub request_timeout: Duration,
    /// The time for which a peer may take nothing of an answer; then its connection ends.
    pub write_timeout: Duration,
    /// The time for which a connection may stay without a request.
    pub idle_timeout: Duration,
    /// How long what a refused peer still sends is read and thrown away, so that it can read why.
    pub linger_timeout: Duration,
    /// Bytes that are thrown away so.
    pub linger_bytes_max: usize,
    /// How long a server that drains goes on accepting while `/readyz` says that it is not ready, so that a load balancer
    /// can turn away first.
    pub unready_time: Duration,
    /// How long a drain waits for requests in flight.
    pub drain_timeout: Duration,
    /// Headers of every answer that has none of the same name.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How long browsers are to insist on HTTPS (RFC 6797), said on HTTPS with a real certificate only.
    pub strict_transport: Option<Duration>,
}

/// Pages load nothing from elsewhere, run no inline script, and are framed by nobody.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; \
     frame-ancestors 'none'",
);

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

impl Default for Config {
    fn default() -> Config {
        let fixed = HeaderValue::from_static;
        Config {
            connections_max: 4096,
            connections_per_peer_max: 512,
            proxies: 0,
            streams_max: 64,
            requests_max: 1024,
            header_bytes_max: 16 << 10,
            headers_max: 64,
            body_bytes_max: 1 << 20,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            linger_timeout: Duration::from_secs(2),
            linger_bytes_max: 16 << 20,
            unready_time: Duration::ZERO,
            // Below the 5 s in which a program stops.
            drain_timeout: Duration::from_secs(4),
            headers: vec![
                (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
                (header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
                // Not `no-referrer`: a form's `Origin` would be `null` then, which tells nothing of where it was sent from.
                (header::REFERRER_POLICY, fixed("same-origin")),
                (header::X_FRAME_OPTIONS, fixed("DENY")),
                (OPENER_POLICY, fixed("same-origin")),
            ],
            strict_transport: Some(Duration::from_secs(180 * 24 * 60 * 60)),
        }
    }
}
