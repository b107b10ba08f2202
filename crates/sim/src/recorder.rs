//! Keeps what happens: every event enters the hash of the run, and the events themselves are kept when somebody will look
//! at them.

use std::time::Duration;

use world::memory;

use crate::network::nanos;
use crate::trace::{EVENTS_MAX, Event, Trace, What};

pub(crate) struct Recorder {
    pub(crate) recording: bool,
    events: Vec<Event>,
    dropped: u64,
}

impl Recorder {
    pub(crate) fn new(recording: bool) -> Recorder {
        Recorder {
            recording,
            events: Vec::new(),
            dropped: 0,
        }
    }

    /// Lets an event of this kind, with two numbers that tell it from others, enter the hash.
    pub(crate) fn mark(&self, memory: &memory::World, kind: u64, one: u64, other: u64) {
        let mixed = (kind ^ one.rotate_left(24)).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ other;
        memory.mark(mixed);
    }

    /// Keeps an event.
    pub(crate) fn keep(&mut self, at: Duration, node: Option<u32>, what: What) {
        if !self.recording {
            return;
        }
        if self.events.len() >= EVENTS_MAX {
            self.dropped += 1;
            return;
        }
        self.events.push(Event {
            at: nanos(at),
            node,
            what,
        });
    }

    /// What was kept.
    pub(crate) fn trace(&self, nodes: Vec<String>, hash: u64) -> Trace {
        Trace {
            nodes,
            events: self.events.clone(),
            dropped: self.dropped,
            hash,
        }
    }
}
