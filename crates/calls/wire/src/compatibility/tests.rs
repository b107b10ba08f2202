//! One row per difference: what is written, what is read, what is said.

use super::{Match, STEPS_MAX, Side, compare};
use crate::interface::{Interface, Marks, Method};
use crate::shape::{Body, Case, Field, TypeDef, TypeRef};

fn field(name: &str, type_ref: TypeRef) -> Field {
    Field {
        name: name.to_string(),
        type_ref,
        optional: false,
    }
}

fn optional(name: &str, type_ref: TypeRef) -> Field {
    Field {
        optional: true,
        ..field(name, type_ref)
    }
}

fn def(body: Body) -> TypeDef {
    TypeDef {
        name: "T".to_string(),
        body,
    }
}

fn record(fields: Vec<Field>) -> TypeDef {
    def(Body::Struct { fields, closed: false })
}

fn case(name: &str, body: Body) -> Case {
    Case {
        name: name.to_string(),
        body,
        other: false,
    }
}

/// `Greeter.greet`, which answers `output`.
fn answering(output: TypeRef, types: Vec<TypeDef>) -> Interface {
    let greet = Method {
        name: "greet".to_string(),
        doc: String::new(),
        marks: Marks::default(),
        arguments: Vec::new(),
        output,
        error: TypeRef::Unit,
    };
    Interface {
        name: "Greeter".to_string(),
        owner: None,
        requires: None,
        doc: String::new(),
        methods: vec![greet],
        types,
    }
}

fn taking(arguments: Vec<Field>) -> Interface {
    let mut interface = answering(TypeRef::Unit, Vec::new());
    interface.methods[0].arguments = arguments;
    interface
}

/// What this side, which calls, says of a result that `theirs` writes and `ours` reads.
#[track_caller]
fn check(ours: &Interface, theirs: &Interface, expected: &[&str]) {
    theirs.check().expect("the interface is within bounds");
    let found = compare(ours, theirs, Side::Caller);
    assert_eq!(found[0].breaking, expected);
}

#[track_caller]
fn check_types(read: TypeRef, written: TypeRef, expected: &[&str]) {
    check(&answering(read, Vec::new()), &answering(written, Vec::new()), expected);
}

#[track_caller]
fn check_records(read: TypeDef, written: TypeDef, expected: &[&str]) {
    check(
        &answering(TypeRef::Named(0), vec![read]),
        &answering(TypeRef::Named(0), vec![written]),
        expected,
    );
}

#[test]
fn numbers_may_widen_and_not_narrow() {
    check_types(TypeRef::Uint(64), TypeRef::Uint(32), &[]);
    check_types(TypeRef::Int(64), TypeRef::Uint(32), &[]);
    check_types(TypeRef::Float(64), TypeRef::Float(32), &[]);
    let narrow = "method `Greeter.greet`: result is written as `u64` and read as `u32`, which cannot hold it";
    check_types(TypeRef::Uint(32), TypeRef::Uint(64), &[narrow]);
    let signed = "method `Greeter.greet`: result is written as `u32` and read as `i32`, which cannot hold it";
    check_types(TypeRef::Int(32), TypeRef::Uint(32), &[signed]);
    let negative = "method `Greeter.greet`: result is written as `i32` and read as `u64`, which cannot hold it";
    check_types(TypeRef::Uint(64), TypeRef::Int(32), &[negative]);
}

#[test]
fn a_value_may_become_optional_and_not_the_reverse() {
    let option = || TypeRef::Option(Box::new(TypeRef::String));
    check_types(option(), TypeRef::String, &[]);
    let sentence = "method `Greeter.greet`: result is optional where it is written, and this side requires it";
    check_types(TypeRef::String, option(), &[sentence]);
}

#[test]
fn a_required_field_that_is_gone_breaks_and_an_optional_one_does_not() {
    let title = || field("title", TypeRef::String);
    let sentence = "method `Greeter.greet`: result field `title` is gone, and this side requires it";
    check_records(record(vec![title()]), record(vec![]), &[sentence]);
    check_records(record(vec![optional("title", TypeRef::String)]), record(vec![]), &[]);
    check_records(
        record(vec![field("title", TypeRef::Option(Box::new(TypeRef::Bool)))]),
        record(vec![]),
        &[],
    );
    check_records(record(vec![]), record(vec![title()]), &[]);
}

