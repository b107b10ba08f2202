//! What lies between nodes: each message's delay and fate, cuts, and what waits for a link to be mended.
//!
//! Every number here is drawn for (seed, sender, receiver, kind, nth of its kind on this way), so a message more on one
//! way changes nothing on another, and a fault can be named and taken away.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use wire::limits::SILENCE_MAX;

use crate::fault::{Fate, Fault};
use crate::inner::{Core, Inner};
use crate::model::{Links, Timing};
use crate::random::Draw;
use crate::session::Parcel;
use crate::trace::{Kind, What};

/// What a message takes where the model promises no bound: 200 µs to 1 ms, as within a data centre.
const DELAY_MIN_NS: u64 = 200_000;
const DELAY_SPREAD_NS: u64 = 800_000;

/// Messages that wait for one link to be mended; the next are lost.
pub(crate) const HELD_MAX: usize = 10_000;

/// One direction between two nodes.
#[derive(Default)]
pub(crate) struct Link {
    /// How many cuts lie on it.
    pub(crate) cuts: u32,
    /// Messages sent so far, by kind.
    sent: [u64; 3],
    /// When the last one arrives, so that the next does not overtake it.
    last_due: u64,
    /// News beside the messages so far: resets, and requests that were given up.
    news: u64,
    /// Messages that wait for the cut to be mended.
    pub(crate) held: Vec<Held>,
}

/// A message that waits for a mended link.
pub(crate) struct Held {
    number: u64,
    kind: Kind,
    nth: u64,
    parcel: Parcel,
    body: Bytes,
}

/// A message on its way from one node to another.
pub(crate) struct Message {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) kind: Kind,
    pub(crate) parcel: Parcel,
    pub(crate) body: Bytes,
    pub(crate) attempt: u8,
}

/// What becomes of a message.
enum Course {
    /// It arrives after each of these times.
    Arrives(Duration, Option<Duration>),
    /// It waits for a mended link; the number is that of its kind on this way.
    Held(u64),
    /// It vanishes.
    Lost(&'static str),
    /// It vanishes, and both ends are told.
    Reset,
}

impl Inner {
    /// Sends a message to its fate.
    pub(crate) fn send(self: &Arc<Inner>, mut message: Message) {
        if self.is_struck(message.from) {
            return;
        }
        let now = self.memory.now();
        let (course, number) = {
            let mut core = self.core();
            let number = core.message_next;
            core.message_next += 1;
            let course = core.course(self, &mut message, now);
            if core.trace.recording {
                let sent = What::Sent {
                    message: number,
                    to: message.to,
                    kind: message.kind,
                    label: message.parcel.label(),
                    attempt: message.attempt,
                };
                core.trace.keep(now, Some(message.from), sent);
            }
            core.trace
                .mark(&self.memory, 1, u64::from(message.from), digest(&message.body));
            match course {
                Course::Lost(why) => core.lost(self, &message, number, why),
                Course::Reset => core.lost(self, &message, number, "connection reset"),
                Course::Held(nth) => {
                    let held = Held {
                        number,
                        kind: message.kind,
                        nth,
                        parcel: message.parcel.clone(),
                        body: message.body.clone(),
                    };
                    core.link(message.from, message.to).held.push(held);
                }
                Course::Arrives(..) => {}
            }
            (course, number)
        };
        match course {
            Course::Arrives(after, again) => {
                if let Some(again) = again {
                    self.post(number, message.parcel.clone(), message.body.clone(), after + again);
                }
                self.post(number, message.parcel, message.body, after);
            }
            Course::Held(_) => {}
            Course::Lost(_) => self.vanished(message.parcel),
            Course::Reset => self.reset(message.parcel),
        }
    }

    /// Lets what waited for a link go on its way, in the order it was sent.
    pub(crate) fn release(self: &Arc<Inner>, from: u32, to: u32, held: Vec<Held>) {
        let now = nanos(self.memory.now());
        for Held {
            number,
            kind,
            nth,
            parcel,
            body,
        } in held
        {
            let mut draw = self.roll(from, to, 8 + kind as u64, nth);
            let after = base_delay(&self.model.timing, &mut draw);
            let due = self.core().due(self, from, to, now, after);
            self.post(number, parcel, body, Duration::from_nanos(due - now));
        }
    }

    /// Lets a message arrive after a while.
    fn post(self: &Arc<Inner>, number: u64, parcel: Parcel, body: Bytes, after: Duration) {
        let inner = self.clone();
        self.memory.after(after, move |_| inner.arrive(number, parcel, body));
    }

    /// How long news takes that is no message of its own, such as that of a reset. Across a cut there is none: whoever
    /// waits finds out by the silence.
    pub(crate) fn news(&self, from: u32, to: u32) -> Duration {
        let (nth, cut) = {
            let mut core = self.core();
            let link = core.link(from, to);
            link.news += 1;
            (link.news, link.cuts > 0)
        };
        if cut {
            return SILENCE_MAX;
        }
        let mut draw = self.roll(from, to, 3, nth);
        Duration::from_nanos(base_delay(&self.model.timing, &mut draw))
    }

    /// How long something takes that may not overtake what was sent before it, where the links keep order.
    pub(crate) fn in_order(&self, from: u32, to: u32, after: Duration) -> Duration {
        let now = nanos(self.memory.now());
        let due = self.core().due(self, from, to, now, nanos(after));
        Duration::from_nanos(due - now)
    }

