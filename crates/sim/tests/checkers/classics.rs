//! Histories known good and known bad, in a picture each: time goes right, one line per client.

use sim::history::{History, Operation};
use sim::linearizability::{
    Counter, CounterInput, CounterOutput, List, ListInput, ListOutput, Outcome, Register, RegisterInput,
    RegisterOutput, Violation, check, check_within,
};

type Input = RegisterInput<&'static str, u32>;
type Output = RegisterOutput<u32>;

/// Client, beginning, end if it was answered.
type When = (u32, u64, Option<u64>);

fn record<I: Clone, O: Clone>(events: &[(When, I, Option<O>)]) -> Vec<Operation<I, O>> {
    let history = History::new();
    for ((client, begin, end), input, output) in events {
        let invocation = history.invoke(*client, *begin, input.clone());
        if let (Some(end), Some(output)) = (end, output) {
            history.complete(invocation, *end, output.clone());
        }
    }
    history.operations()
}

fn read(client: u32, begin: u64, end: u64, value: Option<u32>) -> (When, Input, Option<Output>) {
    (
        (client, begin, Some(end)),
        RegisterInput::Read("x"),
        Some(RegisterOutput::Value(value)),
    )
}

fn write(client: u32, begin: u64, end: u64, value: u32) -> (When, Input, Option<Output>) {
    (
        (client, begin, Some(end)),
        RegisterInput::Write("x", value),
        Some(RegisterOutput::Written),
    )
}

fn lost_write(client: u32, begin: u64, value: u32) -> (When, Input, Option<Output>) {
    ((client, begin, None), RegisterInput::Write("x", value), None)
}

fn set(client: u32, begin: u64, end: u64, from: Option<u32>, to: u32, set: bool) -> (When, Input, Option<Output>) {
    let input = RegisterInput::CompareAndSet("x", from, to);
    ((client, begin, Some(end)), input, Some(RegisterOutput::Set(set)))
}

#[track_caller]
fn good(events: &[(When, Input, Option<Output>)]) {
    let outcome = check(&Register::new(), &record(events));
    assert!(outcome.is_linearizable(), "{outcome:?}");
}

#[track_caller]
fn bad(events: &[(When, Input, Option<Output>)]) -> Violation {
    match check(&Register::new(), &record(events)) {
        Outcome::Violated(violation) => violation,
        other => panic!("accepted: {other:?}"),
    }
}

#[test]
fn one_client_after_another_is_good() {
    good(&[]);
    good(&[
        read(0, 1, 2, None),
        write(1, 3, 4, 7),
        read(0, 5, 6, Some(7)),
        write(1, 7, 8, 9),
        read(2, 9, 10, Some(9)),
    ]);
}

#[test]
fn a_stale_read_after_a_completed_write_is_bad() {
    let violation = bad(&[write(0, 1, 2, 1), write(0, 3, 4, 2), read(1, 5, 6, Some(1))]);
    assert_eq!(
        (violation.unexplained, violation.at_nanos, violation.lines.len()),
        (2, 6, 3)
    );
    assert_eq!(violation.states, ["Some(2)"]);
    bad(&[write(0, 1, 2, 1), read(1, 3, 4, None)]);
}

#[test]
fn a_read_of_a_value_that_was_never_written_is_bad() {
    bad(&[write(0, 1, 2, 1), read(1, 1, 3, Some(2))]);
    bad(&[read(1, 1, 3, Some(2)), write(0, 4, 5, 2)]);
}

/// ```text
/// 0  |--- write 1 ---------------------|
/// 1     |- read 1 -|
/// 2                  |- read nothing -|
/// ```
#[test]
fn an_inversion_of_new_and_old_between_two_readers_is_bad() {
    let events = [write(0, 1, 10, 1), read(1, 2, 3, Some(1)), read(2, 4, 5, None)];
    assert_eq!(bad(&events).unexplained, 2);
    good(&[write(0, 1, 10, 1), read(1, 2, 4, Some(1)), read(2, 3, 5, None)]);
}

#[test]
fn overlapping_operations_may_take_effect_in_any_order() {
    good(&[write(0, 1, 10, 1), write(1, 1, 10, 2), read(2, 11, 12, Some(1))]);
    good(&[write(0, 1, 10, 1), write(1, 1, 10, 2), read(2, 11, 12, Some(2))]);
    good(&[
        write(0, 1, 10, 1),
        write(1, 2, 9, 2),
        read(2, 3, 4, Some(2)),
        read(3, 5, 6, Some(1)),
        read(4, 7, 8, Some(1)),
    ]);
    good(&[read(0, 1, 10, Some(1)), write(1, 5, 20, 1)]);
}

