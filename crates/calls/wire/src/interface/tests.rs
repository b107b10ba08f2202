//! The hash, and the bounds on a peer's interface.

use super::bounds::{INTERFACE_BYTES_MAX, NESTING_MAX, TYPES_MAX};
use super::{Interface, LIMITS, Marks, Method};
use crate::codec::{self, Codec};
use crate::error::CallError;
use crate::shape::{Body, Case, Field, Foreign, Shape, TypeDef, TypeRef, Types, reach};

fn field(name: &str, type_ref: TypeRef) -> Field {
    Field {
        name: name.to_string(),
        type_ref,
        optional: false,
    }
}

fn method(name: &str, arguments: Vec<Field>, output: TypeRef, error: TypeRef) -> Method {
    Method {
        name: name.to_string(),
        doc: String::new(),
        marks: Marks::default(),
        arguments,
        output,
        error,
    }
}

fn interface(methods: Vec<Method>, types: Vec<TypeDef>) -> Interface {
    Interface {
        name: "Todos".to_string(),
        owner: None,
        requires: None,
        doc: String::new(),
        methods,
        types,
    }
}

fn answering<T: Shape>() -> Interface {
    let mut types = Types::new();
    let output = T::shape(&mut types);
    interface(vec![method("get", vec![], output, TypeRef::Unit)], types.into_defs())
}

fn record(fields: Vec<Field>) -> Interface {
    let body = Body::Struct { fields, closed: false };
    let types = vec![TypeDef {
        name: "Draft".to_string(),
        body,
    }];
    interface(vec![method("get", vec![], TypeRef::Named(0), TypeRef::Unit)], types)
}

fn encoded(interface: &Interface) -> Vec<u8> {
    let mut out = Vec::new();
    interface.encode(&mut out).expect("an interface is plain data");
    out
}

#[test]
fn two_swapped_optional_fields_have_two_hashes() {
    let one = || Field {
        optional: true,
        ..field("one", TypeRef::Option(Box::new(TypeRef::String)))
    };
    let two = || Field {
        optional: true,
        ..field("two", TypeRef::Option(Box::new(TypeRef::String)))
    };
    assert_ne!(record(vec![one(), two()]).hash(), record(vec![two(), one()]).hash());
}

#[test]
fn the_hash_is_of_the_shape_only() {
    let plain = record(vec![field("title", TypeRef::String)]);
    let mut dressed = plain.clone();
    dressed.owner = Some("lists-team".to_string());
    dressed.doc = "Keeps lists.".to_string();
    dressed.methods[0].doc = "Gets one.".to_string();
    dressed.methods[0].marks = Marks {
        read: true,
        ..Marks::default()
    };
    dressed.types[0].name = "Renamed".to_string();
    assert_eq!(plain.hash(), dressed.hash());
    dressed.types.push(TypeDef {
        name: "Unused".to_string(),
        body: Body::Unit,
    });
    assert_eq!(plain.hash(), dressed.hash());
}

#[test]
fn every_difference_that_crosses_changes_the_hash() {
    let case = |name: &str, body| Case {
        name: name.to_string(),
        body,
        other: false,
    };
    let cases = |cases| {
        let types = vec![TypeDef {
            name: "Kind".to_string(),
            body: Body::Enum { cases },
        }];
        interface(vec![method("get", vec![], TypeRef::Named(0), TypeRef::Unit)], types)
    };
    let mut renamed = record(vec![]);
    renamed.methods[0].name = "fetch".to_string();
    let mut taking = record(vec![]);
    taking.methods[0].arguments = vec![field("owner", TypeRef::Uint(64))];
    let all = [
        record(vec![]),
        renamed,
        taking,
        record(vec![field("title", TypeRef::String)]),
        record(vec![field("title", TypeRef::Bytes)]),
        record(vec![field("name", TypeRef::String)]),
        record(vec![field("title", TypeRef::Tuple(vec![TypeRef::String]))]),
        record(vec![field("title", TypeRef::Option(Box::new(TypeRef::String)))]),
        record(vec![field("title", TypeRef::Named(0))]),
        cases(vec![case("A", Body::Unit), case("B", Body::Unit)]),
        cases(vec![case("B", Body::Unit), case("A", Body::Unit)]),
        cases(vec![case("A", Body::Unit), case("B", Body::Newtype(TypeRef::Bool))]),
        answering::<(Option<u8>, u16)>(),
        answering::<Option<(u8, u16)>>(),
        answering::<Vec<Vec<u8>>>(),
    ];
    let mut hashes: Vec<u128> = all.iter().map(Interface::hash).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), all.len());
}

#[test]
fn the_order_in_which_types_were_named_does_not_matter() {
    let mut first = answering::<(Result<u8, u16>, Result<u16, u8>)>();
    let hash = first.hash();
    first.types.swap(0, 1);
    assert_ne!(hash, first.hash(), "the indices still lead to the other type");
    first.methods[0].output = TypeRef::Tuple(vec![TypeRef::Named(1), TypeRef::Named(0)]);
    assert_eq!(hash, first.hash());
}

#[test]
fn an_interface_comes_back_from_a_peer_and_from_json() {
    let mut interface = answering::<Result<Vec<Option<String>>, CallError>>();
    interface.methods[0].marks.key = Some("owner".to_string());
    assert_eq!(Interface::decode(&encoded(&interface)).expect("it is read"), interface);
    let mut json = Vec::new();
    codec::encode(Codec::Json, &interface, &mut json).expect("an interface is plain data");
    assert_eq!(
        serde_json::from_slice::<Interface>(&json).expect("it is JSON"),
        interface
    );
}

#[track_caller]
fn refused(interface: &Interface, why: &str) {
    let refusal = Interface::decode(&encoded(interface))
        .expect_err("it is refused")
        .to_string();
    assert!(refusal.contains(why), "{refusal}");
}

