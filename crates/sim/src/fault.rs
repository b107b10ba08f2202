//! A fault as data: what a seed draws, what a failure is made smaller by, and what is saved beside a test.

use serde::{Deserialize, Serialize};

use crate::trace::Kind;

/// Something that goes wrong at a time, or to one message. Times are microseconds of true time since the world began.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// The node crashes, with what it had synced, and comes back after a while or never.
    Crash {
        /// Which.
        node: String,
        /// When.
        at_us: u64,
        /// For how long it is down; none is for good.
        down_us: Option<u64>,
        /// Whether part of what was not synced is on the disk all the same: torn writes.
        torn: bool,
    },
    /// The node stands still and notices nothing of it.
    Pause {
        /// Which.
        node: String,
        /// When.
        at_us: u64,
        /// For how long.
        for_us: u64,
    },
    /// Each step of the node's tasks takes time.
    Slow {
        /// Which.
        node: String,
        /// When.
        at_us: u64,
        /// For how long.
        for_us: u64,
        /// What each step takes.
        step_us: u64,
    },
    /// The node's clocks are wrong from the beginning.
    Skew {
        /// Which.
        node: String,
        /// How far its wall clock is from the truth.
        offset_us: i64,
        /// How fast both of its clocks run, in parts per million.
        drift_ppm: i32,
    },
    /// The node's clocks jump.
    Jump {
        /// Which.
        node: String,
        /// When.
        at_us: u64,
        /// How far; a monotonic clock only goes forward.
        by_us: i64,
    },
    /// Some nodes do not reach some others.
    Partition {
        /// Which kind it is.
        shape: PartitionShape,
        /// Who does not reach whom, each in this direction.
        cuts: Vec<(String, String)>,
        /// When.
        at_us: u64,
        /// For how long.
        for_us: u64,
    },
    /// The node's disk takes no more bytes.
    Full {
        /// Which.
        node: String,
        /// When.
        at_us: u64,
        /// For how long.
        for_us: u64,
    },
    /// A bit of what the node's disk holds changes by itself.
    Rot {
        /// Which.
        node: String,
        /// When.
        at_us: u64,
    },
    /// Something happens to one message.
    Message {
        /// The sending node.
        from: String,
        /// The receiving node.
        to: String,
        /// Which kind of message.
        kind: Kind,
        /// The how manieth of this kind on this way, from 0.
        nth: u64,
        /// What.
        fate: Fate,
    },
    /// A lying node says something else than it should.
    Lie {
        /// The node that lies.
        node: String,
        /// To whom.
        to: String,
        /// The how manieth reply to that node, from 0.
        nth: u64,
        /// How.
        how: Lie,
    },
    /// A rare but legal behaviour that the code offers by `buggify!`.
    Buggify {
        /// Where.
        node: String,
        /// Its name in the code.
        name: String,
        /// The how manieth time it was offered there, from 0.
        nth: u64,
    },
}

/// What may happen to a message that does not simply arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It vanishes, and nobody is told.
    Lost,
    /// The connection is reset instead: the message vanishes, and both ends are told.
    Reset,
    /// It arrives twice, the second time this much later.
    Duplicated {
        /// How much later.
        after_us: u64,
    },
    /// It arrives this much later than it would, after others that were sent later.
    Late {
        /// How much.
        by_us: u64,
    },
    /// A bit of it is changed.
    Corrupted {
        /// Which, modulo the message's length in bits.
        bit: u32,
    },
}

/// How a node lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lie {
    /// The answer's bytes are changed at random.
    Corrupt,
    /// The scenario's mutator makes another answer of it.
    Mutate,
    /// The same, and another one for each who asks.
    Equivocate,
    /// An older answer is given again.
    Replay,
    /// Nothing is answered.
    Silence,
    /// The answer comes just before, or just after, whoever asked gives up.
    Delay,
}

/// The kinds of partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitionShape {
    /// One side does not reach the other, which still reaches it.
    OneWay,
    /// Two halves that only one node connects.
    Bridge,
    /// Each node reaches its two neighbours only.
    Ring,
    /// One node is alone; a leader, if the scenario says who leads.
    IsolateLeader,
    /// Two halves that do not reach each other.
    Halves,
}
