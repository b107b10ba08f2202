//! [`Error`]: why something about jobs could not be done; [`JobError`]: how a handler failed.

use component::CallId;
use wire::{CallError, CallErrorKind};

use crate::enqueue::JobId;

/// Why something about jobs could not be done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The database did not do it.
    #[error(transparent)]
    Database(#[from] database::Error),
    /// A kind or a schedule cannot be as it was written.
    #[error("{message}")]
    Declared {
        /// Why, and the next step.
        message: String,
    },
    /// There is no such job, or no more: jobs that are done are removed after a while.
    #[error("there is no job {id}; `jobs list` shows those there are")]
    Missing {
        /// Which one was asked for.
        id: JobId,
    },
    /// The job is in a state in which that is not done.
    #[error("job {id} is {state}, and only {wanted}")]
    State {
        /// Which job.
        id: JobId,
        /// What it is.
        state: &'static str,
        /// What it would have to be.
        wanted: &'static str,
    },
    /// Its effects are not remembered for certain any more.
    #[error(
        "job {id} was first tried at {first}, and effects are remembered until {until} only: it may do these again: {}; allow \
         that by --may-repeat",
        steps.join(", ")
    )]
    MayRepeat {
        /// Which job.
        id: JobId,
        /// When its first attempt began.
        first: database::Timestamp,
        /// Until when it could have been replayed without doubt.
        until: database::Timestamp,
        /// What may happen a second time.
        steps: Vec<String>,
    },
}

/// How a handler failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// It may succeed at another time: it is tried again, until its attempts are over.
    #[error("{0}")]
    Retry(String),
    /// It will not succeed however often it is tried: it is parked, or undone.
    #[error("{0}")]
    Fail(String),
}

impl JobError {
    /// It may succeed at another time.
    pub fn retry(why: impl std::fmt::Display) -> JobError {
        JobError::Retry(why.to_string())
    }

    /// It will not succeed.
    pub fn fail(why: impl std::fmt::Display) -> JobError {
        JobError::Fail(why.to_string())
    }
}

/// A call that failed may succeed later, but for one that is forbidden or does not fit.
impl From<CallError> for JobError {
    fn from(error: CallError) -> JobError {
        match error.kind() {
            CallErrorKind::Denied | CallErrorKind::Incompatible => JobError::Fail(error.to_string()),
            _ => JobError::Retry(error.to_string()),
        }
    }
}

/// What is not of the moment will not be better later.
impl From<database::Error> for JobError {
    fn from(error: database::Error) -> JobError {
        match error.is_transient() {
            true => JobError::Retry(error.to_string()),
            false => JobError::Fail(error.to_string()),
        }
    }
}

/// The id that a job's handler or one of its steps is called by. It is the same in each attempt.
pub(crate) fn call_id(id: JobId, round: i64, part: &[&str]) -> CallId {
    let round = round.to_le_bytes();
    let mut parts: Vec<&[u8]> = vec![b"terrace job", id.0.as_bytes(), &round];
    parts.extend(part.iter().map(|part| part.as_bytes()));
    CallId::from_parts(&parts)
}
