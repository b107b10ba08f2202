//! Call ids: which request this is, the same across retries and takeovers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

use xxhash_rust::xxh3::xxh3_128;

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

    /// The id of the `nth` equal call made under this one; `callee` is a key of component and method, `digest` of the
    /// arguments.
    #[inline]
    pub fn derive(self, callee: u128, digest: u128, nth: u32) -> CallId {
        let mut text = [0; 52];
        text[..16].copy_from_slice(&self.0.to_le_bytes());
        text[16..32].copy_from_slice(&callee.to_le_bytes());
        text[32..48].copy_from_slice(&digest.to_le_bytes());
        text[48..].copy_from_slice(&nth.to_le_bytes());
        CallId(xxh3_128(&text))
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
    counts: Mutex<Counts>,
}

/// The first few in place, since most handlers make few calls; the rest in a map.
#[derive(Debug, Default)]
struct Counts {
    first: [(u128, u32); 4],
    more: BTreeMap<u128, u32>,
}

impl Derived {
    /// How many equal calls were derived before this one, or `None` past [`DERIVED_CALLS_MAX`] different ones.
    pub(crate) fn next(&self, call: CallId) -> Option<u32> {
        let mut counts = self.counts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for (key, count) in &mut counts.first {
            if *count == 0 {
                (*key, *count) = (call.0, 1);
                return Some(0);
            }
            if *key == call.0 {
                *count = count.checked_add(1)?;
                return Some(*count - 1);
            }
        }
        if counts.more.len() >= DERIVED_CALLS_MAX && !counts.more.contains_key(&call.0) {
            return None;
        }
        let count = counts.more.entry(call.0).or_insert(0);
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
    fn parts_are_kept_apart() {
        assert_ne!(CallId::from_parts(&[b"ab", b"c"]), CallId::from_parts(&[b"a", b"bc"]));
    }
}
