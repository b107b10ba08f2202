//! A fault as data: what a seed draws, what a failure is made smaller by, and what is saved beside a test.

use std::fmt;
use std::time::Duration;

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
        /// How much later it is back; none is never.
        down_us: Option<u64>,
        /// Whether part of what was not synced is on the disk all the same: torn writes.
        torn: bool,
        /// How many changes its disk still does from `at_us` on: it crashes within the step of a task that asks for the
        /// next one. None is between two steps, at `at_us`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after_changes: Option<u64>,
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

/// A fault that struck.
#[derive(Clone, Debug, PartialEq)]
pub struct Struck {
    /// When, by true time since the world began.
    pub at: Duration,
    /// What.
    pub fault: Fault,
}

impl Struck {
    /// When it is over, where it lasts: at its beginning otherwise.
    pub fn ends(&self) -> Duration {
        let lasts_us = match &self.fault {
            Fault::Crash { down_us, .. } => down_us.unwrap_or_default(),
            Fault::Pause { for_us, .. }
            | Fault::Slow { for_us, .. }
            | Fault::Partition { for_us, .. }
            | Fault::Full { for_us, .. } => *for_us,
            Fault::Skew { .. }
            | Fault::Jump { .. }
            | Fault::Rot { .. }
            | Fault::Message { .. }
            | Fault::Lie { .. }
            | Fault::Buggify { .. } => 0,
        };
        self.at.saturating_add(Duration::from_micros(lasts_us))
    }
}

impl Fault {
    /// The node it strikes, if it strikes one.
    pub fn node(&self) -> Option<&str> {
        match self {
            Fault::Crash { node, .. }
            | Fault::Pause { node, .. }
            | Fault::Slow { node, .. }
            | Fault::Skew { node, .. }
            | Fault::Jump { node, .. }
            | Fault::Full { node, .. }
            | Fault::Rot { node, .. }
            | Fault::Lie { node, .. }
            | Fault::Buggify { node, .. } => Some(node),
            Fault::Partition { .. } | Fault::Message { .. } => None,
        }
    }

    /// When it strikes, in microseconds; none for what strikes a node when it is made, or a message or an offer, whenever
    /// that comes.
    pub fn begins_us(&self) -> Option<u64> {
        match self {
            Fault::Crash { at_us, .. }
            | Fault::Pause { at_us, .. }
            | Fault::Slow { at_us, .. }
            | Fault::Jump { at_us, .. }
            | Fault::Partition { at_us, .. }
            | Fault::Full { at_us, .. }
            | Fault::Rot { at_us, .. } => Some(*at_us),
            Fault::Skew { .. } | Fault::Message { .. } | Fault::Lie { .. } | Fault::Buggify { .. } => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Crash {
                node,
                at_us,
                down_us,
                torn,
                after_changes,
            } => {
                let what = if down_us.is_some() { "crashes" } else { "stops for good" };
                let torn = if *torn && down_us.is_some() {
                    " with torn writes"
                } else {
                    ""
                };
                let at = Time(*at_us);
                write!(f, "{node} {what}{torn} ")?;
                match after_changes {
                    Some(changes) => write!(f, "within a step, after {changes} changes of its disk from {at} on")?,
                    None => write!(f, "at {at}")?,
                }
                match (down_us, after_changes) {
                    (Some(down), Some(_)) => write!(f, ", back {} after that", Time(*down)),
                    (Some(down), None) => write!(f, ", back after {}", Time(*down)),
                    (None, _) => Ok(()),
                }
            }
            Fault::Pause { node, at_us, for_us } => {
                write!(f, "{node} stands still at {} for {}", Time(*at_us), Time(*for_us))
            }
            Fault::Slow {
                node,
                at_us,
                for_us,
                step_us,
            } => write!(
                f,
                "{node} is slow from {} for {}: {} a step",
                Time(*at_us),
                Time(*for_us),
                Time(*step_us)
            ),
            Fault::Skew {
                node,
                offset_us,
                drift_ppm,
            } => write!(
                f,
                "the clock of {node} is off by {} ms and {drift_ppm} ppm",
                offset_us / 1000
            ),
            Fault::Jump { node, at_us, by_us } => {
                write!(
                    f,
                    "the clock of {node} jumps by {} ms at {}",
                    by_us / 1000,
                    Time(*at_us)
                )
            }
            Fault::Partition {
                shape,
                cuts,
                at_us,
                for_us,
            } => {
                let cuts: Vec<String> = cuts.iter().map(|(from, to)| format!("{from}→{to}")).collect();
                let (at, lasts, cuts) = (Time(*at_us), Time(*for_us), cuts.join(" "));
                write!(f, "partition ({}) at {at} for {lasts}: {cuts}", shape.name())
            }
            Fault::Full { node, at_us, for_us } => {
                write!(
                    f,
                    "the disk of {node} is full at {} for {}",
                    Time(*at_us),
                    Time(*for_us)
                )
            }
            Fault::Rot { node, at_us } => write!(f, "a bit on the disk of {node} changes at {}", Time(*at_us)),
            Fault::Message {
                from,
                to,
                kind,
                nth,
                fate,
            } => write!(f, "{} {nth} from {from} to {to} {fate}", kind.name()),
            Fault::Lie { node, to, nth, how } => write!(f, "{node} {} in reply {nth} to {to}", how.name()),
            Fault::Buggify { node, name, nth } => write!(f, "`{name}` on {node}, offer {nth}"),
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fate::Lost => f.write_str("is lost"),
            Fate::Reset => f.write_str("is lost by a connection reset"),
            Fate::Duplicated { after_us } => write!(f, "arrives again {} later", Time(*after_us)),
            Fate::Late { by_us } => write!(f, "is late by {}", Time(*by_us)),
            Fate::Corrupted { bit } => write!(f, "has bit {bit} flipped"),
        }
    }
}

impl Lie {
    /// All of them.
    pub const ALL: [Lie; 6] = [
        Lie::Corrupt,
        Lie::Mutate,
        Lie::Equivocate,
        Lie::Replay,
        Lie::Silence,
        Lie::Delay,
    ];

    /// What the liar does, in words.
    pub fn name(self) -> &'static str {
        match self {
            Lie::Corrupt => "corrupts its answer",
            Lie::Mutate => "lies",
            Lie::Equivocate => "tells each another lie",
            Lie::Replay => "gives an old answer",
            Lie::Silence => "stays silent",
            Lie::Delay => "answers around the timeout",
        }
    }
}

impl PartitionShape {
    /// All of them.
    pub const ALL: [PartitionShape; 5] = [
        PartitionShape::OneWay,
        PartitionShape::Bridge,
        PartitionShape::Ring,
        PartitionShape::IsolateLeader,
        PartitionShape::Halves,
    ];

    /// Its name, as a model is written with.
    pub fn name(self) -> &'static str {
        match self {
            PartitionShape::OneWay => "one-way",
            PartitionShape::Bridge => "bridge",
            PartitionShape::Ring => "ring",
            PartitionShape::IsolateLeader => "isolate-leader",
            PartitionShape::Halves => "halves",
        }
    }
}

/// A time in microseconds, as people read it.
struct Time(u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            us if us >= 1_000_000 => write!(f, "{:.3} s", us as f64 / 1e6),
            us if us >= 1_000 => write!(f, "{:.1} ms", us as f64 / 1e3),
            us => write!(f, "{us} µs"),
        }
    }
}
