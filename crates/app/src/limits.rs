//! Every limit of a program's life, by name and unit.

use std::time::Duration;

/// Time for requests that have begun to be answered, once the program was asked to end.
pub const DRAIN_MAX: Duration = Duration::from_secs(5);

/// Bytes of a description that `check` reads.
pub const RELEASE_BYTES_MAX: usize = 64 << 20;
