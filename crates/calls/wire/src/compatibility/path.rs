//! Where in a method a difference is, without holding a text for each place on the way.

use std::borrow::Cow;

/// Segments of a path that a sentence shows.
const SEGMENTS_MAX: usize = 16;

/// Characters of a peer's name that a sentence shows.
const NAME_CHARACTERS_MAX: usize = 64;

/// Which value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An argument of a method.
    Argument,
    /// What it answers.
    Result,
    /// The error it answers instead.
    Error,
    /// What is stored with a job.
    Payload,
    /// What `once` has recorded.
    Recorded,
    /// What a front keeps in the sessions of people.
    Session,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Segment<'a> {
    Name(&'a str),
    Index(usize),
    Element,
    Key,
    Value,
}

/// Every place visited, each with the one it was reached from.
pub(super) struct Paths<'a> {
    place: Place,
    nodes: Vec<(Option<usize>, Segment<'a>)>,
}

impl<'a> Paths<'a> {
    pub(super) fn new(place: Place) -> Paths<'a> {
        Paths {
            place,
            nodes: Vec::new(),
        }
    }

    pub(super) fn below(&mut self, parent: Option<usize>, segment: Segment<'a>) -> Option<usize> {
        self.nodes.push((parent, segment));
        Some(self.nodes.len() - 1)
    }

    /// The place in words: ``result field `title` ``.
    pub(super) fn words(&self, at: Option<usize>) -> String {
        let mut segments = Vec::new();
        let mut next = at;
        while let Some((parent, segment)) = next.and_then(|index| self.nodes.get(index)) {
            segments.push(*segment);
            next = *parent;
            if segments.len() == SEGMENTS_MAX {
                break;
            }
        }
        let mut path = String::new();
        if next.is_some() {
            path.push('…');
        }
        for segment in segments.iter().rev() {
            match segment {
                Segment::Name(name) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(&short(name));
                }
                Segment::Index(index) => path.push_str(&format!("[{index}]")),
                Segment::Element => path.push_str("[]"),
                Segment::Key => path.push_str("[key]"),
                Segment::Value => path.push_str("[value]"),
            }
        }
        match (self.place, segments.len()) {
            (Place::Argument, 0 | 1) => format!("argument `{path}`"),
            (Place::Argument, _) => format!("argument field `{path}`"),
            (Place::Result, 0) => "result".to_string(),
            (Place::Result, _) => format!("result field `{path}`"),
            (Place::Error, 0) => "error".to_string(),
            (Place::Error, _) => format!("error field `{path}`"),
            (Place::Payload, 0) => "payload".to_string(),
            (Place::Payload, _) => format!("payload field `{path}`"),
            (Place::Recorded, 0) => "recorded answer".to_string(),
            (Place::Recorded, _) => format!("field `{path}` of the recorded answer"),
            (Place::Session, 0) => "session".to_string(),
            (Place::Session, _) => format!("session field `{path}`"),
        }
    }
}

/// A peer's name, cut and escaped so that it cannot flood or forge a log.
pub(super) fn short(name: &str) -> Cow<'_, str> {
    if name.len() <= NAME_CHARACTERS_MAX && name.chars().all(|character| !character.is_control()) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(
        name.chars()
            .take(NAME_CHARACTERS_MAX)
            .flat_map(char::escape_debug)
            .collect(),
    )
}
