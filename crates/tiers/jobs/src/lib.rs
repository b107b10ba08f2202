//! Everything that happens later.

mod backoff;
mod claim;
mod config;
mod enqueue;
mod error;
mod job;
mod jobs;
mod kind;
mod lease;
pub mod limits;
pub mod mail;
mod listing;
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
