//! The heap of what is to happen, ordered by true time and then by when it was asked for.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
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
    /// By when they are due and their id. What never happens is at the end, and stays.
    queue: BTreeMap<(u64, u64), Timer>,
    /// When those are due that can be moved or taken away: what somebody waits for. A message is not among them.
    waits: BTreeMap<u64, u64>,
}

struct Timer {
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
        if matches!(then, Then::Wake(_)) {
            self.waits.insert(id, due);
        }
        self.queue.insert((due, id), Timer { local, then });
        id
    }

    /// Takes the next to happen and its true time. What never happens is not waited for, so that a world in which nothing
    /// else can happen is seen to be stuck.
    pub(super) fn pop(&mut self) -> Option<(u64, Then)> {
        let first = self.queue.first_entry()?;
        let (due, id) = *first.key();
        if due == NEVER {
            return None;
        }
        let then = first.remove().then;
        if matches!(then, Then::Wake(_)) {
            self.waits.remove(&id);
        }
        Some((due, then))
    }

    pub(super) fn remove(&mut self, id: u64) {
        if let Some(due) = self.waits.remove(&id) {
            self.queue.remove(&(due, id));
        }
    }

    /// Puts the timers of `node` where its changed `clock` says.
    pub(super) fn move_node(&mut self, node: usize, now: u64, clock: &Clock) {
        for (id, due) in &mut self.waits {
            let Entry::Occupied(timer) = self.queue.entry((*due, *id)) else {
                continue;
            };
            if let Some((_, at)) = timer.get().local.filter(|(of, _)| *of == node) {
                let timer = timer.remove();
                *due = clock.due(at).max(now);
                self.queue.insert((*due, *id), timer);
            }
        }
    }

    /// Ends the timers of `node` and wakes who waited for them.
    pub(super) fn take_node(&mut self, node: usize, wakes: &mut Wakes) {
        let queue = &mut self.queue;
        self.waits.retain(|id, due| {
            let Entry::Occupied(timer) = queue.entry((*due, *id)) else {
                return false;
            };
            let of_node = timer.get().local.is_some_and(|(of, _)| of == node);
            if of_node && let Then::Wake(waker) = timer.remove().then {
                wakes.push(waker);
            }
            !of_node
        });
    }

    /// Whether `id` is still to happen; then `waker` is who waits for it.
    fn rewake(&mut self, id: u64, waker: &Waker) -> bool {
        let Some(due) = self.waits.get(&id) else {
            return false;
        };
        match self.queue.get_mut(&(*due, id)) {
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
