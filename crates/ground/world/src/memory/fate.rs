//! What whoever plays fate does to a world beyond crashes, cuts and clocks: happenings at a time, nodes that stand still
//! or are slow, and what is recorded of a run.

use std::sync::Arc;
use std::time::Duration;

use crate::probe::Probe;
use crate::time::nanos;

use super::World;
use super::executor::Polled;
use super::state::Uncertainty;
use super::timer::Then;

impl World {
    /// Lets `happening` happen once `after` has passed in true time, before any task that is ready then is polled.
    pub fn after(&self, after: Duration, happening: impl FnOnce(&World) + Send + 'static) {
        let mut happening = Some(happening);
        self.shared().with(|state, _| {
            if let Some(happening) = happening.take_if(|_| !state.ended) {
                let due = state.now.saturating_add(nanos(after));
                state.timers.set(due, None, Then::Run(Box::new(happening)));
            }
        });
        // In a world that has ended it is dropped here, outside the lock.
        drop(happening);
    }

    /// Whether `name` is a node that runs.
    pub fn is_up(&self, name: &str) -> bool {
        self.shared()
            .with(|state, _| state.find(name).is_some_and(|node| state.nodes[node].is_up()))
    }

    /// Lets `name` stand still: none of its tasks is polled, while its clocks go on. It notices nothing of it.
    pub fn pause(&self, name: &str) {
        let node = self.find(name);
        self.shared().with(|state, _| state.nodes[node].paused = true);
    }

    /// Lets `name` go on after [`World::pause`]; does nothing if it does not stand still.
    pub fn resume(&self, name: &str) {
        let node = self.find(name);
        let held = self.shared().with(|state, _| {
            state.nodes[node].paused = false;
            std::mem::take(&mut state.nodes[node].held)
        });
        held.into_iter().for_each(|woken| self.shared().ready.again(woken));
    }

    /// Makes each step of the tasks of `name` take `step`, one after the other; zero makes it quick again:
    /// what waits for its step is done at once, in its order.
    pub fn slow(&self, name: &str, step: Duration) {
        let node = self.find(name);
        let waiting = self.shared().with(|state, _| {
            let state = &mut state.nodes[node];
            state.step = nanos(step);
            let quick = state.step == 0;
            quick.then(|| {
                state.busy_until = 0;
                std::mem::take(&mut state.steps)
            })
        });
        for (_, woken) in waiting.into_iter().flatten() {
            self.shared().ready.again(woken.paid());
        }
    }

    /// Sets what the nodes know of their clocks' errors: what [`Env::interval`](crate::Env::interval) says.
    pub fn uncertainty(&self, uncertainty: Uncertainty) {
        self.shared().with(|state, _| state.uncertainty = uncertainty);
    }

    /// Sets who watches the nodes.
    pub fn watch(&self, probe: Arc<dyn Probe>) {
        self.shared().with(|state, _| state.probe = Some(probe));
    }

    /// Ends the world: drops every task and everything that was to happen, which may hold the world they are in. From now
    /// on nothing happens and no task is started in it.
    pub fn end(&self) {
        self.shared().ready.clear();
        let held = self.shared().with(|state, _| state.end());
        drop(held);
    }

    /// Lets `value` enter the [fingerprint](World::fingerprint).
    pub fn mark(&self, value: u64) {
        self.shared().with(|state, _| state.tasks.mark(value));
    }

    /// Records which task is polled when, from now on, up to a limit.
    pub fn record_polls(&self) {
        self.shared().with(|state, _| {
            state.tasks.polls.get_or_insert_default();
        });
    }

    /// The polls that were recorded.
    pub fn polls(&self) -> Vec<Polled> {
        self.shared()
            .with(|state, _| state.tasks.polls.clone().unwrap_or_default())
    }

    /// The node whose task is being polled now, and the task's name.
    pub fn current(&self) -> Option<(String, &'static str)> {
        self.shared().with(|state, _| state.current())
    }
}
