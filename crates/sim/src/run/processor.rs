//! How much of a processor a thread has used.

#![expect(unsafe_code, reason = "the clock of a thread's processor time is asked by a pointer")]

use std::time::Duration;

/// The processor time of this thread so far, as `clock_gettime` tells it; zero where there is no such clock. Not on a
/// thread that is armed, where to read a clock is a leak.
pub(super) fn used() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` may be written.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    match status {
        0 => Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0)),
        _ => Duration::ZERO,
    }
}
