//! What strikes in a run, and when: all of it follows from the seed.

use std::time::Duration;

use world::Random;
use world::memory::World;

/// When the last fault begins.
pub(crate) const ROUGH: Duration = Duration::from_secs(20);
/// How long after it a connection that has lost bytes may stay unnoticed.
pub(crate) const SETTLE: Duration = Duration::from_secs(26);

/// Something that befalls the network or a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strike {
    /// Loses all that is sent both ways.
    Partition(&'static str),
    /// Loses all that is sent to the server.
    PartitionTo(&'static str),
    /// Loses all that the server sends.
    PartitionFrom(&'static str),
    /// Keeps back all that is sent.
    Hold(&'static str),
    /// Ends whatever befell the link between this host and the server.
    Heal(&'static str),
    Crash(&'static str),
    Bounce(&'static str),
}

/// A run's network and faults.
pub(crate) struct Plan {
    pub(crate) strikes: Vec<(Duration, Strike)>,
    pub(crate) latency_max: Duration,
    pub(crate) fail_rate: f64,
    pub(crate) repair_rate: f64,
    pub(crate) segments: usize,
    pub(crate) shuffled: bool,
}

/// The callers' hosts. The last is a host that crashes.
pub(crate) const CALLERS: [&str; 4] = ["anna", "bert", "web", "frail"];

impl Plan {
    pub(crate) fn new(seed: u64) -> Plan {
        let mut random = World::new(seed).node("plan").random("plan");
        let mut strikes = Vec::new();
        for link in CALLERS {
            strike_link(link, &mut random, &mut strikes);
        }
        for host in ["server", "frail"] {
            strike_host(host, &mut random, &mut strikes);
        }
        strikes.sort_unstable();
        Plan {
            strikes,
            latency_max: Duration::from_millis([5, 20, 60, 200][random.below(4) as usize]),
            fail_rate: [0.0, 0.0, 0.001, 0.01][random.below(4) as usize],
            repair_rate: [0.02, 0.2, 1.0][random.below(3) as usize],
            segments: [4, 16, 64][random.below(3) as usize],
            shuffled: random.below(2) == 0,
        }
    }

    /// The same network without any faults.
    pub(crate) fn calm(seed: u64) -> Plan {
        Plan {
            strikes: Vec::new(),
            fail_rate: 0.0,
            ..Plan::new(seed)
        }
    }
}

/// Between zero and `max_ms`, short times more often.
fn drawn(random: &mut Random, max_ms: u64) -> Duration {
    let bound = random.below(max_ms) + 1;
    Duration::from_millis(random.below(bound))
}

fn strike_link(link: &'static str, random: &mut Random, strikes: &mut Vec<(Duration, Strike)>) {
    let mut at = drawn(random, 8_000);
    while at < ROUGH {
        let kinds = [
            Strike::Partition(link),
            Strike::PartitionTo(link),
            Strike::PartitionFrom(link),
            Strike::Hold(link),
        ];
        strikes.push((at, kinds[random.below(4) as usize]));
        at += drawn(random, 6_000);
        strikes.push((at.min(ROUGH), Strike::Heal(link)));
        at += Duration::from_millis(10) + drawn(random, 8_000);
    }
}

fn strike_host(host: &'static str, random: &mut Random, strikes: &mut Vec<(Duration, Strike)>) {
    let mut at = drawn(random, 10_000);
    while at < ROUGH {
        strikes.push((at, Strike::Crash(host)));
        at += Duration::from_millis(10) + drawn(random, 3_000);
        strikes.push((at.min(ROUGH), Strike::Bounce(host)));
        at += Duration::from_millis(10) + drawn(random, 12_000);
    }
}
