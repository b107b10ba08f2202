//! The three codecs. The first byte chooses the type, the rest is the value.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::{Codec, Limits, decode, encode};

use crate::cursor::Cursor;
use crate::values::{Buffered, Chain, Choice, Closed, Hashed, Large, Rich, Spelled, Tree};

/// Memory that a value may take: little, so that what goes past it shows.
const DECODED_BYTES_MAX: usize = 128 << 10;

/// Nesting that each codec's own reader follows, however it counts.
const SHALLOW: Limits = Limits {
    depth_max: 24,
    decoded_bytes_max: DECODED_BYTES_MAX,
};

const DEEP: Limits = Limits {
    depth_max: wire::codec::DEPTH_MAX,
    decoded_bytes_max: DECODED_BYTES_MAX,
};

/// The codec for sides of equal shapes.
pub(crate) fn positional(data: &[u8]) -> usize {
    let mut cursor = Cursor(data);
    let choice = cursor.byte();
    let input = cursor.rest();
    match choice % 8 {
        5 => {
            // Positional data does not describe itself: an error, never more.
            assert!(decode::<serde_json::Value>(Codec::Positional, input, &DEEP).is_err());
        }
        6 => drop(decode::<Vec<[(); 3]>>(Codec::Positional, input, &DEEP)),
        7 => drop(decode::<BTreeMap<u16, Vec<((), Option<()>)>>>(
            Codec::Positional,
            input,
            &DEEP,
        )),
        choice => typed(Codec::Positional, choice, input),
    }
    data.len()
}

/// The codec for sides of different shapes.
pub(crate) fn tagged(data: &[u8]) -> usize {
    described(Codec::Tagged, data);
    data.len()
}

/// The codec of the HTTP face.
pub(crate) fn json(data: &[u8]) -> usize {
    described(Codec::Json, data);
    data.len()
}

fn described(codec: Codec, data: &[u8]) {
    let mut cursor = Cursor(data);
    let choice = cursor.byte();
    let input = cursor.rest();
    match choice % 8 {
        5 => read::<serde_json::Value>(codec, input),
        6 => read::<Buffered>(codec, input),
        7 => read::<(Closed, Option<()>, bool)>(codec, input),
        choice => typed(codec, choice, input),
    }
}

fn typed(codec: Codec, choice: u8, input: &[u8]) {
    match choice {
        0 => crossing::<Rich>(codec, input),
        1 => crossing::<Spelled>(codec, input),
        2 => crossing::<Vec<(Choice, Tree)>>(codec, input),
        3 => {
            read::<Hashed>(codec, input);
            crossing::<Vec<Large>>(codec, input);
        }
        _ => {
            crossing::<(Chain, Option<Vec<u8>>)>(codec, input);
            crossing::<Vec<(String, Option<u64>, f64)>>(codec, input);
        }
    }
}

/// Reads, and what was read can be written.
fn read<T: Serialize + DeserializeOwned>(codec: Codec, input: &[u8]) {
    match decode::<T>(codec, input, &DEEP) {
        Ok(value) => drop(encode(codec, &value, &mut Vec::new())),
        Err(error) => {
            let sentence_bytes = error.to_string().len();
            assert!(
                sentence_bytes <= 64 * 1024 + 2 * input.len(),
                "an error of {sentence_bytes} bytes"
            );
        }
    }
}

/// Reads, and what was read crosses in every codec.
fn crossing<T: Serialize + DeserializeOwned + Debug>(codec: Codec, input: &[u8]) {
    read::<T>(codec, input);
    let Ok(value) = decode::<T>(codec, input, &SHALLOW) else {
        return;
    };
    // Numbers that are none are not equal to themselves, and their sign and payload are nobody's.
    let said = format!("{value:?}");
    let limits = Limits {
        depth_max: 48,
        decoded_bytes_max: 4 * DECODED_BYTES_MAX,
    };
    for codec in [Codec::Positional, Codec::Tagged, Codec::Json] {
        let mut out = Vec::new();
        if let Err(error) = encode(codec, &value, &mut out) {
            panic!("{said} is not written in {codec:?}: {error}");
        }
        match decode::<T>(codec, &out, &limits) {
            Ok(again) => assert_eq!(said, format!("{again:?}"), "{codec:?}"),
            Err(error) => panic!("{said} is written in {codec:?} and not read back: {error}"),
        }
    }
}
