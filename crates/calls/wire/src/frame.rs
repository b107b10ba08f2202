//! Frames: what two processes of ours write to each other.
//!
//! ```text
//! preface   0xF7, version u8                              once, by each side, before its first frame
//! frame     length u32 | kind u8 | flags u8 | zero u16 | number u64 | body        little-endian; length is the body's
//! hello     features u64 | token length u16 | token | what this side says of itself (see `hello`)
//! ```
//!
//! The number names a call within its connection and is the caller's choice. A message longer than a frame crosses in
//! several frames of its number, all but the last with [`MORE`]. The first byte of the preface is neither a letter (HTTP)
//! nor 0x16 (TLS), so one byte tells what a connection speaks.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

use crate::limits::{ASSEMBLIES_MAX, ASSEMBLY_BYTES_MAX, FRAME_BYTES_MAX, MESSAGE_BYTES_MAX, TOKEN_BYTES_MAX};

/// The first byte of a connection that speaks frames.
pub const PREFACE: u8 = 0xf7;

/// The version of the protocol.
pub const VERSION: u8 = 1;

/// Bytes of a frame's header.
pub const HEADER_BYTES: usize = 16;

/// A flag: the message goes on in the next frame of the same number.
pub const MORE: u8 = 1;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What a side says of itself; its first frame.
    Hello = 1,
    /// A request.
    Call = 2,
    /// The answer of a method.
    Reply = 3,
    /// The answer of a call that failed.
    Error = 4,
    /// An item of a stream; needs a feature that is not there yet.
    Item = 5,
    /// Room for more items; needs a feature that is not there yet.
    Credit = 6,
    /// The caller gives up on a request.
    Cancel = 7,
    /// No new requests; the body says why.
    Goaway = 8,
    /// Asks whether the peer is there.
    Ping = 9,
    /// It is.
    Pong = 10,
}

impl Kind {
    fn from_number(number: u8) -> Option<Kind> {
        const ALL: [Kind; 10] = [
            Kind::Hello,
            Kind::Call,
            Kind::Reply,
            Kind::Error,
            Kind::Item,
            Kind::Credit,
            Kind::Cancel,
            Kind::Goaway,
            Kind::Ping,
            Kind::Pong,
        ];
        ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// Whether its message may be longer than a frame.
    fn may_be_split(self) -> bool {
        matches!(self, Kind::Call | Kind::Reply | Kind::Error)
    }
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of its body.
    pub length: usize,
    /// What it is.
    pub kind: Kind,
    /// Whether its message goes on.
    pub more: bool,
    /// The call it belongs to; 0 for none.
    pub number: u64,
}

impl Header {
    /// As it is sent.
    #[inline]
    pub fn encode(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&(self.length as u32).to_le_bytes());
        bytes[4] = self.kind as u8;
        bytes[5] = if self.more { MORE } else { 0 };
        bytes[8..].copy_from_slice(&self.number.to_le_bytes());
        bytes
    }

    /// The header at the start of `bytes`, if it is there whole.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Option<Header>, FrameError> {
        let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let [l0, l1, l2, l3, kind, flags, _, _, number @ ..] = *bytes;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if length > FRAME_BYTES_MAX {
            return Err(FrameError::Length { length });
        }
        let kind = Kind::from_number(kind).ok_or(FrameError::Kind { kind })?;
        let more = flags & MORE != 0;
        if more && !kind.may_be_split() {
            return Err(FrameError::Split { kind });
        }
        Ok(Some(Header {
            length,
            kind,
            more,
            number: u64::from_le_bytes(number),
        }))
    }
}

/// Appends one frame to `out`; for bodies that fit one.
pub fn put(kind: Kind, number: u64, body: &[u8], out: &mut Vec<u8>) {
    debug_assert!(body.len() <= FRAME_BYTES_MAX);
    out.extend_from_slice(
        &Header {
            length: body.len(),
            kind,
            more: false,
            number,
        }
        .encode(),
    );
    out.extend_from_slice(body);
}

/// Why a connection's bytes are not frames. The connection ends with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A frame states more than a frame may have.
    #[error("a frame states {length} bytes; {FRAME_BYTES_MAX} is the most")]
    Length {
        /// What it states.
        length: usize,
    },
    /// No such kind.
    #[error("frame kind {kind} is unknown, and no feature allows it")]
    Kind {
        /// Its number.
        kind: u8,
    },
    /// A frame that cannot be one of several is.
    #[error("a {kind:?} frame cannot go on in another")]
    Split {
        /// Its kind.
        kind: Kind,
    },
    /// A frame that this side does not expect.
    #[error("a {kind:?} frame is not expected here")]
    Unexpected {
        /// Its kind.
        kind: Kind,
    },
    /// A message longer than allowed.
    #[error("a message is longer than {MESSAGE_BYTES_MAX} bytes")]
    Message,
    /// Too much has arrived in part.
    #[error("more than {ASSEMBLIES_MAX} messages or {ASSEMBLY_BYTES_MAX} bytes have arrived in part")]
    Assembly,
    /// A message goes on as another kind.
    #[error("a message that began as {began:?} goes on as {kind:?}")]
    Mixed {
        /// What it began as.
        began: Kind,
        /// What it goes on as.
        kind: Kind,
    },
    /// A hello that cannot be read.
    #[error("the hello is cut short")]
    Hello,
}

