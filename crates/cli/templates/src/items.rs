//! The model: a component that keeps items. [`Shelf`] is its module, with a database.

mod shelf;

use terrace::{CallError, Cx};

pub use shelf::{SCHEMA, Shelf};

/// Characters of an item.
pub const TEXT_CHARS_MAX: usize = 200;

/// Items that are there at the same time.
pub const ITEMS_MAX: i64 = 1_000;

/// Keeps items.
#[terrace::component(owner = "items", requires = "asynchronous")]
pub trait Items {
    /// Adds an item; white space around `text` is cut off.
    #[call(once)]
    async fn add(&self, cx: &Cx, text: String) -> Result<Item, ItemError>;

    /// All items, the oldest first.
    #[call(read)]
    async fn list(&self, cx: &Cx) -> Result<Vec<Item>, ItemError>;

    /// Removes an item.
    #[call(once)]
    async fn remove(&self, cx: &Cx, id: i64) -> Result<(), ItemError>;
}

/// Something on the list.
#[terrace::data]
#[derive(terrace::Row)]
pub struct Item {
    /// Which.
    pub id: i64,
    /// What it says, 1 to [`TEXT_CHARS_MAX`] characters.
    pub text: String,
}

/// Why the list stays as it is.
#[terrace::data]
#[derive(thiserror::Error)]
pub enum ItemError {
    /// It says nothing, or too much.
    #[error("an item has 1 to {TEXT_CHARS_MAX} characters, not {chars}")]
    #[error(code = "invalid_argument")]
    Text {
        /// Characters given.
        chars: u64,
    },
    /// There is none of that number.
    #[error("there is no such item")]
    #[error(code = "not_found")]
    Unknown,
    /// There are [`ITEMS_MAX`].
    #[error("there are {ITEMS_MAX} items already; remove some")]
    #[error(code = "resource_exhausted")]
    Full,
    /// The call itself failed.
    #[error(transparent)]
    Call(CallError),
}

impl From<CallError> for ItemError {
    fn from(error: CallError) -> ItemError {
        ItemError::Call(error)
    }
}

impl From<terrace::database::Error> for ItemError {
    fn from(error: terrace::database::Error) -> ItemError {
        ItemError::Call(error.into())
    }
}
