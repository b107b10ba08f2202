//! Attributes of serde that keep a shape known.

use std::collections::BTreeMap;

use terrace::Shape;
use wire::shape::Body;
use wire::{Codec, Limits};

use crate::{crosses, shape};

#[terrace::data]
#[derive(Eq, PartialOrd, Ord, Hash, Copy)]
pub(super) struct UserId(u64);

#[terrace::data]
struct Draft {
    title: String,
    due: Option<u32>,
    parts: Vec<Draft>,
    owner: UserId,
    place: (i8, f64),
    counts: BTreeMap<String, u16>,
}

fn draft() -> Draft {
    let part = Draft {
        title: "part".to_string(),
        due: None,
        parts: Vec::new(),
        owner: UserId(1),
        place: (0, 1.5),
        counts: BTreeMap::new(),
    };
    let counts = BTreeMap::from([("a".to_string(), 1), ("b".to_string(), 2)]);
    Draft {
        title: "whole".to_string(),
        due: Some(7),
        parts: vec![part.clone()],
        counts,
        ..part
    }
}

#[terrace::data]
pub(super) struct Unit;

#[terrace::data]
struct Nothing();

#[terrace::data]
struct Empty {}

#[terrace::data]
pub(super) struct Pair(u32, String);

#[terrace::data]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<T>,
}

#[terrace::data]
struct Fixed<const N: usize> {
    octets: [u8; 3],
}

