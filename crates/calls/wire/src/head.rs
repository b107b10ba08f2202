//! The head of a request: everything that a call carries beside its arguments, in as few bytes as it needs.
//!
//! ```text
//! flags u8 | component varint | method varint | hops u8 | attempt u8
//! [remaining_micros varint]  if DEADLINE      [call id 16]  if CALL_ID
//! [trace id 16, span id 8]   if TRACE         [length u16, principal UTF-8]  if PRINCIPAL
//! ```
//!
//! Varints are little-endian base 128, numbers little-endian. The arguments follow at once.

use xxhash_rust::xxh3::xxh3_128;

use crate::codec::Codec;

/// The component number that no component has. A request to it names by its method number a component, and is answered
/// with that component's interface; it takes no arguments.
pub const DESCRIBE: u32 = 0xffff;

/// Bytes of a principal's name.
pub const PRINCIPAL_BYTES_MAX: usize = 1024;

/// What a request carries beside its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head<'a> {
    /// Which codec the arguments are in, and the answer shall be in.
    pub codec: Codec,
    /// The component, as an index into the serving side's hello.
    pub component: u32,
    /// The method, as an index into the serving side's interface.
    pub method: u32,
    /// Hops from the root of the request to the callee.
    pub hops: u8,
    /// How often this call was attempted before.
    pub attempt: u8,
    /// Whether it is made by a method marked `read`.
    pub reading: bool,
    /// The time that remains, since clocks differ.
    pub remaining_micros: Option<u64>,
    /// Which call it is.
    pub call_id: Option<u128>,
    /// Trace id, the caller's span id, and whether the trace is sampled.
    pub trace: Option<(u128, u64, bool)>,
    /// Who asks.
    pub principal: Option<&'a str>,
}

const CODEC: u8 = 0b11;
const READING: u8 = 1 << 2;
const DEADLINE: u8 = 1 << 3;
const CALL_ID: u8 = 1 << 4;
const TRACE: u8 = 1 << 5;
const PRINCIPAL: u8 = 1 << 6;

impl<'a> Head<'a> {
    /// Appends it to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        let flags = codec_bits(self.codec)
            | bit(self.reading, READING)
            | bit(self.remaining_micros.is_some(), DEADLINE)
            | bit(self.call_id.is_some(), CALL_ID)
            | bit(self.trace.is_some(), TRACE)
            | bit(self.principal.is_some(), PRINCIPAL);
        out.push(flags);
        put_varint(u64::from(self.component), out);
        put_varint(u64::from(self.method), out);
        out.extend_from_slice(&[self.hops, self.attempt]);
        if let Some(micros) = self.remaining_micros {
            put_varint(micros, out);
        }
        if let Some(id) = self.call_id {
            out.extend_from_slice(&id.to_le_bytes());
        }
        if let Some((trace_id, span_id, sampled)) = self.trace {
            out.extend_from_slice(&trace_id.to_le_bytes());
            out.extend_from_slice(&span_id.to_le_bytes());
            out.push(u8::from(sampled));
        }
        if let Some(principal) = self.principal {
            // A longer name cannot be made: borders refuse it.
            let principal = &principal.as_bytes()[..principal.len().min(PRINCIPAL_BYTES_MAX)];
            out.extend_from_slice(&(principal.len() as u16).to_le_bytes());
            out.extend_from_slice(principal);
        }
    }

    /// The head of `request`, and its arguments.
    pub fn decode(request: &'a [u8]) -> Result<(Head<'a>, &'a [u8]), HeadError> {
        let mut rest = request;
        let flags = take(&mut rest, 1, "flags")?[0];
        let mut head = Head {
            codec: codec_of(flags)?,
            reading: flags & READING != 0,
            component: varint_u32(&mut rest, "component")?,
            method: varint_u32(&mut rest, "method")?,
            ..Head::default()
        };
        let counts = take(&mut rest, 2, "hops and attempt")?;
        (head.hops, head.attempt) = (counts[0], counts[1]);
        if flags & DEADLINE != 0 {
            head.remaining_micros = Some(varint(&mut rest, "deadline")?);
        }
        if flags & CALL_ID != 0 {
            head.call_id = Some(u128::from_le_bytes(array(&mut rest, "call id")?));
        }
        if flags & TRACE != 0 {
            let trace_id = u128::from_le_bytes(array(&mut rest, "trace id")?);
            let span_id = u64::from_le_bytes(array(&mut rest, "span id")?);
            let sampled = take(&mut rest, 1, "trace flags")?[0] & 1 != 0;
            head.trace = Some((trace_id, span_id, sampled));
        }
        if flags & PRINCIPAL != 0 {
            let length = usize::from(u16::from_le_bytes(array(&mut rest, "principal's length")?));
            if length > PRINCIPAL_BYTES_MAX {
                return Err(HeadError::Principal);
            }
            let bytes = take(&mut rest, length, "principal")?;
            head.principal = Some(std::str::from_utf8(bytes).map_err(|_| HeadError::Principal)?);
        }
        Ok((head, rest))
    }
}