#[test]
fn a_closed_reader_refuses_a_new_field() {
    let closed = def(Body::Struct {
        fields: vec![],
        closed: true,
    });
    let sentence =
        "method `Greeter.greet`: result field `title` is not known to this side, which refuses unknown fields";
    check_records(closed, record(vec![field("title", TypeRef::String)]), &[sentence]);
}

#[test]
fn fields_may_change_places() {
    let one = || field("one", TypeRef::Uint(8));
    let two = || field("two", TypeRef::String);
    check_records(record(vec![one(), two()]), record(vec![two(), one()]), &[]);
}

#[test]
fn a_path_leads_to_the_difference() {
    let ours = answering(
        TypeRef::Sequence(Box::new(TypeRef::Named(0))),
        vec![
            record(vec![field(
                "draft",
                TypeRef::Map(Box::new(TypeRef::String), Box::new(TypeRef::Named(1))),
            )]),
            record(vec![field("pair", TypeRef::Tuple(vec![TypeRef::Bool, TypeRef::Bool]))]),
        ],
    );
    let mut theirs = ours.clone();
    theirs.types[1] = record(vec![field("pair", TypeRef::Tuple(vec![TypeRef::Bool, TypeRef::Char]))]);
    let sentence = "method `Greeter.greet`: result field `[].draft[value].pair[1]` is written as `char` and read as \
                    `bool`, which cannot hold it";
    check(&ours, &theirs, &[sentence]);
    theirs.types[1] = record(vec![field("pair", TypeRef::Tuple(vec![TypeRef::Bool]))]);
    let sentence = "method `Greeter.greet`: result field `[].draft[value].pair` is written as 1 values and read as 2";
    check(&ours, &theirs, &[sentence]);
}

#[test]
fn a_new_case_is_allowed_and_a_changed_one_is_not() {
    let cases = |cases| def(Body::Enum { cases });
    let red = || case("Red", Body::Unit);
    let tint = |bits| case("Tint", Body::Newtype(TypeRef::Uint(bits)));
    check_records(cases(vec![red()]), cases(vec![red(), tint(8)]), &[]);
    check_records(cases(vec![red(), tint(8)]), cases(vec![tint(8)]), &[]);
    let narrow =
        "method `Greeter.greet`: result field `Tint` is written as `u16` and read as `u8`, which cannot hold it";
    check_records(cases(vec![tint(8)]), cases(vec![tint(16)]), &[narrow]);
    let data = "method `Greeter.greet`: result field `Red` is written as one value and read as a name without data";
    check_records(
        cases(vec![red()]),
        cases(vec![case("Red", Body::Newtype(TypeRef::Bool))]),
        &[data],
    );
    let other = "method `Greeter.greet`: result is written as an enum and read as named fields";
    check_records(record(vec![]), cases(vec![red()]), &[other]);
}

#[test]
fn a_struct_of_one_unnamed_field_is_that_field() {
    let newtype = def(Body::Newtype(TypeRef::String));
    check(
        &answering(TypeRef::String, vec![]),
        &answering(TypeRef::Named(0), vec![newtype.clone()]),
        &[],
    );
    check(
        &answering(TypeRef::Named(0), vec![newtype]),
        &answering(TypeRef::String, vec![]),
        &[],
    );
}

#[test]
fn opaque_data_is_not_checked() {
    let opaque = || TypeRef::Opaque("a JSON value has no fixed shape".to_string());
    check_types(opaque(), TypeRef::String, &[]);
    check_types(
        TypeRef::Named(0).clone(),
        TypeRef::Bool,
        &["method `Greeter.greet`: result is written as `bool` and read as the struct ``, which cannot hold it"],
    );
    check_types(TypeRef::Bool, opaque(), &[]);
}

