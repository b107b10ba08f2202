//! Every limit of a call, by name and unit.

use std::time::Duration;

/// Time for a call that comes with no deadline.
pub const DEADLINE_DEFAULT: Duration = Duration::from_secs(30);

/// Hops from the root of a request; one more is `Overloaded`, so that a circle of components ends.
pub const HOPS_MAX: u8 = 32;

/// Different calls with an id that one request may make; one more is `Overloaded`.
pub const DERIVED_CALLS_MAX: usize = 1_000_000;

/// Attempts at one call, the first included.
pub const ATTEMPTS_MAX: u8 = 8;

/// Longest wait before a second attempt; it doubles with each further one. The wait is drawn between zero and this
/// (full jitter), so that callers do not retry together.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(10);

/// The wait before an attempt grows no further than this.
pub const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// Retries allowed for each hundred calls to one callee.
pub const RETRY_PERCENT: u32 = 10;

/// Retries that may be saved up for one callee.
pub const RETRY_BURST_MAX: u32 = 100;

/// Time to open a session to a peer, within the call's own deadline.
pub const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Faulty replicas that one vote may tolerate: it asks twice as many and one.
pub const FAULTY_REPLICAS_MAX: usize = 16;

/// Replicas whose failure the error of a vote tells.
pub const FAILURES_TOLD_MAX: usize = 4;

/// Characters of each of them.
pub const FAILURE_CHARS_MAX: usize = 200;

const _: () = assert!(BACKOFF_FIRST.as_nanos() <= BACKOFF_MAX.as_nanos());
