//! JSON of the HTTP face, by `serde_json` within our bounds.

mod spelled;

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::ser::Formatter;

use super::bounded::{Bounded, State};
use super::{CodecError, Limits};

/// Integers up to this are numbers; many readers of JSON hold no larger ones exactly.
const NUMBER_MAX: u64 = 1 << 53;

pub(super) fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let mut writer = serde_json::Serializer::with_formatter(out, Spelling { in_key: false });
    spelled::Spelled(value)
        .serialize(&mut writer)
        .map_err(|error| CodecError::new(error.to_string()))
}

pub(super) fn decode<T: DeserializeOwned>(input: &[u8], limits: &Limits) -> Result<T, CodecError> {
    let state = State::new(input, limits);
    let mut reader = serde_json::Deserializer::from_slice(input);
    let value = T::deserialize(Bounded::new(&mut reader, &state)).map_err(|error| state.place(&error.to_string()))?;
    reader.end().map_err(|error| CodecError::new(error.to_string()))?;
    Ok(value)
}

/// Writes large integers as strings and bytes as base64.
struct Spelling {
    /// Keys are strings already.
    in_key: bool,
}

impl Spelling {
    fn integer<W: io::Write + ?Sized>(
        &self,
        writer: &mut W,
        large: bool,
        value: impl std::fmt::Display,
    ) -> io::Result<()> {
        if large && !self.in_key {
            write!(writer, "\"{value}\"")
        } else {
            write!(writer, "{value}")
        }
    }
}

impl Formatter for Spelling {
    fn write_i64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: i64) -> io::Result<()> {
        self.integer(writer, value.unsigned_abs() > NUMBER_MAX, value)
    }

    fn write_u64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        self.integer(writer, value > NUMBER_MAX, value)
    }

    fn write_i128<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: i128) -> io::Result<()> {
        self.integer(writer, value.unsigned_abs() > u128::from(NUMBER_MAX), value)
    }

    fn write_u128<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: u128) -> io::Result<()> {
        self.integer(writer, value > u128::from(NUMBER_MAX), value)
    }

    fn write_byte_array<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: &[u8]) -> io::Result<()> {
        write!(writer, "\"{}\"", STANDARD.encode(value))
    }

    fn begin_object_key<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.in_key = true;
        if first { Ok(()) } else { writer.write_all(b",") }
    }

    fn end_object_key<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.in_key = false;
        Ok(())
    }
}
