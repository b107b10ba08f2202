//! The component that finds events in calendars and on Facebook, and makes to-dos of them.
//!
//! ```text
//! poll.rs      a job for each source asks it, as often as it should be
//!   calendar.rs, facebook.rs   what the source says → happenings
//! found.rs     happenings against what is known: new, changed, cancelled; in one transaction
//! tell.rs      what `Todos` does not know yet is told to it, each by the id of its event: repeated, it changes nothing
//! ```
//!
//! Facebook is offered where an application is configured that its people allow to read their events:
//!
//! ```toml
//! [front]
//! url = "https://todo.example.org"            # Facebook leads back to /sources/facebook/back there
//!
//! [components.Events.config]
//! key = { env = "EVENTS_KEY" }                # seals tokens, for all replicas; on SQLite it is made where there is none
//!
//! [components.Events.config.facebook]
//! app = "1234567890"                          # as Facebook has given them
//! secret = { env = "FACEBOOK_SECRET" }
//! graph = "https://graph.facebook.com/v23.0"  # default: this
//! dialog = "https://www.facebook.com/v23.0/dialog/oauth"
//!
//! [feeds]
//! allow = ["10.1.0.0/16"]                     # calendars that need not be public; default: none
//! ```

mod agenda;
mod calendar;
mod checked;
mod facebook;
mod found;
mod happening;
mod kept;
mod poll;
mod sealed;
mod tell;

use terrace::database::Timestamp;
use terrace::{CallError, CallErrorKind, Cx};
use uuid::Uuid;

pub use agenda::Agenda;

use crate::hidden::Hidden;

/// Sources of one person.
pub const SOURCES_MAX: i64 = 20;
/// How often within an hour one person can have sources asked at once: by adding, connecting and polling them.
pub const ASKED_MAX: i64 = 120;
/// Characters of the name of a source.
pub const NAME_MAX: usize = 100;

/// Finds events, each source of one person, whom nobody else's calls reach: to another person it is [`EventError::Unknown`].
#[terrace::component(owner = "events", requires = "asynchronous")]
pub trait Events {
    /// Adds a calendar, which is read at once. The same call id with another `new` is [`EventError::Reused`].
    #[call(once)]
    async fn add(&self, cx: &Cx, owner: Uuid, new: NewSource) -> Result<Source, EventError>;

    /// A person's sources, the newest first.
    #[call(read)]
    async fn list(&self, cx: &Cx, owner: Uuid) -> Result<Sources, EventError>;

    /// One source.
    #[call(read)]
    async fn get(&self, cx: &Cx, owner: Uuid, id: Uuid) -> Result<Source, EventError>;

    /// Reads a source now rather than later.
    #[call(once)]
    async fn poll(&self, cx: &Cx, owner: Uuid, id: Uuid) -> Result<Source, EventError>;

    /// Removes a source. The to-dos that were made of its events stay.
    #[call(once)]
    async fn remove(&self, cx: &Cx, owner: Uuid, id: Uuid) -> Result<(), EventError>;

    /// Where a person allows this application to read their events on Facebook; from there they come back with what
    /// [`Events::connected`] takes.
    #[call(once)]
    async fn connect(&self, cx: &Cx, owner: Uuid) -> Result<String, EventError>;

    /// Adds the source of a person who has allowed it, or gives the one that is there its new token. `state` is the one of
    /// [`Events::connect`], for 15 minutes.
    #[call(once)]
    async fn connected(&self, cx: &Cx, owner: Uuid, state: Hidden, code: Hidden) -> Result<Source, EventError>;

    /// Deletes all of a person's sources, for good.
    #[call(once)]
    async fn forget(&self, cx: &Cx, owner: Uuid) -> Result<(), EventError>;
}

/// A calendar to be read.
#[terrace::data]
pub struct NewSource {
    /// Its address.
    pub url: String,
    /// What it is called, if not as it calls itself; at most [`NAME_MAX`] characters.
    pub name: Option<String>,
}

/// Where events come from.
#[terrace::data]
pub struct Source {
    /// Which.
    pub id: Uuid,
    /// What it is.
    pub kind: Kind,
    /// What it is called.
    pub name: String,
    /// Its address, of a calendar.
    pub url: Option<String>,
    /// How it stands.
    pub state: State,
    /// Why it stands so, as a sentence.
    pub reason: Option<String>,
    /// How many of its events are to-dos.
    pub events: u64,
    /// Since when it is there.
    pub created_at: Timestamp,
    /// When it was read last, successfully.
    pub read_at: Option<Timestamp>,
    /// When it will be read next, unless it waits for the person.
    pub next_at: Option<Timestamp>,
}

/// A person's sources.
#[terrace::data]
pub struct Sources {
    /// The newest first.
    pub sources: Vec<Source>,
    /// Whether Facebook can be connected here.
    pub has_facebook: bool,
}

/// What a source is.
#[terrace::data]
#[derive(Copy, Eq)]
pub enum Kind {
    /// iCalendar by its address.
    Calendar,
    /// A person's events on Facebook.
    Facebook,
}

/// How a source stands.
#[terrace::data]
#[derive(Copy, Eq)]
pub enum State {
    /// It was not read yet.
    New,
    /// It was read.
    Well,
    /// It could not be read, and is tried again.
    Failing,
    /// It wants to be left alone for a while, and is tried again after that.
    Waiting,
    /// It is not read until the person connects it again.
    Disconnected,
}

/// Why it was not done.
#[terrace::data]
#[derive(thiserror::Error)]
pub enum EventError {
    /// A field is wrong.
    #[error("{field}: {reason}")]
    #[error(code = "invalid_argument")]
    Invalid {
        /// `url`, `name`, `state`.
        field: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// This person has no such source.
    #[error("there is no such source")]
    #[error(code = "not_found")]
    Unknown,
    /// There is one too many, it is there already, or it is not offered here.
    #[error("{what}")]
    #[error(code = "failed_precondition")]
    Refused {
        /// Why, and what to do.
        what: String,
    },
    /// This person has had sources asked too often.
    #[error("you have had calendars read {ASKED_MAX} times within an hour; try again in {seconds} s")]
    #[error(code = "resource_exhausted")]
    TooMany {
        /// When to try again.
        seconds: u64,
    },
    /// The call id was used for another source.
    #[error("this request id was used for another source; use a new one")]
    #[error(code = "failed_precondition")]
    Reused,
    /// The call itself failed.
    #[error(transparent)]
    Call(CallError),
}

impl From<CallError> for EventError {
    fn from(error: CallError) -> EventError {
        EventError::Call(error)
    }
}

impl From<terrace::database::Error> for EventError {
    fn from(error: terrace::database::Error) -> EventError {
        EventError::Call(error.into())
    }
}

impl From<terrace::jobs::Error> for EventError {
    fn from(error: terrace::jobs::Error) -> EventError {
        match error {
            terrace::jobs::Error::Database(error) => error.into(),
            other => CallError::maybe_run(CallErrorKind::Failed, other.to_string()).into(),
        }
    }
}
