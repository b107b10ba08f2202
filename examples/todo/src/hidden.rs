//! [`Hidden`]: what is never shown.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A password, or a token that opens something. It crosses to other components, and is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, terrace::Shape)]
pub struct Hidden(String);

impl Hidden {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Hidden {
        Hidden(text.into())
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
