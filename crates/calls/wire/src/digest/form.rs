//! The canonical form that is hashed.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use xxhash_rust::xxh3::xxh3_128;

use crate::codec::CodecError;

/// Ends the form of a value whose serde code failed.
pub(super) const FAILED: u8 = 0xff;

/// Begins a sequence whose length is not known before its end.
const LENGTH_UNKNOWN: u64 = u64::MAX;

const NOWHERE: usize = usize::MAX;

pub(super) struct Form<'b> {
    out: &'b mut Vec<u8>,
    /// Where the last `None` was written, so that a field that is nothing else can be taken back.
    none_at: usize,
}

type Written = Result<(), CodecError>;

impl<'b> Form<'b> {
    #[inline]
    pub(super) fn new(out: &'b mut Vec<u8>) -> Form<'b> {
        Form { out, none_at: NOWHERE }
    }

    #[inline]
    fn bytes<const N: usize>(&mut self, bytes: [u8; N]) -> Written {
        self.out.extend_from_slice(&bytes);
        Ok(())
    }

    /// A field's index from 1, since 0 ends a struct; seven bits a byte.
    #[inline]
    fn index(&mut self, mut index: u32) {
        while index >= 0x80 {
            self.out.push(index as u8 | 0x80);
            index >>= 7;
        }
        self.out.push(index as u8);
    }
}

macro_rules! fixed {
    ($($method:ident $type:ty)*) => {$(
        #[inline]
        fn $method(self, value: $type) -> Written {
            self.bytes(value.to_le_bytes())
        }
    )*};
}

impl<'f, 'b> Serializer for &'f mut Form<'b> {
    type Ok = ();
    type Error = CodecError;
    type SerializeSeq = Elements<'f, 'b>;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Entries<'f, 'b>;
    type SerializeStruct = Fields<'f, 'b>;
    type SerializeStructVariant = Fields<'f, 'b>;

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }

    fixed! {
        serialize_i8 i8 serialize_i16 i16 serialize_i32 i32 serialize_i64 i64 serialize_i128 i128
        serialize_u8 u8 serialize_u16 u16 serialize_u32 u32 serialize_u64 u64 serialize_u128 u128
        serialize_f32 f32 serialize_f64 f64
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Written {
        self.bytes([u8::from(value)])
    }

    #[inline]
    fn serialize_char(self, value: char) -> Written {
        self.bytes(u32::from(value).to_le_bytes())
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Written {
        self.serialize_bytes(value.as_bytes())
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Written {
        self.out.extend_from_slice(&(value.len() as u64).to_le_bytes());
        self.out.extend_from_slice(value);
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Written {
        self.none_at = self.out.len();
        self.bytes([0])
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        self.out.push(1);
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Written {
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _: &'static str) -> Written {
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Written {
        self.bytes(index.to_le_bytes())
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Written {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Written {
        self.bytes(index.to_le_bytes())?;
        value.serialize(self)
    }

    #[inline]
    fn serialize_seq(self, length: Option<usize>) -> Result<Elements<'f, 'b>, CodecError> {
        let known = length.is_some();
        self.bytes(length.map_or(LENGTH_UNKNOWN, |length| length as u64).to_le_bytes())?;
        Ok(Elements { form: self, known })
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<Self, CodecError> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, CodecError> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, CodecError> {
        self.bytes(index.to_le_bytes())?;
        Ok(self)
    }

    #[inline]
    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'f, 'b>, CodecError> {
        let start = self.out.len();
        Ok(Entries {
            form: self,
            start,
            count: 0,
            sum: 0,
        })
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'f, 'b>, CodecError> {
        Ok(Fields { form: self, next: 1 })
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Fields<'f, 'b>, CodecError> {
        self.bytes(index.to_le_bytes())?;
        Ok(Fields { form: self, next: 1 })
    }
}

/// Elements of a sequence; where their number is not known before, each is announced.
pub(super) struct Elements<'f, 'b> {
    form: &'f mut Form<'b>,
    known: bool,
}

impl SerializeSeq for Elements<'_, '_> {
    type Ok = ();
    type Error = CodecError;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        if !self.known {
            self.form.out.push(1);
        }
        value.serialize(&mut *self.form)
    }

    #[inline]
    fn end(self) -> Written {
        if !self.known {
            self.form.out.push(0);
        }
        Ok(())
    }
}

/// Entries of a map, of which only a count and a sum of hashes stay.
pub(super) struct Entries<'f, 'b> {
    form: &'f mut Form<'b>,
    start: usize,
    count: u64,
    sum: u128,
}

impl SerializeMap for Entries<'_, '_> {
    type Ok = ();
    type Error = CodecError;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        key.serialize(&mut *self.form)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        value.serialize(&mut *self.form)?;
        self.sum = self.sum.wrapping_add(xxh3_128(&self.form.out[self.start..]));
        self.count += 1;
        self.form.out.truncate(self.start);
        // What was taken back may have been a `None`; the next one may begin at the same byte.
        self.form.none_at = NOWHERE;
        Ok(())
    }

    #[inline]
    fn end(self) -> Written {
        self.form.bytes(self.count.to_le_bytes())?;
        self.form.bytes(self.sum.to_le_bytes())
    }
}

/// Fields by index, without those that are `None`.
pub(super) struct Fields<'f, 'b> {
    form: &'f mut Form<'b>,
    next: u32,
}

impl Fields<'_, '_> {
    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        let start = self.form.out.len();
        self.form.index(self.next);
        self.next += 1;
        let value_start = self.form.out.len();
        value.serialize(&mut *self.form)?;
        if self.form.none_at == value_start && self.form.out.len() == value_start + 1 {
            self.form.out.truncate(start);
            self.form.none_at = NOWHERE;
        }
        Ok(())
    }

    #[inline]
    fn end(self) -> Written {
        self.form.bytes([0])
    }
}

macro_rules! fields {
    ($($name:ident)*) => {$(
        impl $name for Fields<'_, '_> {
            type Ok = ();
            type Error = CodecError;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Written {
                self.field(value)
            }

            #[inline]
            fn skip_field(&mut self, _: &'static str) -> Written {
                self.next += 1;
                Ok(())
            }

            #[inline]
            fn end(self) -> Written {
                Fields::end(self)
            }
        }
    )*};
}

fields! { SerializeStruct SerializeStructVariant }

macro_rules! values {
    ($($name:ident $method:ident)*) => {$(
        impl $name for &mut Form<'_> {
            type Ok = ();
            type Error = CodecError;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
                value.serialize(&mut **self)
            }

            #[inline]
            fn end(self) -> Written {
                Ok(())
            }
        }
    )*};
}

values! {
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}
