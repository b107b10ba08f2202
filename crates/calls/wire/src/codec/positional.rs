//! The postcard wire format, version 1 (<https://postcard.jamesmunns.com/wire-format>): fields one after another, no
//! names, integers past a byte as little-endian base 128, signed ones in zigzag.
//!
//! It is written here, not taken from the `postcard` crate, so that a reader can bound nesting and decoded memory,
//! refuse a length that lies before it allocates, and say at which byte it failed. Tests hold it against the crate.

mod access;
mod reader;
mod writer;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CodecError, Limits};

#[inline]
pub(super) fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    value.serialize(&mut writer::Writer { out })
}

#[inline]
pub(super) fn decode<T: DeserializeOwned>(input: &[u8], limits: &Limits) -> Result<T, CodecError> {
    let mut reader = reader::Reader::new(input, limits);
    match T::deserialize(&mut reader) {
        Ok(value) if reader.is_empty() => Ok(value),
        Ok(_) => Err(reader.trailing()),
        Err(error) => Err(reader.place(error)),
    }
}
