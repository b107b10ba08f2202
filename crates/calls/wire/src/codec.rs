//! The three codecs: positional between sides whose shapes are equal, tagged between sides whose shapes differ, JSON
//! on the HTTP face. A value that crosses is equal in all three, or its shape is opaque and it is never positional.
//!
//! Readers trust nothing: nesting, decoded memory and every length are bounded before they cost anything.

mod bounded;
mod json;
mod positional;
mod tagged;
#[cfg(test)]
mod tests;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How values become bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// Fields one after another without names: the postcard wire format. Needs equal shapes.
    #[default]
    Positional,
    /// MessagePack with the names of fields and cases.
    Tagged,
    /// JSON; integers past ±2^53 are strings, bytes are base64, as in proto3's JSON. Keys of maps are strings, numbers
    /// or cases without data. Inside flattened, untagged and internally tagged data, which serde reads before it knows
    /// the type, an integer past ±2^53 is not read back.
    Json,
}

/// Nesting of structs, enums, sequences and maps that a reader follows.
pub const DEPTH_MAX: u32 = 128;

/// Memory that one decoded value may take, counted by its elements' sizes.
pub const DECODED_BYTES_MAX: usize = 64 << 20;

/// Sequences within each other for which room is made before their elements are read: a length that lies costs a few
/// bytes each time, and what it makes room for is not counted.
const LEVELS_AHEAD: u32 = 8;

/// Elements for which room is made in sequences nested deeper.
const ELEMENTS_AHEAD_DEEP: usize = 16;

/// How many elements room is made for before they are read, when `claimed` are claimed within `depth` levels.
#[inline]
pub(crate) fn ahead(claimed: usize, depth: u32) -> usize {
    if depth <= LEVELS_AHEAD {
        claimed
    } else {
        claimed.min(ELEMENTS_AHEAD_DEEP)
    }
}

/// Structs and enums up to this size cost nothing of the memory that a value may take: what they are written in bounds
/// them well enough.
pub(crate) const STRUCT_BYTES_FREE: usize = 64;

/// What a reader allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nesting of structs, enums, sequences and maps.
    pub depth_max: u32,
    /// Memory of one decoded value: the sizes of all elements of its sequences and maps, and of its large structs.
    pub decoded_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            depth_max: DEPTH_MAX,
            decoded_bytes_max: DECODED_BYTES_MAX,
        }
    }
}

/// Why a value cannot be written or read. The sentence names the byte or the field.
///
/// It is one pointer wide, since every step of a reader may return it.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.0.message)]
pub struct CodecError(Box<Reason>);

#[derive(Clone, PartialEq, Eq)]
struct Reason {
    message: String,
}

impl CodecError {
    #[cold]
    pub(crate) fn new(message: impl Into<String>) -> CodecError {
        CodecError(Box::new(Reason {
            message: message.into(),
        }))
    }
}

impl std::fmt::Debug for CodecError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CodecError").field(&self.0.message).finish()
    }
}

impl serde::ser::Error for CodecError {
    #[cold]
    fn custom<T: std::fmt::Display>(message: T) -> CodecError {
        CodecError::new(message.to_string())
    }
}

impl serde::de::Error for CodecError {
    #[cold]
    fn custom<T: std::fmt::Display>(message: T) -> CodecError {
        CodecError::new(message.to_string())
    }
}

/// Appends `value` to `out`. When it fails `out` is as it was.
#[inline]
pub fn encode<T: Serialize + ?Sized>(codec: Codec, value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let start = out.len();
    let written = match codec {
        Codec::Positional => positional::encode(value, out),
        Codec::Tagged => tagged::encode(value, out),
        Codec::Json => json::encode(value, out),
    };
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// The value that the whole of `input` is.
#[inline]
pub fn decode<T: DeserializeOwned>(codec: Codec, input: &[u8], limits: &Limits) -> Result<T, CodecError> {
    match codec {
        Codec::Positional => positional::decode(input, limits),
        Codec::Tagged => tagged::decode(input, limits),
        Codec::Json => json::decode(input, limits),
    }
}
