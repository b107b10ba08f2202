//! What a source says will happen, wherever it is.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use terrace::database::Timestamp;
use uuid::Uuid;

use crate::todos::TITLE_MAX;

/// What stands before the title of what was cancelled.
pub(super) const CANCELLED: &str = "Cancelled: ";

/// What is called so that has no name.
const NAMELESS: &str = "Event";

/// Something that happens once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Happening {
    /// Which event of its source.
    pub(super) uid: String,
    /// Which of its series; empty where there is none.
    pub(super) recurrence: String,
    pub(super) title: String,
    pub(super) start: Timestamp,
    pub(super) is_cancelled: bool,
}

/// What was read of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// What it calls itself.
    pub(super) name: Option<String>,
    pub(super) happenings: Vec<Happening>,
    /// Up to when they are all that happens: what is not among them and comes later is not known.
    pub(super) until: Timestamp,
    /// The same for the series that go on for longer than is looked, by `uid`.
    pub(super) series_until: BTreeMap<String, Timestamp>,
}

/// One line that a to-do can have, with room for a word before it.
pub(super) fn title(text: &str) -> String {
    let breaks = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    let words: Vec<&str> = text
        .split(|letter: char| breaks(letter) || letter.is_whitespace())
        .collect();
    let line = words
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let most = TITLE_MAX - CANCELLED.len();
    let line = match line.chars().count() > most {
        true => line.chars().take(most - 1).chain(['…']).collect(),
        false => line,
    };
    if line.is_empty() { NAMELESS.to_owned() } else { line }
}

/// An id of what `parts` name, the same for ever.
pub(super) fn id_of(parts: &[&str]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    Uuid::from_bytes(half)
}
