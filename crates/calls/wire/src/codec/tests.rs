//! How values are spelled, and what errors say.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Codec, Limits, decode, encode};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Outer {
    draft: Draft,
    kind: Kind,
    all: Vec<BTreeMap<String, u8>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Draft {
    title: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Plain,
    Task { due: u32 },
}

#[track_caller]
fn json<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: T, expected: &str) {
    let mut out = Vec::new();
    encode(Codec::Json, &value, &mut out).expect("it is written");
    assert_eq!(String::from_utf8(out).expect("JSON is text"), expected);
    assert_eq!(read::<T>(expected), Ok(value));
}

fn read<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    decode(Codec::Json, json.as_bytes(), &Limits::default()).map_err(|error| error.to_string())
}

#[test]
fn integers_past_two_to_the_53_are_strings() {
    json(
        (1u64 << 53, (1u64 << 53) + 1),
        r#"[9007199254740992,"9007199254740993"]"#,
    );
    json(
        (-(1i64 << 53), -(1i64 << 53) - 1),
        r#"[-9007199254740992,"-9007199254740993"]"#,
    );
    json((5u128, u128::MAX), r#"[5,"340282366920938463463374607431768211455"]"#);
    json(
        (-5i128, i128::MIN),
        r#"[-5,"-170141183460469231731687303715884105728"]"#,
    );
    json(
        BTreeMap::from([(u64::MAX, u64::MAX)]),
        r#"{"18446744073709551615":"18446744073709551615"}"#,
    );
    json(
        BTreeMap::from([(i128::MIN, 1u8)]),
        r#"{"-170141183460469231731687303715884105728":1}"#,
    );
}

#[test]
fn both_spellings_of_an_integer_are_read() {
    assert_eq!(read("[\"1\",2,\"-3\",-4]"), Ok((1u8, 2u64, -3i64, -4i128)));
    assert_eq!(read("18446744073709551615"), Ok(u64::MAX));
    assert!(read::<u8>("\"256\"").is_err());
    assert!(read::<u64>("\"one\"").is_err());
    assert!(read::<u64>("1.5").is_err());
    assert!(read::<bool>("\"true\"").is_err());
    assert!(read::<String>("1").is_err());
}

#[test]
fn floats_that_are_no_numbers_are_words() {
    json(
        (f64::INFINITY, f32::NEG_INFINITY, 0.1f64, 1.0f32),
        r#"["Infinity","-Infinity",0.1,1.0]"#,
    );
    json(vec![Some(f64::INFINITY), None], r#"["Infinity",null]"#);
    let nan: f64 = read("\"NaN\"").expect("a word");
    assert!(nan.is_nan());
    assert_eq!(read("3"), Ok(3.0f64));
}

#[test]
fn bytes_are_base64_in_either_alphabet() {
    json(Bytes::from_static(&[0xfb, 0xff, 0xfe, 1]), r#""+//+AQ==""#);
    assert_eq!(read("\"-__-AQ\""), Ok(Bytes::from_static(&[0xfb, 0xff, 0xfe, 1])));
    assert_eq!(read("[1,2]"), Ok(Bytes::from_static(&[1, 2])));
    assert!(read::<Bytes>("\"!\"").is_err());
}

#[track_caller]
fn refusal<T: DeserializeOwned + std::fmt::Debug>(json: &str, expected: &str) {
    // The same data in MessagePack has the same path.
    let value: serde_json::Value = serde_json::from_str(json).expect("the test's own JSON");
    let mut tagged = Vec::new();
    encode(Codec::Tagged, &value, &mut tagged).expect("it is written");
    for (codec, bytes) in [(Codec::Json, json.as_bytes()), (Codec::Tagged, &tagged)] {
        let refusal = decode::<T>(codec, bytes, &Limits::default())
            .expect_err("it is refused")
            .to_string();
        assert!(refusal.starts_with(expected), "{codec:?}: {refusal}");
    }
}

#[test]
fn an_error_names_the_field() {
    refusal::<Outer>(r#"{"kind":"Plain","all":[]}"#, "missing field `draft`");
    refusal::<Outer>(r#"{"draft":{}}"#, "at `draft`: missing field `title`");
    refusal::<Outer>(
        r#"{"draft":{"title":true}}"#,
        "at `draft.title`: invalid type: boolean `true`, expected u32",
    );
    refusal::<Outer>(
        r#"{"kind":{"Task":{"due":-1}}}"#,
        "at `kind.Task.due`: invalid value: integer `-1`",
    );
    refusal::<Outer>(
        r#"{"all":[{},{"x":1,"y":256}]}"#,
        "at `all[1].y`: invalid value: integer `256`",
    );
    refusal::<Outer>(
        r#"{"kind":"Later"}"#,
        "at `kind`: unknown variant `Later`, expected `Plain` or `Task`",
    );
}

#[test]
fn unknown_fields_are_skipped() {
    let json = r#"{"new":[{"a":[1,2]}],"draft":{"title":1,"more":null},"kind":"Plain","all":[]}"#;
    let outer = Outer {
        draft: Draft { title: 1 },
        kind: Kind::Plain,
        all: Vec::new(),
    };
    assert_eq!(read(json), Ok(outer));
}

#[test]
fn a_tagged_reader_takes_wider_numbers() {
    let mut out = Vec::new();
    encode(Codec::Tagged, &(1u8, 2u32, 3u64, -4i16, 0.5f32), &mut out).expect("it is written");
    let read: (u64, i64, u128, i128, f64) = decode(Codec::Tagged, &out, &Limits::default()).expect("it is read");
    assert_eq!(read, (1, 2, 3, -4, 0.5));
}

#[test]
fn a_skipped_field_is_never_written_positionally() {
    #[derive(Serialize)]
    struct Skipping {
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<u8>,
    }
    let refusal = encode(Codec::Positional, &Skipping { note: None }, &mut Vec::new()).expect_err("it is refused");
    assert!(refusal.to_string().starts_with("field `note` is skipped"), "{refusal}");
}

#[test]
fn text_made_while_writing_has_the_right_length() {
    struct Text(usize);
    impl Serialize for Text {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&format_args!("{:0width$}", 7, width = self.0))
        }
    }
    for length in [1, 127, 128, 129, 20_000] {
        let mut out = vec![9];
        encode(Codec::Positional, &(Text(length), 5u8), &mut out).expect("it is written");
        let (text, five): (String, u8) = decode(Codec::Positional, &out[1..], &Limits::default()).expect("it is read");
        assert_eq!((text.len(), five), (length, 5));
        assert!(text.ends_with('7') && text.starts_with(if length == 1 { '7' } else { '0' }));
    }
}

#[test]
fn lengths_that_lie_within_each_other_make_little_room() {
    thread_local! {
        static ROOM: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    }
    /// Itself in a sequence; notes for how many elements each asks to make room.
    struct Nested;
    impl<'de> Deserialize<'de> for Nested {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Nested, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Nested;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("a sequence")
                }
                fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut elements: A) -> Result<Nested, A::Error> {
                    ROOM.set(ROOM.get() + elements.size_hint().unwrap_or(0));
                    while elements.next_element::<Nested>()?.is_some() {}
                    Ok(Nested)
                }
            }
            deserializer.deserialize_seq(Visitor)
        }
    }
    let levels = super::DEPTH_MAX as usize;
    for (codec, claim) in [
        (Codec::Positional, &[0x80, 0x20][..]),
        (Codec::Tagged, &[0xdd, 0, 0, 0x10, 0]),
    ] {
        // Each claims 4096 elements and begins the next; what follows makes the claims of the first ones credible.
        let input = [claim.repeat(levels), vec![0; 5000]].concat();
        ROOM.set(0);
        assert!(decode::<Nested>(codec, &input, &Limits::default()).is_err());
        let room = ROOM.get();
        assert!(room <= 8 * 4096 + levels * 16, "{codec:?}: room for {room} elements");
        ROOM.set(0);
        assert!(decode::<Nested>(codec, claim, &Limits::default()).is_err());
        assert!(ROOM.get() <= claim.len(), "{codec:?}: more elements than bytes");
    }
}
