//! CPU seconds and peak memory, of this process or of its children.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};

/// What a process has used since it started.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Usage {
    /// User and system time of all threads, in seconds.
    pub cpu_s: f64,
    /// The most memory that was resident at once, in MiB.
    pub peak_mib: f64,
}

/// What this process has used.
///
/// # Errors
/// When the system does not answer `getrusage`.
pub fn own() -> anyhow::Result<Usage> {
    read(UsageWho::RUSAGE_SELF)
}

/// What the children that were waited for have used together; the peak is that of the largest one.
///
/// # Errors
/// When the system does not answer `getrusage`.
pub fn children() -> anyhow::Result<Usage> {
    read(UsageWho::RUSAGE_CHILDREN)
}

#[expect(clippy::cast_precision_loss, reason = "microseconds and KiB stay far below 2^52")]
fn read(who: UsageWho) -> anyhow::Result<Usage> {
    let usage = getrusage(who)?;
    let cpu_us = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Usage {
        cpu_s: cpu_us as f64 / 1e6,
        peak_mib: usage.max_rss() as f64 / 1024.0,
    })
}
