//! What a comparison finds, and whom its sentences are about.

/// Who writes and who reads, in the words of whoever is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Voice {
    /// Two ends of a connection, one of which is us.
    Sides { we_read: bool },
    /// Two releases of one application.
    Releases { writer_is_old: bool },
}

impl Voice {
    pub(super) fn reader(self) -> &'static str {
        match self {
            Voice::Sides { we_read: true } => "this side",
            Voice::Sides { we_read: false } => "the other side",
            Voice::Releases { writer_is_old: true } => "the new release",
            Voice::Releases { writer_is_old: false } => "the old release",
        }
    }

    pub(super) fn writer(self) -> &'static str {
        match self {
            Voice::Sides { we_read } => Voice::Sides { we_read: !we_read }.reader(),
            Voice::Releases { writer_is_old } => {
                let writer_is_old = !writer_is_old;
                Voice::Releases { writer_is_old }.reader()
            }
        }
    }

    /// The sentence about a field that is not written and has to be.
    pub(super) fn missing(self, place: &str) -> String {
        match self {
            Voice::Sides { we_read: true } => format!("{place} is gone, and this side requires it"),
            _ => {
                let at = if matches!(self, Voice::Sides { .. }) {
                    "on"
                } else {
                    "in"
                };
                format!(
                    "{place} is missing {at} {}, and {} requires it",
                    self.writer(),
                    self.reader()
                )
            }
        }
    }
}

/// How the values that one side writes are read by the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What makes the two refuse each other at hello, and stored values unreadable.
    pub breaking: Vec<String>,
    /// Cases of enums that fail when they come.
    pub unread: Vec<String>,
    /// Differences that a reader does with.
    pub tolerated: Vec<String>,
}

impl Reading {
    /// Why a value may not be read.
    pub fn problems(&self) -> impl Iterator<Item = &String> {
        self.breaking.iter().chain(&self.unread)
    }
}

/// What is found on the way; a hello needs no more than what is breaking.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) breaking: Vec<String>,
    rest: Option<(Vec<String>, Vec<String>)>,
}

impl Findings {
    pub(super) fn breaking_only() -> Findings {
        Findings {
            breaking: Vec::new(),
            rest: None,
        }
    }

    pub(super) fn whole() -> Findings {
        Findings {
            breaking: Vec::new(),
            rest: Some((Vec::new(), Vec::new())),
        }
    }

    pub(super) fn unread(&mut self, sentence: impl FnOnce() -> String) {
        if let Some((unread, _)) = &mut self.rest {
            unread.push(sentence());
        }
    }

    pub(super) fn tolerated(&mut self, sentence: impl FnOnce() -> String) {
        if let Some((_, tolerated)) = &mut self.rest {
            tolerated.push(sentence());
        }
    }

    pub(super) fn into_reading(self) -> Reading {
        let (unread, tolerated) = self.rest.unwrap_or_default();
        Reading {
            breaking: self.breaking,
            unread,
            tolerated,
        }
    }
}