/// Why a request's head cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// It ends too early.
    #[error("the request ends inside its head, at the {0}")]
    Short(&'static str),
    /// A number is too long or too large.
    #[error("the {0} in the request's head is not a number in range")]
    Number(&'static str),
    /// The codec's bits name none.
    #[error("the request's head names no known codec")]
    Codec,
    /// The principal is too long, or not UTF-8.
    #[error("the principal in the request's head is not UTF-8 of at most {PRINCIPAL_BYTES_MAX} bytes")]
    Principal,
}

fn codec_bits(codec: Codec) -> u8 {
    match codec {
        Codec::Positional => 0,
        Codec::Tagged => 1,
        Codec::Json => 2,
    }
}

fn codec_of(flags: u8) -> Result<Codec, HeadError> {
    match flags & CODEC {
        0 => Ok(Codec::Positional),
        1 => Ok(Codec::Tagged),
        2 => Ok(Codec::Json),
        _ => Err(HeadError::Codec),
    }
}

/// The call id of a request that is named at a border by `parts`, such as principal, method and `Idempotency-Key`.
pub fn named_call_id(parts: &[&[u8]]) -> u128 {
    let mut text = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        // Lengths keep ("ab", "c") apart from ("a", "bc").
        text.extend_from_slice(&(part.len() as u64).to_le_bytes());
        text.extend_from_slice(part);
    }
    xxh3_128(&text)
}

pub(crate) fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take<'a>(rest: &mut &'a [u8], length: usize, what: &'static str) -> Result<&'a [u8], HeadError> {
    let (taken, left) = rest.split_at_checked(length).ok_or(HeadError::Short(what))?;
    *rest = left;
    Ok(taken)
}

fn array<const N: usize>(rest: &mut &[u8], what: &'static str) -> Result<[u8; N], HeadError> {
    let (taken, left) = rest.split_first_chunk().ok_or(HeadError::Short(what))?;
    *rest = left;
    Ok(*taken)
}

fn varint(rest: &mut &[u8], what: &'static str) -> Result<u64, HeadError> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1, what)?[0];
        let part = u64::from(byte & 0x7f);
        if shift == 63 && part > 1 {
            break;
        }
        number |= part << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(HeadError::Number(what))
}

fn varint_u32(rest: &mut &[u8], what: &'static str) -> Result<u32, HeadError> {
    varint(rest, what)?.try_into().map_err(|_| HeadError::Number(what))
}

#[cfg(test)]
mod tests {
    use super::{Head, HeadError, named_call_id};
    use crate::codec::Codec;

    #[test]
    fn parts_of_a_call_id_are_kept_apart() {
        assert_ne!(named_call_id(&[b"ab", b"c"]), named_call_id(&[b"a", b"bc"]));
    }

    fn full() -> Head<'static> {
        Head {
            codec: Codec::Tagged,
            component: 300,
            method: 7,
            hops: 3,
            attempt: 1,
            reading: true,
            remaining_micros: Some(u64::MAX),
            call_id: Some(1 << 100),
            trace: Some((5, 6, true)),
            principal: Some("ada"),
        }
    }

    #[test]
    fn a_head_is_read_as_it_was_written() {
        for head in [Head::default(), full()] {
            let mut bytes = Vec::new();
            head.encode(&mut bytes);
            bytes.extend_from_slice(b"arguments");
            assert_eq!(Head::decode(&bytes), Ok((head, &b"arguments"[..])));
        }
    }

    #[test]
    fn a_head_cut_anywhere_is_an_error() {
        let mut bytes = Vec::new();
        full().encode(&mut bytes);
        for length in 0..bytes.len() {
            assert!(
                matches!(Head::decode(&bytes[..length]), Err(HeadError::Short(_))),
                "{length}"
            );
        }
    }
}
