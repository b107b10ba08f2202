//! Every limit of an application's life, by name and unit.

use std::time::Duration;

/// Bytes of `terrace.toml`.
pub const CONFIG_BYTES_MAX: usize = 1 << 20;

/// Bytes of a file that holds a secret.
pub const SECRET_BYTES_MAX: usize = 64 << 10;

/// Time for one background module to stop after it was told to; then it is dropped at its next await.
pub const STOP_MAX: Duration = Duration::from_secs(5);
