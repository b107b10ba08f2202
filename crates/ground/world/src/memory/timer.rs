//! The heap of what is to happen, ordered by true time and then by when it was asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::time::Instant;

use super::World;
use super::clock::{Clock, NEVER};
use super::executor::Woken;
use super::node::Incarnation;
use super::state::{Shared, Wakes};

#[derive(Default)]
pub(super) struct Timers {
    next: u64,
    by_id: BTreeMap<u64, Timer>,
    queue: BTreeSet<(u64, u64)>,
}

struct Timer {
    due: u64,
    /// The node whose clock it follows, and what that clock shall show; none for what follows true time.
    local: Option<(usize, Instant)>,
    then: Then,
}

pub(super) enum Then {
    /// Wakes whoever waits.
    Wake(Waker),
    /// Something arrives in this pipe.
    Arrive(u64),
    /// A step of a slow node has taken its time.
    Step(Arc<Woken>),
    /// Fate does something.
    Run(Happening),
}

/// What fate does at a time.
pub(super) type Happening = Box<dyn FnOnce(&World) + Send>;

impl Timers {
    pub(super) fn set(&mut self, due: u64, local: Option<(usize, Instant)>, then: Then) -> u64 {
        let id = self.next;
        self.next += 1;
        self.by_id.insert(id, Timer { due, local, then });
        self.enqueue(due, id);
        id
    }

    /// Takes the next to happen and its true time.
    pub(super) fn pop(&mut self) -> Option<(u64, Then)> {
        let (due, id) = self.queue.pop_first()?;
        self.by_id.remove(&id).map(|timer| (due, timer.then))
    }

    pub(super) fn remove(&mut self, id: u64) {
        if let Some(timer) = self.by_id.remove(&id) {
            self.queue.remove(&(timer.due, id));
        }
    }

    /// Puts the timers of `node` where its changed `clock` says.
    pub(super) fn move_node(&mut self, node: usize, now: u64, clock: &Clock) {
        for (id, timer) in &mut self.by_id {
            if let Some((_, at)) = timer.local.filter(|(of, _)| *of == node) {
                self.queue.remove(&(timer.due, *id));
                timer.due = clock.due(at).max(now);
                if timer.due != NEVER {
                    self.queue.insert((timer.due, *id));
                }
            }
        }
    }

    /// Ends the timers of `node` and wakes who waited for them.
    pub(super) fn take_node(&mut self, node: usize, wakes: &mut Wakes) {
        let of_node = |timer: &Timer| timer.local.is_some_and(|(of, _)| of == node);
        let ids: Vec<u64> = self
            .by_id
            .iter()
            .filter(|(_, timer)| of_node(timer))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            if let Some(timer) = self.by_id.remove(&id) {
                self.queue.remove(&(timer.due, id));
                if let Then::Wake(waker) = timer.then {
                    wakes.push(waker);
                }
            }
        }
    }

    /// Whether `id` is still to happen; then `waker` is who waits for it.
    fn rewake(&mut self, id: u64, waker: &Waker) -> bool {
        match self.by_id.get_mut(&id) {
            Some(Timer {
                then: Then::Wake(waiting),
                ..
            }) => {
                waiting.clone_from(waker);
                true
            }
            _ => false,
        }
    }

    fn enqueue(&mut self, due: u64, id: u64) {
        // What never happens is not waited for, so that a world in which nothing else can happen is seen to be stuck.
        if due != NEVER {
            self.queue.insert((due, id));
        }
    }
}

/// Ready when the clock of a node has reached an instant.
pub(super) struct LocalTimer {
    pub(super) life: Incarnation,
    pub(super) until: Instant,
    pub(super) id: Option<u64>,
}

impl Future for LocalTimer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let (node, until, id) = (this.life.node, this.until, &mut this.id);
        this.life.enter(|state, _| {
            let clock = &state.nodes[node].clock;
            if clock.instant(state.now) >= until {
                return Poll::Ready(());
            }
            if !id.is_some_and(|id| state.timers.rewake(id, cx.waker())) {
                let due = clock.due(until).max(state.now);
                *id = Some(
                    state
                        .timers
                        .set(due, Some((node, until)), Then::Wake(cx.waker().clone())),
                );
            }
            Poll::Pending
        })
    }
}

impl Drop for LocalTimer {
    fn drop(&mut self) {
        remove(&self.life.shared, self.id);
    }
}

/// Ready at a true time: what no node's clock can shift.
pub(super) struct TrueTimer {
    pub(super) shared: Arc<Shared>,
    pub(super) until: u64,
    pub(super) id: Option<u64>,
}

impl Future for TrueTimer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let (until, id) = (this.until, &mut this.id);
        this.shared.with(|state, _| {
            if state.now >= until {
                return Poll::Ready(());
            }
            if !id.is_some_and(|id| state.timers.rewake(id, cx.waker())) {
                *id = Some(state.timers.set(until, None, Then::Wake(cx.waker().clone())));
            }
            Poll::Pending
        })
    }
}

impl Drop for TrueTimer {
    fn drop(&mut self) {
        remove(&self.shared, self.id);
    }
}

fn remove(shared: &Shared, id: Option<u64>) {
    if let Some(id) = id {
        shared.with(|state, _| state.timers.remove(id));
    }
}
