//! Counters and sampled latency per edge, trace context, structured logs.
