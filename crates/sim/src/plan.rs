//! What goes wrong in one run: the kinds of fault a model may show, and the ones that a seed draws.
//!
//! Each seed enables its own random part of the kinds, for a bug often shows only where another fault stays away
//! (A. Groce et al., *Swarm testing*, ISSTA 2012). Of n kinds, any n consecutive seeds enable each at least once.

mod drawing;
mod faulty;
mod partition;
mod rates;
mod skew;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fault::{Fate, Fault, Lie, PartitionShape};
use crate::model::{Clocks, Disk, Faulty, Links, Model, Processes};

pub use drawing::draw;
pub use rates::Rates;
pub use skew::skew;

/// A kind of fault, as a campaign counts what it has exercised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A node crashes and comes back with what was synced.
    Crash,
    /// A node crashes and stays away.
    CrashForGood,
    /// A node crashes and comes back with parts of what was not synced, too.
    TornCrash,
    /// A node stands still.
    Pause,
    /// A node is slow.
    Slow,
    /// A node's clocks are wrong.
    Skew,
    /// A node's clocks jump.
    Jump,
    /// Some nodes do not reach some others.
    Partition(PartitionShape),
    /// A disk takes no more bytes.
    Full,
    /// A bit on a disk changes.
    Rot,
    /// A message vanishes.
    Loss,
    /// A connection is reset.
    Reset,
    /// A message arrives twice.
    Duplication,
    /// A message arrives late, after others that were sent later.
    Late,
    /// A message is changed.
    Corruption,
    /// A node lies.
    Lie(Lie),
    /// A rare, legal behaviour that the code offers.
    Buggify,
}

impl FaultKind {
    /// Whether a plan has such faults in its list; the others happen to messages and steps as they come.
    pub fn is_planned(self) -> bool {
        matches!(
            self,
            FaultKind::Crash
                | FaultKind::CrashForGood
                | FaultKind::TornCrash
                | FaultKind::Pause
                | FaultKind::Slow
                | FaultKind::Jump
                | FaultKind::Partition(_)
                | FaultKind::Full
                | FaultKind::Rot
        )
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            FaultKind::Crash => "crash",
            FaultKind::CrashForGood => "crash for good",
            FaultKind::TornCrash => "torn crash",
            FaultKind::Pause => "pause",
            FaultKind::Slow => "slow node",
            FaultKind::Skew => "clock skew",
            FaultKind::Jump => "clock jump",
            FaultKind::Partition(shape) => return write!(f, "partition: {}", shape.name()),
            FaultKind::Full => "full disk",
            FaultKind::Rot => "bit rot",
            FaultKind::Loss => "lost message",
            FaultKind::Reset => "connection reset",
            FaultKind::Duplication => "doubled message",
            FaultKind::Late => "late message",
            FaultKind::Corruption => "changed message",
            FaultKind::Lie(Lie::Corrupt) => "lie: corrupt",
            FaultKind::Lie(Lie::Mutate) => "lie: mutate",
            FaultKind::Lie(Lie::Equivocate) => "lie: equivocate",
            FaultKind::Lie(Lie::Replay) => "lie: replay",
            FaultKind::Lie(Lie::Silence) => "lie: silence",
            FaultKind::Lie(Lie::Delay) => "lie: delay",
            FaultKind::Buggify => "rare behaviour",
        };
        f.write_str(name)
    }
}

impl Fault {
    /// As what a campaign counts it.
    pub fn kind(&self) -> FaultKind {
        match self {
            Fault::Crash { down_us: None, .. } => FaultKind::CrashForGood,
            Fault::Crash { torn: true, .. } => FaultKind::TornCrash,
            Fault::Crash { .. } => FaultKind::Crash,
            Fault::Pause { .. } => FaultKind::Pause,
            Fault::Slow { .. } => FaultKind::Slow,
            Fault::Skew { .. } => FaultKind::Skew,
            Fault::Jump { .. } => FaultKind::Jump,
            Fault::Partition { shape, .. } => FaultKind::Partition(*shape),
            Fault::Full { .. } => FaultKind::Full,
            Fault::Rot { .. } => FaultKind::Rot,
            Fault::Message { fate, .. } => match fate {
                Fate::Lost => FaultKind::Loss,
                Fate::Reset => FaultKind::Reset,
                Fate::Duplicated { .. } => FaultKind::Duplication,
                Fate::Late { .. } => FaultKind::Late,
                Fate::Corrupted { .. } => FaultKind::Corruption,
            },
            Fault::Lie { how, .. } => FaultKind::Lie(*how),
            Fault::Buggify { .. } => FaultKind::Buggify,
        }
    }
}