#[test]
fn arguments_are_written_by_the_caller_and_read_by_the_callee() {
    let old = taking(vec![field("name", TypeRef::Uint(32))]);
    let new = taking(vec![field("name", TypeRef::Uint(64)), field("loud", TypeRef::Bool)]);
    let by_old_caller = compare(&old, &new, Side::Caller);
    let sentence = "method `Greeter.greet`: argument `loud` is missing on this side, and the other side requires it";
    assert_eq!(
        by_old_caller,
        [Match {
            index: Some(0),
            breaking: vec![sentence.to_string()]
        }]
    );
    let by_new_callee = compare(&new, &old, Side::Callee);
    let sentence = "method `Greeter.greet`: argument `loud` is gone, and this side requires it";
    assert_eq!(
        by_new_callee,
        [Match {
            index: Some(0),
            breaking: vec![sentence.to_string()]
        }]
    );
    let by_new_caller = compare(&new, &old, Side::Caller);
    let sentence =
        "method `Greeter.greet`: argument `name` is written as `u64` and read as `u32`, which cannot hold it";
    assert_eq!(by_new_caller[0].breaking, [sentence]);
}

#[test]
fn a_method_is_found_by_name_and_a_missing_one_spoils_no_other() {
    let mut ours = answering(TypeRef::Unit, vec![]);
    let mut gone = ours.methods[0].clone();
    gone.name = "gone".to_string();
    ours.methods.insert(0, gone);
    let mut theirs = answering(TypeRef::Unit, vec![]);
    let mut added = theirs.methods[0].clone();
    added.name = "added".to_string();
    theirs.methods.splice(0..0, [added.clone(), added]);
    let found = compare(&ours, &theirs, Side::Caller);
    assert_eq!(
        found.iter().map(|found| found.index).collect::<Vec<_>>(),
        [None, Some(2)]
    );
    assert!(found.iter().all(|found| found.breaking.is_empty()));
}

#[test]
fn recursive_types_end() {
    let list = |bits| {
        record(vec![
            field("value", TypeRef::Uint(bits)),
            field("next", TypeRef::Option(Box::new(TypeRef::Named(0)))),
        ])
    };
    check_records(list(16), list(8), &[]);
    let sentence =
        "method `Greeter.greet`: result field `value` is written as `u16` and read as `u8`, which cannot hold it";
    check_records(list(8), list(16), &[sentence]);
}

#[test]
fn a_hostile_interface_costs_no_more_than_the_budget() {
    let many = 2000;
    // Each type leads to all others, so that the pairs of types are four million.
    let dense = |count: u32| {
        let all = |_| {
            record(
                (0..40)
                    .map(|next| field(&next.to_string(), TypeRef::Named((next * 7) % count)))
                    .collect(),
            )
        };
        answering(TypeRef::Named(0), (0..count).map(all).collect())
    };
    let found = compare(&dense(many), &dense(many - 1), Side::Caller);
    assert!(found[0].breaking.len() <= 2, "{found:?}");
    // A newtype of itself, and newtypes that never meet a pair of names.
    let own = def(Body::Newtype(TypeRef::Named(0)));
    let nested = def(Body::Newtype(TypeRef::Sequence(Box::new(TypeRef::Sequence(Box::new(
        TypeRef::Named(0),
    ))))));
    for (ours, theirs) in [
        (own, TypeRef::Bool),
        (nested, TypeRef::Sequence(Box::new(TypeRef::Named(0)))),
    ] {
        let theirs = answering(theirs, vec![ours.clone()]);
        let found = compare(&answering(TypeRef::Named(0), vec![ours]), &theirs, Side::Caller);
        assert!(found[0].breaking.len() <= 2, "{found:?}");
    }
    // A chain as long as the budget costs no stack.
    let chain = (1..=STEPS_MAX as u32)
        .map(|next| def(Body::Newtype(TypeRef::Named(next))))
        .collect();
    let chain = answering(TypeRef::Named(0), chain);
    assert!(compare(&chain, &chain, Side::Caller)[0].breaking.len() <= 2);
}
