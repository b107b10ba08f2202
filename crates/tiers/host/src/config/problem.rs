//! What is wrong in a configuration, and where.

use std::fmt::Display;
use std::ops::Range;

use super::source::Source;

/// Everything that is wrong, so that a configuration is corrected in one go.
pub(crate) struct Problems<'s> {
    pub(crate) source: &'s Source,
    found: Vec<String>,
}

impl<'s> Problems<'s> {
    pub(crate) fn new(source: &'s Source, found: Vec<String>) -> Problems<'s> {
        Problems { source, found }
    }

    pub(crate) fn add(&mut self, span: &Range<usize>, message: impl Display) {
        self.found.push(format!("{}: {message}", self.source.place(span)));
    }

    pub(crate) fn into_found(self) -> Vec<String> {
        self.found
    }
}
