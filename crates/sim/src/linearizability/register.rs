//! Registers, one for each key.

use std::fmt::Debug;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::Specification;

/// A register for each key: read, write, compare and set. It holds nothing at first.
#[derive(Clone, Copy, Debug)]
pub struct Register<K, V>(PhantomData<fn() -> (K, V)>);

/// What a register is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegisterInput<K, V> {
    /// What it holds.
    Read(K),
    /// To hold this.
    Write(K, V),
    /// To hold the second if it holds the first; none is nothing.
    CompareAndSet(K, Option<V>, V),
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegisterOutput<V> {
    /// It holds this, or nothing.
    Value(Option<V>),
    /// It was written.
    Written,
    /// Whether it held what was expected, and so was set.
    Set(bool),
}

impl<K, V> Register<K, V> {
    /// Registers that hold nothing.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<K, V> Default for Register<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Clone + Ord + Debug, V: Clone + Ord + Debug> Specification for Register<K, V> {
    type Key = K;
    type State = Option<V>;
    type Input = RegisterInput<K, V>;
    type Output = RegisterOutput<V>;

    fn key(&self, input: &Self::Input) -> K {
        match input {
            RegisterInput::Read(key) | RegisterInput::Write(key, _) | RegisterInput::CompareAndSet(key, ..) => {
                key.clone()
            }
        }
    }

    fn initial(&self, _key: &K) -> Option<V> {
        None
    }

    fn apply(&self, state: &Option<V>, input: &Self::Input, output: &Self::Output) -> Option<Option<V>> {
        match (input, output) {
            (RegisterInput::Read(_), RegisterOutput::Value(value)) => (value == state).then(|| state.clone()),
            (RegisterInput::Write(_, value), RegisterOutput::Written) => Some(Some(value.clone())),
            (RegisterInput::CompareAndSet(_, expected, value), RegisterOutput::Set(set)) => {
                let after = if *set { Some(value.clone()) } else { state.clone() };
                ((state == expected) == *set).then_some(after)
            }
            _ => None,
        }
    }

    fn apply_unknown(&self, state: &Option<V>, input: &Self::Input) -> Vec<Option<V>> {
        match input {
            RegisterInput::Write(_, value) => vec![Some(value.clone())],
            RegisterInput::CompareAndSet(_, expected, value) if state == expected => vec![Some(value.clone())],
            RegisterInput::Read(_) | RegisterInput::CompareAndSet(..) => Vec::new(),
        }
    }

    fn is_read(&self, _input: &Self::Input, output: &Self::Output) -> bool {
        matches!(output, RegisterOutput::Value(_) | RegisterOutput::Set(false))
    }
}
