//! [`Config`]: how a component's worker works.

use std::time::Duration;

use crate::limits::{DRAIN, KEEP, LEASE, POLL, SLOTS, UNKNOWN_AFTER};

/// How a worker works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How often due jobs, lost leases and schedules are looked for. What this process enqueues wakes it at once; what
    /// others enqueue waits for at most this. Default: 500 ms.
    pub poll: Duration,
    /// How long a job is this worker's without being renewed: a dead worker's job is taken over after it. At least
    /// [`LEASE_MIN`](crate::limits::LEASE_MIN). Default: 30 s.
    pub lease: Duration,
    /// Jobs of this component that run at the same time in this process. Default: 16.
    pub slots: usize,
    /// How long jobs that are done or cancelled are kept. Default: 7 days.
    pub keep: Duration,
    /// How long running jobs may go on when the worker is stopped, before they are given back. Default: 10 s.
    pub drain: Duration,
    /// On PostgreSQL, how long a due job of a kind that this program does not know is left to programs that do, before it
    /// is parked: while a release is rolled out, some replicas know more than others. On SQLite there is nobody else, and
    /// it is parked at once. Default: 10 minutes.
    pub unknown_after: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            poll: POLL,
            lease: LEASE,
            slots: SLOTS,
            keep: KEEP,
            drain: DRAIN,
            unknown_after: UNKNOWN_AFTER,
        }
    }
}
