//! One life of a node, from its start to its crash: what an [`Env`](crate::Env) of this world holds.

use std::io;
use std::sync::Arc;

use crate::disk::{Disk, SqlitePlace, split};
use crate::env::Node;
use crate::network::{BoxFuture, Network};
use crate::probe::Probe;
use crate::random::Random;
use crate::task::Cancel;
use crate::time::{Instant, Interval, Sleep, Wall};

use super::blocking::{self, SQLITE_VFS};
use super::clock::civil;
use super::disk::MemoryDisk;
use super::network::MemoryNetwork;
use super::state::{Shared, State, Uncertainty, Wakes};
use super::timer::LocalTimer;

#[derive(Clone)]
pub(super) struct Incarnation {
    pub(super) shared: Arc<Shared>,
    pub(super) node: usize,
    number: u32,
    name: Arc<str>,
}

impl Incarnation {
    pub(super) fn new(shared: Arc<Shared>, node: usize, number: u32, name: &str) -> Incarnation {
        Incarnation {
            shared,
            node,
            number,
            name: Arc::from(name),
        }
    }

    /// Whether it is the incarnation `number` of its node.
    pub(super) fn is_of(&self, number: u32) -> bool {
        self.number == number
    }

    /// [`Shared::with`], for a node that lives.
    pub(super) fn enter<T>(&self, change: impl FnOnce(&mut State, &mut Wakes) -> T) -> T {
        let entered = self.shared.with(|state, wakes| {
            let alive = state.is_alive(self.node, self.number);
            alive.then(|| change(state, wakes))
        });
        match entered {
            Some(value) => value,
            None => panic!(
                "node `{}` has crashed, and this is the env of its incarnation {}: a task has escaped its node; spawn \
                 it by that node's env, and after a crash use the env that `World::restart` gave",
                self.name, self.number
            ),
        }
    }

    /// Lets go of an open file; after a crash there is none.
    pub(super) fn release(&self, file: u64) {
        self.shared.with(|state, _| {
            if state.is_alive(self.node, self.number) {
                state.nodes[self.node].image.release(file);
            }
        });
    }

    /// Ends a sync of a directory for which nobody waits any more; after a crash there is none.
    pub(super) fn abandon(&self, sync: u64) {
        self.shared.with(|state, _| {
            if state.is_alive(self.node, self.number) {
                state.nodes[self.node].image.abandon_sync_dir(sync);
            }
        });
    }
}

impl Node for Incarnation {
    fn name(&self) -> &str {
        &self.name
    }

    fn now(&self) -> Instant {
        self.enter(|state, _| state.nodes[self.node].clock.instant(state.now))
    }

    fn wall(&self) -> Wall {
        self.enter(|state, _| state.nodes[self.node].clock.wall(state.now))
    }

    fn interval(&self) -> Interval {
        self.enter(|state, _| {
            let (wall, truth) = (state.nodes[self.node].clock.wall(state.now), civil(state.now));
            match state.uncertainty {
                Uncertainty::Exact => {
                    let error = wall
                        .saturating_duration_since(truth)
                        .max(truth.saturating_duration_since(wall));
                    Interval::around(wall, error)
                }
                Uncertainty::AtMost(bound) => Interval::around(wall, bound),
                Uncertainty::Unknown => Interval::UNBOUNDED,
            }
        })
    }

    fn probe(&self) -> Option<Arc<dyn Probe>> {
        self.enter(|state, _| state.probe.clone())
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        self.enter(|_, _| ());
        Sleep::new(LocalTimer {
            life: self.clone(),
            until: at,
            id: None,
        })
    }

    fn random(&self, purpose: &str) -> Random {
        self.enter(|state, _| state.random(self.node, purpose))
    }

    fn network(&self) -> Arc<dyn Network> {
        self.enter(|_, _| ());
        Arc::new(MemoryNetwork(self.clone()))
    }

    fn disk(&self) -> Arc<dyn Disk> {
        self.enter(|_, _| ());
        Arc::new(MemoryDisk(self.clone()))
    }

    /// A VFS over the node's disk, which whoever has SQLite registers: see [`blocking`](super::blocking).
    fn sqlite(&self, name: &str) -> io::Result<SqlitePlace> {
        split(name)?;
        self.enter(|_, _| ());
        Ok(SqlitePlace {
            path: blocking::path(&self.shared, &self.name, self.number, name),
            vfs: Some(SQLITE_VFS.to_owned()),
            inline: true,
        })
    }

    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) -> Box<dyn Cancel> {
        let mut task = Some(task);
        let id = self.enter(|state, _| {
            let up = state.nodes[self.node].is_up() && !state.ended;
            task.take_if(|_| up).map(|task| state.tasks.add(self.node, name, task))
        });
        // A node that is falling starts nothing, nor does one in a world that has ended; what it would have started is dropped here, outside the lock.
        drop(task);
        if let Some(id) = id {
            self.shared.ready.waker(id).wake();
        }
        Box::new(Spawned {
            shared: self.shared.clone(),
            id,
        })
    }

    fn blocking(&self, _name: &'static str, work: Box<dyn FnOnce() + Send>) -> Box<dyn Cancel> {
        self.enter(|_, _| ());
        work();
        Box::new(Spawned {
            shared: self.shared.clone(),
            id: None,
        })
    }
}

struct Spawned {
    shared: Arc<Shared>,
    id: Option<u64>,
}

impl Cancel for Spawned {
    fn cancel(&self) {
        let task = self.id.and_then(|id| self.shared.with(|state, _| state.tasks.take(id)));
        drop(task);
    }
}
