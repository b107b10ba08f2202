//! Call ids: which request this is, the same across retries and takeovers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::limits::DERIVED_CALLS_MAX;

/// Names one call. A root's is random, or made from what names the request at a border; a nested call's is derived from
/// its parent's, so that a replica which repeats the handler derives the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u128);

impl CallId {
    /// The id of a request that is named at a border by `parts`, such as principal, method and `Idempotency-Key`.
    pub fn from_parts(parts: &[&[u8]]) -> CallId {
        CallId(wire::head::named_call_id(parts))
    }

    /// The id of the `nth` equal call, where this is the first one's. An odd factor keeps them apart.
    #[inline]
    pub(crate) fn nth(self, nth: u64) -> CallId {
        // 2^128 divided by the golden ratio, as in Fibonacci hashing (Knuth, TAOCP 3, 6.4).
        const STEP: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
        CallId(self.0.wrapping_add(STEP.wrapping_mul(u128::from(nth))))
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallId({self})")
    }
}

/// How often each call was derived in one request, so that the second equal call is not taken for the first.
#[derive(Debug, Default)]
pub(crate) struct Derived {
    /// The first few different ones, since most handlers make few calls; each is claimed once and then only counted.
    first: [Counted; FIRST],
    more: Mutex<BTreeMap<u128, u64>>,
    /// Calls made so far, where they are numbered instead of counted.
    numbered: Option<AtomicU64>,
}

const FIRST: usize = 6;

#[derive(Debug, Default)]
struct Counted {
    /// Half of the id, which tells the few calls of one request apart; zero while it is free.
    key: AtomicU64,
    count: AtomicU64,
}

impl Derived {
    /// For a request whose own id is random, so that nobody repeats it: its calls are numbered, which takes no memory
    /// however long it lives.
    pub(crate) fn numbered() -> Derived {
        Derived {
            numbered: Some(AtomicU64::new(0)),
            ..Derived::default()
        }
    }

    /// How many equal calls were derived before this one, or `None` past [`DERIVED_CALLS_MAX`] different ones.
    #[inline]
    pub(crate) fn next(&self, call: CallId) -> Option<u64> {
        if let Some(number) = &self.numbered {
            return Some(number.fetch_add(1, Ordering::Relaxed));
        }
        let key = (call.0 as u64).max(1);
        for counted in &self.first {
            let mut found = counted.key.load(Ordering::Acquire);
            if found == 0 {
                found = match counted
                    .key
                    .compare_exchange(0, key, Ordering::AcqRel, Ordering::Acquire)
                {
                    Ok(_) => key,
                    Err(other) => other,
                };
            }
            if found == key {
                return Some(counted.count.fetch_add(1, Ordering::Relaxed));
            }
        }
        self.next_of_more(call)
    }

    #[cold]
    fn next_of_more(&self, call: CallId) -> Option<u64> {
        let mut more = self.more.lock().unwrap_or_else(PoisonError::into_inner);
        if more.len() >= DERIVED_CALLS_MAX && !more.contains_key(&call.0) {
            return None;
        }
        let count = more.entry(call.0).or_insert(0);
        *count = count.checked_add(1)?;
        Some(*count - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::{CallId, Derived};

    #[test]
    fn equal_calls_are_counted_and_others_are_not_mixed_in() {
        let derived = Derived::default();
        for round in 0..3 {
            for call in 1..=20 {
                assert_eq!(derived.next(CallId(call)), Some(round), "call {call}");
            }
        }
    }

    #[test]
    fn calls_of_a_random_root_are_numbered_without_memory() {
        let derived = Derived::numbered();
        let numbers: Vec<_> = (0..100).map(|call| derived.next(CallId(call % 3))).collect();
        assert_eq!(numbers, (0..100).map(Some).collect::<Vec<_>>());
        assert!(derived.more.lock().unwrap().is_empty());
    }

    #[test]
    fn parts_are_kept_apart() {
        assert_ne!(CallId::from_parts(&[b"ab", b"c"]), CallId::from_parts(&[b"a", b"bc"]));
    }
}
