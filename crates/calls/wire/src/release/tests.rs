//! Changes of an application as a whole: who calls whom, who is there, what lies in databases; and the order of a rollout.

use super::verdict::Order::{CalleeFirst, CallerFirst, OldStopsFirst};
use super::verdict::Verdict::{self, Breaking, Ordered, Safe};
use super::{Edge, JobKind, Release, Released, Report, StoredJobs, What, check};
use crate::interface::{Interface, Marks, Method};
use crate::shape::{Field, TypeRef};

fn method(name: &str, arguments: &[(&str, TypeRef)], output: TypeRef) -> Method {
    let argument = |(name, type_ref): &(&str, TypeRef)| Field {
        name: (*name).to_owned(),
        type_ref: type_ref.clone(),
        optional: false,
    };
    Method {
        name: name.to_owned(),
        doc: String::new(),
        marks: Marks::default(),
        arguments: arguments.iter().map(argument).collect(),
        output,
        error: TypeRef::Unit,
    }
}

fn component(name: &str, methods: Vec<Method>) -> Released {
    Released {
        interface: Interface {
            name: name.to_owned(),
            owner: Some(format!("{}-team", name.to_lowercase())),
            requires: None,
            doc: String::new(),
            methods,
            types: Vec::new(),
        },
    }
}

fn release(components: Vec<Released>, calls: &[(&str, &str)]) -> Release {
    let edge = |(caller, callee): &(&str, &str)| Edge {
        caller: (*caller).to_owned(),
        callee: (*callee).to_owned(),
    };
    Release {
        components,
        calls: calls.iter().map(edge).collect(),
        ..Release::default()
    }
}

fn jobs(payload: TypeRef, steps: &[&str]) -> Vec<StoredJobs> {
    vec![StoredJobs {
        component: "A".to_owned(),
        kinds: vec![JobKind {
            name: "ring".to_owned(),
            steps: steps.iter().map(|step| (*step).to_owned()).collect(),
            payload,
        }],
        types: Vec::new(),
    }]
}

/// Takes a number.
fn takes(bits: u8) -> Method {
    method("put", &[("number", TypeRef::Uint(bits))], TypeRef::Unit)
}

/// Answers a number.
fn answers(bits: u8) -> Method {
    method("get", &[], TypeRef::Uint(bits))
}

/// Each change in a few words, and the names of the rollout.
fn said(report: &Report) -> (Vec<(String, Verdict)>, Vec<&str>) {
    let words = |what: &What| match what {
        What::Call {
            caller: Some(caller),
            callee,
            method,
        } => format!("{caller}>{callee}.{method}"),
        What::Call { callee, method, .. } => format!("{callee}.{method}"),
        What::Job { component, kind } => format!("{component}:{kind}"),
        What::Answer { component, method } => format!("{component}={method}"),
        What::Session { front } => format!("{front}~"),
    };
    let changes = report
        .changes
        .iter()
        .map(|change| (words(&change.what), change.verdict));
    (
        changes.collect(),
        report.rollout.iter().map(|step| step.name.as_str()).collect(),
    )
}

#[track_caller]
fn expect(old: &Release, new: &Release, changes: &[(&str, Verdict)], rollout: &[&str]) {
    let report = check(old, new);
    let changes: Vec<(String, Verdict)> = changes
        .iter()
        .map(|(what, verdict)| ((*what).to_owned(), *verdict))
        .collect();
    assert_eq!(said(&report), (changes, rollout.to_vec()));
}

#[test]
fn a_change_counts_along_the_edges_that_exist() {
    let a = || component("A", vec![]);
    let (old_b, new_b) = (component("B", vec![takes(64)]), component("B", vec![takes(32)]));
    let with = |b: &Released, calls: &[(&str, &str)]| release(vec![a(), b.clone()], calls);
    let both = [("A", "B"), ("Site", "B")];
    let caller_first = Ordered(CallerFirst);
    expect(
        &with(&old_b, &both),
        &with(&new_b, &both),
        &[("A>B.put", caller_first), ("Site>B.put", caller_first)],
        &["A", "Site", "B"],
    );
    expect(&with(&old_b, &[]), &with(&new_b, &[]), &[("B.put", Safe)], &[]);
    // Whoever begins to call it knows the new one only, and whoever ends to call it the old one.
    expect(
        &with(&old_b, &[]),
        &with(&new_b, &[("A", "B")]),
        &[("A>B.put", Safe)],
        &[],
    );
    expect(
        &with(&old_b, &[("A", "B")]),
        &with(&new_b, &[]),
        &[("A>B.put", caller_first)],
        &["A", "B"],
    );
    expect(
        &with(&new_b, &[]),
        &with(&old_b, &[("A", "B")]),
        &[("A>B.put", Ordered(CalleeFirst))],
        &["B", "A"],
    );
}

