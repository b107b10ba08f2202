//! What a digest promises.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use serde::Serialize;

use super::digest;

#[derive(Serialize)]
struct Before {
    name: String,
    count: u64,
}

#[derive(Serialize)]
struct After {
    name: String,
    count: u64,
    note: Option<String>,
    more: Option<Vec<u8>>,
}

#[test]
fn an_optional_field_added_at_the_end_leaves_the_digest() {
    let before = Before {
        name: "a".to_string(),
        count: 1,
    };
    let mut after = After {
        name: "a".to_string(),
        count: 1,
        note: None,
        more: None,
    };
    assert_eq!(digest(7, &before), digest(7, &after));
    assert_eq!(digest(7, &vec![&before, &before]), digest(7, &vec![&after, &after]));
    after.note = Some(String::new());
    let noted = digest(7, &after);
    assert_ne!(digest(7, &before), noted);
    (after.note, after.more) = (None, Some(Vec::new()));
    assert_ne!(noted, digest(7, &after), "which field it is counts");
}

#[test]
fn every_value_of_a_kind_has_its_own_digest() {
    fn distinct<T: Serialize>(values: &[T]) {
        let mut digests: Vec<u128> = values.iter().map(|value| digest(0, value)).collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), values.len());
    }
    distinct(&[("ab", "c"), ("a", "bc"), ("", "abc"), ("abc", "")]);
    distinct(&[vec![vec![1u8], vec![]], vec![vec![], vec![1]], vec![vec![1]], vec![]]);
    distinct(&[(None, Some(1u8)), (Some(1), None), (None, None), (Some(0), Some(0))]);
    distinct(&[(vec![None::<u8>], 0u8), (vec![], 0), (vec![Some(0)], 0)]);
    distinct(&[Ok::<u8, u8>(1), Err(1), Ok(2)]);
    distinct(&[BTreeMap::from([(1u8, 2u8)]), BTreeMap::from([(2, 1)]), BTreeMap::new()]);
    distinct(&[
        BTreeMap::from([(1u8, None)]),
        BTreeMap::from([(1u8, Some(0u8))]),
        BTreeMap::new(),
    ]);
}

#[test]
fn a_seed_gives_another_digest() {
    assert_ne!(digest(1, &"a"), digest(2, &"a"));
    assert_eq!(digest(1, "a"), digest(1, &"a".to_string()));
}

#[test]
fn a_digest_inside_a_digest_is_taken() {
    struct Inner;
    impl Serialize for Inner {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_u128(digest(0, "inner"))
        }
    }
    assert_eq!(digest(1, &Inner), digest(1, &digest(0, "inner")));
}

#[test]
fn the_digest_is_the_same_in_every_version() {
    // A recorded call id lives seven days: a change of form needs a new kind of record.
    let value = (1u64, "0123456789abcdef", Some(-1i8), vec![true, false]);
    assert_eq!(digest(0, &value), PINNED);
}

const PINNED: u128 = 124966713460715682869388861002253801351;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_a_map_does_not_matter(entries in prop::collection::btree_map(any::<u16>(), any::<String>(), 0..16)) {
        let hashed: HashMap<u16, String> = entries.clone().into_iter().rev().collect();
        prop_assert_eq!(digest(3, &entries), digest(3, &hashed));
    }
}