#[test]
fn a_peers_interface_past_a_limit_is_refused() {
    refused(&record(vec![field("x", TypeRef::Named(1))]), "type 1 of 1 is used");
    let many = vec![
        TypeDef {
            name: String::new(),
            body: Body::Unit
        };
        TYPES_MAX + 1
    ];
    refused(&interface(vec![], many), "at most 16384 are read");
    let nest = |levels| (0..levels).fold(TypeRef::Bool, |inner, _| TypeRef::Option(Box::new(inner)));
    assert!(Interface::decode(&encoded(&record(vec![field("x", nest(NESTING_MAX))]))).is_ok());
    refused(
        &record(vec![field("x", nest(NESTING_MAX + 1))]),
        "nested past 32 levels",
    );
    let deep = [&[0x81, 0xa6][..], b"option"].concat().repeat(100_000);
    let refusal = codec::decode::<TypeRef>(Codec::Tagged, &deep, &LIMITS).expect_err("it is refused");
    assert!(refusal.to_string().contains("nested past 128 levels"), "{refusal}");
    let inner = Case {
        name: "A".to_string(),
        body: Body::Enum { cases: vec![] },
        other: false,
    };
    let types = vec![TypeDef {
        name: "Kind".to_string(),
        body: Body::Enum { cases: vec![inner] },
    }];
    refused(&interface(vec![], types), "has a case that is an enum itself");
    let refusal = Interface::decode(&vec![0; INTERFACE_BYTES_MAX + 1]).expect_err("it is refused");
    assert!(refusal.to_string().contains("at most 8388608 are read"), "{refusal}");
}

struct List;

impl Shape for List {
    fn shape(types: &mut Types) -> TypeRef {
        types.named::<List>("List", |types| {
            let next = List::shape(types);
            Body::Struct {
                fields: vec![field("next", TypeRef::Option(Box::new(next)))],
                closed: false,
            }
        })
    }
}

/// A struct of nothing but structs of nothing.
struct Hollow;

impl Shape for Hollow {
    fn shape(types: &mut Types) -> TypeRef {
        types.named::<Hollow>("Hollow", |types| {
            let inner = types.named::<Marker>("Marker", |_| Body::Unit);
            Body::Struct {
                fields: vec![field("a", inner.clone()), field("b", inner)],
                closed: false,
            }
        })
    }
}

struct Marker;

/// A struct that holds a list of itself and nothing else.
struct Forest;

impl Shape for Forest {
    fn shape(types: &mut Types) -> TypeRef {
        types.named::<Forest>("Forest", |types| {
            let trees = <Vec<Forest>>::shape(types);
            Body::Struct {
                fields: vec![field("trees", trees)],
                closed: false,
            }
        })
    }
}

#[test]
fn a_method_is_positional_unless_something_opaque_is_within_reach() {
    assert!(answering::<Result<Vec<List>, CallError>>().is_positional(0));
    assert!(!answering::<Result<Vec<List>, Foreign<u8>>>().is_positional(0));
    assert!(!answering::<Option<Box<serde_json::Value>>>().is_positional(0));
    let mut argument = answering::<List>();
    argument.methods[0].arguments = vec![field("any", TypeRef::Opaque("untagged".to_string()))];
    assert_eq!(argument.opaque(&argument.methods[0]), Some("untagged"));
    assert!(!argument.is_positional(1), "there is no second method");
}

#[test]
fn a_sequence_whose_elements_take_no_bytes_is_opaque() {
    for interface in [
        answering::<Vec<()>>(),
        answering::<Vec<Hollow>>(),
        answering::<Vec<[(); 4]>>(),
        answering::<Vec<([u8; 0], Hollow)>>(),
        answering::<std::collections::BTreeMap<(), Hollow>>(),
    ] {
        assert!(!interface.is_positional(0), "{interface:?}");
    }
    assert!(answering::<Vec<Forest>>().is_positional(0));
    assert!(answering::<[(); 4]>().is_positional(0));
    assert!(answering::<std::collections::BTreeMap<u8, ()>>().is_positional(0));
    assert!(answering::<Vec<Result<(), ()>>>().is_positional(0));
}

#[test]
fn call_errors_and_recursion_are_found() {
    let holds = answering::<Result<u8, (u8, CallError)>>();
    assert!(holds.answers_call_error(&holds.methods[0]));
    let plain = answering::<Result<u8, List>>();
    assert!(!plain.answers_call_error(&plain.methods[0]));
    assert!(reach::is_recursive(&plain.types, &plain.methods[0].output));
    assert!(!reach::is_recursive(&holds.types, &holds.methods[0].output));
    let twice = answering::<(Result<u8, u8>, Result<u8, u8>)>();
    assert!(
        !reach::is_recursive(&twice.types, &twice.methods[0].output),
        "twice is not within itself"
    );
}

mod hostile {
    use proptest::prelude::*;

    use super::{CallError, Interface, List, answering, encoded};
    use crate::compatibility::{Side, compare};
    use crate::shape::reach;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_mutated_interface_never_panics(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        ) {
            let ours = answering::<Result<Vec<List>, (CallError, [Option<u16>; 3])>>();
            let mut bytes = encoded(&ours);
            for (at, to) in changes {
                let at = at.index(bytes.len());
                bytes[at] = to;
            }
            if let Ok(theirs) = Interface::decode(&bytes) {
                theirs.hash();
                compare(&ours, &theirs, Side::Caller);
                compare(&ours, &theirs, Side::Callee);
                for (number, method) in theirs.methods.iter().enumerate() {
                    theirs.is_positional(number);
                    theirs.answers_call_error(method);
                    reach::is_recursive(&theirs.types, &method.output);
                }
            }
        }
    }
}
