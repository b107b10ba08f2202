//! Linearizability: is there an order, the same for everybody, in which each operation took effect at one moment
//! between its beginning and its end, and which explains every answer?
//!
//! The definition is Herlihy's and Wing's (*Linearizability: a correctness condition for concurrent objects*, 1990); it
//! is local, so each key is checked by itself, which is what makes long histories cheap (A. Horn, D. Kroening, *Faster
//! linearizability checking via P-compositionality*, 2015). The search is Wing's and Gong's (*Testing and verifying
//! concurrent objects*, 1993) as G. Lowe improved it (*Testing for linearizability*, 2017): operations are placed just
//! in time for an answer that needs them, and a configuration that was seen is not searched again.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use crate::history::{Moment, Operation};

mod counter;
mod list;
mod register;
mod search;
mod violation;

pub use self::counter::{Counter, CounterInput, CounterOutput};
pub use self::list::{List, ListInput, ListOutput};
pub use self::register::{Register, RegisterInput, RegisterOutput};
pub use self::violation::{Line, Violation};

use self::search::{Ending, Search};

/// Comparisons of configurations of one key that [`check`] makes before it says [`Outcome::Undecided`]: seconds and at most
/// some 100 MB. A history that holds takes a few for each operation unless many clients share a key.
pub const COMPARISONS_MAX: usize = 2_000_000;

/// What an object does when it is asked one thing at a time.
pub trait Specification {
    /// What tells independent objects apart; `()` for a single object.
    type Key: Ord + Debug;
    /// All that an object remembers.
    type State: Clone + Ord + Debug;
    /// What it is asked.
    type Input: PartialEq + Debug;
    /// What it answers.
    type Output: Debug;

    /// Which object an operation is about.
    fn key(&self, input: &Self::Input) -> Self::Key;

    /// What an object remembers before the first operation.
    fn initial(&self, key: &Self::Key) -> Self::State;

    /// What it remembers after it answered this; none if it cannot answer this in this state.
    fn apply(&self, state: &Self::State, input: &Self::Input, output: &Self::Output) -> Option<Self::State>;

    /// What it may remember after an operation whose answer nobody saw; empty if it cannot happen in this state.
    fn apply_unknown(&self, state: &Self::State, input: &Self::Input) -> Vec<Self::State>;

    /// Whether the operation, with this answer, changes nothing in any state that allows it. Such an operation is placed
    /// as soon as it fits, which spares a search of when. `false` is always right, only slower.
    fn is_read(&self, _input: &Self::Input, _output: &Self::Output) -> bool {
        false
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// There is such an order.
    Linearizable {
        /// How many configurations of all keys were looked at.
        configurations: usize,
    },
    /// There is none, for at least this key.
    Violated(Violation),
    /// The search was given up: nothing is claimed. Other keys hold.
    Undecided {
        /// The first key that it was given up for.
        key: String,
        /// How many of this key's answers some order explains.
        explained: usize,
        /// How many answers this key has.
        answers: usize,
    },
}

/// Checks a history, each key within [`COMPARISONS_MAX`].
pub fn check<S: Specification>(specification: &S, operations: &[Operation<S::Input, S::Output>]) -> Outcome {
    check_within(specification, operations, COMPARISONS_MAX)
}

/// Checks a history, each key within this many comparisons.
pub fn check_within<S: Specification>(
    specification: &S,
    operations: &[Operation<S::Input, S::Output>],
    comparisons_max: usize,
) -> Outcome {
    let mut keys: BTreeMap<S::Key, Vec<&_>> = BTreeMap::new();
    for operation in operations {
        keys.entry(specification.key(&operation.input))
            .or_default()
            .push(operation);
    }
    let mut total = 0;
    let mut undecided = None;
    for (key, mut operations) in keys {
        operations.sort_by_key(|operation| operation.begin);
        match Search::new(specification, &operations, specification.initial(&key)).run(comparisons_max) {
            Ending::Explained { configurations } => total += configurations,
            Ending::Stuck { answer, states } => {
                return Outcome::Violated(Violation::new(&key, &operations, answer, &states));
            }
            // Another key may have a violation, which is worth more than not knowing.
            Ending::GivenUp { explained, answers } => {
                undecided.get_or_insert(Outcome::Undecided {
                    key: format!("{key:?}"),
                    explained,
                    answers,
                });
            }
        }
    }
    undecided.unwrap_or(Outcome::Linearizable { configurations: total })
}

impl Outcome {
    /// Whether an order was found for every key.
    pub fn is_linearizable(&self) -> bool {
        matches!(self, Self::Linearizable { .. })
    }

    /// An error unless an order was found for every key: what was not decided was not checked.
    pub fn into_result(self) -> Result<(), NotShown> {
        match self {
            Self::Linearizable { .. } => Ok(()),
            Self::Violated(violation) => Err(NotShown::Violated(violation)),
            Self::Undecided {
                key,
                explained,
                answers,
            } => Err(NotShown::Undecided {
                key,
                explained,
                answers,
            }),
        }
    }
}

/// Why a history was not shown to be linearizable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotShown {
    /// It is not.
    #[error(transparent)]
    Violated(#[from] Violation),
    /// The search was given up: it may be, or not.
    #[error(
        "not decided whether it is linearizable: the search was given up for key {key}, of which {explained} of {answers} \
         answers are explained; spread the operations over more keys, or do fewer of them in a run"
    )]
    Undecided {
        /// The first key that it was given up for.
        key: String,
        /// How many of this key's answers some order explains.
        explained: usize,
        /// How many answers this key has.
        answers: usize,
    },
}

fn ended<I, O>(operation: &Operation<I, O>) -> Option<Moment> {
    operation.end.as_ref().map(|(at, _)| *at)
}
