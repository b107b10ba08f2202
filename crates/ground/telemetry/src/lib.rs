//! Counters and sampled latency per edge, trace context, structured logs.
//!
//! An *edge* is one line of the call graph: caller, callee, method, direct or remote.
//!
//! # Life of a call, as seen from here
//!
//! ```
//! use std::time::Duration;
//! use telemetry::{EdgeName, Outcome, Route, SAMPLE_MASK, Slot, snapshot};
//!
//! // Once, when a caller is bound.
//! let slot = Slot::register(EdgeName::new("Site", "Todos", "add", Route::Direct));
//!
//! // Every call: about a nanosecond.
//! let sampled = slot.count() & SAMPLE_MASK == 0;
//!
//! // Rare: 1 call in 64, and calls that fail.
//! if sampled {
//!     slot.latency(Duration::from_micros(180));
//! }
//! slot.outcome(Outcome::Unavailable);
//!
//! // When somebody looks.
//! assert_eq!(snapshot()[0].calls, 1);
//! ```
//!
//! # Assumed world
//!
//! | | |
//! |---|---|
//! | process failures | crash: counts begin at zero again |
//! | threads | any number, coming and going; no count is lost when one ends |
//! | time | none: latencies come as arguments, from the node's clock; the clock of log lines decides nothing |
//!
//! # What it is not
//!
//! No exporter and no dashboard: those read [`snapshot`]. It starts no thread and opens no file or socket.

pub mod edges;
pub mod logs;
pub mod metrics;
mod shard;
pub mod span;
pub mod trace;

pub use edges::{EDGE_SLOTS_MAX, EdgeName, EdgeStatistics, Outcome, Route, SAMPLE_MASK, Slot, snapshot};
pub use logs::Logs;
pub use trace::{TraceContext, TraceparentError};
