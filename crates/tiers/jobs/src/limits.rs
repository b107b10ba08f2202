//! What jobs allow, each with its unit.

use std::time::Duration;

/// Bytes of a payload in the tagged encoding.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// Bytes of the name of a kind, a step or a schedule, and of a key.
pub const NAME_BYTES_MAX: usize = 200;

/// Bytes of a reason that are kept.
pub const REASON_BYTES_MAX: usize = 4 << 10;

/// Steps of one kind.
pub const STEPS_MAX: usize = 64;

/// Jobs that one listing answers.
pub const LIST_MAX: u32 = 1_000;

/// How often due jobs are looked for, unless it is configured.
pub const POLL: Duration = Duration::from_millis(500);

/// How long a lease lasts, unless it is configured.
pub const LEASE: Duration = Duration::from_secs(30);

/// How short a lease may be: it is renewed after a third, and a database that is at work takes some tenths of a second for
/// that. A shorter one is lost by whoever is well, and its job runs twice.
pub const LEASE_MIN: Duration = Duration::from_secs(1);

/// How long one attempt may run, unless its kind says otherwise.
pub const LONGEST: Duration = Duration::from_secs(5 * 60);

/// Jobs that run at the same time, unless it is configured.
pub const SLOTS: usize = 16;

/// How long done and cancelled jobs are kept, unless it is configured.
pub const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long running jobs may go on when the worker stops, unless it is configured.
pub const DRAIN: Duration = Duration::from_secs(10);

/// How long a kind may be unknown, unless it is configured.
pub const UNKNOWN_AFTER: Duration = Duration::from_secs(10 * 60);

/// What must be left of the time for which effects are remembered when an attempt begins.
pub const RETENTION_MARGIN: Duration = Duration::from_secs(24 * 3600);

/// Jobs that one statement claims: with all their payloads they are an answer that the database gives.
pub const CLAIMED_MAX: usize = 32;

const _: () = assert!(CLAIMED_MAX * PAYLOAD_BYTES_MAX < database::limits::ANSWER_BYTES_MAX);

/// Jobs whose end one statement writes.
pub const FINISHED_MAX: usize = 128;

/// Jobs that one round makes ready, takes over, parks or removes.
pub const ROUND_ROWS_MAX: u32 = 500;

/// Due times of one schedule that are made up for in one round.
pub const CATCH_UP_MAX: u32 = 100;

/// How late a due time of a schedule may be and still enqueue its job: what was missed longer ago is skipped.
pub const SCHEDULE_LATE_MAX: Duration = Duration::from_secs(24 * 3600);