    /// The draws for one message.
    fn roll(&self, from: u32, to: u32, kind: u64, nth: u64) -> Draw {
        Draw::keyed(&[self.seed, u64::from(from), u64::from(to), kind, nth])
    }
}

impl Core {
    pub(crate) fn link(&mut self, from: u32, to: u32) -> &mut Link {
        self.links.entry((from, to)).or_default()
    }

    fn course(&mut self, inner: &Inner, message: &mut Message, now: Duration) -> Course {
        let (from, to, kind) = (message.from, message.to, message.kind);
        let link = self.links.entry((from, to)).or_default();
        let nth = link.sent[kind as usize];
        link.sent[kind as usize] += 1;
        let cut = link.cuts > 0;
        let mut draw = inner.roll(from, to, kind as u64, nth);
        let mut after = base_delay(&inner.model.timing, &mut draw);
        if from == to {
            return Course::Arrives(Duration::ZERO, None);
        }
        if cut {
            // A short cut delays what is sent again underneath; a long one outlasts the connection.
            let held = !matches!(inner.model.timing, Timing::Synchronous { .. }) && draw.chance(0.5);
            return match held && self.link(from, to).held.len() < HELD_MAX {
                true => Course::Held(nth),
                false => Course::Lost("cut"),
            };
        }
        let fate = self.fate(inner, message, nth, now, &mut draw);
        let mut again = None;
        match fate {
            Some(Fate::Lost) => return Course::Lost("loss"),
            Some(Fate::Reset) => return Course::Reset,
            Some(Fate::Duplicated { after_us }) => again = Some(Duration::from_micros(after_us)),
            Some(Fate::Late { by_us }) => after = after.saturating_add(by_us.saturating_mul(1000)),
            Some(Fate::Corrupted { bit }) => message.body = flipped(&message.body, bit),
            None => {}
        }
        let due = self.due(inner, from, to, nanos(now), after);
        let takes = Duration::from_nanos(due - nanos(now));
        if let Timing::Synchronous { delay_max, .. } = inner.model.timing {
            // The second one is a message too: it arrives within the bound.
            again = again.map(|again| again.min(delay_max.saturating_sub(takes)));
        }
        Course::Arrives(takes, again)
    }

    /// When a message that is sent now and takes so long arrives: with its round, if there are rounds, and not before one
    /// that was sent earlier, if the links keep order.
    fn due(&mut self, inner: &Inner, from: u32, to: u32, now: u64, after: u64) -> u64 {
        let mut due = match inner.model.timing {
            Timing::Synchronous {
                delay_max,
                rounds: true,
            } => {
                let round = nanos(delay_max).max(1);
                (now / round + 1).saturating_mul(round)
            }
            _ => now.saturating_add(after),
        };
        if !reorders(inner.model.links) {
            let link = self.link(from, to);
            due = due.max(link.last_due);
            link.last_due = due;
        }
        due
    }

    /// What the seed, or the list of faults, has for this message.
    fn fate(&mut self, inner: &Inner, message: &Message, nth: u64, now: Duration, draw: &mut Draw) -> Option<Fate> {
        let (from, to, kind) = (message.from, message.to, message.kind);
        if !self.strikes(from) || !self.strikes(to) {
            return None;
        }
        let fate = self.source.fate(inner, &self.nodes, (from, to, kind, nth), now, draw)?;
        if matches!(fate, Fate::Corrupted { .. }) && message.body.is_empty() {
            return None;
        }
        let fault = Fault::Message {
            from: self.name(from),
            to: self.name(to),
            kind,
            nth,
            fate,
        };
        self.occurred(inner, Some(from), fault);
        Some(fate)
    }

    fn lost(&mut self, inner: &Inner, message: &Message, number: u64, why: &str) {
        self.trace.mark(&inner.memory, 2, number, 0);
        if self.trace.recording {
            let lost = What::Lost {
                message: number,
                why: why.to_owned(),
            };
            self.trace.keep(inner.memory.now(), Some(message.from), lost);
        }
    }
}

fn base_delay(timing: &Timing, draw: &mut Draw) -> u64 {
    match timing {
        Timing::Synchronous { delay_max, .. } => {
            let max = nanos(*delay_max).max(10);
            max / 10 + draw.below(max - max / 10)
        }
        Timing::PartiallySynchronous { delay_max, .. } => {
            let max = (DELAY_MIN_NS + DELAY_SPREAD_NS).min(nanos(*delay_max) / 5).max(10);
            max / 5 + draw.below(max - max / 5)
        }
        Timing::Asynchronous => DELAY_MIN_NS + draw.below(DELAY_SPREAD_NS),
    }
}

fn reorders(links: Links) -> bool {
    match links {
        Links::Perfect | Links::Authenticated => false,
        Links::FairLossy { reorder, .. } => reorder,
        Links::Corrupting { .. } => true,
    }
}

fn flipped(body: &Bytes, bit: u32) -> Bytes {
    let mut bytes = body.to_vec();
    if !bytes.is_empty() {
        let bit = bit as usize % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    bytes.into()
}

/// What tells two bodies apart in a trace. Not against an adversary.
fn digest(body: &[u8]) -> u64 {
    body.chunks(8).fold(body.len() as u64, |hash, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        (hash ^ u64::from_le_bytes(word))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
    })
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
