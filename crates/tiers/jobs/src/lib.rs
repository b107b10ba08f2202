//! Everything that happens later.
