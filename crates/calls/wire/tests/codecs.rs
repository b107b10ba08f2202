//! Every codec brings a value back as it was, and no input of a hostile peer costs more than the limits say.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wire::{Codec, Limits, decode, encode};

const CODECS: [Codec; 3] = [Codec::Positional, Codec::Tagged, Codec::Json];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Rich {
    numbers: Numbers,
    texts: Texts,
    holders: Holders,
    kinds: Vec<Kind>,
    tree: Tree,
    reached: Reached,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Numbers {
    yes: bool,
    byte: u8,
    small: i8,
    short: (u16, i16),
    middle: (u32, i32),
    long: (u64, i64),
    longest: (u128, i128),
    floats: (f32, f64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Texts {
    letter: char,
    plain_text: String,
    #[serde(rename = "maybe-text")]
    maybe: Option<String>,
    blob: Bytes,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Holders {
    list: Vec<u64>,
    queue: VecDeque<i16>,
    set: BTreeSet<i64>,
    by_name: BTreeMap<String, u64>,
    by_number: BTreeMap<u64, Option<Kind>>,
    hashed: HashMap<i8, String>,
    array: [u16; 3],
    nothing: (),
    marker: Marker,
    wrapped: Wrapped,
    pair: Pair,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Marker;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Wrapped(Vec<u8>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pair(u32, Option<Box<Pair>>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Empty,
    One(i64),
    Two(u8, String),
    Named { left: f64, right: Option<u32> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf(u16),
    Node(Vec<Tree>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Reached {
    address: IpAddr,
    socket: SocketAddr,
    after: Duration,
    outcome: Result<u64, String>,
}

fn floats() -> impl Strategy<Value = f64> {
    prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO | prop::num::f64::INFINITE
}

fn numbers() -> impl Strategy<Value = Numbers> {
    let float = prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::INFINITE;
    let ends = prop_oneof![Just(u64::MAX), Just((1 << 53) + 1), Just(1 << 53), any::<u64>()];
    let narrow = (
        any::<bool>(),
        any::<u8>(),
        any::<i8>(),
        any::<(u16, i16)>(),
        any::<(u32, i32)>(),
    );
    (narrow, (ends, any::<i64>()), any::<(u128, i128)>(), (float, floats())).prop_map(
        |((yes, byte, small, short, middle), long, longest, floats)| Numbers {
            yes,
            byte,
            small,
            short,
            middle,
            long,
            longest,
            floats,
        },
    )
}

fn texts() -> impl Strategy<Value = Texts> {
    (
        any::<char>(),
        any::<String>(),
        any::<Option<String>>(),
        any::<Vec<u8>>(),
    )
        .prop_map(|(letter, plain_text, maybe, blob)| Texts {
            letter,
            plain_text,
            maybe,
            blob: blob.into(),
        })
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Empty),
        any::<i64>().prop_map(Kind::One),
        any::<(u8, String)>().prop_map(|(number, text)| Kind::Two(number, text)),
        (floats(), any::<Option<u32>>()).prop_map(|(left, right)| Kind::Named { left, right }),
    ]
}

fn tree() -> impl Strategy<Value = Tree> {
    any::<u16>()
        .prop_map(Tree::Leaf)
        .prop_recursive(6, 32, 4, |inner| vec(inner, 0..4).prop_map(Tree::Node))
}

fn holders() -> impl Strategy<Value = Holders> {
    let lists = (
        vec(any::<u64>(), 0..8),
        vec(any::<i16>(), 0..8),
        btree_set(any::<i64>(), 0..8),
    );
    let maps = (
        btree_map(any::<String>(), any::<u64>(), 0..4),
        btree_map(any::<u64>(), option::of(kind()), 0..4),
        prop::collection::hash_map(any::<i8>(), any::<String>(), 0..4),
    );
    let pair = (any::<u32>(), option::of(any::<u32>()));
    (lists, maps, any::<[u16; 3]>(), any::<Vec<u8>>(), pair).prop_map(
        |((list, queue, set), (by_name, by_number, hashed), array, wrapped, (first, second))| Holders {
            list,
            queue: queue.into(),
            set,
            by_name,
            by_number,
            hashed,
            array,
            nothing: (),
            marker: Marker,
            wrapped: Wrapped(wrapped),
            pair: Pair(first, second.map(|second| Box::new(Pair(second, None)))),
        },
    )
}

fn reached() -> impl Strategy<Value = Reached> {
    // The scope and flow of an IPv6 socket's address are not data that serde writes.
    let socket = (any::<IpAddr>(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip, port));
    let outcome = prop_oneof![any::<u64>().prop_map(Ok), any::<String>().prop_map(Err)];
    let after = (any::<u64>(), 0..1_000_000_000u32).prop_map(|(secs, nanos)| Duration::new(secs, nanos));
    (any::<IpAddr>(), socket, after, outcome).prop_map(|(address, socket, after, outcome)| Reached {
        address,
        socket,
        after,
        outcome,
    })
}

fn rich() -> impl Strategy<Value = Rich> {
    (numbers(), texts(), holders(), vec(kind(), 0..4), tree(), reached()).prop_map(
        |(numbers, texts, holders, kinds, tree, reached)| Rich {
            numbers,
            texts,
            holders,
            kinds,
            tree,
            reached,
        },
    )
}

fn bytes_of<T: Serialize>(codec: Codec, value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    encode(codec, value, &mut out).unwrap_or_else(|error| panic!("{codec:?}: {error}"));
    out
}

fn back<T: Serialize + DeserializeOwned>(codec: Codec, value: &T) -> T {
    let bytes = bytes_of(codec, value);
    decode(codec, &bytes, &Limits::default()).unwrap_or_else(|error| panic!("{codec:?}: {error}"))
}

fn refusal<T: DeserializeOwned + std::fmt::Debug>(codec: Codec, bytes: &[u8], limits: &Limits) -> String {
    decode::<T>(codec, bytes, limits)
        .expect_err("it is refused")
        .to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_value_comes_back_as_it_was_from_every_codec(value in rich()) {
        for codec in CODECS {
            prop_assert_eq!(&back(codec, &value), &value, "{:?}", codec);
        }
    }

    #[test]
    fn the_positional_codec_writes_what_postcard_writes(value in rich()) {
        // A hash map has no order, so both must write the same one.
        let bytes = bytes_of(Codec::Positional, &value);
        prop_assert_eq!(&postcard::to_allocvec(&value).expect("postcard writes it"), &bytes);
        prop_assert_eq!(postcard::from_bytes::<Rich>(&bytes).expect("postcard reads it"), value);
    }

    #[test]
    fn the_positional_codec_reads_what_postcard_reads(bytes in vec(any::<u8>(), 0..64)) {
        same_reading::<Numbers>(&bytes)?;
        same_reading::<Kind>(&bytes)?;
        same_reading::<Tree>(&bytes)?;
        same_reading::<Vec<(char, Option<String>)>>(&bytes)?;
        same_reading::<BTreeMap<u16, i32>>(&bytes)?;
    }

    #[test]
    fn no_input_makes_a_reader_panic(bytes in vec(any::<u8>(), 0..256)) {
        for codec in CODECS {
            let _ = decode::<Rich>(codec, &bytes, &Limits::default());
            let _ = decode::<serde_json::Value>(codec, &bytes, &Limits::default());
        }
    }

    #[test]
    fn a_flipped_byte_never_makes_a_reader_panic(value in rich(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        for codec in CODECS {
            let mut bytes = bytes_of(codec, &value);
            let at = at.index(bytes.len());
            bytes[at] = to;
            let _ = decode::<Rich>(codec, &bytes, &Limits::default());
        }
    }
}

fn same_reading<T: DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> Result<(), TestCaseError> {
    let whole = postcard::take_from_bytes::<T>(bytes)
        .ok()
        .filter(|(_, rest)| rest.is_empty())
        .map(|(value, _)| value);
    let ours = decode::<T>(Codec::Positional, bytes, &Limits::default());
    match (&whole, &ours) {
        (Some(theirs), Ok(ours)) => prop_assert_eq!(format!("{theirs:?}"), format!("{ours:?}")),
        _ => prop_assert_eq!(whole.is_some(), ours.is_ok(), "{:?} {:?}", whole, ours),
    }
    Ok(())
}

fn example() -> Rich {
    Rich {
        numbers: Numbers {
            yes: true,
            byte: 7,
            small: -7,
            short: (300, -300),
            middle: (70_000, -70_000),
            long: (u64::MAX, i64::MIN),
            longest: (u128::MAX, i128::MIN),
            floats: (1.5, f64::NEG_INFINITY),
        },
        texts: Texts {
            letter: 'ß',
            plain_text: "a longer text".to_string(),
            maybe: None,
            blob: Bytes::from_static(&[0, 255, 3]),
        },
        holders: Holders {
            list: vec![1, 1 << 60],
            queue: [4, -4].into(),
            set: [-1, 1].into(),
            by_name: [("big".to_string(), u64::MAX)].into(),
            by_number: [(u64::MAX, Some(Kind::Empty)), (1, None)].into(),
            hashed: [(3, "three".to_string())].into(),
            array: [1, 2, 3],
            nothing: (),
            marker: Marker,
            wrapped: Wrapped(vec![9, 8]),
            pair: Pair(1, Some(Box::new(Pair(2, None)))),
        },
        kinds: vec![
            Kind::Two(1, "x".to_string()),
            Kind::Named {
                left: 0.1,
                right: Some(3),
            },
        ],
        tree: Tree::Node(vec![Tree::Leaf(1), Tree::Node(Vec::new())]),
        reached: Reached {
            address: Ipv4Addr::LOCALHOST.into(),
            socket: SocketAddr::from(([127, 0, 0, 1], 80)),
            after: Duration::from_millis(1500),
            outcome: Err("no".to_string()),
        },
    }
}

#[test]
fn a_value_cut_at_any_byte_is_refused() {
    for codec in CODECS {
        let bytes = bytes_of(codec, &example());
        for end in 0..bytes.len() {
            refusal::<Rich>(codec, &bytes[..end], &Limits::default());
        }
    }
}

#[test]
fn bytes_after_the_value_are_refused() {
    for codec in CODECS {
        let mut bytes = bytes_of(codec, &example());
        bytes.push(b'1');
        let refusal = refusal::<Rich>(codec, &bytes, &Limits::default());
        assert!(
            refusal.contains("left after") || refusal.contains("trailing"),
            "{codec:?}: {refusal}"
        );
    }
}

#[test]
fn a_refused_value_leaves_the_buffer_as_it_was() {
    #[derive(Serialize)]
    struct Half {
        first: u32,
        #[serde(serialize_with = "fails")]
        second: u32,
    }
    fn fails<S: serde::Serializer>(_: &u32, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("cannot be written"))
    }
    for codec in CODECS {
        let mut out = vec![1, 2, 3];
        assert!(encode(codec, &Half { first: 1, second: 2 }, &mut out).is_err());
        assert_eq!(out, [1, 2, 3], "{codec:?}");
    }
}

#[test]
fn a_length_that_lies_is_refused_with_its_byte() {
    let limits = Limits::default();
    let refused = refusal::<(u8, String)>(Codec::Positional, &[1, 0x84, 0x07, b'a', b'b'], &limits);
    assert_eq!(refused, "at byte 3: string of 900 bytes, but 2 are left");
    let refused = refusal::<Vec<u64>>(Codec::Positional, &[0xff, 0xff, 0xff, 0xff, 0x0f, 1], &limits);
    assert_eq!(
        refused,
        "at byte 5: sequence of 4294967295 bytes or more, but 1 are left"
    );
    let refused = refusal::<Vec<()>>(Codec::Positional, &[0xff; 9], &limits);
    assert!(
        refused.contains("but 9 are left") || refused.contains("integer"),
        "{refused}"
    );
    // MessagePack's array of 2^32 - 1 elements, then one of them.
    refusal::<Vec<u64>>(Codec::Tagged, &[0xdd, 0xff, 0xff, 0xff, 0xff, 1], &limits);
    refusal::<Vec<()>>(Codec::Tagged, &[0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0], &limits);
    refusal::<BTreeMap<u8, u8>>(Codec::Tagged, &[0xdf, 0xff, 0xff, 0xff, 0xff, 1, 1], &limits);
    refusal::<Bytes>(Codec::Tagged, &[0xc6, 0xff, 0xff, 0xff, 0xff, 1], &limits);
}

#[test]
fn a_sequence_of_nothing_does_not_loop() {
    let refused = refusal::<Vec<()>>(Codec::Positional, &[0xff, 0xff, 0xff, 0xff, 0x0f], &Limits::default());
    assert_eq!(
        refused,
        "at byte 5: sequence of 4294967295 bytes or more, but 0 are left"
    );
}

#[test]
fn nesting_past_the_limit_is_refused_by_every_codec() {
    let deep = |levels: usize| (0..levels).fold(Tree::Leaf(1), |inner, _| Tree::Node(vec![inner]));
    for codec in CODECS {
        let bytes = bytes_of(codec, &deep(40));
        assert!(decode::<Tree>(codec, &bytes, &Limits::default()).is_ok(), "{codec:?}");
        let limits = Limits {
            depth_max: 32,
            ..Limits::default()
        };
        let refused = refusal::<Tree>(codec, &bytes, &limits);
        assert!(refused.contains("nested past 32 levels"), "{codec:?}: {refused}");
    }
    let positional: Vec<u8> = [1, 1].repeat(100_000);
    let tagged = [&[0x81, 0xa4][..], b"Node", &[0x91]].concat().repeat(100_000);
    let json = b"{\"Node\":[".repeat(100_000);
    for (codec, bytes) in [
        (Codec::Positional, positional),
        (Codec::Tagged, tagged),
        (Codec::Json, json),
    ] {
        refusal::<Tree>(codec, &bytes, &Limits::default());
    }
    refusal::<serde_json::Value>(Codec::Tagged, &[0x91; 100_000], &Limits::default());
    refusal::<serde::de::IgnoredAny>(Codec::Tagged, &[0x91; 100_000], &Limits::default());
}

#[test]
fn memory_past_the_limit_is_refused_by_every_codec() {
    let limits = Limits {
        decoded_bytes_max: 10_000,
        ..Limits::default()
    };
    let value: Vec<Option<[u64; 16]>> = vec![None; 1000];
    let large: BTreeMap<u32, Option<[u64; 16]>> = (0..1000).map(|number| (number, None)).collect();
    for codec in CODECS {
        for refused in [
            refusal::<Vec<Option<[u64; 16]>>>(codec, &bytes_of(codec, &value), &limits),
            refusal::<BTreeMap<u32, Option<[u64; 16]>>>(codec, &bytes_of(codec, &large), &limits),
        ] {
            assert!(
                refused.contains("more than 10000 bytes of memory"),
                "{codec:?}: {refused}"
            );
        }
    }
}

#[test]
fn large_structs_behind_boxes_pay_for_their_memory() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Wide {
        left: Option<Box<Wide>>,
        right: Option<Box<Wide>>,
        room: Option<[u64; 32]>,
    }
    fn grow(levels: usize) -> Wide {
        let next = || (levels > 0).then(|| Box::new(grow(levels - 1)));
        Wide {
            left: next(),
            right: next(),
            room: None,
        }
    }
    let limits = Limits {
        decoded_bytes_max: 64_000,
        ..Limits::default()
    };
    for codec in CODECS {
        let bytes = bytes_of(codec, &grow(10));
        let refused = refusal::<Wide>(codec, &bytes, &limits);
        assert!(refused.contains("bytes of memory"), "{codec:?}: {refused}");
    }
}
