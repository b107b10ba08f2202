//! Counters, one for each key: an account is one that never goes below a floor.

use std::fmt::Debug;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::Specification;

/// A counter for each key. It is 0 at first and refuses what would take it below its floor.
#[derive(Clone, Copy, Debug)]
pub struct Counter<K> {
    floor: i64,
    keys: PhantomData<fn() -> K>,
}

/// What a counter is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CounterInput<K> {
    /// How much it is.
    Read(K),
    /// To become this much more, or less.
    Add(K, i64),
}

/// What it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CounterOutput {
    /// It is this much; after an addition: with it.
    Total(i64),
    /// It was added; to how much is not said.
    Added,
    /// It was not added: that would be below the floor.
    Refused,
}

impl<K> Counter<K> {
    /// Counters that go as low as you like.
    pub fn new() -> Self {
        Self::with_floor(i64::MIN)
    }

    /// Counters that refuse to go below this; an account has 0.
    pub fn with_floor(floor: i64) -> Self {
        Self {
            floor,
            keys: PhantomData,
        }
    }

    fn sum(&self, state: i64, added: i64) -> Option<i64> {
        state.checked_add(added).filter(|sum| *sum >= self.floor)
    }
}

impl<K> Default for Counter<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Clone + Ord + Debug> Specification for Counter<K> {
    type Key = K;
    type State = i64;
    type Input = CounterInput<K>;
    type Output = CounterOutput;

    fn key(&self, input: &Self::Input) -> K {
        match input {
            CounterInput::Read(key) | CounterInput::Add(key, _) => key.clone(),
        }
    }

    fn initial(&self, _key: &K) -> i64 {
        0
    }

    fn apply(&self, state: &i64, input: &Self::Input, output: &CounterOutput) -> Option<i64> {
        match (input, output) {
            (CounterInput::Read(_), CounterOutput::Total(total)) => (state == total).then_some(*state),
            (CounterInput::Add(_, added), CounterOutput::Added) => self.sum(*state, *added),
            (CounterInput::Add(_, added), CounterOutput::Total(total)) => {
                self.sum(*state, *added).filter(|sum| sum == total)
            }
            (CounterInput::Add(_, added), CounterOutput::Refused) => {
                self.sum(*state, *added).is_none().then_some(*state)
            }
            _ => None,
        }
    }

    fn apply_unknown(&self, state: &i64, input: &Self::Input) -> Vec<i64> {
        match input {
            CounterInput::Read(_) => Vec::new(),
            CounterInput::Add(_, added) => self.sum(*state, *added).into_iter().collect(),
        }
    }

    fn is_read(&self, input: &Self::Input, output: &CounterOutput) -> bool {
        matches!(
            (input, output),
            (CounterInput::Read(_), _) | (_, CounterOutput::Refused)
        )
    }
}
