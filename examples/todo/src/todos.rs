//! The component that keeps to-dos.

mod checked;
mod cursor;
mod history;
mod kept;
mod later;
mod listing;
mod notebook;
mod person;
mod watchers;

use terrace::database::Timestamp;
use terrace::{CallError, CallErrorKind, Cx};
use uuid::Uuid;

pub use notebook::Notebook;

/// Characters of a title.
pub const TITLE_MAX: usize = 500;
/// Tags of a to-do, and characters of a tag.
pub const TAGS_MAX: usize = 20;
/// See [`TAGS_MAX`].
pub const TAG_MAX: usize = 50;
/// To-dos that one call answers.
pub const LIST_MAX: u32 = 200;
/// To-dos that one call imports.
pub const IMPORT_MAX: usize = 200;
/// To-dos of one person.
pub const TODOS_MAX: i64 = 100_000;

/// Changes of one to-do that can be taken back.
pub const CHANGES_MAX: i64 = 20;
/// For how many days a change can be taken back.
pub const UNDO_DAYS: u64 = 30;
/// Deleted to-dos of one person that are kept, so that they can be taken back.
pub const DELETED_MAX: i64 = 1_000;
/// Tags that an overview names.
pub const OVERVIEW_TAGS_MAX: i64 = 1_000;

/// Keeps to-dos, each of one person, whom nobody else's calls reach: to another person it is [`TodoError::Unknown`].
#[terrace::component(owner = "todos", requires = "asynchronous")]
pub trait Todos {
    /// Adds a to-do. The same call id with another `new` is [`TodoError::Reused`].
    #[call(once)]
    async fn add(&self, cx: &Cx, owner: Uuid, new: NewTodo) -> Result<Todo, TodoError>;

    /// To-dos as `filter` says, the newest first.
    #[call(read)]
    async fn list(&self, cx: &Cx, owner: Uuid, filter: Filter) -> Result<Page, TodoError>;

    /// One to-do.
    #[call(read)]
    async fn get(&self, cx: &Cx, owner: Uuid, id: Uuid) -> Result<Todo, TodoError>;

    /// Changes a to-do, and answers what it is now.
    #[call(once)]
    async fn edit(&self, cx: &Cx, owner: Uuid, id: Uuid, change: Change) -> Result<Todo, TodoError>;

    /// Deletes a to-do. It can be taken back for [`UNDO_DAYS`], unless [`DELETED_MAX`] others were deleted since.
    #[call(once)]
    async fn delete(&self, cx: &Cx, owner: Uuid, id: Uuid) -> Result<(), TodoError>;

    /// Takes the last change of a to-do back, its deletion too, and answers what it is now.
    /// [`TodoError::NothingToUndo`] where nothing is left to take back.
    #[call(once)]
    async fn undo(&self, cx: &Cx, owner: Uuid, id: Uuid) -> Result<Todo, TodoError>;

    /// How many there are, and which tags.
    #[call(read)]
    async fn overview(&self, cx: &Cx, owner: Uuid) -> Result<Overview, TodoError>;

    /// Adds up to [`IMPORT_MAX`] to-dos of an export with their ids and times; those whose id is there already are left as
    /// they are. Answers how many are new.
    #[call(once)]
    async fn import(&self, cx: &Cx, owner: Uuid, todos: Vec<Todo>) -> Result<u64, TodoError>;

    /// Waits until the person's to-dos have another revision than `since`, or 20 s, and answers their revision. For pages that
    /// show changes as they come.
    #[call(read)]
    async fn changed(&self, cx: &Cx, owner: Uuid, since: i64) -> Result<i64, TodoError>;

    /// Deletes all of a person's to-dos, for good.
    #[call(once)]
    async fn forget(&self, cx: &Cx, owner: Uuid) -> Result<(), TodoError>;
}

