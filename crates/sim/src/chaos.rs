//! Faults that strike at a time: crashes, pauses, cuts, clocks and disks; and how all of them are healed.

mod within;

use std::sync::Arc;
use std::time::Duration;

use wire::limits::SILENCE_MAX;
use world::Env;
use world::memory::Uncertainty;

use crate::fault::{Fault, PartitionShape};
use crate::inner::{Inner, Opened};
use crate::model::Clocks;
use crate::plan::{self, Window};
use crate::random::Draw;
use crate::session::Line;
use crate::source::{Source, micros};
use crate::trace::What;
use crate::transport::SimulatedTransport;

/// A partition that lies on the links.
pub(crate) struct Active {
    number: u64,
    cuts: Vec<(u32, u32)>,
}

/// Says who leads, if somebody does.
pub(crate) type Leader = Arc<dyn Fn() -> Option<String> + Send + Sync>;

impl Inner {
    /// Lets the faults of this run begin.
    pub(crate) fn begin_chaos(self: &Arc<Inner>, lasts: Duration) {
        let now_us = micros(self.memory.now());
        let window = Window::new(&self.model, self.seed, now_us, now_us.saturating_add(micros(lasts)));
        let timed = {
            let mut core = self.core();
            let timed = match &core.source {
                Source::Listed(faults) => faults.clone(),
                _ => {
                    let nodes: Vec<plan::Node> = core.nodes.iter().map(|node| node.planned()).collect();
                    let plan = plan::draw(&self.model, self.seed, &nodes, window);
                    core.source = Source::Drawn {
                        enabled: plan.enabled,
                        liars: plan.liars,
                        omitting: plan.omitting,
                        window,
                    };
                    plan.faults
                }
            };
            core.chaos_ends = self.memory.now() + lasts;
            let core = &mut *core;
            core.liars.activate(&core.source);
            timed
        };
        for fault in timed {
            let Some(at_us) = fault.begins_us() else { continue };
            let inner = self.clone();
            let after = Duration::from_micros(at_us.saturating_sub(now_us));
            self.memory.after(after, move |_| inner.strike(fault));
        }
    }

    /// Sets the clocks of a node that has just been made, as the seed or the list has it.
    pub(crate) fn skew(&self, node: u32, name: &str) {
        let mut core = self.core();
        let skew = match &core.source {
            Source::Listed(faults) => faults
                .iter()
                .find(|fault| matches!(fault, Fault::Skew { node, .. } if node == name))
                .cloned(),
            _ => plan::skew(&self.model, self.seed, name),
        };
        if let Some(
            fault @ Fault::Skew {
                offset_us, drift_ppm, ..
            },
        ) = skew
        {
            self.memory.skew(name, offset_us.saturating_mul(1000), drift_ppm);
            core.occurred(self, Some(node), fault);
        }
    }

    /// Ends every fault: what is down comes back, what is cut is mended. What stopped for good does not come back.
    pub(crate) fn heal(self: &Arc<Inner>) {
        let (nodes, partitions) = {
            let mut core = self.core();
            core.source = Source::Quiet;
            core.healed = true;
            let nodes: Vec<(String, bool)> = core
                .nodes
                .iter()
                .map(|node| (node.name.clone(), node.comes_back()))
                .collect();
            let partitions: Vec<u64> = core.partitions.iter().map(|active| active.number).collect();
            (nodes, partitions)
        };
        partitions.into_iter().for_each(|number| self.mend(number));
        for (name, comes_back) in nodes {
            self.resume(&name);
            self.memory.slow(&name, Duration::ZERO);
            self.memory.fill(&name, false);
            self.memory.disarm(&name);
            if comes_back {
                self.restart(&name);
            }
        }
    }

