//! Traits as components: Ref, Cx, call ids, errors with certainty, retries.
