//! How answers are counted and compared.

use std::collections::HashMap;

use wire::{CallError, CallErrorKind, Codec, Ran};

use super::{Ballot, Canonical, Form};
use crate::remote::Try;

type Answer = Result<u32, Try<CallError>>;

fn down(ran: bool) -> Answer {
    let ran = if ran { Ran::Maybe } else { Ran::No };
    Err(Try::Call(CallError::new(CallErrorKind::Unavailable, ran, "down")))
}

/// The ballot after `answers`, none of which ended it.
fn undecided(needed: usize, replicas: usize, answers: Vec<Answer>) -> Ballot<u32, CallError> {
    let mut ballot = Ballot::new(needed, replicas);
    for answer in answers {
        assert!(!ballot.is_lost());
        assert!(ballot.cast("a:1", answer).is_none());
    }
    ballot
}

#[test]
fn the_answer_is_there_with_the_last_vote_it_needs() {
    let mut ballot = undecided(3, 5, vec![Ok(1), Ok(2), Ok(1), down(true)]);
    assert!(matches!(ballot.cast("b:1", Ok(1)), Some(Ok(1))));
}

#[test]
fn a_vote_is_lost_as_soon_as_nobody_can_win_it() {
    assert!(!undecided(2, 3, vec![Ok(1), Ok(2)]).is_lost());
    assert!(undecided(2, 3, vec![Ok(1), Ok(2), Ok(3)]).is_lost());
    assert!(undecided(2, 3, vec![down(true), down(true)]).is_lost());
    assert!(undecided(3, 5, vec![Ok(1), Ok(2), down(true), Ok(3)]).is_lost());
}

#[test]
fn a_value_and_an_error_of_the_same_bytes_do_not_agree() {
    let mut ballot: Ballot<String, String2> = Ballot::new(2, 3);
    assert!(ballot.cast("a:1", Ok("no".into())).is_none());
    assert!(ballot.cast("b:1", Err(Try::User(String2("no".into())))).is_none());
    let agreed = ballot.cast("c:1", Err(Try::User(String2("no".into()))));
    assert!(matches!(agreed, Some(Err(Try::User(String2(error)))) if error == "no"));
}

/// An error that is written as a string is.
#[derive(serde::Serialize, serde::Deserialize)]
struct String2(String);

impl wire::Shape for String2 {
    fn shape(types: &mut wire::shape::Types) -> wire::shape::TypeRef {
        String::shape(types)
    }
}

impl From<CallError> for String2 {
    fn from(error: CallError) -> String2 {
        String2(error.to_string())
    }
}

#[test]
fn the_order_of_a_maps_entries_does_not_count_and_its_entries_do() {
    let map = |entries: &[(&str, f32)]| -> Form {
        let map: HashMap<String, f32> = entries.iter().map(|(key, value)| (key.to_string(), *value)).collect();
        Form::of::<_, CallError>(&Ok(map)).unwrap()
    };
    // Each map hashes by a key of its own, so among as many some are in another order.
    let maps: Vec<Form> = (0..20).map(|_| map(&[("a", 1.5), ("b", -2.0), ("c", 3.0)])).collect();
    assert!(maps.iter().any(|other| other.bytes != maps[0].bytes), "orders differ");
    assert!(maps.iter().all(|other| other.is_same(&maps[0])));
    assert!(!maps[0].is_same(&map(&[("a", 1.5), ("b", -2.0), ("c", 3.5)])));
    assert!(!maps[0].is_same(&map(&[("a", 1.5), ("b", -2.0), ("d", 3.0)])));
}

#[test]
fn every_kind_of_value_keeps_what_tells_it_apart() {
    let canonical = |value: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        value(&mut bytes);
        Canonical::of(&bytes).unwrap()
    };
    fn tagged<T: serde::Serialize>(value: T) -> impl Fn(&mut Vec<u8>) {
        move |out| wire::encode(Codec::Tagged, &value, out).unwrap()
    }
    let different = [
        canonical(&tagged(None::<u8>)),
        canonical(&tagged(true)),
        canonical(&tagged(-1i64)),
        canonical(&tagged(u64::MAX)),
        canonical(&tagged(0.0f64)),
        canonical(&tagged(-0.0f64)),
        canonical(&tagged("x")),
        canonical(&tagged(u128::MAX)),
        canonical(&tagged(vec![1, 2])),
        canonical(&tagged(vec![2, 1])),
        canonical(&tagged(std::collections::BTreeMap::from([(1, "x")]))),
        canonical(&tagged(Some(vec![Some(1), None]))),
    ];
    for (index, one) in different.iter().enumerate() {
        assert!(!different[..index].contains(one), "{one:?}");
    }
}

#[test]
fn certainty_is_that_of_all_replicas() {
    let certain = |answers| undecided(2, 3, answers).error("Shelf", "size").certainly_did_not_run();
    assert!(!certain(vec![down(false), down(false)]), "nobody knows of the third");
    assert!(!certain(vec![down(false), Ok(1), down(false)]), "one answered");
    let mut all = undecided(2, 3, vec![down(false), down(false)]);
    all.cast("c:1", down(false));
    assert!(all.error("Shelf", "size").certainly_did_not_run());
    let mut doubtful = undecided(2, 3, vec![down(false), down(false)]);
    doubtful.cast("c:1", down(true));
    assert!(!doubtful.error("Shelf", "size").certainly_did_not_run());
}

#[test]
fn the_error_counts_and_quotes_no_more_than_a_few_words() {
    let mut ballot: Ballot<u32, CallError> = Ballot::new(4, 7);
    ballot.cast("a:1", Ok(1));
    for replica in ["b:1", "c:1", "d:1", "e:1", "f:1"] {
        let long = CallError::maybe_run(CallErrorKind::Failed, "é".repeat(100_000)).retried();
        ballot.cast(replica, Err(Try::Call(long)));
    }
    let error = ballot.error("Shelf", "size");
    assert_eq!((error.kind(), error.was_retried()), (CallErrorKind::Unavailable, true));
    for said in [
        "4 of 7",
        "`Shelf.size`",
        "at most 1",
        "5 failed",
        "b:1",
        "and others",
        "1 were not waited for",
    ] {
        assert!(error.message().contains(said), "{said}: {error}");
    }
    assert!(error.message().chars().count() < 2000);
}
