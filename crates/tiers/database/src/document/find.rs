//! [`Find`]: which documents, by one indexed field.

use crate::value::{ToValue, Value};

/// Documents whose indexed field is within bounds, ordered by it and then by key. A document that lacks the field, or holds
/// something else in it than the index does, is never found.
#[derive(Clone, Debug, PartialEq)]
pub struct Find {
    pub(super) index: String,
    pub(super) bounds: Vec<(Bound, Value)>,
    pub(super) descending: bool,
    pub(super) limit: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Equal,
    From,
    To,
}

/// Documents that are found, unless another number is asked for.
const LIMIT: usize = 100;

impl Find {
    /// By the index `name`.
    pub fn by(name: &str) -> Find {
        Find {
            index: name.to_owned(),
            bounds: Vec::new(),
            descending: false,
            limit: LIMIT,
        }
    }

    /// Where the field is `value`.
    pub fn equal(self, value: impl ToValue) -> Find {
        self.bound(Bound::Equal, &value)
    }

    /// Where the field is `value` or more.
    pub fn from(self, value: impl ToValue) -> Find {
        self.bound(Bound::From, &value)
    }

    /// Where the field is less than `value`.
    pub fn to(self, value: impl ToValue) -> Find {
        self.bound(Bound::To, &value)
    }

    /// The largest first.
    pub fn descending(mut self) -> Find {
        self.descending = true;
        self
    }

    /// At most so many; 100 otherwise.
    pub fn limit(mut self, limit: usize) -> Find {
        self.limit = limit;
        self
    }

    fn bound(mut self, bound: Bound, value: &impl ToValue) -> Find {
        self.bounds.push((bound, value.to_value()));
        self
    }
}
