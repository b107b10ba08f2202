//! Visitors and accesses within bounds.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::{Bounded, KeySlot, State};

pub(super) struct BoundedVisitor<'s, 'de, V> {
    pub(super) inner: V,
    pub(super) state: &'s State,
    pub(super) key: Option<&'s KeySlot<'de>>,
    /// Of an enum, the names of its cases.
    pub(super) cases: &'static [&'static str],
}

impl<'de, V> BoundedVisitor<'_, 'de, V> {
    fn note(&self, key: impl FnOnce() -> Cow<'de, str>) {
        if let Some(slot) = self.key {
            *slot.borrow_mut() = Some(key());
        }
    }
}

macro_rules! scalars {
    ($($method:ident $type:ty)*) => {$(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.note(|| Cow::Owned(value.to_string()));
            self.inner.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for BoundedVisitor<'_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    scalars! {
        visit_bool bool
        visit_i8 i8 visit_i16 i16 visit_i32 i32 visit_i64 i64 visit_i128 i128
        visit_u8 u8 visit_u16 u16 visit_u32 u32 visit_u64 u64 visit_u128 u128
        visit_f32 f32 visit_f64 f64 visit_char char
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        self.note(|| Cow::Owned(text.to_string()));
        self.inner.visit_str(text)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<V::Value, E> {
        self.note(|| Cow::Borrowed(text));
        self.inner.visit_borrowed_str(text)
    }

    fn visit_string<E: Error>(self, text: String) -> Result<V::Value, E> {
        self.note(|| Cow::Owned(text.clone()));
        self.inner.visit_string(text)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<V::Value, E> {
        self.inner.visit_bytes(bytes)
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<V::Value, E> {
        self.inner.visit_borrowed_bytes(bytes)
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<V::Value, E> {
        self.inner.visit_byte_buf(bytes)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Bounded {
            inner,
            state: self.state,
            key: self.key,
        })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        let BoundedVisitor {
            inner: visitor,
            state,
            key,
            ..
        } = self;
        state.nested(|| visitor.visit_newtype_struct(Bounded { inner, state, key }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let BoundedVisitor {
            inner: visitor, state, ..
        } = self;
        state.nested(|| visitor.visit_seq(Elements { inner, state, index: 0 }))
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let BoundedVisitor {
            inner: visitor, state, ..
        } = self;
        state.nested(|| {
            visitor.visit_map(Entries {
                inner,
                state,
                key: KeySlot::default(),
            })
        })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let BoundedVisitor {
            inner: visitor,
            state,
            key,
            cases,
        } = self;
        let case = Case {
            inner,
            state,
            key,
            cases,
        };
        state.nested(|| visitor.visit_enum(case))
    }
}

struct Elements<'s, A> {
    inner: A,
    state: &'s State,
    index: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<'_, A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        let element = match self.inner.next_element_seed(Bounded::new(seed, self.state)) {
            Ok(Some(element)) => self.state.charge(size_of::<T::Value>()).map(|()| Some(element)),
            other => other,
        };
        if element.is_err() {
            self.state.failed_at(self.index);
        }
        self.index += 1;
        element
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint().map(|claimed| self.state.ahead(claimed))
    }
}

struct Entries<'s, 'de, A> {
    inner: A,
    state: &'s State,
    key: KeySlot<'de>,
}

impl<'de, A: MapAccess<'de>> Entries<'_, 'de, A> {
    #[cold]
    fn failed(&self) {
        if let Some(key) = self.key.borrow().as_ref() {
            self.state.failed_in(key);
        }
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        *self.key.borrow_mut() = None;
        let seed = Bounded {
            inner: seed,
            state: self.state,
            key: Some(&self.key),
        };
        let key = match self.inner.next_key_seed(seed) {
            Ok(Some(key)) => self.state.charge(size_of::<K::Value>()).map(|()| Some(key)),
            other => other,
        };
        if key.is_err() {
            self.failed();
        }
        key
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        let value = match self.inner.next_value_seed(Bounded::new(seed, self.state)) {
            Ok(value) => self.state.charge(size_of::<V::Value>()).map(|()| value),
            Err(error) => Err(error),
        };
        if value.is_err() {
            self.failed();
        }
        value
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint().map(|claimed| self.state.ahead(claimed))
    }
}

struct Case<'s, 'de, A> {
    inner: A,
    state: &'s State,
    key: Option<&'s KeySlot<'de>>,
    cases: &'static [&'static str],
}

impl<'s, 'de, A: EnumAccess<'de>> EnumAccess<'de> for Case<'s, 'de, A> {
    type Error = A::Error;
    type Variant = CaseData<'s, 'de, A::Variant>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self::Variant), A::Error> {
        let name = KeySlot::default();
        let (value, inner) = self.inner.variant_seed(NamedSeed {
            inner: seed,
            state: self.state,
            name: &name,
        })?;
        let name = name.into_inner();
        if let (Some(slot), Some(name)) = (self.key, &name) {
            *slot.borrow_mut() = Some(name.clone());
        }
        Ok((
            value,
            CaseData {
                inner,
                state: self.state,
                is_known: name.as_ref().is_none_or(|name| self.cases.contains(&&**name)),
                name,
            },
        ))
    }
}

/// The seed of a case's name; its slot lives shorter than the state.
struct NamedSeed<'n, 'de, T> {
    inner: T,
    state: &'n State,
    name: &'n KeySlot<'de>,
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for NamedSeed<'_, 'de, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<T::Value, D::Error> {
        self.inner.deserialize(Bounded {
            inner,
            state: self.state,
            key: Some(self.name),
        })
    }
}

struct CaseData<'s, 'de, A> {
    inner: A,
    state: &'s State,
    name: Option<Cow<'de, str>>,
    /// Else it is read as the enum's `#[other]` case, whatever its data.
    is_known: bool,
}

impl<'s, 'de, A> CaseData<'s, 'de, A> {
    fn read<T, E>(self, read: impl FnOnce(A, &'s State) -> Result<T, E>) -> Result<T, E> {
        let data = read(self.inner, self.state);
        if let (Err(_), Some(name)) = (&data, &self.name) {
            self.state.failed_in(name);
        }
        data
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for CaseData<'_, 'de, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        if self.is_known {
            return self.read(|inner, _| inner.unit_variant());
        }
        let has_data = Cell::new(false);
        let data = Bounded::new(Skipped(&has_data), self.state);
        match self.inner.newtype_variant_seed(data) {
            Err(error) if has_data.get() => Err(error),
            // A reader that has a name alone refuses to look for data, and has read nothing.
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        self.read(|inner, state| inner.newtype_variant_seed(Bounded::new(seed, state)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, count: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.read(|inner, state| {
            inner.tuple_variant(
                count,
                BoundedVisitor {
                    inner: visitor,
                    state,
                    key: None,
                    cases: &[],
                },
            )
        })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.read(|inner, state| {
            inner.struct_variant(
                fields,
                BoundedVisitor {
                    inner: visitor,
                    state,
                    key: None,
                    cases: &[],
                },
            )
        })
    }
}

/// The data of a case that nobody knows.
struct Skipped<'h>(&'h Cell<bool>);

impl<'de> DeserializeSeed<'de> for Skipped<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<(), D::Error> {
        self.0.set(true);
        IgnoredAny::deserialize(inner).map(drop)
    }
}
