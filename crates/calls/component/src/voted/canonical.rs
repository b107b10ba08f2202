//! A value whatever its type, with the entries of maps in one order: two equal `HashMap`s are written in two orders.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use wire::{Codec, Limits};

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Canonical {
    Nothing,
    Truth(bool),
    Whole(i128),
    /// By its bits.
    Float(u64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Canonical>),
    /// Sorted by key.
    Map(Vec<(Canonical, Canonical)>),
}

impl Canonical {
    /// The value that the whole of `tagged` is; `None` past the limits of a decoded value.
    pub(super) fn of(tagged: &[u8]) -> Option<Canonical> {
        wire::decode(Codec::Tagged, tagged, &Limits::default()).ok()
    }
}

impl<'de> Deserialize<'de> for Canonical {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Canonical, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Canonical;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Canonical, E> {
        Ok(Canonical::Nothing)
    }

    fn visit_none<E>(self) -> Result<Canonical, E> {
        Ok(Canonical::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Canonical, D::Error> {
        Canonical::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Canonical, E> {
        Ok(Canonical::Truth(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Canonical, E> {
        Ok(Canonical::Whole(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Canonical, E> {
        Ok(Canonical::Whole(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Canonical, E> {
        Ok(Canonical::Float(value.to_bits()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Canonical, E> {
        Ok(Canonical::Text(value.to_owned()))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Canonical, E> {
        Ok(Canonical::Bytes(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Canonical, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Canonical::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Canonical, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        map.sort();
        Ok(Canonical::Map(map))
    }
}
