//! How JSON spells what its numbers cannot hold, after proto3's JSON: an integer past ±2^53 and the floats that are no
//! numbers are strings, bytes are base64. Both spellings of an integer are read.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{Deserializer, Error, SeqAccess, Unexpected, Visitor};

/// A number, or a string that holds one.
pub(super) struct Number<V> {
    inner: V,
    float: bool,
}

impl<V> Number<V> {
    pub(super) fn integer(inner: V) -> Number<V> {
        Number { inner, float: false }
    }

    pub(super) fn float(inner: V) -> Number<V> {
        Number { inner, float: true }
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Number<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<V::Value, E> {
        if self.float {
            self.inner.visit_f64(value as f64)
        } else {
            self.inner.visit_u64(value)
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<V::Value, E> {
        if self.float {
            self.inner.visit_f64(value as f64)
        } else {
            self.inner.visit_i64(value)
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        self.inner.visit_f64(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        let wrong = |visitor: &V| Err(E::invalid_value(Unexpected::Str(text), visitor));
        if self.float {
            return match text.parse() {
                Ok(value) => self.inner.visit_f64(value),
                Err(_) => wrong(&self.inner),
            };
        }
        if let Ok(value) = text.parse() {
            return self.inner.visit_u64(value);
        }
        if let Ok(value) = text.parse() {
            return self.inner.visit_i64(value);
        }
        if let Ok(value) = text.parse() {
            return self.inner.visit_u128(value);
        }
        match text.parse() {
            Ok(value) => self.inner.visit_i128(value),
            Err(_) => wrong(&self.inner),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(inner)
    }
}

/// Either alphabet with or without padding, as proto3's JSON asks of readers.
const READ: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, READ);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, READ);

/// Bytes as base64, or as a list of numbers.
pub(super) struct Blob<V>(pub(super) V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Blob<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)?;
        f.write_str(" in base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        match STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)) {
            Ok(bytes) => self.0.visit_byte_buf(bytes),
            Err(_) => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(access)
    }
}
