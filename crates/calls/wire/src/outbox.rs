//! What waits to be sent on one connection: small messages in one buffer, so that one write takes many; long ones in
//! parts, so that they do not block small ones.

use std::collections::VecDeque;

use crate::frame::{HEADER_BYTES, Header, Kind};
use crate::limits::{FRAME_BYTES_MAX, KEPT_BYTES_MAX, LONG_AT_ONCE_MAX, MESSAGE_BYTES_MAX, SEND_BYTES_MAX};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    buffer: Vec<u8>,
    long: VecDeque<Long>,
    long_bytes: usize,
    /// Bytes ever put into the buffer, so that a message's end has a place in the stream.
    queued: u64,
}

#[derive(Debug)]
struct Long {
    kind: Kind,
    number: u64,
    body: Vec<u8>,
    sent: usize,
}

/// Where a message that was put in ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// At this place in the stream.
    At(u64),
    /// Not known before its last part is taken: it is long.
    Later,
}

/// Why a message was not put in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It could not be written.
    Encode(String),
    /// It is longer than a message may be.
    Message {
        /// Its length.
        bytes: usize,
    },
}

impl Outbox {
    /// Puts in a message whose body `encode` appends. When it is refused nothing was put in.
    pub(crate) fn put<K>(
        &mut self,
        number: u64,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(Kind, K), String>,
    ) -> Result<(End, K), Refused> {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; HEADER_BYTES]);
        let encoded = encode(&mut self.buffer);
        let length = self.buffer.len() - start - HEADER_BYTES;
        let refused = match encoded {
            Err(why) => Refused::Encode(why),
            Ok(_) if length > MESSAGE_BYTES_MAX => Refused::Message { bytes: length },
            Ok((kind, kept)) if length > FRAME_BYTES_MAX => {
                let body = self.buffer.split_off(start + HEADER_BYTES);
                self.buffer.truncate(start);
                self.long_bytes += body.len();
                self.long.push_back(Long {
                    kind,
                    number,
                    body,
                    sent: 0,
                });
                return Ok((End::Later, kept));
            }
            Ok((kind, kept)) => {
                let header = Header {
                    length,
                    kind,
                    more: false,
                    number,
                }
                .encode();
                self.buffer[start..start + HEADER_BYTES].copy_from_slice(&header);
                self.queued += (HEADER_BYTES + length) as u64;
                return Ok((End::At(self.queued), kept));
            }
        };
        self.buffer.truncate(start);
        // A body that was refused for its size must not keep its memory here.
        self.buffer.shrink_to(KEPT_BYTES_MAX);
        Err(refused)
    }

    /// Puts in a frame without a body of its own making.
    pub(crate) fn put_frame(&mut self, kind: Kind, number: u64, body: &[u8]) {
        let before = self.buffer.len();
        crate::frame::put(kind, number, &body[..body.len().min(FRAME_BYTES_MAX)], &mut self.buffer);
        self.queued += (self.buffer.len() - before) as u64;
    }

    /// Takes what to write next into `into`, which must be empty: the buffer, and one part of each of the first long
    /// messages. `ended` is told of each long message whose last part was taken, and where it ends.
    pub(crate) fn take(&mut self, into: &mut Vec<u8>, mut ended: impl FnMut(u64, u64)) {
        debug_assert!(into.is_empty());
        std::mem::swap(&mut self.buffer, into);
        let mut index = 0;
        // The rest waits, since the peer bounds how much may have arrived in part.
        while index < LONG_AT_ONCE_MAX {
            let Some(long) = self.long.get_mut(index) else { break };
            let rest = &long.body[long.sent..];
            let part = &rest[..rest.len().min(FRAME_BYTES_MAX)];
            let more = part.len() < rest.len();
            into.extend_from_slice(
                &Header {
                    length: part.len(),
                    kind: long.kind,
                    more,
                    number: long.number,
                }
                .encode(),
            );
            into.extend_from_slice(part);
            self.queued += (HEADER_BYTES + part.len()) as u64;
            self.long_bytes -= part.len();
            long.sent += part.len();
            if more {
                index += 1;
            } else {
                ended(long.number, self.queued);
                self.long.remove(index);
            }
            if into.len() >= 4 * FRAME_BYTES_MAX {
                break;
            }
        }
    }

    /// Forgets what was not sent of a long message: once the peer has been told to forget the rest, more parts of it
    /// would look like a message of their own. Answers whether nothing of it was sent, so that nobody need be told.
    pub(crate) fn forget(&mut self, number: u64) -> bool {
        let Some(index) = self.long.iter().position(|long| long.number == number) else {
            return false;
        };
        self.long.remove(index).is_some_and(|long| {
            self.long_bytes -= long.body.len() - long.sent;
            long.sent == 0
        })
    }

    /// The part that one write could take at once, if nothing long waits.
    pub(crate) fn only_buffer(&self) -> Option<&[u8]> {
        self.long.is_empty().then_some(&self.buffer)
    }

    /// Takes note that all of [`Outbox::only_buffer`] but its last `left` bytes was written.
    pub(crate) fn written(&mut self, bytes: usize) {
        if bytes == self.buffer.len() {
            self.buffer.clear();
        } else {
            self.buffer.drain(..bytes);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.long.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.buffer.len() + self.long_bytes >= SEND_BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::{End, Outbox, Refused};
    use crate::frame::{Assembly, Kind};
    use crate::limits::{ASSEMBLIES_MAX, FRAME_BYTES_MAX, MESSAGE_BYTES_MAX};
    use bytes::BytesMut;

    fn put(outbox: &mut Outbox, number: u64, bytes: usize) -> Result<End, Refused> {
        let encode = |out: &mut Vec<u8>| {
            out.resize(out.len() + bytes, number as u8);
            Ok((Kind::Call, ()))
        };
        outbox.put(number, encode).map(|(end, ())| end)
    }

    #[test]
    fn a_long_message_lets_small_ones_pass() {
        let mut outbox = Outbox::default();
        assert_eq!(put(&mut outbox, 1, 3 * FRAME_BYTES_MAX), Ok(End::Later));
        let (mut sent, mut order, mut ends) = (BytesMut::new(), Vec::new(), Vec::new());
        let mut assembly = Assembly::default();
        for round in 0..3_u64 {
            put(&mut outbox, 10 + round, 5).unwrap();
            let mut batch = Vec::new();
            outbox.take(&mut batch, |number, end| ends.push((number, end)));
            sent.extend_from_slice(&batch);
            while let Some(message) = assembly.next(&mut sent).unwrap() {
                order.push((message.number, message.body.len()));
            }
        }
        assert_eq!(order, [(10, 5), (11, 5), (12, 5), (1, 3 * FRAME_BYTES_MAX)]);
        assert_eq!(ends, [(1, outbox.queued)]);
        assert!(outbox.is_empty());
    }

    #[test]
    fn no_part_of_a_long_message_follows_its_cancel() {
        let mut outbox = Outbox::default();
        put(&mut outbox, 1, 3 * FRAME_BYTES_MAX).unwrap();
        put(&mut outbox, 2, 3 * FRAME_BYTES_MAX).unwrap();
        let (mut sent, mut batch) = (BytesMut::new(), Vec::new());
        outbox.take(&mut batch, |_, _| {});
        sent.extend_from_slice(&batch);
        assert!(!outbox.forget(1), "a part of it was sent: the peer has to be told");
        outbox.put_frame(Kind::Cancel, 1, b"");
        let (mut assembly, mut order) = (Assembly::default(), Vec::new());
        while !outbox.is_empty() {
            batch.clear();
            outbox.take(&mut batch, |_, _| {});
            sent.extend_from_slice(&batch);
        }
        while let Some(message) = assembly.next(&mut sent).unwrap() {
            if message.kind == Kind::Cancel {
                assembly.forget(message.number);
            }
            order.push((message.kind, message.number));
        }
        assert_eq!(order, [(Kind::Cancel, 1), (Kind::Call, 2)]);
        assert_eq!(outbox.long_bytes, 0);
    }

    #[test]
    fn more_long_messages_than_may_arrive_in_part_all_arrive() {
        let mut outbox = Outbox::default();
        let count = 2 * ASSEMBLIES_MAX as u64;
        for number in 0..count {
            put(&mut outbox, number, FRAME_BYTES_MAX + 1).unwrap();
        }
        let (mut assembly, mut sent, mut order) = (Assembly::default(), BytesMut::new(), Vec::new());
        while !outbox.is_empty() {
            let mut batch = Vec::new();
            outbox.take(&mut batch, |_, _| {});
            sent.extend_from_slice(&batch);
            while let Some(message) = assembly.next(&mut sent).unwrap() {
                order.push(message.number);
            }
        }
        assert_eq!(order, (0..count).collect::<Vec<_>>());
    }

    #[test]
    fn a_message_over_the_limit_leaves_nothing_behind() {
        let mut outbox = Outbox::default();
        let bytes = MESSAGE_BYTES_MAX + 1;
        assert_eq!(put(&mut outbox, 1, bytes), Err(Refused::Message { bytes }));
        assert!(outbox.is_empty());
    }
}
