//! What lies between nodes: how long bytes travel, which links are cut, and what a crash does to the streams across.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::task::{Poll, Waker};

use super::clock::NEVER;
use super::node::Incarnation;
use super::pipe::Item;
use super::state::{State, Wakes};
use super::timer::{Then, TrueTimer};

/// As within a data centre.
const LATENCY_NANOS: u64 = 500_000;

pub(super) struct Links {
    pub(super) latency: u64,
    /// Both orders of each pair.
    cuts: BTreeSet<(usize, usize)>,
    /// Who waits for a link to be healed.
    waiting: Vec<Waker>,
}

impl Default for Links {
    fn default() -> Links {
        Links {
            latency: LATENCY_NANOS,
            cuts: BTreeSet::new(),
            waiting: Vec::new(),
        }
    }
}

impl Links {
    /// The true time at which what is sent `now` arrives.
    pub(super) fn arrival(&self, from: usize, to: usize, now: u64) -> u64 {
        match from == to {
            true => now,
            false if self.cuts.contains(&(from, to)) => NEVER,
            false => now.saturating_add(self.latency),
        }
    }
}

impl State {
    pub(super) fn cut(&mut self, one: usize, other: usize) {
        if one == other {
            return;
        }
        self.links.cuts.extend([(one, other), (other, one)]);
        let across = |from, to| (from, to) == (one, other) || (from, to) == (other, one);
        self.pipes
            .values_mut()
            .filter(|pipe| across(pipe.from, pipe.to))
            .for_each(|pipe| pipe.hold(self.now));
    }

    pub(super) fn heal(&mut self, one: usize, other: usize, wakes: &mut Wakes) {
        self.links.cuts.remove(&(one, other));
        self.links.cuts.remove(&(other, one));
        wakes.append(&mut self.links.waiting);
        for (id, pipe) in &mut self.pipes {
            if (pipe.from, pipe.to) == (one, other) || (pipe.from, pipe.to) == (other, one) {
                let arrives = self.links.arrival(pipe.from, pipe.to, self.now);
                pipe.release(arrives);
                self.timers.set(arrives, None, Then::Arrive(*id));
            }
        }
    }

    /// Sends `item` through the pipe `id`.
    pub(super) fn send(&mut self, id: u64, item: Item, wakes: &mut Wakes) {
        if let Some(pipe) = self.pipes.get_mut(&id) {
            let arrives = pipe.push(self.links.arrival(pipe.from, pipe.to, self.now), item);
            self.arrive(id, arrives, wakes);
        }
    }

    /// Wakes the sides of the pipe `id` at the true time `at`.
    pub(super) fn arrive(&mut self, id: u64, at: u64, wakes: &mut Wakes) {
        match at {
            // `heal` sees to what is held by a cut.
            NEVER => {}
            at if at > self.now => drop(self.timers.set(at, None, Then::Arrive(id))),
            _ => self.happen(Then::Arrive(id), wakes),
        }
    }

    /// The peers of the streams of `node` see a reset, as soon as it can reach them.
    pub(super) fn reset_streams(&mut self, node: usize, wakes: &mut Wakes) {
        let ids: Vec<u64> = self.pipes.keys().copied().collect();
        for id in ids {
            let Some(pipe) = self.pipes.get_mut(&id) else {
                continue;
            };
            let refused = self.links.arrival(pipe.to, pipe.from, self.now);
            let (writing, reading) = pipe.crash(node, refused);
            if writing || reading {
                // The crashed side too: an escaped task that waits for it must be told.
                pipe.wake(wakes);
            }
            if writing {
                self.send(id, Item::Reset, wakes);
            }
            if reading {
                self.arrive(id, refused, wakes);
            }
        }
    }
}

/// Ready when something has travelled from one node to another.
pub(super) async fn pass(life: &Incarnation, from: usize, to: usize) {
    loop {
        let arrives = poll_fn(|cx| {
            life.enter(|state, _| match state.links.arrival(from, to, state.now) {
                NEVER => {
                    if !state.links.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                        state.links.waiting.push(cx.waker().clone());
                    }
                    Poll::Pending
                }
                arrives => Poll::Ready(arrives),
            })
        })
        .await;
        TrueTimer {
            shared: life.shared.clone(),
            until: arrives,
            id: None,
        }
        .await;
        // It may have been cut on the way.
        if life.enter(|state, _| state.links.arrival(from, to, state.now)) != NEVER {
            return;
        }
    }
}
