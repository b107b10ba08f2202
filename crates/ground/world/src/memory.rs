//! A world in memory with virtual time: nodes, links, disks and clocks that a test may crash, cut and skew.
//!
//! It brings its own executor: one thread, tasks polled in the order they were woken, and, when none is ready, time set
//! to the next timer. Tokio's paused runtime would not do: its timers round up to a millisecond, and its tasks are not
//! told apart by node, so that no crash could drop one node's. `tokio::sync` and `select!` work here unchanged; tokio's
//! own timers, tasks and sockets panic, because there is no tokio runtime. A test that runs a world is a plain
//! `#[test]`.
//!
//! One seed gives one run as long as the code under test draws its randomness from
//! [`Env::random`](crate::Env::random) and iterates over nothing in the order of a random hash; [`World::fingerprint`]
//! tells whether it did.
//!
//! The world is kind where it is not told otherwise: links lose nothing and keep order, disks lose only what was not
//! synced.

mod blocking;
mod clock;
mod disk;
mod disks;
mod executor;
mod fate;
mod image;
mod link;
mod network;
mod node;
mod pipe;
mod state;
mod timer;

use std::sync::Arc;
use std::time::Duration;

use crate::env::Env;
use crate::time::nanos;

pub use blocking::{BlockingFile, BlockingPlace, SQLITE_VFS};
pub use executor::{POLLS_RECORDED_MAX, Polled};
pub use image::{FILE_BYTES_MAX, SECTOR_BYTES};
pub use network::BACKLOG_MAX;
pub use pipe::PIPE_BYTES_MAX;
pub use state::Uncertainty;

use node::Incarnation;
use state::{Life, Shared};

/// Nodes, the links between them, and their common true time. A clone is the same world; with the last, all tasks end.
///
/// Its methods are for the test that plays fate: a node that is named but was never made, or is crashed twice, is an
/// error of the test, and panics.
#[derive(Clone)]
pub struct World {
    owner: Arc<Owner>,
}

impl World {
    /// A world without nodes at time zero, with links of 500 µs. Every random number in it follows from `seed`.
    pub fn new(seed: u64) -> World {
        World {
            owner: Arc::new(Owner {
                shared: Arc::new(Shared::new(seed)),
            }),
        }
    }

    /// The node `name`, made if it is new.
    pub fn node(&self, name: &str) -> Env {
        let (node, number) = self.shared().with(|state, _| {
            let node = state.find(name).unwrap_or_else(|| state.add_node(name));
            (node, state.nodes[node].is_up().then(|| state.nodes[node].incarnation))
        });
        match number {
            Some(number) => Env::new(Arc::new(Incarnation::new(self.shared().clone(), node, number, name))),
            None => panic!("node `{name}` has crashed; get its env from `World::restart`"),
        }
    }

    /// Runs `main` and every node's tasks until `main` is ready. What the tasks have not done by then waits for the
    /// next run. Panics if nothing can ever happen again, and names the tasks that wait.
    pub fn run<F: Future>(&self, main: F) -> F::Output {
        executor::run(self, main)
    }

    /// Crashes `name`: drops its tasks, closes its listeners, resets its streams, and loses what it had not synced. Its
    /// old [`Env`] panics from now on. A task of the node itself runs on to its next suspension.
    pub fn crash(&self, name: &str) {
        self.fall(name, false);
    }

    fn fall(&self, name: &str, torn: bool) {
        let node = self.find(name);
        let fallen = self.shared().with(|state, wakes| {
            let up = state.nodes[node].is_up();
            up.then(|| {
                // What is dropped now may still ask its env for the time.
                state.nodes[node].life = Life::Falling;
                state.reset_streams(node, wakes);
                let disarmed = state.disarm(node);
                (state.tasks.take_node(node), state.take_listeners(node, wakes), disarmed)
            })
        });
        assert!(
            fallen.is_some(),
            "node `{name}` has crashed already; `World::restart` it first"
        );
        drop(fallen);
        self.shared().with(|state, wakes| {
            state.nodes[node].life = Life::Down;
            let mut random = torn.then(|| state.random(node, "torn writes"));
            state.nodes[node].image.crash(random.as_mut());
            // Only an escaped task can wait for them; it is woken to be told so.
            state.timers.take_node(node, wakes);
        });
    }

    /// Starts the crashed `name` again: a new incarnation, with the disk it had synced and an [`Env`] of its own.
    pub fn restart(&self, name: &str) -> Env {
        let node = self.find(name);
        let down = self.shared().with(|state, _| {
            let down = matches!(state.nodes[node].life, Life::Down);
            down.then(|| state.restart(node))
        });
        assert!(down.is_some(), "node `{name}` is running; `World::crash` it first");
        self.node(name)
    }

    /// The time since the world began, which no node can see.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.shared().with(|state, _| state.now))
    }

    /// Sets the clocks of `name`: its wall clock is `offset_nanos` from true time now, and both its clocks run fast by
    /// `drift_ppm` parts in a million. Every timer of the node moves with them.
    pub fn skew(&self, name: &str, offset_nanos: i64, drift_ppm: i32) {
        assert!(
            drift_ppm > -1_000_000,
            "a clock runs forward: a drift of {drift_ppm} ppm must be above -1000000"
        );
        let node = self.find(name);
        self.shared().with(|state, _| {
            state.nodes[node].clock.skew(state.now, offset_nanos, drift_ppm);
            state.move_timers(node);
        });
    }

    /// Makes the clocks of `name` jump. Forward, both jump, as after a machine was suspended, and timers that are
    /// passed are due at once. Backward, only the wall clock does: a monotonic clock never goes back.
    pub fn jump(&self, name: &str, by_nanos: i64) {
        let node = self.find(name);
        self.shared().with(|state, _| {
            state.nodes[node].clock.jump(state.now, by_nanos);
            state.move_timers(node);
        });
    }

    /// Sets how long bytes travel between two nodes, from now on. Within a node they take no time.
    pub fn latency(&self, latency: Duration) {
        self.shared().with(|state, _| state.links.latency = nanos(latency));
    }

    /// Cuts the link between two nodes, both ways: what is on the way or sent from now on waits for [`World::heal`].
    pub fn cut(&self, one: &str, other: &str) {
        let (one, other) = (self.find(one), self.find(other));
        self.shared().with(|state, _| state.cut(one, other));
    }

    /// Mends the link between two nodes: what waited arrives after one latency, in order.
    pub fn heal(&self, one: &str, other: &str) {
        let (one, other) = (self.find(one), self.find(other));
        self.shared().with(|state, wakes| state.heal(one, other, wakes));
    }

    /// A hash of which task was polled at which time, from the beginning: two runs that differ in it were two different
    /// runs.
    pub fn fingerprint(&self) -> u64 {
        self.shared().with(|state, _| state.tasks.fingerprint)
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.owner.shared
    }

    fn find(&self, name: &str) -> usize {
        match self.shared().with(|state, _| state.find(name)) {
            Some(node) => node,
            None => panic!("no node is named `{name}`; make it by `World::node`"),
        }
    }
}

/// Ends the tasks, which hold the world they live in, when nobody can run them any more.
struct Owner {
    shared: Arc<Shared>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.ready.clear();
        // Each of them may hold the world they are in.
        let held = self.shared.with(|state, _| state.end());
        drop(held);
    }
}
