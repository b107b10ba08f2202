//! The suite's promises, each held in every placement, and once more with every call that may be repeated executed twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use terrace::testing::Executed;
use terrace::{CallError, CallErrorKind, CallId, Cx, Env, Ref, Root};

use crate::placement::{Placed, Where, place, run};
use crate::suite::{Choice, Fault, Rich, Suite, Tree};

/// Defines each promise once and tests it in every placement.
macro_rules! everywhere {
    ($(async fn $promise:ident($placed:ident: Placed) $body:block)*) => {$(
        mod $promise {
            use super::*;

            async fn promise($placed: Placed) $body

            everywhere!(@placed
                direct Direct Once, looped Looped Once, wire Wire Once, process Process Once,
                twice Looped Twice, wire_twice Wire Twice, process_twice Process Twice);
        }
    )*};
    (@placed $($name:ident $at:ident $executed:ident),*) => {$(
        #[test]
        fn $name() {
            run(async { promise(place(Where::$at, Executed::$executed).await).await });
        }
    )*};
}

fn call_error<T: std::fmt::Debug>(answer: Result<T, Fault>) -> CallError {
    match answer {
        Err(Fault::Call(error)) => error,
        other => panic!("{other:?} is not a call's failure"),
    }
}

fn kind_and_certainty<T: std::fmt::Debug>(answer: Result<T, Fault>) -> (CallErrorKind, bool) {
    let error = call_error(answer);
    (error.kind(), error.certainly_did_not_run())
}

/// A request of its own with this id.
fn request(id: u128) -> Cx {
    let root = Root {
        began: None,
        id: Some(CallId(id)),
        deadline: None,
        principal: None,
        trace: None,
    };
    Cx::from_root(&Env::production("test"), root)
}

/// How the log of `key` looks once `entry` is in it.
async fn log(suite: &Ref<dyn Suite>, key: &str, entry: &str) -> Vec<String> {
    let answer = suite.until(&Cx::for_test(), key.to_string(), entry.to_string()).await;
    answer.unwrap()
}

fn rich() -> Rich {
    let named = Choice::Named {
        left: Box::new(Choice::Two(2, "two".into())),
        right: None,
    };
    let leaf = |name: &str| Tree {
        name: name.into(),
        children: Vec::new(),
    };
    Rich {
        unit: (),
        flags: (true, None),
        signed: (i8::MIN, -2, i32::MIN, i64::MIN, i128::MIN),
        unsigned: (u8::MAX, 300, u32::MAX, u64::MAX, u128::MAX),
        floats: [f64::MIN_POSITIVE, -0.0, f64::INFINITY],
        single: 0.1,
        letter: 'ß',
        text: "zażółć \0 \u{1f980}".into(),
        bytes: (0..=255).collect(),
        list: vec![None, Some(String::new()), Some("x".into())],
        by_name: BTreeMap::from([("a".into(), vec![1, 2]), (String::new(), Vec::new())]),
        by_number: BTreeMap::from([(0, Choice::Unit), (u64::MAX, Choice::One(1)), (7, named)]),
        set: BTreeSet::from([-1, 0, 5]),
        time: Duration::new(3, 999_999_999),
        addresses: ("::1".parse().unwrap(), "127.0.0.1:80".parse().unwrap()),
        outcome: Err("no".into()),
        tree: Tree {
            name: "root".into(),
            children: vec![leaf("left"), leaf("right")],
        },
    }
}

