//! The names of every metric this crate can show. Each has the labels `caller`, `callee`, `method` and `route`.

/// Calls begun. A counter.
pub const CALLS: &str = "terrace_calls_total";

/// Calls that ended in an error; one more label, `outcome`. A counter.
pub const CALL_ERRORS: &str = "terrace_call_errors_total";

/// Tries after the first. A counter.
pub const CALL_RETRIES: &str = "terrace_call_retries_total";

/// Latency of the sampled calls, 1 in 64. A summary with the quantiles 0.5, 0.99 and 1.
pub const CALL_LATENCY: &str = "terrace_call_latency_us";

/// All of them, in this order.
pub const ALL: [&str; 4] = [CALLS, CALL_ERRORS, CALL_RETRIES, CALL_LATENCY];