#[terrace::data]
pub(super) enum Event {
    Started,
    Moved(i32),
    Turned(u8, bool),
    Named { r#type: String, at: Option<u64> },
    Nested(Box<Event>),
}

#[test]
fn data_of_every_form_crosses_every_codec() {
    crosses(draft());
    crosses(Unit);
    crosses(Nothing());
    crosses(Empty {});
    crosses(Pair(3, "three".to_string()));
    crosses(Page {
        items: vec![draft()],
        next: None,
    });
    crosses(Page {
        items: vec![UserId(4)],
        next: Some(UserId(5)),
    });
    crosses(Fixed::<3> { octets: [1, 2, 3] });
    crosses(Event::Started);
    crosses(Event::Moved(-3));
    crosses(Event::Turned(1, true));
    crosses(Event::Named {
        r#type: "t".to_string(),
        at: Some(1),
    });
    crosses(Event::Nested(Box::new(Event::Nested(Box::new(Event::Started)))));
}

/// Each rule of serde on a struct, on the cases of an enum and on the fields of its cases.
macro_rules! cased {
    ($($module:ident $rule:literal)*) => {$(
        mod $module {
            #[terrace::data]
            #[serde(rename_all = $rule)]
            pub(super) struct Fields {
                pub(super) first_word: u8,
                pub(super) x: u8,
            }

            #[terrace::data]
            #[serde(rename_all = $rule, rename_all_fields = $rule)]
            pub(super) enum Cases {
                FirstCase,
                Second { some_field: u8 },
            }
        }
    )*

    #[test]
    fn names_are_cased_as_serde_writes_them() {$(
        crosses($module::Fields { first_word: 1, x: 2 });
        crosses($module::Cases::FirstCase);
        crosses($module::Cases::Second { some_field: 3 });
    )*}};
}

cased! {
    lower "lowercase"
    upper "UPPERCASE"
    pascal "PascalCase"
    camel "camelCase"
    snake "snake_case"
    screaming_snake "SCREAMING_SNAKE_CASE"
    kebab "kebab-case"
    screaming_kebab "SCREAMING-KEBAB-CASE"
}

#[terrace::data]
#[serde(rename = "Form", expecting = "a form")]
struct Renamed {
    #[serde(rename = "kind")]
    sort: String,
    #[serde(rename(serialize = "both", deserialize = "both"))]
    same: u8,
    #[serde(alias = "older", alias = "oldest")]
    newer: u8,
    #[cfg_attr(all(), serde(rename = "by_condition"))]
    plain: u8,
}

#[terrace::data]
#[serde(rename_all = "snake_case")]
enum RenamedCases {
    #[serde(rename = "ONE", alias = "uno")]
    One(u8),
    #[serde(rename_all = "UPPERCASE")]
    TwoWords { some_field: u8 },
}

#[test]
fn renamed_data_crosses_by_its_new_name() {
    crosses(Renamed {
        sort: "s".to_string(),
        same: 1,
        newer: 2,
        plain: 3,
    });
    crosses(RenamedCases::One(1));
    crosses(RenamedCases::TwoWords { some_field: 2 });
    assert_eq!(shape::<Renamed>().1[0].name, "Form");
}

type Maybe = Option<u8>;

#[terrace::data]
#[serde(deny_unknown_fields)]
struct Closed {
    must: u8,
    may: Option<u8>,
    alias: Maybe,
    #[serde(default)]
    falls_back: u8,
    #[serde(default = "seven")]
    falls_back_to_seven: u8,
}

fn seven() -> u8 {
    7
}

#[terrace::data]
#[derive(Default)]
#[serde(default)]
pub(super) struct AllOptional {
    pub(super) one: u8,
    pub(super) two: String,
}

#[test]
fn a_reader_does_without_options_and_defaults() {
    let names = |fields: &[(&str, bool)]| {
        fields
            .iter()
            .map(|&(name, optional)| (name.to_string(), optional))
            .collect()
    };
    let closed = [
        ("must", false),
        ("may", true),
        ("alias", true),
        ("falls_back", true),
        ("falls_back_to_seven", true),
    ];
    assert_eq!(fields::<Closed>(), (names(&closed), true));
    assert_eq!(fields::<AllOptional>(), (names(&[("one", true), ("two", true)]), false));
    crosses(Closed {
        must: 1,
        may: None,
        alias: Some(2),
        falls_back: 3,
        falls_back_to_seven: 4,
    });
    crosses(AllOptional::default());

    let mut bytes = Vec::new();
    wire::encode(Codec::Tagged, &BTreeMap::from([("must", 1)]), &mut bytes).unwrap();
    let read: Closed = wire::decode(Codec::Tagged, &bytes, &Limits::default()).unwrap();
    assert_eq!(
        read,
        Closed {
            must: 1,
            may: None,
            alias: None,
            falls_back: 0,
            falls_back_to_seven: 7
        }
    );
}

#[terrace::data]
#[serde(transparent)]
struct Transparent {
    inner: Draft,
}

#[terrace::data]
#[serde(bound(serialize = "T: serde::Serialize", deserialize = "T: serde::Deserialize<'de>"))]
struct Bound<T> {
    value: T,
}

/// What the user derives stays the user's.
#[terrace::data]
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, PartialEq)]
struct Derived {
    value: u8,
}

#[test]
fn attributes_that_leave_the_form_alone_cost_nothing() {
    assert_eq!(shape::<Transparent>(), shape::<Draft>());
    crosses(Transparent { inner: draft() });
    crosses(Bound { value: 1_u8 });
    crosses(Derived { value: 2 });
}

fn fields<T: Shape>() -> (Vec<(String, bool)>, bool) {
    match &shape::<T>().1[0].body {
        Body::Struct { fields, closed } => (
            fields
                .iter()
                .map(|field| (field.name.clone(), field.optional))
                .collect(),
            *closed,
        ),
        other => panic!("{other:?} is no struct"),
    }
}

#[terrace::data]
enum Other {
    Known(u8),
    #[other]
    Unknown,
}

#[terrace::data]
enum OtherOfSerde {
    Known,
    #[serde(other)]
    Unknown,
}

#[test]
fn an_enum_with_an_other_case_keeps_its_shape() {
    crosses(Other::Known(1));
    crosses(Other::Unknown);
    crosses(OtherOfSerde::Known);
    crosses(OtherOfSerde::Unknown);
}
