//! What is wrong in a configuration file, and where.

use std::fmt::{self, Display};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// The file that a configuration came from: names it and counts its lines in messages.
#[derive(Clone, Default)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: Arc<str>,
    /// Where each line but the first begins.
    line_starts: Vec<usize>,
}

impl Source {
    pub(crate) fn new(path: PathBuf, text: &str) -> Source {
        let line_starts = text
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n')
            .map(|(at, _)| at + 1)
            .collect();
        Source {
            path,
            text: text.into(),
            line_starts,
        }
    }

    /// `terrace.toml:3`
    pub(crate) fn place(&self, span: &Range<usize>) -> String {
        let line = 1 + self.line_starts.partition_point(|start| *start <= span.start);
        format!("{}:{line}", self.path.display())
    }
}

/// The text may hold a secret.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Everything that is wrong, so that a file is corrected in one go.
pub(crate) struct Problems<'s> {
    pub(crate) source: &'s Source,
    found: Vec<String>,
}

impl<'s> Problems<'s> {
    pub(crate) fn new(source: &'s Source) -> Problems<'s> {
        Problems {
            source,
            found: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, span: &Range<usize>, message: impl Display) {
        self.found.push(format!("{}: {message}", self.source.place(span)));
    }

    pub(crate) fn into_found(self) -> Vec<String> {
        self.found
    }
}
