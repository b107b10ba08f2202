//! One connection: who is at its other end, and how long it may stay as it is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use world::{Env, Instant};

use crate::call::Origin;
use crate::config::Config;
use crate::server::Served;

/// One connection, for all its requests.
pub(crate) struct Peer {
    pub(crate) env: Env,
    pub(crate) served: Arc<Served>,
    pub(crate) origin: Origin,
    pub(crate) is_http2: bool,
    pub(crate) pace: Pace,
    unread: AtomicBool,
}

impl Peer {
    pub(crate) fn new(served: Arc<Served>, origin: Origin, is_http2: bool) -> Peer {
        let env = served.env.clone();
        let pace = Pace::new(env.now(), is_http2);
        Peer {
            env,
            served,
            origin,
            is_http2,
            pace,
            unread: AtomicBool::new(false),
        }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.served.web.config
    }

    /// Notes that a request's body was not read to its end, so that nothing can follow it on this connection.
    pub(crate) fn set_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }
}

/// What a connection does, and since when.
pub(crate) struct Pace(Mutex<Paced>);

struct Paced {
    is_http2: bool,
    requests: usize,
    /// Whether the first bytes of a head came. HTTP/2 has other things to say between requests: it never sets this.
    heading: bool,
    since: Instant,
    /// Something of the last answer may not be written yet.
    unwritten: bool,
    /// Answers of which a part was given away and the next was not asked for yet, each since when; at most one for each
    /// stream of HTTP/2.
    stalled: BTreeMap<u64, Instant>,
    answers: u64,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// The first byte of a request, since then.
    Idle(Instant),
    /// The rest of a head, since then.
    Head(Instant),
    /// That the peer takes more of an answer, since then.
    Taking(Instant),
}

impl Pace {
    fn new(now: Instant, is_http2: bool) -> Pace {
        Pace(Mutex::new(Paced {
            is_http2,
            requests: 0,
            heading: false,
            since: now,
            unwritten: false,
            stalled: BTreeMap::new(),
            answers: 0,
        }))
    }

    /// Bytes came.
    pub(crate) fn read(&self, now: Instant) {
        let mut paced = self.paced();
        if paced.requests == 0 && !paced.heading {
            (paced.heading, paced.since) = (true, now);
        }
    }

    /// The head of a request is whole.
    pub(crate) fn begin(&self) {
        let mut paced = self.paced();
        paced.requests += 1;
        (paced.heading, paced.unwritten) = (false, true);
    }

    /// Its answer is over.
    pub(crate) fn end(&self, now: Instant) {
        let mut paced = self.paced();
        paced.requests -= 1;
        paced.since = now;
    }

    /// A number for an answer by HTTP/2, where one stream may stand still while the socket does not.
    pub(crate) fn number(&self) -> u64 {
        let mut paced = self.paced();
        paced.answers += 1;
        paced.answers
    }

    /// A part of answer `number` was given away.
    pub(crate) fn gave(&self, number: u64, now: Instant) {
        self.paced().stalled.insert(number, now);
    }

    /// More of answer `number` is asked for, or nothing any more.
    pub(crate) fn asked(&self, number: u64) {
        self.paced().stalled.remove(&number);
    }

    /// What is waited for, unless it is a handler.
    pub(crate) fn waiting(&self) -> Option<Waiting> {
        let paced = self.paced();
        // By HTTP/1 the socket itself tells whether the peer takes the rest of an answer.
        if paced.requests == 0 && paced.unwritten && !paced.is_http2 {
            return None;
        }
        match (paced.requests, paced.heading) {
            (0, false) => Some(Waiting::Idle(paced.since)),
            (0, true) => Some(Waiting::Head(paced.since)),
            _ => paced.stalled.values().min().map(|since| Waiting::Taking(*since)),
        }
    }

    /// All that was to be written is written.
    pub(crate) fn flushed(&self, now: Instant) {
        let mut paced = self.paced();
        if paced.unwritten && paced.requests == 0 {
            (paced.unwritten, paced.since) = (false, now);
        }
    }

    /// Whether there is no answer, or part of one, to be written.
    pub(crate) fn is_silent(&self) -> bool {
        let paced = self.paced();
        paced.requests == 0 && !paced.unwritten
    }

    fn paced(&self) -> MutexGuard<'_, Paced> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
