//! A violation of linearizability, as a reader needs it: the shortest beginning of the history that has one.

use std::collections::BTreeSet;
use std::fmt::{Debug, Write};

use serde::{Deserialize, Serialize};

use super::ended;
use crate::history::{Moment, Operation};

/// Lines that a message shows, the last ones; the field has all.
const LINES_SHOWN_MAX: usize = 40;

/// No order of a key's operations explains their answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}", self.text())]
pub struct Violation {
    /// The key.
    pub key: String,
    /// The operations on it that began before the first answer that no order gets past, by when they began. Every answer
    /// before it is explained by some order.
    pub lines: Vec<Line>,
    /// Which of them has that answer.
    pub unexplained: usize,
    /// When that answer came, in nanoseconds.
    pub at_nanos: u64,
    /// Some of the states in which the object may have been just before.
    pub states: Vec<String>,
}

/// An operation, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Who asked.
    pub client: u32,
    /// When.
    pub begin: Moment,
    /// When the answer came, if it did.
    pub end: Option<Moment>,
    /// For what.
    pub input: String,
    /// The answer.
    pub output: Option<String>,
}

impl Violation {
    /// The operations of a key are sorted by their beginnings; the answer is the first that no order gets past.
    pub(super) fn new<I: Debug, O: Debug>(
        key: &impl Debug,
        operations: &[&Operation<I, O>],
        answer: Moment,
        states: &BTreeSet<impl Debug>,
    ) -> Self {
        let prefix = operations.iter().take_while(|operation| operation.begin < answer);
        let unexplained = prefix
            .clone()
            .position(|operation| ended(operation) == Some(answer))
            .unwrap_or_default();
        Self {
            key: format!("{key:?}"),
            lines: prefix.map(|operation| Line::new(operation)).collect(),
            unexplained,
            at_nanos: answer.at_nanos,
            states: states.iter().map(|state| format!("{state:?}")).collect(),
        }
    }

    fn text(&self) -> String {
        let mut text = format!(
            "not linearizable: no order of the operations on key {} explains their answers",
            self.key
        );
        let hidden = self.lines.len().saturating_sub(LINES_SHOWN_MAX);
        if hidden > 0 {
            _ = write!(text, "; of {} the last {LINES_SHOWN_MAX} are shown", self.lines.len());
        }
        let width = |of: fn(&Line) -> usize| self.lines.iter().skip(hidden).map(of).max().unwrap_or_default();
        let client = width(|line| line.client.to_string().len());
        let time = width(|line| line.end.unwrap_or(line.begin).to_string().len());
        for (number, line) in self.lines.iter().enumerate() {
            let unexplained = number == self.unexplained;
            if number < hidden && !unexplained {
                continue;
            }
            let end = line.end.map_or_else(|| "?".to_owned(), |end| end.to_string());
            let output = line.output.as_deref().unwrap_or("no answer");
            let (of, begin, input) = (line.client, line.begin, &line.input);
            _ = write!(
                text,
                "\n  client {of:client$}  {begin:>time$} .. {end:>time$}  {input} -> {output}"
            );
            if unexplained {
                _ = write!(
                    text,
                    "  <- impossible; the state may have been {}",
                    self.states.join(" or ")
                );
            }
        }
        text
    }
}

impl Line {
    fn new<I: Debug, O: Debug>(operation: &Operation<I, O>) -> Self {
        Self {
            client: operation.client,
            begin: operation.begin,
            end: ended(operation),
            input: format!("{:?}", operation.input),
            output: operation.end.as_ref().map(|(_, output)| format!("{output:?}")),
        }
    }
}
