//! The `tracing` span of one sampled call.

use tracing::Span;
use tracing::field::{Empty, display};

use crate::edges::{EdgeName, Outcome};
use crate::trace::TraceContext;

/// The target of the spans of calls: the name to set a level for in `Logs`.
pub const TARGET: &str = "terrace::call";

/// A span for one call over the edge `name`; `context` is the call's own, `parent_span_id` the caller's.
///
/// Its level is the highest there is, so that a filter on lines never takes the trace id from those it lets through.
pub fn call(name: &EdgeName, context: TraceContext, parent_span_id: Option<u64>) -> Span {
    let span = tracing::error_span!(
        target: TARGET,
        "call",
        caller = &*name.caller,
        callee = &*name.callee,
        method = &*name.method,
        route = name.route.as_str(),
        trace_id = %format_args!("{:032x}", context.trace_id),
        span_id = %format_args!("{:016x}", context.span_id),
        parent_span_id = Empty,
        outcome = Empty,
    );
    if let Some(parent) = parent_span_id {
        span.record("parent_span_id", display(format_args!("{parent:016x}")));
    }
    span
}

/// Records how the call of `span` ended; `None` is `ok`.
pub fn record_outcome(span: &Span, outcome: Option<Outcome>) {
    span.record("outcome", outcome.map_or("ok", Outcome::as_str));
}