    /// Lets a fault strike, unless there is nothing that it could strike now.
    fn strike(self: &Arc<Inner>, fault: Fault) {
        if self.core().healed {
            return;
        }
        let node = fault.node().map(str::to_owned);
        let at = node.as_deref().and_then(|node| self.core().find(node));
        if node.is_some() && at.is_none() {
            return;
        }
        let is_up = node.as_deref().is_some_and(|node| self.memory.is_up(node));
        let drawn = matches!(self.core().source, Source::Drawn { .. });
        let fault = match fault {
            // A listed one says already who led.
            Fault::Partition {
                shape: PartitionShape::IsolateLeader,
                at_us,
                for_us,
                cuts,
            } if drawn => self.around_leader(at_us, for_us, cuts),
            fault => fault,
        };
        match &fault {
            // A node that is down can neither crash nor stand still.
            Fault::Crash { .. } | Fault::Pause { .. } | Fault::Slow { .. } if !is_up => return,
            Fault::Rot { node, .. } => match self.memory.rot(node) {
                Some(place) => self.note(at, What::Note(format!("a bit changed: {place}"))),
                // Nothing is stored.
                None => return,
            },
            Fault::Partition { cuts, .. } if !self.core().can_cut(cuts) => return,
            _ => {}
        }
        let Some(fault) = self.arm(fault) else { return };
        self.core().occurred(self, at, fault.clone());
        self.happen(at, fault);
    }

    fn happen(self: &Arc<Inner>, at: Option<u32>, fault: Fault) {
        match fault {
            Fault::Crash {
                node, down_us, torn, ..
            } => {
                self.crash(&node, torn, down_us.is_some());
                if let Some(down_us) = down_us {
                    self.later(down_us, move |inner| inner.restart(&node));
                }
            }
            Fault::Pause { node, for_us, .. } => {
                self.memory.pause(&node);
                self.core().set_paused(&node, true);
                self.note(at, What::Paused(true));
                self.later(for_us, move |inner| inner.resume(&node));
            }
            Fault::Slow {
                node, for_us, step_us, ..
            } => {
                self.memory.slow(&node, Duration::from_micros(step_us));
                self.later(for_us, move |inner| inner.memory.slow(&node, Duration::ZERO));
            }
            Fault::Jump { node, by_us, .. } => self.memory.jump(&node, by_us.saturating_mul(1000)),
            Fault::Partition { cuts, for_us, .. } => {
                let number = self.cut(&cuts);
                self.later(for_us, move |inner| inner.mend(number));
            }
            Fault::Full { node, for_us, .. } => {
                self.memory.fill(&node, true);
                self.later(for_us, move |inner| inner.memory.fill(&node, false));
            }
            // These strike when a node is made, or when a message, an offer or a stored bit is there.
            Fault::Skew { .. }
            | Fault::Rot { .. }
            | Fault::Message { .. }
            | Fault::Lie { .. }
            | Fault::Buggify { .. } => {}
        }
    }

    fn later(self: &Arc<Inner>, after_us: u64, then: impl FnOnce(&Arc<Inner>) + Send + 'static) {
        let inner = self.clone();
        self.memory
            .after(Duration::from_micros(after_us), move |_| then(&inner));
    }

    /// The partition around whoever leads now.
    fn around_leader(&self, at_us: u64, for_us: u64, cuts: Vec<(String, String)>) -> Fault {
        let leader = self.core().leader.clone();
        // It is code of the scenario, which may use the world.
        let leader = leader.and_then(|leader| leader());
        let cuts = match leader {
            Some(leader) => {
                let core = self.core();
                let cut = |role| match role {
                    plan::Role::Server => true,
                    plan::Role::Client => !self.model.clients_whole,
                    plan::Role::Witness => false,
                };
                let others = core.nodes.iter().map(|node| node.planned());
                let others = others.filter(|node| cut(node.role) && node.name != leader);
                others
                    .flat_map(|other| [(leader.clone(), other.name.clone()), (other.name, leader.clone())])
                    .collect()
            }
            None => cuts,
        };
        Fault::Partition {
            shape: PartitionShape::IsolateLeader,
            cuts,
            at_us,
            for_us,
        }
    }

    /// Crashes a node that runs.
    pub(crate) fn crash(self: &Arc<Inner>, name: &str, torn: bool, comes_back: bool) {
        let Some((node, silent, closed)) = self.fall(name, comes_back) else {
            return;
        };
        match torn {
            true => self.memory.crash_torn(name),
            false => self.memory.crash(name),
        }
        drop(closed);
        self.note(Some(node), What::Crashed);
        // A process that dies is mourned by its machine, which resets its connections; a machine by nobody.
        let after = if silent { SILENCE_MAX } else { Duration::ZERO };
        let lines: Vec<Arc<Line>> = self.core().lines.iter().filter_map(std::sync::Weak::upgrade).collect();
        for line in lines.into_iter().filter(|line| line.to == node || line.from == node) {
            self.hang_up(&line, after, "the connection was lost: the peer crashed");
        }
    }

