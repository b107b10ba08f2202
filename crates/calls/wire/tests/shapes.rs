//! A shape says exactly what is written: the bytes of every value are walked by its shape alone.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::shape::{Body, TypeDef, TypeRef, Types};
use wire::{CallError, CallErrorKind, Codec, Foreign, Limits, Ran, Shape, decode, encode};

/// Walks one value in `bytes` and gives what is left.
fn walk<'b>(types: &[TypeDef], type_ref: &TypeRef, bytes: &'b [u8]) -> &'b [u8] {
    match type_ref {
        TypeRef::Unit => bytes,
        TypeRef::Bool | TypeRef::Int(8) | TypeRef::Uint(8) => &bytes[1..],
        TypeRef::Int(_) | TypeRef::Uint(_) => number(bytes).1,
        TypeRef::Float(bits) => &bytes[usize::from(*bits) / 8..],
        TypeRef::Char | TypeRef::String | TypeRef::Bytes => {
            let (length, rest) = number(bytes);
            &rest[length..]
        }
        TypeRef::Option(_) if bytes[0] == 0 => &bytes[1..],
        TypeRef::Option(inner) => walk(types, inner, &bytes[1..]),
        TypeRef::Sequence(element) => {
            let (count, rest) = number(bytes);
            (0..count).fold(rest, |rest, _| walk(types, element, rest))
        }
        TypeRef::Map(key, value) => {
            let (count, rest) = number(bytes);
            (0..count).fold(rest, |rest, _| walk(types, value, walk(types, key, rest)))
        }
        TypeRef::Tuple(elements) => elements.iter().fold(bytes, |rest, element| walk(types, element, rest)),
        TypeRef::Named(index) => walk_body(types, &types[*index as usize].body, bytes),
        TypeRef::Opaque(reason) => panic!("opaque data is never positional: {reason}"),
    }
}

fn walk_body<'b>(types: &[TypeDef], body: &Body, bytes: &'b [u8]) -> &'b [u8] {
    match body {
        Body::Unit => bytes,
        Body::Newtype(inner) => walk(types, inner, bytes),
        Body::Tuple(elements) => elements.iter().fold(bytes, |rest, element| walk(types, element, rest)),
        Body::Struct { fields, .. } => fields
            .iter()
            .fold(bytes, |rest, field| walk(types, &field.type_ref, rest)),
        Body::Enum { cases } => {
            let (case, rest) = number(bytes);
            walk_body(types, &cases[case].body, rest)
        }
    }
}

fn number(bytes: &[u8]) -> (usize, &[u8]) {
    let length = bytes.iter().position(|byte| *byte < 0x80).expect("a number ends") + 1;
    let value = bytes[..length]
        .iter()
        .rev()
        .fold(0u128, |value, byte| value << 7 | u128::from(byte & 0x7f));
    (value as usize, &bytes[length..])
}

/// The value is walked by its shape, and comes back from every codec.
#[track_caller]
fn crosses<T: Shape + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: T) {
    let mut types = Types::new();
    let type_ref = T::shape(&mut types);
    let mut bytes = Vec::new();
    encode(Codec::Positional, &value, &mut bytes).expect("it is written");
    let rest = walk(&types.into_defs(), &type_ref, &bytes);
    assert_eq!(rest, [0u8; 0], "{value:?} as {type_ref:?}");
    comes_back(&value, &[Codec::Positional, Codec::Tagged, Codec::Json]);
}

#[track_caller]
fn comes_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T, codecs: &[Codec]) {
    for &codec in codecs {
        let mut bytes = Vec::new();
        encode(codec, value, &mut bytes).expect("it is written");
        let read: T = decode(codec, &bytes, &Limits::default()).unwrap_or_else(|error| panic!("{codec:?}: {error}"));
        assert_eq!(&read, value, "{codec:?}");
    }
}

#[test]
fn the_shapes_of_std_say_what_is_written() {
    crosses((true, 'ß', ()));
    crosses((-1i8, -300i16, i32::MIN, i64::MIN, i128::MIN));
    crosses((1u8, 300u16, u32::MAX, u64::MAX, u128::MAX));
    crosses((1.5f32, f64::NEG_INFINITY));
    crosses((
        String::from("text"),
        Box::<str>::from("boxed"),
        Cow::<'static, str>::from("cow"),
    ));
    crosses(Bytes::from_static(&[0, 200]));
    crosses((
        vec![1u64, 1 << 60],
        VecDeque::from([1i16]),
        BTreeSet::from(["a".to_string()]),
    ));
    crosses((
        BTreeMap::from([(1u64 << 60, None), (2, Some('x'))]),
        HashMap::from([("k".to_string(), 1u8)]),
    ));
    crosses((Some(Box::new(3u16)), None::<String>, [1u8; 0], [[1u16, 2], [3, 4]]));
    crosses((Ok::<u8, String>(1), Err::<(), (u8, u8)>((1, 2))));
    crosses(Duration::new(u64::MAX, 999_999_999));
    crosses((1u8, 2u8, 3u8, 4u8, 5u8, 6u8, 7u8, 8u8, 9u8, 10u8, 11u8, 12u8));
}