/// A to-do.
#[terrace::data]
pub struct Todo {
    /// Which.
    pub id: Uuid,
    /// What is to be done, 1 to [`TITLE_MAX`] characters.
    pub title: String,
    /// Whether it is done.
    pub done: bool,
    /// When it is due.
    pub due: Option<Timestamp>,
    /// Words to find it by, sorted, each once.
    pub tags: Vec<String>,
    /// Since when it is there.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A to-do to be added.
#[terrace::data]
pub struct NewTodo {
    /// See [`Todo::title`]; white space around it is cut off.
    pub title: String,
    /// Whether it is done already.
    pub done: bool,
    /// When it is due.
    pub due: Option<Timestamp>,
    /// See [`Todo::tags`].
    pub tags: Vec<String>,
}

/// What is to change; what is `None` stays.
#[terrace::data]
#[derive(Default)]
pub struct Change {
    /// The title.
    pub title: Option<String>,
    /// Whether it is done.
    pub done: Option<bool>,
    /// When it is due.
    pub due: Due,
    /// All tags.
    pub tags: Option<Vec<String>>,
}

/// What is to become of when a to-do is due.
#[terrace::data]
#[derive(Copy, Default)]
pub enum Due {
    /// It stays.
    #[default]
    Keep,
    /// It is not due any more.
    Never,
    /// It is due then.
    At(Timestamp),
}

/// Which to-dos.
#[terrace::data]
#[derive(Default)]
pub struct Filter {
    /// Only those that are done, or that are not.
    pub done: Option<bool>,
    /// Only those with this tag.
    pub tag: Option<String>,
    /// Only those with this text in the title, whatever its case.
    pub q: Option<String>,
    /// Only those after the page that ended with this [`Page::next`].
    pub after: Option<String>,
    /// How many: 1 to [`LIST_MAX`].
    pub limit: u32,
}

/// Some to-dos.
#[terrace::data]
pub struct Page {
    /// The to-dos.
    pub todos: Vec<Todo>,
    /// [`Filter::after`] of the next page, if there are more.
    pub next: Option<String>,
}

/// What a person has.
#[terrace::data]
pub struct Overview {
    /// To-dos that are not done.
    pub open: u64,
    /// To-dos that are done.
    pub done: u64,
    /// Each tag of an open to-do, and how many have it; where there are more than [`OVERVIEW_TAGS_MAX`], those that most have.
    pub tags: Vec<(String, u64)>,
    /// The revision, for [`Todos::changed`].
    pub revision: i64,
}

/// Why it was not done.
#[terrace::data]
#[derive(thiserror::Error)]
pub enum TodoError {
    /// A field is wrong.
    #[error("{field}: {reason}")]
    #[error(code = "invalid_argument")]
    Invalid {
        /// `title`, `tags`, `due`, `limit`, `after`, `q`; of an import also `todos`, `created_at`, `updated_at`.
        field: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// This person has no such to-do.
    #[error("there is no such to-do")]
    #[error(code = "not_found")]
    Unknown,
    /// No change is left to be taken back.
    #[error("there is nothing to undo")]
    #[error(code = "failed_precondition")]
    NothingToUndo,
    /// The call id was used for another to-do.
    #[error("this request id was used for another to-do; use a new one")]
    #[error(code = "failed_precondition")]
    Reused,
    /// The person has [`TODOS_MAX`].
    #[error("there are {TODOS_MAX} to-dos already; delete some")]
    #[error(code = "resource_exhausted")]
    Full,
    /// The call itself failed.
    #[error(transparent)]
    Call(CallError),
}

impl From<CallError> for TodoError {
    fn from(error: CallError) -> TodoError {
        TodoError::Call(error)
    }
}

impl From<terrace::database::Error> for TodoError {
    fn from(error: terrace::database::Error) -> TodoError {
        TodoError::Call(error.into())
    }
}

impl From<terrace::jobs::Error> for TodoError {
    fn from(error: terrace::jobs::Error) -> TodoError {
        match error {
            terrace::jobs::Error::Database(error) => error.into(),
            other => CallError::maybe_run(CallErrorKind::Failed, other.to_string()).into(),
        }
    }
}