    fn fall(&self, name: &str, comes_back: bool) -> Option<(u32, bool, Vec<Opened>)> {
        let mut core = self.core();
        let node = core.find(name)?;
        let state = &mut core.nodes[node as usize];
        if !state.up {
            return None;
        }
        state.up = false;
        state.paused = false;
        state.for_good = !comes_back;
        let key = [self.seed, u64::from(node), u64::from(state.incarnation), 7];
        state.silent = Draw::keyed(&key).chance(0.5);
        let silent = state.silent;
        let closed = core.doors.extract_if((node, 0)..=(node, u16::MAX), |_, _| true);
        let closed = closed.map(|(_, opened)| opened).collect();
        Some((node, silent, closed))
    }

    /// Starts a node that is down.
    pub(crate) fn restart(self: &Arc<Inner>, name: &str) {
        let down = {
            let core = self.core();
            core.find(name).filter(|node| !core.nodes[*node as usize].up)
        };
        let Some(node) = down else { return };
        let env = self.memory.restart(name);
        {
            let mut core = self.core();
            let state = &mut core.nodes[node as usize];
            state.up = true;
            state.incarnation += 1;
        }
        self.note(Some(node), What::Restarted);
        self.boot(node, env);
    }

    /// Gives a node that has just started its transport, and lets it do what it does.
    pub(crate) fn boot(self: &Arc<Inner>, node: u32, env: Env) -> Env {
        let (incarnation, boot) = {
            let core = self.core();
            let state = &core.nodes[node as usize];
            (state.incarnation, state.boot.clone())
        };
        let env = env.with_transport(Arc::new(SimulatedTransport {
            inner: self.clone(),
            node,
            incarnation,
        }));
        if let Some(boot) = boot {
            drop(env.spawn("boot", boot(env.clone())));
        }
        env
    }

    /// Lets a node go on that stands still.
    fn resume(&self, name: &str) {
        self.memory.resume(name);
        if self.core().set_paused(name, false) {
            let at = self.core().find(name);
            self.note(at, What::Paused(false));
        }
    }

    /// Lays cuts on links, and returns the number by which they are mended.
    pub(crate) fn cut(&self, cuts: &[(String, String)]) -> u64 {
        let mut core = self.core();
        let cuts: Vec<(u32, u32)> = cuts.iter().filter_map(|cut| core.cut_of(cut)).collect();
        let number = core.partition_next;
        core.partition_next += 1;
        for (from, to) in &cuts {
            core.link(*from, *to).cuts += 1;
            let begins = What::Cut { to: *to, begins: true };
            core.trace.keep(self.memory.now(), Some(*from), begins);
        }
        core.partitions.push(Active { number, cuts });
        number
    }

    /// Mends what [`Inner::cut`] did; what waited goes on its way.
    pub(crate) fn mend(self: &Arc<Inner>, number: u64) {
        let mut released = Vec::new();
        {
            let mut core = self.core();
            let Some(index) = core.partitions.iter().position(|active| active.number == number) else {
                return;
            };
            let active = core.partitions.swap_remove(index);
            for (from, to) in active.cuts {
                let link = core.link(from, to);
                link.cuts -= 1;
                if link.cuts == 0 {
                    released.push((from, to, std::mem::take(&mut link.held)));
                }
                let ends = What::Cut { to, begins: false };
                core.trace.keep(self.memory.now(), Some(from), ends);
            }
        }
        for (from, to, held) in released {
            self.release(from, to, held);
        }
    }

    /// Sets what nodes know of their clocks.
    pub(crate) fn set_clocks(&self) {
        self.memory.uncertainty(match self.model.clocks {
            Clocks::Perfect => Uncertainty::Exact,
            Clocks::Bounded { uncertainty } => Uncertainty::AtMost(uncertainty),
            Clocks::Skewed { .. } => Uncertainty::Unknown,
        });
    }
}