#[test]
fn a_change_names_the_teams_at_both_ends() {
    let with = |bits| {
        release(
            vec![component("A", vec![]), component("B", vec![answers(bits)])],
            &[("A", "B")],
        )
    };
    let change = check(&with(32), &with(64)).changes.remove(0);
    assert_eq!(
        (change.caller_owner.as_deref(), change.callee_owner.as_deref()),
        (Some("a-team"), Some("b-team"))
    );
    let why = "result is written as `u64` and read as `u32`, which cannot hold it";
    assert_eq!(change.why, [why]);
}

#[test]
fn a_component_comes_before_its_first_caller_and_goes_after_its_last() {
    let (a, b) = (component("A", vec![]), component("B", vec![answers(32)]));
    let (without, with) = (release(vec![a.clone()], &[]), release(vec![a, b], &[("A", "B")]));
    expect(&without, &with, &[("A>B.get", Ordered(CalleeFirst))], &["B", "A"]);
    expect(&with, &without, &[("A>B.get", Ordered(CallerFirst))], &["A", "B"]);
}

#[test]
fn orders_that_contradict_each_other_are_breaking() {
    // B wants its caller first in one method, and last in the other.
    let with = |taken, answered| {
        let b = component("B", vec![takes(taken), answers(answered)]);
        release(vec![component("A", vec![]), b], &[("A", "B")])
    };
    expect(
        &with(32, 32),
        &with(64, 64),
        &[("A>B.get", Breaking), ("A>B.put", Breaking)],
        &[],
    );
    let why = check(&with(32, 32), &with(64, 64)).changes[0].why[1].clone();
    assert_eq!(why, "the orders contradict each other: `A` before `B` before `A`");
    // A before B before C before A.
    let with = |bits| {
        let named = |name| component(name, vec![answers(bits)]);
        let names = ["A", "B", "C", "D"];
        release(
            names.map(named).to_vec(),
            &[("A", "B"), ("B", "C"), ("C", "A"), ("D", "A")],
        )
    };
    let changes = [
        ("A>B.get", Breaking),
        ("B>C.get", Breaking),
        ("C>A.get", Breaking),
        ("D>A.get", Ordered(CallerFirst)),
        ("D.get", Safe),
    ];
    expect(&with(32), &with(64), &changes[..], &["D", "A"]);
}

#[test]
fn who_calls_itself_is_old_and_new_at_once() {
    let with = |bits| release(vec![component("A", vec![answers(bits)])], &[("A", "A")]);
    expect(&with(32), &with(64), &[("A>A.get", Breaking)], &[]);
    let why = check(&with(32), &with(64)).changes[0].why[1].clone();
    assert_eq!(
        why,
        "`A` calls itself, and its processes are old and new at once during a rollout"
    );
}

#[test]
fn owners_and_texts_are_no_difference() {
    let old = component("B", vec![answers(32)]);
    let mut new = old.clone();
    new.interface.owner = Some("others".to_owned());
    new.interface.doc = "Keeps numbers.".to_owned();
    let with = |b: Released| release(vec![b], &[("Site", "B")]);
    expect(&with(old), &with(new), &[], &[]);
}

#[test]
fn who_may_ask_again_comes_after_who_takes_it_and_goes_before() {
    let marked = |marks: Marks| {
        let mut b = component("B", vec![answers(32)]);
        b.interface.methods[0].marks = marks;
        release(vec![b], &[("Site", "B")])
    };
    let none = Marks::default();
    let read = Marks {
        read: true,
        ..none.clone()
    };
    let once = Marks {
        once: true,
        ..none.clone()
    };
    let idempotent = Marks {
        idempotent: true,
        ..none.clone()
    };
    let (caller_first, callee_first) = (Ordered(CallerFirst), Ordered(CalleeFirst));
    for (old, new, verdict) in [
        (&none, &once, callee_first),
        (&none, &read, callee_first),
        (&none, &idempotent, callee_first),
        (&once, &none, caller_first),
        (&read, &none, caller_first),
        // What is only read is asked by the id of the call that it is for.
        (&read, &once, caller_first),
        (&once, &read, callee_first),
        (&once, &idempotent, Safe),
    ] {
        let rollout: &[&str] = match verdict {
            Ordered(CallerFirst) => &["Site", "B"],
            Ordered(_) => &["B", "Site"],
            _ => &[],
        };
        expect(
            &marked(old.clone()),
            &marked(new.clone()),
            &[("Site>B.get", verdict)],
            rollout,
        );
    }
}

