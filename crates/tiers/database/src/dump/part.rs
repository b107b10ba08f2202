//! The parts of a dump as bytes: length, checksum, and MessagePack with names.

use std::io::{self, Read, Write};

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use wire::{Codec, Limits};
use xxhash_rust::xxh3::xxh3_64;

use super::TableContents;

/// What a dump begins with: a name, and the version of the form.
pub(super) const MAGIC: &[u8; 8] = b"TERRDB\x00\x01";

/// Bytes of one part. A batch ends with the row that fills it, so this bounds a row.
const PART_BYTES_MAX: u32 = 256 << 20;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Part {
    Head(Head),
    Table { name: String, columns: Vec<String> },
    Rows(Vec<Vec<Cell>>),
    End(Vec<TableContents>),
}

/// What the data is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) component: String,
    pub(super) engine: String,
    pub(super) at_micros: i64,
    /// The steps of its schema.
    pub(super) steps: Vec<Step>,
}

/// A migration that was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Step {
    pub(super) set: String,
    pub(super) number: u32,
    pub(super) name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    #[serde(serialize_with = "write_bytes", deserialize_with = "read_bytes")]
    Bytes(Vec<u8>),
}

impl Cell {
    pub(super) fn bytes(&self) -> usize {
        match self {
            Cell::Text(text) => text.len() + 8,
            Cell::Bytes(bytes) => bytes.len() + 8,
            Cell::Null | Cell::Integer(_) | Cell::Real(_) => 8,
        }
    }
}

/// Writes one part.
pub(super) fn write(to: &mut dyn Write, part: &Part) -> io::Result<()> {
    let mut bytes = Vec::new();
    wire::encode(Codec::Tagged, part, &mut bytes).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len())
        .ok()
        .filter(|length| *length <= PART_BYTES_MAX);
    let length = length.ok_or_else(|| io::Error::other(format!("a row of {} bytes is too large", bytes.len())))?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&xxh3_64(&bytes).to_le_bytes())?;
    to.write_all(&bytes)
}

/// Reads one part; what it says is checked against its checksum.
pub(super) fn read(from: &mut dyn Read) -> io::Result<Part> {
    let (mut length, mut sum) = ([0; 4], [0; 8]);
    from.read_exact(&mut length)?;
    from.read_exact(&mut sum)?;
    let length = u32::from_le_bytes(length);
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "it is damaged");
    if length > PART_BYTES_MAX {
        return Err(damaged());
    }
    let mut bytes = Vec::new();
    from.take(u64::from(length)).read_to_end(&mut bytes)?;
    if bytes.len() != length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if xxh3_64(&bytes) != u64::from_le_bytes(sum) {
        return Err(damaged());
    }
    let limits = Limits {
        decoded_bytes_max: 4 * PART_BYTES_MAX as usize,
        ..Limits::default()
    };
    wire::decode(Codec::Tagged, &bytes, &limits).map_err(io::Error::other)
}

fn write_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

fn read_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    deserializer.deserialize_byte_buf(BytesVisitor)
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Part, read, write};

    #[test]
    fn a_part_comes_back_and_a_changed_byte_or_a_cut_is_seen() {
        let cells = vec![
            Cell::Null,
            Cell::Integer(i64::MIN),
            Cell::Real(0.1),
            Cell::Text("ä".to_owned()),
            Cell::Bytes(vec![0, 255]),
        ];
        let part = Part::Rows(vec![cells]);
        let mut bytes = Vec::new();
        write(&mut bytes, &part).unwrap();
        assert_eq!(read(&mut &bytes[..]).unwrap(), part);
        for at in 0..bytes.len() {
            assert!(read(&mut &bytes[..at]).is_err(), "cut at {at}");
            bytes[at] ^= 1;
            assert!(read(&mut &bytes[..]).is_err(), "changed at {at}");
            bytes[at] ^= 1;
        }
    }
}