/// A message, taken from the read buffer.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: Kind,
    /// The call it belongs to.
    pub number: u64,
    /// Its body, which shares the read buffer when it came in one frame.
    pub body: Bytes,
}

/// Puts messages together that came in several frames.
#[derive(Debug, Default)]
pub struct Assembly {
    parts: BTreeMap<u64, (Kind, Vec<u8>)>,
    bytes: usize,
}

impl Assembly {
    /// Takes the next whole message out of `buffer`, or answers `None` when more has to arrive first.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Message>, FrameError> {
        while let Some(header) = Header::decode(buffer)? {
            if buffer.len() < HEADER_BYTES + header.length {
                break;
            }
            let mut frame = buffer.split_to(HEADER_BYTES + header.length);
            let body = frame.split_off(HEADER_BYTES);
            if let Some(message) = self.add(header, body)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    fn add(&mut self, header: Header, body: BytesMut) -> Result<Option<Message>, FrameError> {
        let Header { kind, more, number, .. } = header;
        if !more && (self.parts.is_empty() || !kind.may_be_split()) {
            return Ok(Some(Message {
                kind,
                number,
                body: body.freeze(),
            }));
        }
        if !more && !self.parts.contains_key(&number) {
            return Ok(Some(Message {
                kind,
                number,
                body: body.freeze(),
            }));
        }
        if !self.parts.contains_key(&number) && self.parts.len() >= ASSEMBLIES_MAX {
            return Err(FrameError::Assembly);
        }
        let (began, part) = self.parts.entry(number).or_insert_with(|| (kind, Vec::new()));
        if *began != kind {
            return Err(FrameError::Mixed { began: *began, kind });
        }
        self.bytes += body.len();
        if part.len() + body.len() > MESSAGE_BYTES_MAX {
            return Err(FrameError::Message);
        }
        if self.bytes > ASSEMBLY_BYTES_MAX {
            return Err(FrameError::Assembly);
        }
        part.extend_from_slice(&body);
        if more {
            return Ok(None);
        }
        let body = self.parts.remove(&number).map(|(_, part)| part).unwrap_or_default();
        self.bytes -= body.len();
        Ok(Some(Message {
            kind,
            number,
            body: body.into(),
        }))
    }

    /// Forgets what has arrived of a message, since nobody waits for the rest.
    pub fn forget(&mut self, number: u64) {
        if let Some((_, part)) = self.parts.remove(&number) {
            self.bytes -= part.len();
        }
    }
}

/// The body of a hello frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelloFrame {
    /// What the side can do beyond this version; none is defined yet, an unknown one is ignored.
    pub features: u64,
    /// The deployment's token.
    pub token: Vec<u8>,
    /// What the side says of itself.
    pub said: Bytes,
}

