//! The component that knows how to address somebody.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use terrace::{CallError, Cx, Setup, SetupError};

/// Characters of a name.
const NAME_CHARS_MAX: usize = 100;

/// Knows how people want to be addressed.
#[terrace::component(owner = "registry", requires = "asynchronous")]
pub trait Names {
    /// How to address whoever is called `name`.
    #[call(read)]
    async fn address(&self, cx: &Cx, name: String) -> Result<Salutation, NameError>;
}

/// How somebody is addressed.
#[terrace::data]
pub struct Salutation {
    /// What stands in front of the name.
    pub title: Option<String>,
    /// The name itself.
    pub name: String,
}

impl fmt::Display for Salutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.title {
            Some(title) => write!(f, "{title} {}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Why nobody is addressed.
#[terrace::data]
#[derive(thiserror::Error)]
pub enum NameError {
    /// There is nothing to address.
    #[error("a name has 1 to 100 characters, not {chars}")]
    #[error(code = "invalid_argument")]
    Length {
        /// Characters given.
        chars: u64,
    },
    /// The call itself failed.
    #[error(transparent)]
    Call(CallError),
}

impl From<CallError> for NameError {
    fn from(error: CallError) -> NameError {
        NameError::Call(error)
    }
}

/// A book of titles, which `[components.Names] config` may fill: `config = { titles = { Ada = "Countess" } }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    #[serde(default)]
    titles: BTreeMap<String, String>,
}

impl Book {
    /// Reads the titles.
    pub async fn open(setup: &Setup) -> Result<Book, SetupError> {
        Ok(setup.config()?)
    }
}

impl Names for Book {
    async fn address(&self, _: &Cx, name: String) -> Result<Salutation, NameError> {
        let name = name.trim();
        let chars = name.chars().count();
        if chars == 0 || chars > NAME_CHARS_MAX {
            return Err(NameError::Length { chars: chars as u64 });
        }
        Ok(Salutation {
            title: self.titles.get(name).cloned(),
            name: name.to_owned(),
        })
    }
}
