//! Every limit of an application's life, by name and unit.

use std::time::Duration;

/// Bytes of `terrace.toml`, and of each value that comes from elsewhere.
pub const CONFIG_BYTES_MAX: usize = 1 << 20;

/// Levels of a key in a variable's name or in `--set`.
pub const KEY_LEVELS_MAX: usize = 16;

/// A hundred years: the longest time that a configuration may name, so that no clock overflows by it.
pub const CONFIG_TIME_MAX: Duration = Duration::from_secs(36_525 * 24 * 60 * 60);

/// Bytes of a file that holds a secret.
pub const SECRET_BYTES_MAX: usize = 64 << 10;

/// The least that `tiers.jobs.poll` may be: none would be a loop without a pause.
pub const POLL_MIN: Duration = Duration::from_millis(1);

/// The least that `tiers.jobs.lease` may be: that of a component's jobs, also in a program that has none.
pub const LEASE_MIN: Duration = Duration::from_secs(1);

#[cfg(feature = "database")]
const _: () = assert!(LEASE_MIN.as_nanos() == jobs::limits::LEASE_MIN.as_nanos());

/// Time for one background module to stop after it was told to; then it is dropped at its next await.
pub const STOP_MAX: Duration = Duration::from_secs(5);
