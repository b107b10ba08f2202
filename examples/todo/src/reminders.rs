//! The component that reminds people of their to-dos by mail.

mod bell;
mod follow;
mod letter;
mod ring;

use terrace::database::Timestamp;
use terrace::{CallError, CallErrorKind, Cx};
use uuid::Uuid;

pub use bell::Bell;

/// Reminders of one to-do.
pub const REMINDERS_MAX: i64 = 20;

/// To-dos whose reminders one call answers, and reminders that one call imports.
pub const LIST_MAX: usize = 200;
/// Days from now on within which a reminder lies: 10 years.
pub const AHEAD_DAYS_MAX: u64 = 3_653;
/// How many hours after its time a reminder is still sent, where its to-do was done or deleted then and is open again.
pub const LATE_HOURS_MAX: u64 = 24;
/// For how many days after its time a reminder is kept.
pub const KEEP_DAYS: u64 = 90;

/// Reminds people by mail. A reminder of a to-do that is done or deleted is not sent, and is back when that is taken back.
#[terrace::component(owner = "reminders", requires = "asynchronous")]
pub trait Reminders {
    /// Adds a reminder at a time that is to come. The same call id with another time is [`ReminderError::Reused`].
    #[call(once)]
    async fn add(&self, cx: &Cx, owner: Uuid, todo: Uuid, at: Timestamp) -> Result<Reminder, ReminderError>;

    /// The reminders of these to-dos (at most [`LIST_MAX`]), the earliest first.
    #[call(read)]
    async fn list(&self, cx: &Cx, owner: Uuid, todos: Vec<Uuid>) -> Result<Vec<Reminder>, ReminderError>;

    /// Removes a reminder.
    #[call(once)]
    async fn remove(&self, cx: &Cx, owner: Uuid, id: Uuid) -> Result<(), ReminderError>;

    /// Says whether a to-do is to be reminded of, as of its `version`; an older one is ignored. Called by a job of `Todos`
    /// after each change that matters.
    #[call(once)]
    async fn follow(&self, cx: &Cx, owner: Uuid, todo: Uuid, open: bool, version: i64) -> Result<(), ReminderError>;

    /// Adds up to [`LIST_MAX`] reminders of an export with their ids; those whose id is there already are left as they are, and those whose
    /// time is over count as sent. Answers how many are new.
    #[call(once)]
    async fn import(&self, cx: &Cx, owner: Uuid, reminders: Vec<Reminder>) -> Result<u64, ReminderError>;

    /// Deletes all of a person's reminders, for good.
    #[call(once)]
    async fn forget(&self, cx: &Cx, owner: Uuid) -> Result<(), ReminderError>;
}

/// A reminder.
#[terrace::data]
pub struct Reminder {
    /// Which.
    pub id: Uuid,
    /// Of which to-do.
    pub todo: Uuid,
    /// When.
    pub at: Timestamp,
    /// How it stands.
    pub state: State,
}

/// How a reminder stands.
#[terrace::data]
#[derive(Copy, Eq)]
pub enum State {
    /// Its time is to come.
    Waiting,
    /// Its to-do is done or deleted, so it will not be sent.
    Suspended,
    /// Its mail is on its way, or has arrived.
    Sent,
}

/// Why it was not done.
#[terrace::data]
#[derive(thiserror::Error)]
pub enum ReminderError {
    /// A field is wrong.
    #[error("{field}: {reason}")]
    #[error(code = "invalid_argument")]
    Invalid {
        /// `at`; of a list also `todos`, of an import `reminders`.
        field: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// This person has no such to-do or reminder.
    #[error("there is no such to-do or reminder")]
    #[error(code = "not_found")]
    Unknown,
    /// The call id was used for another reminder.
    #[error("this request id was used for another reminder; use a new one")]
    #[error(code = "failed_precondition")]
    Reused,
    /// The to-do has [`REMINDERS_MAX`].
    #[error("this to-do has {REMINDERS_MAX} reminders already; remove one")]
    #[error(code = "resource_exhausted")]
    Full,
    /// The call itself failed.
    #[error(transparent)]
    Call(CallError),
}

impl From<CallError> for ReminderError {
    fn from(error: CallError) -> ReminderError {
        ReminderError::Call(error)
    }
}

impl From<terrace::database::Error> for ReminderError {
    fn from(error: terrace::database::Error) -> ReminderError {
        ReminderError::Call(error.into())
    }
}

impl From<terrace::jobs::Error> for ReminderError {
    fn from(error: terrace::jobs::Error) -> ReminderError {
        match error {
            terrace::jobs::Error::Database(error) => error.into(),
            other => CallError::maybe_run(CallErrorKind::Failed, other.to_string()).into(),
        }
    }
}