#[test]
fn overlapping_writes_are_seen_in_one_order_by_everybody() {
    let writes = [write(0, 1, 10, 1), write(1, 1, 10, 2)];
    let reads = [read(2, 2, 3, Some(1)), read(2, 4, 5, Some(2)), read(3, 6, 7, Some(1))];
    bad(&[writes.as_slice(), reads.as_slice()].concat());
}

#[test]
fn operations_that_touch_in_one_instant_keep_their_order() {
    bad(&[write(0, 1, 5, 1), read(0, 5, 5, None)]);
}

#[test]
fn a_write_that_timed_out_may_take_effect_much_later_or_never() {
    good(&[
        lost_write(0, 1, 1),
        read(1, 2, 3, None),
        write(1, 4, 5, 2),
        read(1, 6, 7, Some(2)),
        read(2, 8, 9, Some(1)),
    ]);
    good(&[lost_write(0, 1, 1), read(1, 2, 3, None), read(1, 200, 300, None)]);
    good(&[
        lost_write(0, 1, 1),
        write(1, 2, 3, 2),
        read(1, 4, 5, Some(1)),
        write(1, 6, 7, 2),
        read(2, 8, 9, Some(2)),
    ]);
}

#[test]
fn a_write_that_timed_out_and_was_seen_is_never_unseen() {
    let violation = bad(&[lost_write(0, 1, 1), read(1, 2, 3, Some(1)), read(1, 4, 5, None)]);
    assert_eq!(violation.unexplained, 2);
    bad(&[
        write(1, 1, 2, 2),
        lost_write(0, 3, 1),
        read(1, 4, 5, Some(1)),
        read(2, 6, 7, Some(2)),
    ]);
}

#[test]
fn a_write_that_timed_out_takes_effect_at_most_once_and_not_before_it_began() {
    let once = [
        lost_write(0, 1, 1),
        read(1, 2, 3, Some(1)),
        write(1, 4, 5, 2),
        read(1, 6, 7, Some(1)),
    ];
    bad(&once);
    good(&[once.as_slice(), &[lost_write(0, 5, 1)]].concat());
    bad(&[once.as_slice(), &[lost_write(0, 8, 1)]].concat());
}

#[test]
fn of_a_race_of_compare_and_set_one_wins() {
    good(&[
        set(0, 1, 9, None, 1, true),
        set(1, 2, 8, None, 2, false),
        read(2, 10, 11, Some(1)),
    ]);
    bad(&[set(0, 1, 9, None, 1, true), set(1, 2, 8, None, 2, true)]);
    bad(&[set(0, 1, 9, None, 1, false), set(1, 2, 8, None, 2, false)]);
    bad(&[
        set(0, 1, 9, None, 1, true),
        set(1, 2, 8, None, 2, false),
        read(2, 10, 11, Some(2)),
    ]);
    good(&[
        set(0, 1, 9, None, 1, true),
        set(1, 2, 8, Some(1), 2, true),
        set(2, 3, 7, Some(2), 3, true),
    ]);
}

#[test]
fn a_compare_and_set_that_timed_out_explains_what_it_could_have_done_only() {
    let lost = |from| ((0, 1, None), RegisterInput::CompareAndSet("x", from, 1), None);
    good(&[lost(None), read(1, 2, 3, Some(1))]);
    bad(&[lost(Some(5)), read(1, 2, 3, Some(1))]);
    good(&[lost(Some(5)), read(1, 2, 3, None)]);
}

#[test]
fn keys_are_independent_and_the_bad_one_is_named() {
    let other = (
        (9, 1, Some(9)),
        RegisterInput::Write("y", 5),
        Some(RegisterOutput::Written),
    );
    good(&[other.clone(), write(0, 10, 11, 1), read(0, 12, 13, Some(1))]);
    let violation = bad(&[other, write(0, 1, 2, 1), read(0, 3, 4, Some(5))]);
    assert_eq!((violation.key.as_str(), violation.lines.len()), ("\"x\"", 2));
}