everywhere! {
    async fn data_of_every_kind_crosses_whole(placed: Placed) {
        assert_eq!(placed.suite.echo(&Cx::for_test(), rich()).await, Ok(rich()));
    }

    async fn large_bodies_cross_beside_small_calls(placed: Placed) {
        let (suite, cx) = (&placed.suite, &Cx::for_test());
        let env = cx.env();
        let bodies: Vec<String> = (1..=6).map(|seed| format!("{seed:07}").repeat(5_000_000 / 7)).collect();
        let large = bodies.iter().map(|body| {
            let (suite, cx, body) = (suite.clone(), cx.clone(), body.clone());
            env.spawn("large", async move { suite.body(&cx, body).await })
        });
        let large: Vec<_> = large.collect();
        for number in 0..200_u8 {
            assert_eq!(suite.body(cx, number.to_string()).await, Ok(number.to_string()));
        }
        for (task, body) in large.into_iter().zip(bodies) {
            assert!(task.await.unwrap() == Ok(body));
        }
    }

    async fn arguments_may_be_absent(placed: Placed) {
        let (suite, cx) = (&placed.suite, &Cx::for_test());
        assert_eq!(suite.nothing(cx).await, Ok(()));
        assert_eq!(suite.missing(cx, "key".into(), None, Some(1)).await, Ok((true, false)));
        assert_eq!(suite.missing(cx, "key".into(), Some("x".into()), None).await, Ok((false, true)));
    }

    async fn an_error_crosses_whole(placed: Placed) {
        let fault = Fault::Rich { code: 7, why: "ö".into(), at: vec![None, Some(-1)] };
        for fault in [Fault::Plain, fault] {
            assert_eq!(placed.suite.fail(&Cx::for_test(), fault.clone()).await, Err(fault));
        }
    }

    async fn a_callee_that_panics_failed_and_goes_on(placed: Placed) {
        let (suite, cx) = (&placed.suite, &Cx::for_test());
        for _ in 0..3 {
            let error = call_error(suite.panics(cx, "secret".into()).await);
            assert_eq!((error.kind(), error.certainly_did_not_run()), (CallErrorKind::Failed, false));
            assert!(!error.message().contains("secret") && error.message().contains("Suite.panics"), "{error}");
            assert_eq!(suite.nothing(cx).await, Ok(()));
        }
    }

    async fn a_call_ends_by_its_deadline(placed: Placed) {
        let (suite, cx) = (&placed.suite, &Cx::for_test());
        let late = (CallErrorKind::DeadlineExceeded, false);
        assert_eq!(kind_and_certainty(suite.wait_briefly(cx, "marked".into()).await), late);
        let short = cx.within(Duration::from_millis(40));
        assert_eq!(kind_and_certainty(suite.wait(&short, "within".into()).await), late);
        for key in ["marked", "within"] {
            assert_eq!(log(suite, key, "dropped").await, ["began", "dropped"]);
        }
    }

    async fn a_call_past_its_deadline_does_not_run(placed: Placed) {
        let (suite, cx) = (&placed.suite, &Cx::for_test());
        let past = cx.within(Duration::ZERO);
        let answer = suite.wait(&past, "past".into()).await;
        assert_eq!(kind_and_certainty(answer), (CallErrorKind::DeadlineExceeded, true));
        assert_eq!(log(suite, "past", "").await, [""; 0]);
    }

    async fn a_cancelled_call_ends_at_once_and_its_callee_is_dropped(placed: Placed) {
        let suite = &placed.suite;
        let (cx, canceller) = Cx::for_test().cancellable();
        let cancel = async {
            log(suite, "cancelled", "began").await;
            canceller.cancel();
        };
        let (answer, ()) = tokio::join!(suite.wait(&cx, "cancelled".into()), cancel);
        assert_eq!(kind_and_certainty(answer), (CallErrorKind::Cancelled, false));
        assert_eq!(log(suite, "cancelled", "dropped").await, ["began", "dropped"]);
        let again = suite.wait(&cx, "again".into()).await;
        assert_eq!(kind_and_certainty(again), (CallErrorKind::Cancelled, true));
    }

    async fn work_to_be_finished_ends_though_its_call_is_cancelled(placed: Placed) {
        let suite = &placed.suite;
        let (cx, canceller) = Cx::for_test().cancellable();
        let cancel = async {
            log(suite, "work", "began").await;
            canceller.cancel();
        };
        let (answer, ()) = tokio::join!(suite.finishes(&cx, "work".into()), cancel);
        assert_eq!(kind_and_certainty(answer), (CallErrorKind::Cancelled, false));
        log(suite, "work", "dropped").await;
        suite.open(&Cx::for_test(), "work".into()).await.unwrap();
        assert_eq!(log(suite, "work", "finished").await, ["began", "dropped", "open", "finished"]);
    }

    async fn a_call_carries_who_asks_and_where_it_is(placed: Placed) {
        let env = Env::production("test");
        let root = Root { began: None, id: Some(CallId(1)), deadline: None, principal: Some("ada".into()), trace: None };
        let cx = Cx::from_root(&env, root);
        let seen = placed.suite.seen(&cx, 1).await.unwrap();
        assert_eq!((seen.attempt, seen.hops, seen.principal.as_deref()), (0, 1, Some("ada")));
        assert_eq!((seen.trace_id, seen.has_deadline), (cx.trace().trace_id, true));
        let below = placed.suite.seen_below(&cx, 1, false).await.unwrap();
        assert!(below.iter().all(|seen| seen.hops == 2 && seen.principal.as_deref() == Some("ada")));
        let root = Root { began: None, id: None, deadline: None, principal: Some("x".repeat(2000).into()), trace: None };
        let answer = placed.suite.seen(&Cx::from_root(&env, root), 1).await;
        assert_eq!(kind_and_certainty(answer), (CallErrorKind::Denied, true));
    }

    async fn a_repeated_request_makes_calls_of_the_same_ids(placed: Placed) {
        let suite = &placed.suite;
        let (first, again) = (request(5), request(5));
        let direct = suite.seen(&first, 9).await.unwrap();
        assert_eq!(suite.seen(&again, 9).await, Ok(direct.clone()).map(|seen| crate::suite::Seen { trace_id: again.trace().trace_id, ..seen }));
        assert_ne!(suite.seen(&again, 9).await.unwrap().id, direct.id, "two equal calls differ");
        assert_ne!(suite.seen(&request(6), 9).await.unwrap().id, direct.id);
        // Through a handler: order and `join!` do not matter.
        let ids = |seen: Vec<crate::suite::Seen>| seen.iter().map(|seen| seen.id).collect::<Vec<_>>();
        let one = ids(suite.seen_below(&request(7), 9, false).await.unwrap());
        let two = ids(suite.seen_below(&request(7), 9, false).await.unwrap());
        assert_eq!((one.len(), one.iter().collect::<BTreeSet<_>>().len()), (3, 3));
        assert_eq!(one, two);
        let handler_differs = ids(suite.seen_below(&request(7), 9, true).await.unwrap());
        let handler_again = ids(suite.seen_below(&request(7), 9, true).await.unwrap());
        assert_eq!(handler_differs, handler_again);
        let (mut in_order, mut joined) = (Vec::new(), Vec::new());
        for (ids, cx, order) in [(&mut in_order, request(8), [1, 1, 2]), (&mut joined, request(8), [2, 1, 1])] {
            for what in order {
                ids.push(suite.seen(&cx, what).await.unwrap().id);
            }
        }
        assert_eq!(in_order.iter().collect::<BTreeSet<_>>(), joined.iter().collect::<BTreeSet<_>>());
    }

    async fn a_named_call_has_its_id_whatever_its_argument(placed: Placed) {
        let suite = &placed.suite;
        let named = async |key: &str, what| suite.seen(&request(5).named("event", key), what).await.unwrap().id;
        let one = named("a", 1).await;
        assert_eq!(named("a", 2).await, one);
        assert_ne!(named("b", 1).await, one);
        assert_ne!(suite.seen(&request(5), 1).await.unwrap().id, one);
        let reading = async |what| suite.seen_reading(&request(5).named("event", "a"), what).await.unwrap()[1].id;
        assert_ne!(reading(1).await, reading(2).await, "only the call itself is named");
        assert_eq!(reading(1).await, reading(1).await);
    }

    async fn a_read_has_its_callers_id(placed: Placed) {
        let suite = &placed.suite;
        let cx = request(5);
        let one = suite.seen_reading(&cx, 3).await.unwrap();
        assert_eq!(one[0].id, 5);
        let two = suite.seen_reading(&cx, 3).await.unwrap();
        assert_eq!(one[1].id, two[1].id, "a read may be repeated");
        assert_ne!(one[1].id, suite.seen(&cx, 3).await.unwrap().id);
    }

    async fn a_repeated_call_has_one_effect(placed: Placed) {
        let suite = &placed.suite;
        for _ in 0..3 {
            assert_eq!(suite.add(&request(5), "list".into(), 10).await, Ok(1));
        }
        assert_eq!(suite.add(&request(5), "list".into(), 11).await, Ok(2));
        let cx = request(6);
        assert_eq!(suite.add(&cx, "list".into(), 10).await, Ok(3));
        assert_eq!(suite.add(&cx, "list".into(), 10).await, Ok(4), "two calls on purpose");
        assert_eq!(log(suite, "list", "").await, ["item 10", "item 11", "item 10", "item 10"]);
    }

    async fn a_named_call_is_one_call_whatever_its_arguments(placed: Placed) {
        let suite = &placed.suite;
        let named = |item| async move { suite.add(&request(5).named("event", "a"), "reused".into(), item).await };
        assert_eq!(named(10).await, Ok(1));
        assert_eq!(named(11).await, Ok(1));
        assert_eq!(log(suite, "reused", "").await, ["item 10"]);
    }

    async fn a_repeat_of_a_call_in_flight_waits_for_it(placed: Placed) {
        let suite = &placed.suite;
        let (one, two) = (request(5), request(5));
        let open = async {
            loop {
                let log = log(suite, "slow", "began").await;
                if log.iter().filter(|entry| *entry == "asked").count() >= 2 {
                    break;
                }
                tokio::task::yield_now().await;
            }
            suite.open(&Cx::for_test(), "slow".into()).await.unwrap();
        };
        let calls = (suite.add_slowly(&one, "slow".into()), suite.add_slowly(&two, "slow".into()));
        let (one, two, ()) = tokio::join!(calls.0, calls.1, open);
        assert_eq!((one, two), (Ok(1), Ok(1)));
    }

    async fn an_error_is_not_recorded(placed: Placed) {
        let suite = &placed.suite;
        for _ in 0..2 {
            assert_eq!(suite.add_later(&request(5), "later".into()).await, Err(Fault::Plain));
            let failed = suite.add_panicking(&request(6), "later".into()).await;
            assert_eq!(kind_and_certainty(failed), (CallErrorKind::Failed, false));
        }
        suite.open(&Cx::for_test(), "later".into()).await.unwrap();
        for _ in 0..2 {
            assert_eq!(suite.add_later(&request(5), "later".into()).await, Ok(1));
            assert_eq!(suite.add_panicking(&request(6), "later".into()).await, Ok(2));
        }
    }

    async fn certainty_belongs_to_one_hop(placed: Placed) {
        let (suite, cx) = (&placed.suite, &Cx::for_test());
        let inner = suite.refused(cx).await.unwrap();
        assert_eq!((inner.error.kind(), inner.certain), (CallErrorKind::DeadlineExceeded, true), "the handler knows");
        assert!(!inner.error.certainly_did_not_run(), "its caller does not");
        let error = call_error(suite.refused_in_error(cx).await);
        assert_eq!((error.kind(), error.certainly_did_not_run()), (CallErrorKind::DeadlineExceeded, false));
        let certain = CallError::not_run(CallErrorKind::Denied, "no");
        assert_eq!(suite.is_certain(cx, certain).await, Ok(false));
    }

    async fn a_circle_of_calls_ends(placed: Placed) {
        let (suite, cx) = (&placed.suite, &Cx::for_test());
        assert_eq!(suite.descend(cx, 31).await, Ok((32, None)));
        let (hops, failed) = suite.descend(cx, 32).await.unwrap();
        let failed = failed.unwrap();
        assert_eq!((hops, failed.error.kind(), failed.certain), (32, CallErrorKind::Overloaded, true));
    }

    async fn components_call_each_other(placed: Placed) {
        assert_eq!(placed.suite.sum(&Cx::for_test(), 9).await, Ok(45));
    }

    async fn a_read_makes_no_call_that_is_made_once(placed: Placed) {
        let suite = &placed.suite;
        let refused = suite.add_reading(&Cx::for_test(), "read".into()).await.unwrap().unwrap();
        assert_eq!((refused.error.kind(), refused.certain), (CallErrorKind::Denied, true));
        assert_eq!(log(suite, "read", "").await, [""; 0]);
    }

    async fn many_calls_at_once_are_answered_apart(placed: Placed) {
        let (suite, cx) = (&placed.suite, &Cx::for_test());
        let calls = (0..2_000_u32).map(|number| {
            let (suite, cx) = (suite.clone(), cx.clone());
            cx.env().clone().spawn("call", async move { (number, suite.body(&cx, number.to_string()).await) })
        });
        for call in calls.collect::<Vec<_>>() {
            let (number, answer) = call.await.unwrap();
            assert_eq!(answer, Ok(number.to_string()));
        }
    }

    async fn what_is_executed_twice_is_what_may_be(placed: Placed) {
        let suite = &placed.suite;
        // `add_later` runs as often as it is executed: an `Err` is not recorded. `wait` is unmarked.
        let (cx, canceller) = Cx::for_test().cancellable();
        let cancel = async {
            log(suite, "unmarked", "began").await;
            canceller.cancel();
        };
        drop(tokio::join!(suite.wait(&cx, "unmarked".into()), cancel));
        assert_eq!(log(suite, "unmarked", "dropped").await, ["began", "dropped"]);
        suite.open(&Cx::for_test(), "asked".into()).await.unwrap();
        assert_eq!(suite.add_slowly(&request(5), "asked".into()).await, Ok(1));
        let asked = log(suite, "asked", "").await.iter().filter(|entry| *entry == "asked").count();
        assert_eq!(asked, if placed.executed == Executed::Twice { 2 } else { 1 });
    }
}

#[test]
fn a_call_while_modules_are_opened_names_both() {
    run(async {
        let binding = std::sync::Arc::new(component::Binding::<dyn Suite>::default());
        let suite = Ref::bound("Opener", binding);
        let error = call_error(suite.nothing(&Cx::for_test()).await);
        assert_eq!(
            (error.kind(), error.certainly_did_not_run()),
            (CallErrorKind::Unavailable, true)
        );
        assert!(
            error.message().contains("`Opener`") && error.message().contains("`Suite`"),
            "{error}"
        );
    });
}