impl HelloFrame {
    /// Preface and frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[PREFACE, VERSION]);
        let token = &self.token[..self.token.len().min(TOKEN_BYTES_MAX)];
        let length = 8 + 2 + token.len() + self.said.len();
        out.extend_from_slice(
            &Header {
                length,
                kind: Kind::Hello,
                more: false,
                number: 0,
            }
            .encode(),
        );
        out.extend_from_slice(&self.features.to_le_bytes());
        out.extend_from_slice(&(token.len() as u16).to_le_bytes());
        out.extend_from_slice(token);
        out.extend_from_slice(&self.said);
    }

    /// The body that was received.
    pub fn decode(body: &Bytes) -> Result<HelloFrame, FrameError> {
        let (features, rest) = body.split_first_chunk().ok_or(FrameError::Hello)?;
        let (length, rest) = rest.split_first_chunk().ok_or(FrameError::Hello)?;
        let length = usize::from(u16::from_le_bytes(*length));
        if length > TOKEN_BYTES_MAX {
            return Err(FrameError::Hello);
        }
        let (token, _) = rest.split_at_checked(length).ok_or(FrameError::Hello)?;
        Ok(HelloFrame {
            features: u64::from_le_bytes(*features),
            token: token.to_vec(),
            said: body.slice(10 + length..),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Assembly, FrameError, HEADER_BYTES, Header, HelloFrame, Kind, Message, put};
    use crate::limits::{ASSEMBLIES_MAX, FRAME_BYTES_MAX, MESSAGE_BYTES_MAX};
    use bytes::{Bytes, BytesMut};

    fn frame(kind: Kind, number: u64, more: bool, body: &[u8]) -> Vec<u8> {
        let mut out = Header {
            length: body.len(),
            kind,
            more,
            number,
        }
        .encode()
        .to_vec();
        out.extend_from_slice(body);
        out
    }

    #[test]
    fn a_message_is_read_as_it_was_written_wherever_the_bytes_are_cut() {
        let mut bytes = Vec::new();
        put(Kind::Call, 7, b"one", &mut bytes);
        put(Kind::Ping, 0, b"", &mut bytes);
        for cut in 0..=bytes.len() {
            let (mut assembly, mut buffer, mut messages) = (Assembly::default(), BytesMut::new(), Vec::new());
            for part in [&bytes[..cut], &bytes[cut..]] {
                buffer.extend_from_slice(part);
                while let Some(message) = assembly.next(&mut buffer).unwrap() {
                    messages.push(message);
                }
            }
            let one = Message {
                kind: Kind::Call,
                number: 7,
                body: Bytes::from_static(b"one"),
            };
            let ping = Message {
                kind: Kind::Ping,
                number: 0,
                body: Bytes::new(),
            };
            assert_eq!(messages, [one, ping], "cut at {cut}");
        }
    }

    #[test]
    fn parts_of_several_messages_may_alternate() {
        let mut buffer = BytesMut::new();
        for (number, more, body) in [
            (1, true, "a"),
            (2, true, "x"),
            (1, false, "b"),
            (3, false, "!"),
            (2, false, "y"),
        ] {
            buffer.extend_from_slice(&frame(Kind::Reply, number, more, body.as_bytes()));
        }
        let mut assembly = Assembly::default();
        let mut seen = Vec::new();
        while let Some(message) = assembly.next(&mut buffer).unwrap() {
            seen.push((message.number, message.body));
        }
        assert_eq!(seen, [(1, "ab".into()), (3, "!".into()), (2, "xy".into())]);
        assert_eq!(assembly.bytes, 0);
    }

    #[test]
    fn a_length_that_lies_is_refused_before_anything_is_reserved() {
        let mut bytes = frame(Kind::Call, 1, false, b"");
        bytes[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        let error = Assembly::default().next(&mut BytesMut::from(&bytes[..])).unwrap_err();
        assert_eq!(
            error,
            FrameError::Length {
                length: u32::MAX as usize
            }
        );
    }

    #[test]
    fn each_limit_of_an_assembly_is_held() {
        let mut assembly = Assembly::default();
        let part = vec![0; FRAME_BYTES_MAX];
        let mut buffer = BytesMut::new();
        for _ in 0..=MESSAGE_BYTES_MAX / FRAME_BYTES_MAX {
            buffer.extend_from_slice(&frame(Kind::Call, 1, true, &part));
        }
        assert_eq!(assembly.next(&mut buffer), Err(FrameError::Message));
        let (mut assembly, mut buffer) = (Assembly::default(), BytesMut::new());
        for number in 0..=ASSEMBLIES_MAX as u64 {
            buffer.extend_from_slice(&frame(Kind::Call, number, true, b"x"));
        }
        assert_eq!(assembly.next(&mut buffer), Err(FrameError::Assembly));
    }

    #[test]
    fn frames_that_make_no_sense_are_errors() {
        let next = |bytes: Vec<u8>| Assembly::default().next(&mut BytesMut::from(&bytes[..])).unwrap_err();
        let mut unknown = frame(Kind::Call, 1, false, b"");
        unknown[4] = 99;
        assert_eq!(next(unknown), FrameError::Kind { kind: 99 });
        assert_eq!(
            next(frame(Kind::Cancel, 1, true, b"")),
            FrameError::Split { kind: Kind::Cancel }
        );
        let mut mixed = frame(Kind::Call, 1, true, b"a");
        mixed.extend(frame(Kind::Reply, 1, false, b"b"));
        assert_eq!(
            next(mixed),
            FrameError::Mixed {
                began: Kind::Call,
                kind: Kind::Reply
            }
        );
    }

    #[test]
    fn a_hello_is_read_as_it_was_written() {
        let hello = HelloFrame {
            features: 5,
            token: b"secret".to_vec(),
            said: Bytes::from_static(b"me"),
        };
        let mut out = Vec::new();
        hello.encode(&mut out);
        assert_eq!(
            HelloFrame::decode(&Bytes::from(out).slice(2 + HEADER_BYTES..)),
            Ok(hello)
        );
    }
}