#[test]
fn addresses_cross_as_numbers_and_in_json_as_text() {
    let (four, six) = (Ipv4Addr::new(10, 0, 200, 1), Ipv6Addr::LOCALHOST);
    crosses((four, six));
    crosses((IpAddr::V4(four), IpAddr::V6(six)));
    crosses((SocketAddrV4::new(four, 80), SocketAddrV6::new(six, 65_535, 0, 0)));
    crosses((SocketAddr::from((four, 80)), SocketAddr::from((six, 8080))));
    let mut json = Vec::new();
    encode(Codec::Json, &SocketAddr::from((four, 80)), &mut json).expect("it is written");
    assert_eq!(json, br#""10.0.200.1:80""#);
}

#[test]
fn call_errors_cross_without_their_certainty() {
    let error = || CallError::not_run(CallErrorKind::Overloaded, "queue is full").retried();
    let mut crossed = error();
    crossed.crossed();
    assert!(!crossed.certainly_did_not_run());
    crosses(crossed);
    let mut nested = (
        Some(Box::new(error())),
        vec![Err::<u8, _>(error())],
        BTreeMap::from([(1u8, VecDeque::from([error()]))]),
        [Ok::<_, ()>(error())],
    );
    nested.crossed();
    let (first, second, third, [fourth]) = nested;
    assert_eq!(first.map(|error| error.ran()), Some(Ran::Maybe));
    assert_eq!(second[0].as_ref().expect_err("it is one").ran(), Ran::Maybe);
    assert_eq!(third[&1][0].ran(), Ran::Maybe);
    assert_eq!(fourth.map(|error| error.ran()), Ok(Ran::Maybe));
}

#[test]
fn what_serde_reads_before_it_knows_the_type_crosses_by_name() {
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Attributed {
        #[serde(flatten)]
        inner: Inner,
        #[serde(flatten)]
        rest: BTreeMap<String, u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        skipped: Option<u8>,
        #[serde(default, alias = "other")]
        defaulted: u8,
        untagged: Vec<Untagged>,
        internal: Vec<Internal>,
        adjacent: Vec<Adjacent>,
        foreign: Foreign<serde_json::Value>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "SCREAMING-KEBAB-CASE")]
    struct Inner {
        inner_text: Option<String>,
        inner_float: f64,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(i64),
        Text(String),
        Both { number: u16, text: String },
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Internal {
        Empty,
        Full { list: Vec<Option<i32>> },
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind", content = "data")]
    enum Adjacent {
        Empty,
        Pair(u64, i8),
    }

    let value = Attributed {
        inner: Inner {
            inner_text: None,
            inner_float: -0.5,
        },
        rest: BTreeMap::from([("more".to_string(), 7)]),
        skipped: None,
        defaulted: 3,
        untagged: vec![
            Untagged::Number(-5),
            Untagged::Text("5".to_string()),
            Untagged::Both {
                number: 1,
                text: String::new(),
            },
        ],
        internal: vec![
            Internal::Empty,
            Internal::Full {
                list: vec![None, Some(-1)],
            },
        ],
        adjacent: vec![Adjacent::Empty, Adjacent::Pair(u64::MAX, -1)],
        foreign: Foreign(serde_json::json!({"any": [null, true, 1.5, "x", {"n": -3}]})),
    };
    comes_back(&value, &[Codec::Tagged, Codec::Json]);
}

#[cfg(feature = "uuid")]
#[test]
fn a_uuid_crosses() {
    crosses((uuid::Uuid::from_u128(0x1234_5678_9abc_def0), vec![uuid::Uuid::max()]));
}

#[cfg(feature = "chrono")]
#[test]
fn dates_of_chrono_cross() {
    let utc = chrono::DateTime::from_timestamp(1_700_000_000, 123_456_789).expect("a time");
    let east = chrono::FixedOffset::east_opt(3600).expect("an offset");
    crosses((
        utc,
        utc.with_timezone(&east),
        utc.date_naive(),
        utc.time(),
        utc.naive_utc(),
    ));
    crosses(chrono::Weekday::Mon);
}
