//! A system model as data: what is assumed of nodes, links, time and clocks.
//!
//! A model is written as a preset, or as a preset and the axes that differ:
//!
//! ```text
//! model    = preset { "+" axis }
//! preset   = "synchronous" | "datacentre" | "web" | "asynchronous" | "byzantine(" count ")"
//! axis     = word [ "(" argument ")" ]
//! argument = count | share | duration
//! count    = 1, 2, 3 ..
//! share    = a number above 0 and below 1
//! duration = a whole number and "us", "ms", "s" or "min"
//! ```
//!
//! Spaces do not matter, nor does the order of the axes. An axis replaces what the preset says of the same thing;
//! partition shapes are a list, and the ones that are named are the only ones. Two words that settle the same thing
//! contradict each other. [`describe_models`] lists the words.
//!
//! ```
//! use sim::model::{Faulty, Model, Processes};
//!
//! let model: Model = "asynchronous + byzantine(1)".parse()?;
//! assert_eq!(model.processes, Processes::Byzantine);
//! assert_eq!(model.faulty_max, Faulty::AtMost(1));
//! assert_eq!(model.to_string(), "asynchronous + byzantine(1)");
//! # Ok::<(), sim::model::ModelError>(())
//! ```

mod description;
mod parse;
mod presets;
mod strength;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fault::PartitionShape;

pub use description::describe_models;
pub use parse::ModelError;

/// What a program assumes of the world. The fewer assumptions, the weaker the model, and the more a program that keeps
/// its promises in it is worth. In JSON it is its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Model {
    /// How it was written, with one space where there may be some: `asynchronous + byzantine(1)`.
    pub name: String,
    /// What is known of delays.
    pub timing: Timing,
    /// How processes fail.
    pub processes: Processes,
    /// How many of them may be failing at one time.
    pub faulty_max: Faulty,
    /// What a crash leaves on the disk.
    pub disk: Disk,
    /// What links do to messages.
    pub links: Links,
    /// Which partitions there may be.
    pub partitions: BTreeSet<PartitionShape>,
    /// What clocks show.
    pub clocks: Clocks,
    /// Whether a client reaches all servers or none: it is never cut off from only some of them.
    pub clients_whole: bool,
}

/// What is known of the time a message or a step takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// Every message arrives within the bound.
    Synchronous {
        /// The bound.
        delay_max: Duration,
        /// Whether all messages of a round arrive together, at its end: lock-step rounds of this bound.
        rounds: bool,
    },
    /// There is no bound until an unknown moment, and then there is.
    PartiallySynchronous {
        /// The latest such moment, after the chaos began.
        stable_after: Duration,
        /// The bound from then on.
        delay_max: Duration,
    },
    /// There is no bound.
    Asynchronous,
}

/// How processes fail, from the kindest to the worst; each may do what the ones before it do, except that a crash is for
/// good under `CrashStop` only: everywhere else a node comes back, or progress could not be claimed of a program that
/// keeps something in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Processes {
    /// They do not.
    Correct,
    /// They stop for good.
    CrashStop,
    /// They stop and come back with their disk.
    CrashRecovery,
    /// They lose messages before sending or after receiving them.
    Omission,
    /// They are late: paused, for no longer than a bound on delays that always holds, or slow where there is none.
    Timing,
    /// They do anything: corrupt, lie, equivocate, replay, stay silent, delay.
    Byzantine,
}

/// How many processes may be failing at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Faulty {
    /// At most this many.
    AtMost(u32),
    /// Fewer than half of the servers, and one where there are fewer than three of them: a lone server fails too.
    Minority,
    /// Any number.
    Any,
}

/// What a crash leaves on the disk, and what else happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disk {
    /// Exactly what was synced.
    SyncedOnly,
    /// What was synced, and any part of what was not.
    Torn,
    /// The same; the disk may also run full.
    Full,
    /// The same; bits may also change by themselves.
    Rotting,
}

/// What links do to messages.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Links {
    /// Each message arrives once, whole and in order.
    Perfect,
    /// The same, and nobody can pretend to be another.
    Authenticated,
    /// A message may be lost, doubled or overtaken; one that is sent again and again arrives.
    FairLossy {
        /// The share that is lost, 0 to 1.
        loss: f64,
        /// The share that arrives twice.
        duplication: f64,
        /// Whether messages overtake each other.
        reorder: bool,
    },
    /// The same, and a message may be changed.
    Corrupting {
        /// The share that is lost.
        loss: f64,
        /// The share that arrives twice.
        duplication: f64,
        /// The share that is changed.
        corruption: f64,
    },
}

/// What clocks show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clocks {
    /// The truth.
    Perfect,
    /// The truth, wrong by at most a bound that is known.
    Bounded {
        /// The bound.
        uncertainty: Duration,
    },
    /// Something else.
    Skewed {
        /// How far a wall clock may be from the truth before it jumps.
        offset: Duration,
        /// How much faster or slower a clock may run, in parts per million.
        drift_ppm: u32,
        /// Whether they jump.
        jumps: bool,
    },
}

impl Model {
    /// Whether progress after healing may be claimed: without any bound on delays, no progress within a bound follows
    /// from anything (Fischer, Lynch and Paterson, *Impossibility of distributed consensus with one faulty process*,
    /// 1985).
    pub fn claims_progress(&self) -> bool {
        self.timing != Timing::Asynchronous
    }

    /// The bound on a message's way, where there is one.
    pub fn delay_max(&self) -> Option<Duration> {
        match self.timing {
            Timing::Synchronous { delay_max, .. } | Timing::PartiallySynchronous { delay_max, .. } => Some(delay_max),
            Timing::Asynchronous => None,
        }
    }

    /// Whether delays are bounded from the beginning.
    pub fn is_synchronous(&self) -> bool {
        matches!(self.timing, Timing::Synchronous { .. })
    }
}
