//! Effects against what clients were told, and replicas against each other.

use sim::check::{Acknowledged, Effects, Violation, convergence};

#[track_caller]
fn wrong(account: &Acknowledged<u32>, found: &[u32]) -> Effects {
    match account.verify(found.iter().copied()) {
        Err(Violation::Effects(effects)) => effects,
        other => panic!("{other:?}"),
    }
}

/// 1 is acknowledged, 2 may have happened, 3 certainly did not.
fn account() -> Acknowledged<u32> {
    let account = Acknowledged::new();
    let client = account.clone();
    for id in [1, 2, 3] {
        client.attempted(id);
    }
    client.acknowledged(1);
    client.refused(3);
    account
}

#[test]
fn what_may_have_happened_may_be_there_once_or_not_at_all() {
    assert_eq!(account().verify([1]), Ok(()));
    assert_eq!(account().verify([2, 1]), Ok(()));
    assert_eq!(wrong(&account(), &[1, 2, 2]).doubled, [("2".to_owned(), 2)]);
}

#[test]
fn an_acknowledged_effect_is_neither_lost_nor_doubled() {
    assert_eq!(wrong(&account(), &[2]).lost, ["1"]);
    assert_eq!(wrong(&account(), &[1, 1, 1]).doubled, [("1".to_owned(), 3)]);
}

#[test]
fn what_certainly_did_not_happen_or_was_never_asked_for_is_not_there() {
    let effects = wrong(&account(), &[1, 3, 9]);
    assert_eq!(
        (effects.refused, effects.unknown),
        (vec!["3".to_owned()], vec!["9".to_owned()])
    );
}

#[test]
fn a_refused_attempt_says_nothing_of_the_others_under_its_id() {
    let account = Acknowledged::new();
    account.attempted(1);
    account.attempted(1);
    account.refused(1);
    assert_eq!(account.verify([1]), Ok(()), "the first attempt may have happened");
    account.refused(1);
    assert_eq!(wrong(&account, &[1]).refused, ["1"]);
    account.attempted(1);
    assert_eq!(account.verify([1]), Ok(()), "the third may have");
    account.acknowledged(1);
    account.refused(1);
    assert_eq!(wrong(&account, &[]).lost, ["1"], "an acknowledgement stands");
    account.refused(2);
    account.attempted(2);
    assert_eq!(
        account.verify([1, 2]),
        Ok(()),
        "a refusal counts as the attempt that it is of"
    );
}

#[test]
fn everything_that_is_wrong_is_in_one_sentence() {
    let account = account();
    for id in 10..20 {
        account.acknowledged(id);
    }
    let text = wrong(&account, &[2, 2, 3, 99]).to_string();
    assert_eq!(
        text,
        "11 acknowledged and lost: 1, 10, 11, 12, 13, 14, 15, 16 and 3 more; 1 there more than once: 2 (2 times); \
         1 there though certainly refused: 3; 1 there though never asked for: 99"
    );
}

#[test]
fn replicas_that_agree_converged() {
    assert_eq!(convergence::<&str, u8>(&[]), Ok(()));
    assert_eq!(convergence(&[("a", vec![1, 2]), ("b", vec![1, 2])]), Ok(()));
}

#[test]
fn replicas_that_differ_are_named_with_where_they_differ() {
    let replicas = [
        ("a", vec![1, 2, 9, 3]),
        ("b", vec![1, 2, 3]),
        ("c", vec![1, 2, 3]),
        ("d", vec![1, 2, 3]),
        ("e", vec![]),
    ];
    let text = convergence(&replicas).unwrap_err().to_string();
    let expected = "\
replicas differ; from line 4 of what they hold:
  b, c, d: nothing
  a: 9,; from line 1 of what they hold:
  b, c, d: [ 1, 2, 3, ]
  e: []";
    assert_eq!(text, expected);
}

#[test]
fn a_large_difference_is_shown_in_part() {
    let text = convergence(&[("a", (0..100).collect()), ("b", Vec::<u32>::new())])
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("  a: [ 0, 1, 2, 3, 4, and 96 more lines\n  b: []"),
        "{text}"
    );
}
