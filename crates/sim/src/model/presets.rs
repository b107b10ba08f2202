//! The presets, each with the reason for its numbers.

use std::time::Duration;

use crate::fault::PartitionShape;
use crate::model::{Clocks, Disk, Faulty, Links, Model, Processes, Timing};

/// Ten times an ordinary round trip between racks: a fixed timeout of twice this is quick, and still *perfect*.
const SYNCHRONOUS_DELAY_MAX: Duration = Duration::from_millis(10);
/// A way around the earth and back through fibre takes about 200 ms.
const WEB_DELAY_MAX: Duration = Duration::from_millis(250);
/// Longer than any timeout that a program is likely to use, so that each of them is wrong at least once.
const STABLE_AFTER: Duration = Duration::from_secs(30);
/// What "no answer after 2 s means that it has failed" takes for granted.
const STABLE_DELAY_MAX: Duration = Duration::from_secs(1);
/// Above what a network in order loses, and low enough that three attempts nearly always succeed.
pub(super) const LOSS: f64 = 0.01;
/// Twice the loss of a datacentre: it crosses networks of others.
const ASYNCHRONOUS_LOSS: f64 = 0.02;
/// High enough that each seed doubles something, low enough that most messages are simple.
pub(super) const DUPLICATION: f64 = 0.01;
/// Checksums miss far fewer; a campaign must see some all the same.
pub(super) const CORRUPTION: f64 = 0.01;
/// What NTP keeps on a busy network of one site.
pub(super) const CLOCK_UNCERTAINTY: Duration = Duration::from_millis(5);
/// What a clock is off by that NTP sets over the internet, at its worst.
pub(super) const CLOCK_OFFSET: Duration = Duration::from_millis(250);
/// A common bound for a quartz oscillator outside its range of temperature.
pub(super) const CLOCK_DRIFT_PPM: u32 = 200;

impl Model {
    /// Bounded delays, no loss, nodes that stop for good: what textbooks begin with.
    pub fn synchronous() -> Model {
        Model {
            name: "synchronous".to_string(),
            timing: Timing::Synchronous {
                delay_max: SYNCHRONOUS_DELAY_MAX,
                rounds: false,
            },
            processes: Processes::CrashStop,
            faulty_max: Faulty::Minority,
            disk: Disk::SyncedOnly,
            links: Links::Perfect,
            partitions: [].into(),
            clocks: Clocks::Perfect,
            clients_whole: false,
        }
    }

    /// Delays that are bounded in the end, nodes that come back, links that lose, clocks with a known error.
    pub fn datacentre() -> Model {
        Model {
            name: "datacentre".to_string(),
            timing: Timing::PartiallySynchronous {
                stable_after: STABLE_AFTER,
                delay_max: STABLE_DELAY_MAX,
            },
            processes: Processes::CrashRecovery,
            faulty_max: Faulty::Minority,
            disk: Disk::SyncedOnly,
            links: Links::FairLossy {
                loss: LOSS,
                duplication: 0.0,
                reorder: false,
            },
            partitions: [
                PartitionShape::OneWay,
                PartitionShape::Bridge,
                PartitionShape::IsolateLeader,
                PartitionShape::Halves,
            ]
            .into(),
            clocks: Clocks::Bounded {
                uncertainty: CLOCK_UNCERTAINTY,
            },
            clients_whole: false,
        }
    }

    /// One service and many clients: they talk synchronously, and each client reaches all servers or none, whereas
    /// servers may be cut off from each other. Clocks are the clients' own.
    pub fn web() -> Model {
        Model {
            name: "web".to_string(),
            timing: Timing::Synchronous {
                delay_max: WEB_DELAY_MAX,
                rounds: false,
            },
            processes: Processes::CrashRecovery,
            faulty_max: Faulty::Minority,
            disk: Disk::SyncedOnly,
            links: Links::Perfect,
            partitions: [PartitionShape::IsolateLeader, PartitionShape::Halves].into(),
            clocks: Clocks::Skewed {
                offset: CLOCK_OFFSET,
                drift_ppm: CLOCK_DRIFT_PPM,
                jumps: false,
            },
            clients_whole: true,
        }
    }

    /// No bound on anything; messages are lost, doubled and overtaken; clocks are wrong and jump; disks are torn.
    pub fn asynchronous() -> Model {
        Model {
            name: "asynchronous".to_string(),
            timing: Timing::Asynchronous,
            processes: Processes::CrashRecovery,
            faulty_max: Faulty::Minority,
            disk: Disk::Torn,
            links: Links::FairLossy {
                loss: ASYNCHRONOUS_LOSS,
                duplication: DUPLICATION,
                reorder: true,
            },
            partitions: [
                PartitionShape::OneWay,
                PartitionShape::Bridge,
                PartitionShape::Ring,
                PartitionShape::IsolateLeader,
                PartitionShape::Halves,
            ]
            .into(),
            clocks: Clocks::Skewed {
                offset: CLOCK_OFFSET,
                drift_ppm: CLOCK_DRIFT_PPM,
                jumps: true,
            },
            clients_whole: false,
        }
    }

    /// At most `faulty_max` nodes do anything at all; everything else is kind, so that what goes wrong is their doing.
    pub fn byzantine(faulty_max: u32) -> Model {
        Model {
            name: format!("byzantine({faulty_max})"),
            processes: Processes::Byzantine,
            faulty_max: Faulty::AtMost(faulty_max),
            links: Links::Authenticated,
            partitions: [].into(),
            ..Model::datacentre()
        }
    }

    /// All presets, `byzantine` with one faulty node.
    pub fn presets() -> [Model; 5] {
        [
            Model::synchronous(),
            Model::datacentre(),
            Model::web(),
            Model::asynchronous(),
            Model::byzantine(1),
        ]
    }
}