/// Someone in a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What it is there for.
    pub role: Role,
}

/// What a node is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It serves: its disk fails, it lies, and majorities are counted of its kind.
    Server,
    /// It asks.
    Client,
    /// The scenario's own: nothing ever happens to it.
    Witness,
}

/// The time in which things go wrong, in microseconds since the world began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From when on.
    pub chaos_begins_us: u64,
    /// Until when: from here on all is healed.
    pub chaos_ends_us: u64,
    /// When the last fault ends that is no lie: with the chaos, or when delays become bounded, if that is sooner.
    pub faults_end_us: u64,
}

/// What goes wrong in one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The kinds that may happen in it.
    pub enabled: BTreeSet<FaultKind>,
    /// What happens to nodes, sorted by time.
    pub faults: Vec<Fault>,
    /// The servers that lie while the chaos lasts.
    pub liars: BTreeSet<String>,
    /// The nodes that lose messages before sending and after receiving, while the chaos lasts.
    pub omitting: BTreeSet<String>,
}

impl Model {
    /// What may go wrong in this model, and what a campaign must have exercised. [`FaultKind::Buggify`] is not in it: it
    /// is legal in every model, and only code that offers such behaviour can show it.
    pub fn kinds(&self) -> BTreeSet<FaultKind> {
        let mut kinds = BTreeSet::new();
        if self.faulty_max != Faulty::AtMost(0) {
            self.add_process_kinds(&mut kinds);
        }
        let (loss, duplication) = match self.links {
            Links::Perfect | Links::Authenticated => (0.0, 0.0),
            Links::FairLossy { loss, duplication, .. } => (loss, duplication),
            Links::Corrupting { loss, duplication, .. } => {
                kinds.insert(FaultKind::Corruption);
                (loss, duplication)
            }
        };
        if loss > 0.0 {
            kinds.extend([FaultKind::Loss, FaultKind::Reset]);
        }
        if duplication > 0.0 {
            kinds.insert(FaultKind::Duplication);
        }
        if !self.is_synchronous() {
            kinds.insert(FaultKind::Late);
        }
        kinds.extend(self.partitions.iter().map(|shape| FaultKind::Partition(*shape)));
        match self.clocks {
            Clocks::Perfect => {}
            Clocks::Bounded { .. } | Clocks::Skewed { jumps: false, .. } => kinds.extend([FaultKind::Skew]),
            Clocks::Skewed { jumps: true, .. } => kinds.extend([FaultKind::Skew, FaultKind::Jump]),
        }
        kinds
    }

    /// The same, of these nodes: two servers have no ring, and a world of clients has no liar.
    pub fn kinds_among(&self, nodes: &[Node]) -> BTreeSet<FaultKind> {
        let servers = names(nodes, Role::Server);
        let clients = names(nodes, Role::Client);
        let mut kinds = self.kinds();
        kinds.retain(|kind| match kind {
            FaultKind::Partition(shape) => partition::is_possible(*shape, &servers, &clients, self.clients_whole),
            FaultKind::Lie(_) => !servers.is_empty(),
            kind if kind.is_planned() => servers.len() + clients.len() >= 1,
            _ => servers.len() + clients.len() >= 2,
        });
        kinds
    }

    fn add_process_kinds(&self, kinds: &mut BTreeSet<FaultKind>) {
        match self.processes {
            Processes::Correct => return,
            Processes::CrashStop => kinds.extend([FaultKind::CrashForGood]),
            _ if self.disk == Disk::SyncedOnly => kinds.extend([FaultKind::Crash]),
            _ => kinds.extend([FaultKind::Crash, FaultKind::TornCrash]),
        }
        // Without a bound on a step, to stand still is no failure: any node may.
        if !self.is_synchronous() || self.processes >= Processes::Timing {
            kinds.insert(FaultKind::Pause);
        }
        if !self.is_synchronous() {
            kinds.insert(FaultKind::Slow);
        }
        if self.processes >= Processes::Omission {
            kinds.insert(FaultKind::Loss);
        }
        if self.processes == Processes::Byzantine {
            kinds.extend(Lie::ALL.map(FaultKind::Lie));
        }
        if self.disk >= Disk::Full {
            kinds.insert(FaultKind::Full);
        }
        if self.disk >= Disk::Rotting {
            kinds.insert(FaultKind::Rot);
        }
    }
}

fn names(nodes: &[Node], role: Role) -> Vec<&str> {
    let of_role = nodes.iter().filter(|node| node.role == role);
    of_role.map(|node| node.name.as_str()).collect()
}