#[test]
fn a_violation_reads_as_the_shortest_beginning_that_has_one() {
    let later = [write(3, 20, 21, 9), read(3, 22, 23, None)];
    let events = [
        write(0, 1, 2, 1),
        lost_write(12, 3, 2),
        write(0, 4, 5, 3),
        read(1, 6, 7, Some(1)),
    ];
    let violation = bad(&[events.as_slice(), later.as_slice()].concat());
    let expected = "\
not linearizable: no order of the operations on key \"x\" explains their answers
  client  0  0.000000001 .. 0.000000002  Write(\"x\", 1) -> Written
  client 12  0.000000003 ..           ?  Write(\"x\", 2) -> no answer
  client  0  0.000000004 .. 0.000000005  Write(\"x\", 3) -> Written
  client  1  0.000000006 .. 0.000000007  Read(\"x\") -> Value(Some(1))  \
<- impossible; the state may have been Some(2) or Some(3)";
    assert_eq!(violation.to_string(), expected);
}

#[test]
fn a_long_violation_shows_its_end_and_says_so() {
    let mut events: Vec<_> = (0..100).map(|n| write(0, 2 * n + 1, 2 * n + 2, n as u32)).collect();
    events.push(read(1, 300, 301, Some(3)));
    let violation = bad(&events);
    assert_eq!((violation.lines.len(), violation.unexplained), (101, 100));
    let text = violation.to_string();
    assert!(
        text.contains("of 101 the last 40 are shown") && text.lines().count() == 41,
        "{text}"
    );
}

#[test]
fn a_search_that_is_given_up_shows_nothing() {
    let mut events: Vec<_> = (0..8).map(|client| write(client, 1, 100, client)).collect();
    events.push(read(9, 101, 102, Some(42)));
    let operations = record(&events);
    let given_up = check_within(&Register::new(), &operations, 20);
    assert!(
        matches!(
            given_up,
            Outcome::Undecided {
                explained: 0..9,
                answers: 9,
                ..
            }
        ),
        "{given_up:?}"
    );
    let not_shown = given_up.into_result().expect_err("nothing was decided").to_string();
    assert!(
        not_shown.starts_with("not decided") && not_shown.contains("spread the operations over more keys"),
        "{not_shown}"
    );
    assert!(check(&Register::new(), &operations).into_result().is_err());
}

#[test]
fn a_violation_of_one_key_counts_though_another_is_undecided() {
    let mut events: Vec<_> = (0..8).map(|client| write(client, 1, 100, client)).collect();
    events.push(read(9, 101, 102, Some(42)));
    let y = RegisterInput::Read("y");
    events.push(((0, 1, Some(2)), y, Some(RegisterOutput::Value(Some(1)))));
    match check_within(&Register::new(), &record(&events), 20) {
        Outcome::Violated(violation) => assert_eq!(violation.key, "\"y\""),
        other => panic!("{other:?}"),
    }
}

#[test]
fn writes_that_timed_out_do_not_multiply_the_search() {
    // Every subset of 40 lost writes may have happened: 2^40, of which those that matter are few.
    let mut events: Vec<_> = (0..40).map(|n| lost_write(n, 1, n)).collect();
    events.push(read(50, 2, 3, Some(17)));
    events.push(read(50, 4, 5, Some(99)));
    match check_within(&Register::new(), &record(&events), 20_000) {
        Outcome::Violated(violation) => assert_eq!(violation.at_nanos, 5),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_account_that_is_overdrawn_or_doubled_is_bad() {
    let add = |when: When, much, output| (when, CounterInput::Add("a", much), output);
    let account = Counter::with_floor(0);
    let total = |total| Some(CounterOutput::Total(total));
    let two = |second| record(&[add((0, 1, Some(5)), 10, total(10)), add((1, 2, Some(6)), -10, second)]);
    assert!(check(&account, &two(total(0))).is_linearizable());
    assert!(check(&account, &two(Some(CounterOutput::Refused))).is_linearizable());
    assert!(!check(&account, &two(total(-10))).is_linearizable());
    assert!(
        !check(
            &account,
            &two(Some(CounterOutput::Added)).into_iter().skip(1).collect::<Vec<_>>()
        )
        .is_linearizable()
    );
    let read = |at, much| ((2, at, Some(at + 1)), CounterInput::Read("a"), total(much));
    let lost = add((0, 1, None), 10, None);
    assert!(check(&account, &record(&[lost.clone(), read(3, 0), read(5, 10), read(7, 10)])).is_linearizable());
    assert!(!check(&account, &record(&[lost, read(3, 10), read(5, 20)])).is_linearizable());
}

#[test]
fn a_list_that_lost_or_swapped_an_element_is_bad() {
    let append = |begin, end, value| {
        (
            (0, begin, Some(end)),
            ListInput::Append("l", value),
            Some(ListOutput::Appended),
        )
    };
    let read = |at, values: &[u32]| {
        (
            (1, at, Some(at + 1)),
            ListInput::Read("l"),
            Some(ListOutput::Values(values.to_vec())),
        )
    };
    let check = |events: &[_]| check(&List::new(), &record(events)).is_linearizable();
    assert!(check(&[
        append(1, 9, 1),
        append(2, 8, 2),
        read(10, &[2, 1]),
        read(12, &[2, 1])
    ]));
    assert!(!check(&[
        append(1, 9, 1),
        append(2, 8, 2),
        read(10, &[2, 1]),
        read(12, &[1, 2])
    ]));
    assert!(!check(&[append(1, 2, 1), append(3, 4, 2), read(10, &[2, 1])]));
    assert!(!check(&[append(1, 2, 1), append(3, 4, 2), read(10, &[2])]));
}
