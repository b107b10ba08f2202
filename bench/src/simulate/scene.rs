//! What is simulated: the same on both sides, as far as a peer can.

use std::time::Duration;

/// Nodes and their traffic: requests and replies of 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scene {
    /// Its name, as an argument.
    pub(crate) name: &'static str,
    pub(crate) nodes: u64,
    /// The first of the nodes serve. Where all of them do, all of them call as well; otherwise the others do.
    pub(crate) servers: u64,
    /// Requests that a caller has under way at once, each to the next server in turn.
    pub(crate) lanes: u64,
    /// What a lane waits before each request.
    pub(crate) pause: Duration,
    /// The system model: `synchronous`, whose delays are 1 to 10 ms, where a peer is beside it.
    pub(crate) model: &'static str,
    /// Whether faults strike: those that the seed has drawn.
    pub(crate) chaos: bool,
    /// Whether every event is kept, with its words.
    pub(crate) recorded: bool,
    /// Simulated time of one run.
    pub(crate) simulated: Duration,
    /// Simulated time of a peer's run, which is slower or faster.
    pub(crate) simulated_by_peer: Duration,
}

const SPARSE: Scene = Scene {
    name: "sparse",
    nodes: 6,
    servers: 3,
    lanes: 1,
    pause: Duration::from_secs(1),
    model: "synchronous",
    chaos: false,
    recorded: false,
    simulated: Duration::from_secs(10_000),
    simulated_by_peer: Duration::from_secs(120),
};

const BUSY: Scene = Scene {
    name: "busy",
    nodes: 30,
    servers: 30,
    lanes: 4,
    pause: Duration::ZERO,
    model: "synchronous",
    chaos: false,
    recorded: false,
    simulated: Duration::from_secs(10),
    simulated_by_peer: Duration::from_secs(4),
};

pub(crate) const SPARSE_CALM: Scene = SPARSE;

/// As long as a campaign has it, so that what it takes to set a world up is in it.
pub(crate) const SPARSE_CHAOS: Scene = Scene {
    name: "sparse-chaos",
    model: "asynchronous",
    chaos: true,
    simulated: Duration::from_secs(600),
    ..SPARSE
};

pub(crate) const SPARSE_RECORDED: Scene = Scene {
    name: "sparse-recorded",
    recorded: true,
    ..SPARSE_CHAOS
};

pub(crate) const BUSY_CALM: Scene = BUSY;

pub(crate) const BUSY_DEEP: Scene = Scene {
    name: "busy-deep",
    lanes: 16,
    simulated: Duration::from_secs(3),
    simulated_by_peer: Duration::from_millis(1_500),
    ..BUSY
};

pub(crate) const BUSY_CHAOS: Scene = Scene {
    name: "busy-chaos",
    model: "asynchronous",
    chaos: true,
    simulated: Duration::from_secs(20),
    ..BUSY
};

/// So short that all of it is kept: a run keeps 200,000 events at most, and a message is two.
pub(crate) const BUSY_RECORDED: Scene = Scene {
    name: "busy-recorded",
    recorded: true,
    simulated: Duration::from_secs(4),
    ..BUSY
};

/// Every scene that ours runs.
pub(crate) const SCENES: [Scene; 7] = [
    SPARSE_CHAOS,
    SPARSE_RECORDED,
    SPARSE_CALM,
    BUSY_CALM,
    BUSY_DEEP,
    BUSY_CHAOS,
    BUSY_RECORDED,
];
