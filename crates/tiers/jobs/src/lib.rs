//! Everything that happens later: durable jobs, schedules, steps with compensations, mail.
//!
//! A job is a row in the component's own database, enqueued in the caller's own transaction: it is there if and only if
//! what it follows from is. A worker in each process that has the component open claims due jobs under a lease and runs
//! them, at least once; what they do inside of components happens once, since each attempt has the same call ids and what
//! is called by them records its answers.
//!
//! # Life of a job
//!
//! ```text
//! Jobs::enqueue → enqueue.insert        a row, in the caller's transaction; after the commit the worker is woken
//!   worker.look   timetable.round       schedules that are due enqueue their job, and move on
//!                 claim.make_ready      what waited for its time is due
//!                 claim.take_over       leases that are over are taken away, and the attempt counts
//!   worker.claim  claim.claim           highest priority first, oldest within: a lease, and a fence one higher
//!   runner.run    job.step → lease.step handler, step or compensation, under a lease that is renewed
//!                 store.save            where id and fence: the next step, a retry, parked; or
//!                 finishing.done        done, with all that ended while the last ones were written
//! ```
//!
//! `job.rs` (what becomes of a job) and `lease.rs` (how long it is this worker's) are pure functions; all else is the
//! shell around them. Operators see and do what `listing.rs` offers.
//!
//! # Which clock
//!
//! Times are compared by one clock: the server's on PostgreSQL, for all replicas; on SQLite the node's wall clock, which may
//! jump. Nothing begins before its time by the clock that decided. A clock that jumps forward ends leases early, and a
//! job is taken over while its holder still runs: the fence keeps what the former holder writes from counting, and `once`
//! keeps its calls from counting twice.
//!
//! # Assumed world and promise
//!
//! | assumed | promised |
//! |---|---|
//! | processes crash and come back, stand still, are cut off; clocks are wrong and jump; the disk keeps what was synced | an enqueued job is run, parked with a reason, or cancelled: none is lost; none begins before its time |
//! | the same, any number of workers on PostgreSQL | of two holders one counts: the end of an attempt is written by fence |
//! | callees use `once` or are harmless twice, and remember for `once_retention`; a kind's retries are shorter, checked when it is declared | effects of a job happen once through retries, takeovers and replays |
//! | a compensation does with a step that did not happen, and leaves a mark by which one that comes late refuses | each step has happened, or all are taken back, or the job is parked saying which are not |
//! | a worker is there, and the database answers, again and again | every job comes to an end |
//!
//! # What it is not
//!
//! No effect outside of components happens exactly once: a handler that talks to others itself may do so twice. No order
//! is kept between jobs but in which they are claimed. A payload is at most 1 MiB. Two replicas may run one job at one
//! time for as long as a former holder has not noticed that its lease is over. Jobs that wait while nobody runs their kind
//! on any replica stay until [`Config::unknown_after`].

mod backoff;
mod claim;
mod config;
mod enqueue;
mod error;
mod finishing;
mod job;
mod jobs;
mod kind;
mod lease;
pub mod limits;
mod listing;
pub mod mail;
mod runner;
mod schedule;
mod statement;
mod store;
mod tables;
mod timetable;
mod worker;

pub use backoff::Backoff;
pub use config::Config;
pub use enqueue::{Job, JobId};
pub use error::{Error, JobError};
pub use job::{Progress, State, Undoing};
pub use jobs::Jobs;
pub use kind::{Declaration, Steps};
pub use listing::{Filter, Shown};
pub use schedule::{CRON_BYTES_MAX, Due, LATE_MAX, Missed, Schedule, ScheduleError};
pub use worker::Worker;