#[test]
fn what_the_old_release_stored_has_to_be_read_by_the_new_one() {
    let with = |jobs| Release {
        jobs,
        ..release(vec![component("A", vec![])], &[])
    };
    let plain = |bits| with(jobs(TypeRef::Uint(bits), &[]));
    expect(&plain(32), &plain(32), &[], &[]);
    expect(&plain(32), &plain(64), &[("A:ring", Ordered(OldStopsFirst))], &["A"]);
    expect(&plain(64), &plain(32), &[("A:ring", Breaking)], &[]);
    expect(&plain(32), &with(Vec::new()), &[("A:ring", Breaking)], &[]);
    expect(&with(Vec::new()), &plain(32), &[("A:ring", Safe)], &[]);
    let change = check(&plain(32), &plain(64)).changes.remove(0);
    assert_eq!(change.callee_owner.as_deref(), Some("a-team"));
    assert_eq!(
        change.why,
        ["payload is written as `u64` and read as `u32`, which cannot hold it"]
    );
}

#[test]
fn steps_may_be_added_at_the_end_and_not_renamed() {
    let with = |steps: &[&str]| Release {
        jobs: jobs(TypeRef::Unit, steps),
        ..release(vec![component("A", vec![])], &[])
    };
    expect(&with(&["pay"]), &with(&["pay", "ship"]), &[("A:ring", Safe)], &[]);
    expect(&with(&["pay"]), &with(&["charge"]), &[("A:ring", Breaking)], &[]);
    expect(&with(&["pay"]), &with(&["ask", "pay"]), &[("A:ring", Breaking)], &[]);
    expect(
        &with(&["pay", "ship"]),
        &with(&["ship", "pay"]),
        &[("A:ring", Breaking)],
        &[],
    );
    expect(&with(&["pay", "ship"]), &with(&["pay"]), &[("A:ring", Breaking)], &[]);
    expect(&with(&["pay"]), &with(&[]), &[("A:ring", Breaking)], &[]);
}

#[test]
fn a_recorded_answer_is_read_by_the_next_release() {
    let with = |bits, once| {
        let mut get = answers(bits);
        get.marks.once = once;
        release(vec![component("A", vec![get])], &[])
    };
    expect(
        &with(32, true),
        &with(64, true),
        &[("A=get", Ordered(OldStopsFirst)), ("A.get", Safe)],
        &["A"],
    );
    expect(
        &with(64, true),
        &with(32, true),
        &[("A=get", Breaking), ("A.get", Safe)],
        &[],
    );
    expect(&with(64, true), &with(32, false), &[("A.get", Safe)], &[]);
}

#[test]
fn a_release_is_read_from_what_describe_prints() {
    let text = r#"{"format": 1, "application": "todo", "version": "1.0.0", "fronts": ["Site"], "components": [], "calls":
        [{"caller": "Site", "callee": "Todos"}], "jobs": [], "sessions": []}"#;
    let read: Release = serde_json::from_str(text).expect("it is a release");
    // What lacks a part is another thing.
    for part in [
        "format",
        "application",
        "version",
        "components",
        "calls",
        "jobs",
        "sessions",
    ] {
        let without = text.replacen(&format!("\"{part}\""), "\"other\"", 1);
        assert!(serde_json::from_str::<Release>(&without).is_err(), "{part}");
    }
    assert_eq!((read.version.as_str(), read.calls.len()), ("1.0.0", 1));
    let with = Release {
        jobs: jobs(TypeRef::Named(7), &[]),
        ..release(vec![component("A", vec![takes(8)])], &[])
    };
    let text = serde_json::to_string(&with).expect("it is written");
    let read: Release = serde_json::from_str(&text).expect("it is read");
    assert_eq!(read, with);
    let refused = |release: Release| release.check().expect_err("it is refused").to_string();
    let later = Release {
        format: super::FORMAT + 1,
        ..Release::default()
    };
    assert!(refused(later).contains("by the program of the newer release"));
    let twice = release(vec![component("A", vec![]), component("A", vec![])], &[]);
    assert!(refused(twice).contains("the component `A` is there twice"));
    let twice = release(vec![component("A", vec![takes(8), takes(8)])], &[]);
    assert!(refused(twice).contains("the method of `A` `"));
    // An index that leads nowhere is refused before anything is compared.
    assert!(read.check().is_err());
}
