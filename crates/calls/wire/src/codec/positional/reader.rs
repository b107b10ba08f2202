//! Reads the positional codec and trusts none of it.

use serde::de::{Deserializer, Visitor};

use super::access::{Elements, Fields};
use crate::codec::{CodecError, Limits, STRUCT_BYTES_FREE, ahead};

pub(super) struct Reader<'de> {
    rest: &'de [u8],
    input_bytes: usize,
    depth_left: u32,
    budget_bytes: usize,
    limits: Limits,
}

pub(super) type Read<T> = Result<T, CodecError>;

/// One loop for each width: arithmetic on 128 bits would slow down the common one.
macro_rules! long_varint {
    ($($method:ident $type:ty;)*) => {$(
        fn $method(&mut self, bits: u32) -> Read<$type> {
            let mut value = 0;
            let mut shift = 0;
            for (index, &byte) in self.rest.iter().enumerate() {
                let part = <$type>::from(byte & 0x7f);
                if shift >= bits || (bits - shift < 7 && part >> (bits - shift) != 0) {
                    return Err(past(bits));
                }
                value |= part << shift;
                if byte < 0x80 {
                    self.rest = &self.rest[index + 1..];
                    return Ok(value);
                }
                shift += 7;
            }
            Err(self.short("integer", self.rest.len() + 1))
        }
    )*};
}

impl<'de> Reader<'de> {
    #[inline]
    pub(super) fn new(input: &'de [u8], limits: &Limits) -> Reader<'de> {
        Reader {
            rest: input,
            input_bytes: input.len(),
            depth_left: limits.depth_max,
            budget_bytes: limits.decoded_bytes_max,
            limits: *limits,
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[cold]
    pub(super) fn trailing(&self) -> CodecError {
        self.place(CodecError::new(format!(
            "{} bytes are left after the value",
            self.rest.len()
        )))
    }

    /// The error with the byte at which reading stopped.
    #[cold]
    pub(super) fn place(&self, error: CodecError) -> CodecError {
        CodecError::new(format!("at byte {}: {error}", self.input_bytes - self.rest.len()))
    }

    #[cold]
    fn short(&self, what: &str, needed_bytes: usize) -> CodecError {
        CodecError::new(format!(
            "{what} of {needed_bytes} bytes, but {} are left",
            self.rest.len()
        ))
    }

    #[inline]
    fn byte(&mut self) -> Read<u8> {
        match self.rest.split_first() {
            Some((&byte, rest)) => {
                self.rest = rest;
                Ok(byte)
            }
            None => Err(self.short("value", 1)),
        }
    }

    #[inline]
    fn take(&mut self, count: usize, what: &'static str) -> Read<&'de [u8]> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.short(what, count)),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self, what: &'static str) -> Read<[u8; N]> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(self.short(what, N)),
        }
    }

    /// An unsigned integer of `bits` bits.
    #[inline]
    pub(super) fn varint(&mut self, bits: u32) -> Read<u64> {
        match self.rest.split_first() {
            Some((&byte, rest)) if byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(bits),
        }
    }

    long_varint! { long_varint u64; varint_u128 u128; }

    #[inline]
    fn zigzag(&mut self, bits: u32) -> Read<i64> {
        let value = self.varint(bits)?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A length in bytes, or in elements of at least one byte each.
    #[inline]
    fn length(&mut self, what: &'static str) -> Read<usize> {
        let length = self.varint(64)?;
        match usize::try_from(length) {
            Ok(length) if length <= self.rest.len() => Ok(length),
            _ => Err(self.lying_length(what, length)),
        }
    }

    #[cold]
    fn lying_length(&self, what: &str, length: u64) -> CodecError {
        CodecError::new(format!(
            "{what} of {length} bytes or more, but {} are left",
            self.rest.len()
        ))
    }

    #[inline]
    fn text(&mut self) -> Read<&'de str> {
        let length = self.varint(64)?;
        let bytes = self.take(usize::try_from(length).unwrap_or(usize::MAX), "string")?;
        std::str::from_utf8(bytes).map_err(|error| CodecError::new(format!("string is not UTF-8: {error}")))
    }

    #[inline]
    fn blob(&mut self) -> Read<&'de [u8]> {
        let length = self.varint(64)?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX), "bytes")
    }

    /// Goes one level down; an error ends the whole reading, so only success comes back up.
    #[inline]
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth_left == 0 {
            return Err(self.too_deep());
        }
        self.depth_left -= 1;
        let value = read(self)?;
        self.depth_left += 1;
        Ok(value)
    }

    #[cold]
    fn too_deep(&self) -> CodecError {
        CodecError::new(format!("nested past {} levels", self.limits.depth_max))
    }

    /// How many elements room is made for before they are read.
    #[inline]
    pub(super) fn ahead(&self, claimed: usize) -> usize {
        ahead(claimed, self.limits.depth_max - self.depth_left)
    }

    #[inline]
    pub(super) fn charge(&mut self, size_bytes: usize) -> Read<()> {
        match self.budget_bytes.checked_sub(size_bytes) {
            Some(left) => {
                self.budget_bytes = left;
                Ok(())
            }
            None => Err(CodecError::new(format!(
                "value takes more than {} bytes of memory",
                self.limits.decoded_bytes_max
            ))),
        }
    }

    /// A large struct behind a `Box` may be written in few bytes, so it pays for itself.
    #[inline]
    fn charge_struct<T>(&mut self) -> Read<()> {
        if const { size_of::<T>() > STRUCT_BYTES_FREE } {
            self.charge(size_of::<T>())
        } else {
            Ok(())
        }
    }

    #[inline]
    pub(super) fn fields<V: Visitor<'de>>(&mut self, count: usize, visitor: V) -> Read<V::Value> {
        self.charge_struct::<V::Value>()?;
        self.nested(|reader| visitor.visit_seq(Fields { reader, left: count }))
    }
}

