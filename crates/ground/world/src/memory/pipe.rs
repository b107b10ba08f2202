//! One direction of a stream: bytes on the way and arrived, in order, up to a limit.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::task::{Poll, Waker};

use bytes::{Buf, Bytes, BytesMut};

use super::clock::NEVER;
use super::state::Wakes;

/// How many bytes a direction of a stream holds, on the way and unread, before its writer waits.
pub const PIPE_BYTES_MAX: usize = 64 * 1024;

pub(super) struct Pipe {
    pub(super) from: usize,
    pub(super) to: usize,
    /// What was sent, with the true time it arrives; the times never fall.
    items: VecDeque<(u64, Item)>,
    bytes: usize,
    /// The true time at which the writer learns that nobody reads any more.
    refused: Option<u64>,
    writing: End,
    reading: End,
    writer: Option<Waker>,
    reader: Option<Waker>,
}

pub(super) enum Item {
    Bytes(Bytes),
    End,
    Reset,
}

#[derive(PartialEq)]
enum End {
    Open,
    /// The writer said its last; the stream may still be held.
    Ended,
    Dropped,
    Crashed,
}

impl Pipe {
    pub(super) fn new(from: usize, to: usize) -> Pipe {
        Pipe {
            from,
            to,
            items: VecDeque::new(),
            bytes: 0,
            refused: None,
            writing: End::Open,
            reading: End::Open,
            writer: None,
            reader: None,
        }
    }

    /// Adds what arrives at `arrives` or after what was sent before it, and returns when.
    pub(super) fn push(&mut self, arrives: u64, item: Item) -> u64 {
        let arrives = self.items.back().map_or(arrives, |(last, _)| arrives.max(*last));
        self.items.push_back((arrives, item));
        arrives
    }

    pub(super) fn read(
        &mut self,
        now: u64,
        into: &mut BytesMut,
        waker: &Waker,
        wakes: &mut Wakes,
    ) -> Poll<io::Result<usize>> {
        if self.reading == End::Crashed {
            return Poll::Ready(Err(own_crash()));
        }
        let before = into.len();
        let mut spare = (into.capacity() - before).max(1);
        while let Some((_, item)) = self.items.front_mut().filter(|(arrives, _)| *arrives <= now) {
            match item {
                Item::Bytes(bytes) => {
                    let count = bytes.len().min(spare);
                    into.extend_from_slice(&bytes[..count]);
                    bytes.advance(count);
                    spare -= count;
                    self.bytes -= count;
                    if bytes.has_remaining() {
                        break;
                    }
                    self.items.pop_front();
                }
                Item::End if into.len() == before => return Poll::Ready(Ok(0)),
                Item::Reset if into.len() == before => {
                    return Poll::Ready(Err(io::Error::new(
                        ErrorKind::ConnectionReset,
                        "the peer's node has crashed",
                    )));
                }
                Item::End | Item::Reset => break,
            }
        }
        match into.len() - before {
            0 => {
                self.reader = Some(waker.clone());
                Poll::Pending
            }
            count => {
                wakes.extend(self.writer.take());
                Poll::Ready(Ok(count))
            }
        }
    }

    /// Takes as much of `parts` as there is room for; `WouldBlock` if there is none.
    pub(super) fn accept(&mut self, now: u64, parts: &[IoSlice<'_>]) -> io::Result<Bytes> {
        match self.writing {
            End::Open => {}
            End::Crashed => return Err(own_crash()),
            End::Ended | End::Dropped => {
                return Err(io::Error::new(
                    ErrorKind::BrokenPipe,
                    "this direction was shut down; open another stream",
                ));
            }
        }
        if self.refused.is_some_and(|at| at <= now) {
            return Err(io::Error::new(
                ErrorKind::ConnectionReset,
                "the peer has closed the stream",
            ));
        }
        let room = PIPE_BYTES_MAX - self.bytes;
        let offered = parts.iter().map(|part| part.len()).sum::<usize>();
        if room == 0 && offered > 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let mut taken = BytesMut::with_capacity(offered.min(room));
        for part in parts {
            let count = part.len().min(room - taken.len());
            taken.extend_from_slice(&part[..count]);
        }
        self.bytes += taken.len();
        Ok(taken.freeze())
    }

    /// The writer waits for room.
    pub(super) fn wait(&mut self, waker: &Waker) {
        self.writer = Some(waker.clone());
    }

    /// Ends the writing side; false if it had ended.
    pub(super) fn end(&mut self) -> bool {
        let open = self.writing == End::Open;
        if open {
            self.writing = End::Ended;
        }
        open
    }

    pub(super) fn writer_dropped(&mut self) {
        self.writing = End::Dropped;
        self.writer = None;
    }

    /// Nobody reads any more, which the writer learns at `refused`.
    pub(super) fn reader_dropped(&mut self, refused: u64) {
        self.reading = End::Dropped;
        self.reader = None;
        self.items.clear();
        self.refused.get_or_insert(refused);
    }

    /// Marks the side that `node`'s crash takes; says whether that was the writing and the reading one.
    pub(super) fn crash(&mut self, node: usize, refused: u64) -> (bool, bool) {
        let lives = |end: &End| matches!(end, End::Open | End::Ended);
        let writing = self.from == node && lives(&self.writing);
        let reading = self.to == node && lives(&self.reading);
        if writing {
            self.writing = End::Crashed;
        }
        if reading {
            self.reading = End::Crashed;
            self.refused.get_or_insert(refused);
        }
        (writing, reading)
    }

    /// Whether neither side is held.
    pub(super) fn is_over(&self) -> bool {
        self.writing == End::Dropped && self.reading == End::Dropped
    }

    pub(super) fn wake(&mut self, wakes: &mut Wakes) {
        wakes.extend(self.reader.take());
        wakes.extend(self.writer.take());
    }

    /// What has not arrived never does.
    pub(super) fn hold(&mut self, now: u64) {
        self.move_times(|at| *at > now, NEVER);
    }

    /// What never arrived does at `arrives`.
    pub(super) fn release(&mut self, arrives: u64) {
        self.move_times(|at| *at == NEVER, arrives);
    }

    fn move_times(&mut self, of: impl Fn(&u64) -> bool, to: u64) {
        let times = self
            .items
            .iter_mut()
            .map(|(arrives, _)| arrives)
            .chain(&mut self.refused);
        times.filter(|at| of(at)).for_each(|at| *at = to);
    }
}

/// What the end of a stream on a crashed node says.
pub(super) fn own_crash() -> io::Error {
    io::Error::new(
        ErrorKind::ConnectionReset,
        "this end's node has crashed: a task has escaped it",
    )
}
