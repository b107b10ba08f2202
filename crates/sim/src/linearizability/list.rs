//! Lists that grow at their end, one for each key. A read shows the whole order, so few histories fool it.

use std::fmt::Debug;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::Specification;

/// A list for each key, empty at first.
#[derive(Clone, Copy, Debug)]
pub struct List<K, V>(PhantomData<fn() -> (K, V)>);

/// What a list is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListInput<K, V> {
    /// All that is in it.
    Read(K),
    /// To end with this.
    Append(K, V),
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListOutput<V> {
    /// It holds these, first to last.
    Values(Vec<V>),
    /// It was appended; where is not said.
    Appended,
    /// It was appended after so many others.
    AppendedAt(usize),
}

impl<K, V> List<K, V> {
    /// Lists that are empty.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<K, V> Default for List<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Clone + Ord + Debug, V: Clone + Ord + Debug> Specification for List<K, V> {
    type Key = K;
    type State = Vec<V>;
    type Input = ListInput<K, V>;
    type Output = ListOutput<V>;

    fn key(&self, input: &Self::Input) -> K {
        match input {
            ListInput::Read(key) | ListInput::Append(key, _) => key.clone(),
        }
    }

    fn initial(&self, _key: &K) -> Vec<V> {
        Vec::new()
    }

    fn apply(&self, state: &Vec<V>, input: &Self::Input, output: &Self::Output) -> Option<Vec<V>> {
        match (input, output) {
            (ListInput::Read(_), ListOutput::Values(values)) => (values == state).then(|| state.clone()),
            (ListInput::Append(_, value), ListOutput::Appended) => Some(appended(state, value)),
            (ListInput::Append(_, value), ListOutput::AppendedAt(at)) => {
                (*at == state.len()).then(|| appended(state, value))
            }
            _ => None,
        }
    }

    fn apply_unknown(&self, state: &Vec<V>, input: &Self::Input) -> Vec<Vec<V>> {
        match input {
            ListInput::Read(_) => Vec::new(),
            ListInput::Append(_, value) => vec![appended(state, value)],
        }
    }

    fn is_read(&self, input: &Self::Input, _output: &Self::Output) -> bool {
        matches!(input, ListInput::Read(_))
    }
}

fn appended<V: Clone>(state: &[V], value: &V) -> Vec<V> {
    let mut values = state.to_vec();
    values.push(value.clone());
    values
}