#[cold]
fn past(bits: u32) -> CodecError {
    CodecError::new(format!("integer past {bits} bits"))
}

#[cold]
fn not_described() -> CodecError {
    CodecError::new("positional data does not describe itself; a type that needs it must have an opaque shape")
}

macro_rules! numbers {
    ($($method:ident $visit:ident $read:ident $bits:literal $type:ty;)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
            visitor.$visit(self.$read($bits)? as $type)
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = CodecError;

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Read<V::Value> {
        Err(not_described())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Read<V::Value> {
        Err(not_described())
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Read<V::Value> {
        Err(not_described())
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self.byte()? {
            0 => visitor.visit_bool(false),
            1 => visitor.visit_bool(true),
            other => Err(CodecError::new(format!("bool is 0 or 1, not {other}"))),
        }
    }

    #[inline]
    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_u8(self.byte()?)
    }

    #[inline]
    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_i8(self.byte()? as i8)
    }

    numbers! {
        deserialize_u16 visit_u16 varint 16 u16;
        deserialize_u32 visit_u32 varint 32 u32;
        deserialize_u64 visit_u64 varint 64 u64;
        deserialize_u128 visit_u128 varint_u128 128 u128;
        deserialize_i16 visit_i16 zigzag 16 i16;
        deserialize_i32 visit_i32 zigzag 32 i32;
        deserialize_i64 visit_i64 zigzag 64 i64;
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let value = self.varint_u128(128)?;
        visitor.visit_i128((value >> 1) as i128 ^ -((value & 1) as i128))
    }

    #[inline]
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_f32(f32::from_le_bytes(self.array("f32")?))
    }

    #[inline]
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_f64(f64::from_le_bytes(self.array("f64")?))
    }

    #[inline]
    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let text = self.text()?;
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => visitor.visit_char(character),
            _ => Err(CodecError::new(format!(
                "one character expected, not {} bytes of text",
                text.len()
            ))),
        }
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_borrowed_str(self.text()?)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_borrowed_str(self.text()?)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_borrowed_bytes(self.blob()?)
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_borrowed_bytes(self.blob()?)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self.byte()? {
            0 => visitor.visit_none(),
            1 => visitor.visit_some(self),
            other => Err(CodecError::new(format!("an option begins with 0 or 1, not {other}"))),
        }
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Read<V::Value> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Read<V::Value> {
        self.charge_struct::<V::Value>()?;
        self.nested(|reader| visitor.visit_newtype_struct(reader))
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let left = self.length("sequence")?;
        self.nested(|reader| visitor.visit_seq(Elements { reader, left }))
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, count: usize, visitor: V) -> Read<V::Value> {
        self.fields(count, visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, count: usize, visitor: V) -> Read<V::Value> {
        self.fields(count, visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let left = self.length("map")?;
        self.nested(|reader| visitor.visit_map(Elements { reader, left }))
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        self.fields(fields.len(), visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        self.charge_struct::<V::Value>()?;
        self.nested(|reader| visitor.visit_enum(reader))
    }
}
