//! What happened in a run, as data: what a replay is compared by and a space-time diagram is drawn from.

use serde::{Deserialize, Serialize};

/// Events that a trace keeps; later ones only enter its hash.
pub const EVENTS_MAX: usize = 200_000;

/// A run's events, first to last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// The nodes by number, in the order they were made.
    pub nodes: Vec<String>,
    /// What happened, by true time.
    pub events: Vec<Event>,
    /// Events past [`EVENTS_MAX`].
    pub dropped: u64,
    /// A hash of every event and of every poll of every task: two runs with different hashes were two different runs.
    pub hash: u64,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// True time, in nanoseconds since the world began.
    pub at: u64,
    /// The node it happened on, by number; none for what happened to the world.
    pub node: Option<u32>,
    /// What it was.
    pub what: What,
}

/// What may happen. A `message` is a number of its own for each message that was sent; a duplicate shares it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The node sent a message to another.
    Sent {
        /// Its number.
        message: u64,
        /// The receiving node.
        to: u32,
        /// What kind it is.
        kind: Kind,
        /// Which request it is or answers, the same on every attempt: `Ledger.transfer 3fa9`.
        label: String,
        /// How often the request was attempted before: 0 for the first time.
        attempt: u8,
    },
    /// The message arrived at the node.
    Delivered {
        /// Its number.
        message: u64,
    },
    /// The message was lost; the event is on the node that sent it.
    Lost {
        /// Its number.
        message: u64,
        /// Why: `loss`, `cut`, `the receiver is down`, `connection reset`.
        why: String,
    },
    /// The node learned that a connection is gone, and whether the request may have run.
    Reset {
        /// The request whose answer will not come.
        label: String,
        /// The sentence its caller gets.
        why: String,
    },
    /// A fault struck the node or, without a node, a link: what it is, in words.
    Fault {
        /// In words.
        text: String,
    },
    /// The node crashed.
    Crashed,
    /// The node runs again.
    Restarted,
    /// The node stopped for a while, or went on.
    Paused(bool),
    /// A cut between two nodes began or ended, in the direction from the event's node.
    Cut {
        /// The node that is not reached.
        to: u32,
        /// Whether it begins.
        begins: bool,
    },
    /// A phase of the run began: `warm-up`, `chaos`, `heal`, `settle`, `check`.
    Phase(String),
    /// The code or the scenario said something worth marking.
    Note(String),
    /// A check failed here and now.
    Violated(String),
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Opens a session.
    Hello,
    /// Asks for a call.
    Request,
    /// Answers one.
    Reply,
}

impl Kind {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Hello => "hello",
            Kind::Request => "request",
            Kind::Reply => "reply",
        }
    }
}
