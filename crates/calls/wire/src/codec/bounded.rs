//! Stands around the reader of a self-describing format and adds what it lacks: a bound on nesting and on decoded
//! memory, the path of the field in errors, and JSON's spelling of large integers, floats and bytes.

mod spelling;
mod visitor;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt::Write as _;

use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

use self::spelling::{Blob, Number};
use self::visitor::BoundedVisitor;
use super::{CodecError, Limits, STRUCT_BYTES_FREE, ahead};

/// Elements for which room may be made before they are read.
const ELEMENTS_AHEAD_MAX: usize = 4096;

/// What one reading has left, and where it failed.
pub(super) struct State {
    limits: Limits,
    input_bytes: usize,
    depth_left: Cell<u32>,
    budget_bytes: Cell<usize>,
    /// The innermost first: the path is gathered while an error comes back up.
    failed_at: RefCell<Vec<Segment>>,
}

enum Segment {
    Name(Box<str>),
    Index(usize),
}

impl State {
    pub(super) fn new(input: &[u8], limits: &Limits) -> State {
        State {
            limits: *limits,
            input_bytes: input.len(),
            depth_left: Cell::new(limits.depth_max),
            budget_bytes: Cell::new(limits.decoded_bytes_max),
            failed_at: RefCell::default(),
        }
    }

    /// `message` with the path of the field at which reading stopped.
    #[cold]
    pub(super) fn place(&self, message: &str) -> CodecError {
        let segments = self.failed_at.borrow();
        if segments.is_empty() {
            return CodecError::new(message);
        }
        let mut path = String::new();
        for segment in segments.iter().rev() {
            let written = match segment {
                Segment::Name(name) if path.is_empty() => write!(path, "{name}"),
                Segment::Name(name) => write!(path, ".{name}"),
                Segment::Index(index) => write!(path, "[{index}]"),
            };
            debug_assert!(written.is_ok(), "a string takes all text");
        }
        CodecError::new(format!("at `{path}`: {message}"))
    }

    #[cold]
    fn failed_in(&self, name: &str) {
        /// A hostile key must not make its error as large as itself.
        const NAME_CHARACTERS_MAX: usize = 64;
        let name: String = name.chars().take(NAME_CHARACTERS_MAX).collect();
        self.failed_at.borrow_mut().push(Segment::Name(name.into_boxed_str()));
    }

    #[cold]
    fn failed_at(&self, index: usize) {
        self.failed_at.borrow_mut().push(Segment::Index(index));
    }

    fn nested<T, E: Error>(&self, read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let left = self.depth_left.get();
        if left == 0 {
            return Err(E::custom(format_args!("nested past {} levels", self.limits.depth_max)));
        }
        self.depth_left.set(left - 1);
        let value = read();
        self.depth_left.set(left);
        value
    }

    /// How many elements room is made for before they are read; each takes a byte of the input at least.
    fn ahead(&self, claimed: usize) -> usize {
        ahead(
            claimed.min(self.input_bytes).min(ELEMENTS_AHEAD_MAX),
            self.limits.depth_max - self.depth_left.get(),
        )
    }

    fn charge<E: Error>(&self, size_bytes: usize) -> Result<(), E> {
        let Some(left) = self.budget_bytes.get().checked_sub(size_bytes) else {
            return Err(E::custom(format_args!(
                "value takes more than {} bytes of memory",
                self.limits.decoded_bytes_max
            )));
        };
        self.budget_bytes.set(left);
        Ok(())
    }

    /// A large struct behind a `Box` may be written in few bytes, so it pays for itself.
    fn charge_struct<T, E: Error>(&self) -> Result<(), E> {
        if const { size_of::<T>() > STRUCT_BYTES_FREE } {
            self.charge(size_of::<T>())
        } else {
            Ok(())
        }
    }
}

/// Where a map's reader notes the key it just read, for the path of errors.
type KeySlot<'de> = RefCell<Option<Cow<'de, str>>>;

/// A reader, or the seed of a value, within bounds.
pub(super) struct Bounded<'s, 'de, T> {
    inner: T,
    state: &'s State,
    key: Option<&'s KeySlot<'de>>,
}

impl<'s, T> Bounded<'s, '_, T> {
    pub(super) fn new(inner: T, state: &'s State) -> Self {
        Bounded {
            inner,
            state,
            key: None,
        }
    }
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Bounded<'_, 'de, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<T::Value, D::Error> {
        self.inner.deserialize(Bounded {
            inner,
            state: self.state,
            key: self.key,
        })
    }
}

impl<'s, 'de, D: Deserializer<'de>> Bounded<'s, 'de, D> {
    /// The reader, and `visitor` within the same bounds.
    fn open<V>(self, visitor: V) -> (D, BoundedVisitor<'s, 'de, V>) {
        (
            self.inner,
            BoundedVisitor {
                inner: visitor,
                state: self.state,
                key: self.key,
                cases: &[],
            },
        )
    }
}

macro_rules! forward {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            let (inner, visitor) = self.open(visitor);
            inner.$method(visitor)
        }
    )*};
}

macro_rules! numbers {
    ($($method:ident $kind:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            let (inner, visitor) = self.open(visitor);
            if inner.is_human_readable() { inner.deserialize_any(Number::$kind(visitor)) } else { inner.$method(visitor) }
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Bounded<'_, 'de, D> {
    type Error = D::Error;

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }

    forward! {
        deserialize_any deserialize_bool deserialize_char deserialize_str deserialize_string deserialize_option
        deserialize_unit deserialize_seq deserialize_map deserialize_identifier deserialize_ignored_any
    }

    numbers! {
        deserialize_i8 integer deserialize_i16 integer deserialize_i32 integer deserialize_i64 integer
        deserialize_i128 integer deserialize_u8 integer deserialize_u16 integer deserialize_u32 integer
        deserialize_u64 integer deserialize_u128 integer deserialize_f32 float deserialize_f64 float
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let (inner, visitor) = self.open(visitor);
        if inner.is_human_readable() {
            inner.deserialize_any(Blob(visitor))
        } else {
            inner.deserialize_bytes(visitor)
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        let (inner, visitor) = self.open(visitor);
        inner.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.state.charge_struct::<V::Value, D::Error>()?;
        let (inner, visitor) = self.open(visitor);
        inner.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, count: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.state.charge_struct::<V::Value, D::Error>()?;
        let (inner, visitor) = self.open(visitor);
        inner.deserialize_tuple(count, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.state.charge_struct::<V::Value, D::Error>()?;
        let (inner, visitor) = self.open(visitor);
        inner.deserialize_tuple_struct(name, count, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.state.charge_struct::<V::Value, D::Error>()?;
        let (inner, visitor) = self.open(visitor);
        inner.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        cases: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.state.charge_struct::<V::Value, D::Error>()?;
        let (inner, visitor) = self.open(visitor);
        inner.deserialize_enum(name, cases, BoundedVisitor { cases, ..visitor })
    }
}
