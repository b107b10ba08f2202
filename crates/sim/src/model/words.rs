//! The words of which models are made: what each settles, and what it means to the simulator and to a check.

mod axes;
mod table;

use std::time::Duration;

use crate::model::{Faulty, Model};

pub(super) use table::WORDS;

/// Names of the presets; `byzantine` needs a count.
pub(super) const PRESETS: [&str; 5] = ["synchronous", "datacentre", "web", "asynchronous", "byzantine"];

/// The axis whose words may stand beside each other.
pub(super) const PARTITIONS: &str = "partitions";

/// Changes a model, or says why that makes no sense.
pub(super) type Apply = fn(&mut Model, Value) -> Result<(), &'static str>;

/// A word that says how a model differs from its preset. Axes apply in the order of [`WORDS`].
pub(super) struct Word {
    pub(super) name: &'static str,
    pub(super) argument: Argument,
    /// The axis it is on.
    pub(super) axis: &'static str,
    /// What it settles; two words that settle the same thing contradict each other.
    pub(super) settles: &'static [&'static str],
    /// Words that it contradicts besides.
    pub(super) against: &'static [&'static str],
    /// What the simulator does.
    pub(super) simulator: &'static str,
    /// What can be checked thereby.
    pub(super) checkable: &'static str,
    pub(super) apply: Apply,
}

/// What may stand in parentheses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    None,
    /// A number of nodes, which must be there.
    Count,
    /// A share; there is another if it is not there.
    Share,
    /// A duration that must be there.
    Duration,
    /// A duration; there is another if it is not there.
    DurationOrNone,
}

impl Argument {
    pub(super) fn example(self) -> &'static str {
        match self {
            Argument::None => "",
            Argument::Count => "1",
            Argument::Share => "0.05",
            Argument::Duration | Argument::DurationOrNone => "20ms",
        }
    }

    pub(super) fn wanted(self) -> &'static str {
        match self {
            Argument::None => "nothing",
            Argument::Count => "a number of nodes from 1 to 1000",
            Argument::Share => "a share above 0 and below 1",
            Argument::Duration | Argument::DurationOrNone => "a duration above 0 and up to a day, in us, ms, s or min",
        }
    }

    pub(super) fn needed(self) -> bool {
        matches!(self, Argument::Count | Argument::Duration)
    }
}

/// What stood there; `None` only where nothing is [needed](Argument::needed).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Count(u32),
    Share(f64),
    Duration(Duration),
}

impl Value {
    pub(super) fn faulty(self) -> Faulty {
        Faulty::AtMost(if let Value::Count(count) = self { count } else { 1 })
    }

    fn share(self, otherwise: f64) -> f64 {
        if let Value::Share(share) = self {
            share
        } else {
            otherwise
        }
    }

    fn duration(self, otherwise: Duration) -> Duration {
        if let Value::Duration(duration) = self {
            duration
        } else {
            otherwise
        }
    }
}
