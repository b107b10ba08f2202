//! Data of every form that a reader may meet.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A value of every kind.
#[terrace::data]
pub(crate) struct Rich {
    pub(crate) unit: (),
    pub(crate) flags: (bool, Option<bool>),
    pub(crate) signed: (i8, i16, i32, i64, i128),
    pub(crate) unsigned: (u8, u16, u32, u64, u128),
    pub(crate) floats: [f64; 3],
    pub(crate) single: f32,
    pub(crate) letter: char,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) list: Vec<Option<String>>,
    pub(crate) by_name: BTreeMap<String, Vec<u16>>,
    pub(crate) by_number: BTreeMap<u64, Choice>,
    pub(crate) set: BTreeSet<i32>,
    pub(crate) time: Duration,
    pub(crate) addresses: (IpAddr, SocketAddr),
    pub(crate) outcome: Result<u8, String>,
    pub(crate) tree: Tree,
}

/// Every form of a case, and itself.
#[terrace::data]
pub(crate) enum Choice {
    Unit,
    One(u32),
    Two(u32, String),
    Named {
        left: Box<Choice>,
        right: Option<Box<Choice>>,
    },
}

/// Itself in a sequence.
#[terrace::data]
pub(crate) struct Tree {
    pub(crate) name: String,
    pub(crate) children: Vec<Tree>,
}

/// What serde writes in its own ways.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Spelled {
    pub(crate) blob: Bytes,
    pub(crate) marker: Marker,
    pub(crate) wrapped: Wrapped,
    pub(crate) pair: Pair,
    pub(crate) by_choice: BTreeMap<Word, i128>,
    pub(crate) by_letter: BTreeMap<char, u128>,
    pub(crate) by_yes: BTreeMap<i64, f32>,
    #[serde(rename = "maybe-text")]
    pub(crate) maybe: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Marker;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Wrapped(pub(crate) Vec<u8>);

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Pair(pub(crate) u32, pub(crate) Option<Box<Pair>>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Word {
    First,
    LastOfAll,
}

/// Elements that take far more memory than bytes on the wire.
#[derive(Debug, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "that is what it is for")]
pub(crate) enum Large {
    Empty,
    Full(Box<Large>, [u64; 32]),
}

/// A list as long as it is deep.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Chain {
    pub(crate) next: Option<Box<Chain>>,
}

/// In the order of a random hash.
pub(crate) type Hashed = HashMap<String, HashMap<u8, Vec<Large>>>;

/// What serde reads before it knows the type.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Buffered {
    pub(crate) untagged: Vec<Untagged>,
    pub(crate) tagged: Option<Box<Tagged>>,
    #[serde(flatten)]
    pub(crate) rest: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Untagged {
    Number(i64),
    Float(f64),
    Text(String),
    List(Vec<Untagged>),
    Named { name: Box<Untagged> },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub(crate) enum Tagged {
    Empty,
    Inner { value: Box<Tagged>, numbers: Vec<u64> },
}

/// Fields that a reader must know.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Closed {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) list: Vec<Option<(u8, Choice)>>,
}
