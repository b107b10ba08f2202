//! The faults of a run, drawn from its seed.

use std::collections::BTreeSet;

use crate::fault::{Fault, PartitionShape};
use crate::model::{Links, Model, Processes, Timing};
use crate::plan::faulty::{Failure, FaultyNodes};
use crate::plan::partition::{self, Cuts};
use crate::plan::rates::us;
use crate::plan::{FaultKind, Node, Plan, Role, Window, names};
use crate::random::Draw;

/// How often a kind is part of a run that need not show it.
const ENABLED: f64 = 0.5;
/// How often a server is struck where a client might be: clients keep little.
const SERVERS_STRUCK: f64 = 0.75;
/// There is another fault of a kind for so much chaos ..
const FAULT_PER_US: u64 = 10_000_000;
/// .. up to so many.
const FAULTS_OF_KIND_MAX: u64 = 4;
/// Places that are tried for a fault, each for half as long as the last.
const ATTEMPTS: u32 = 8;
/// How long faults last, in microseconds: from less than a heartbeat to more than a lease.
const DOWN_US: (u64, u64) = (50_000, 15_000_000);
const PAUSE_US: (u64, u64) = (10_000, 10_000_000);
const SLOW_US: (u64, u64) = (100_000, 15_000_000);
const SLOW_STEP_US: (u64, u64) = (100, 50_000);
const PARTITION_US: (u64, u64) = (100_000, 20_000_000);
const FULL_US: (u64, u64) = (100_000, 15_000_000);
/// How far a clock jumps: from less than a message takes to more than a lease lasts.
const JUMP_US: (u64, u64) = (1_000, 60_000_000);
/// How often a crash waits for a change of the node's disk, to strike within a step.
const WITHIN_STEP: f64 = 0.75;
/// How many changes such a disk still does, and one: from the first of a commit to several commits later.
const CHANGES: (u64, u64) = (1, 32);

/// What goes wrong in the run of this seed. The same arguments give the same plan.
pub fn draw(model: &Model, seed: u64, nodes: &[Node], window: Window) -> Plan {
    let kinds: Vec<FaultKind> = model.kinds_among(nodes).into_iter().collect();
    let mut draw = Draw::new(seed, "plan");
    let forced = kinds.get(seed.checked_rem(kinds.len() as u64).unwrap_or(0) as usize);
    let mut drawn: Vec<FaultKind> = Vec::new();
    for kind in &kinds {
        if draw.chance(ENABLED) && Some(kind) != forced {
            drawn.push(*kind);
        }
    }
    draw.shuffle(&mut drawn);
    // A liar is one for the whole of the chaos: it takes its place before others take it for a moment.
    drawn.sort_by_key(|kind| !matches!(kind, FaultKind::Lie(_)));
    let order: Vec<FaultKind> = forced.copied().into_iter().chain(drawn).collect();

    let mut drawing = Drawing::new(model, nodes, window);
    for kind in &order {
        drawing.add(*kind, &mut Draw::new(seed, &format!("plan: {kind}")));
    }
    let mut plan = drawing.plan;
    plan.enabled.extend(order);
    if draw.chance(ENABLED) {
        plan.enabled.insert(FaultKind::Buggify);
    }
    plan.faults.iter_mut().for_each(|fault| within_step(fault, seed));
    plan.faults
        .sort_by(|left, right| left.begins_us().cmp(&right.begins_us()).then_with(|| left.cmp(right)));
    plan
}

/// Lets a crash strike within a step, or not; drawn apart from all else. Nobody reads the disk of who never comes back.
fn within_step(fault: &mut Fault, seed: u64) {
    if let Fault::Crash {
        node,
        at_us,
        down_us: Some(_),
        after_changes,
        ..
    } = fault
    {
        let mut draw = Draw::new(seed, &format!("plan: changes of {node} from {at_us}"));
        *after_changes = draw
            .chance(WITHIN_STEP)
            .then(|| draw.magnitude(CHANGES.0, CHANGES.1) - 1);
    }
}

struct Drawing<'n> {
    model: &'n Model,
    servers: Vec<&'n str>,
    clients: Vec<&'n str>,
    begins_us: u64,
    /// When delays become bounded, or the chaos ends.
    ends_us: u64,
    chaos_ends_us: u64,
    faulty: FaultyNodes<'n>,
    /// From when to when there is a partition: there are never two at once, for together they would have no shape.
    partitions: Vec<(u64, u64)>,
    plan: Plan,
}

impl<'n> Drawing<'n> {
    fn new(model: &'n Model, nodes: &'n [Node], window: Window) -> Drawing<'n> {
        let servers = names(nodes, Role::Server);
        Drawing {
            model,
            faulty: FaultyNodes::new(model.faulty_max, servers.len()),
            servers,
            clients: names(nodes, Role::Client),
            begins_us: window.chaos_begins_us,
            ends_us: window.faults_end_us,
            chaos_ends_us: window.chaos_ends_us,
            partitions: Vec::new(),
            plan: Plan::default(),
        }
    }

    fn add(&mut self, kind: FaultKind, draw: &mut Draw) {
        match kind {
            FaultKind::Lie(_) => self.add_liars(draw),
            FaultKind::Loss => self.add_omitting(draw),
            kind if kind.is_planned() => {
                let length_us = self.ends_us.saturating_sub(self.begins_us);
                let more = (length_us / FAULT_PER_US).clamp(1, FAULTS_OF_KIND_MAX);
                for _ in 0..=draw.below(more) {
                    self.add_timed(kind, draw);
                }
            }
            _ => {}
        }
    }

    /// A fault at a time that suits the others, if one is found.
    fn add_timed(&mut self, kind: FaultKind, draw: &mut Draw) {
        for attempt in 0..ATTEMPTS {
            let fault = match kind {
                FaultKind::Crash | FaultKind::TornCrash | FaultKind::CrashForGood => self.crash(kind, attempt, draw),
                FaultKind::Pause => self.pause(attempt, draw),
                FaultKind::Slow => self.slow(attempt, draw),
                FaultKind::Jump => self.jump(draw),
                FaultKind::Partition(shape) => {
                    let cuts = partition::cuts(shape, &self.servers, &self.clients, self.model.clients_whole, draw);
                    self.partition(shape, cuts, attempt, draw)
                }
                FaultKind::Full => self.full(attempt, draw),
                FaultKind::Rot => self.rot(draw),
                _ => None,
            };
            if let Some(fault) = fault {
                self.plan.faults.push(fault);
                return;
            }
        }
    }

    fn crash(&mut self, kind: FaultKind, attempt: u32, draw: &mut Draw) -> Option<Fault> {
        let node = self.any_node(draw)?;
        let (at_us, down_us) = self.span(DOWN_US, attempt, draw)?;
        let for_good = kind == FaultKind::CrashForGood;
        let fails = if for_good {
            self.faulty.fails(node, Failure::Gone, at_us, u64::MAX)
        } else {
            self.faulty.fails(node, Failure::Halted, at_us, at_us + down_us)
        };
        fails.then(|| Fault::Crash {
            node: node.to_string(),
            at_us,
            down_us: (!for_good).then_some(down_us),
            torn: kind == FaultKind::TornCrash,
            after_changes: None,
        })
    }

    fn pause(&mut self, attempt: u32, draw: &mut Draw) -> Option<Fault> {
        let node = self.any_node(draw)?;
        let lengths = match self.model.timing {
            Timing::Synchronous { delay_max, .. } => (us(delay_max) / 10, us(delay_max)),
            Timing::PartiallySynchronous { .. } | Timing::Asynchronous => PAUSE_US,
        };
        let (at_us, for_us) = self.span(lengths, attempt, draw)?;
        let fails = self.faulty.fails(node, Failure::Halted, at_us, at_us + for_us);
        fails.then(|| Fault::Pause {
            node: node.to_string(),
            at_us,
            for_us,
        })
    }

    fn slow(&mut self, attempt: u32, draw: &mut Draw) -> Option<Fault> {
        let node = self.any_node(draw)?;
        let (at_us, for_us) = self.span(SLOW_US, attempt, draw)?;
        let step_us = draw.magnitude(SLOW_STEP_US.0, SLOW_STEP_US.1);
        let fails = self.faulty.fails(node, Failure::Slow, at_us, at_us + for_us);
        fails.then(|| Fault::Slow {
            node: node.to_string(),
            at_us,
            for_us,
            step_us,
        })
    }

    fn full(&mut self, attempt: u32, draw: &mut Draw) -> Option<Fault> {
        let node = self.node_with_disk(draw)?;
        let (at_us, for_us) = self.span(FULL_US, attempt, draw)?;
        let fails = self.faulty.fails(node, Failure::Full, at_us, at_us + for_us);
        fails.then(|| Fault::Full {
            node: node.to_string(),
            at_us,
            for_us,
        })
    }

    /// What rotted stays so: the node is faulty from then on, and another keeps the only whole copy.
    fn rot(&mut self, draw: &mut Draw) -> Option<Fault> {
        let node = self.node_with_disk(draw)?;
        let at_us = self.moment(draw)?;
        let fails = self.faulty.fails(node, Failure::Lasting, at_us, u64::MAX);
        fails.then(|| Fault::Rot {
            node: node.to_string(),
            at_us,
        })
    }

    fn jump(&mut self, draw: &mut Draw) -> Option<Fault> {
        let node = self.any_node(draw)?.to_string();
        let at_us = self.moment(draw)?;
        let by_us = draw.magnitude(JUMP_US.0, JUMP_US.1) as i64;
        let by_us = if draw.chance(0.5) { by_us } else { -by_us };
        Some(Fault::Jump { node, at_us, by_us })
    }

    fn partition(&mut self, shape: PartitionShape, cuts: Cuts, attempt: u32, draw: &mut Draw) -> Option<Fault> {
        let (at_us, for_us) = self.span(PARTITION_US, attempt, draw)?;
        let ends_us = at_us + for_us;
        let another = self
            .partitions
            .iter()
            .any(|(from, until)| *from <= ends_us && at_us <= *until);
        if cuts.is_empty() || another {
            return None;
        }
        self.partitions.push((at_us, ends_us));
        Some(Fault::Partition {
            shape,
            cuts,
            at_us,
            for_us,
        })
    }

    /// Once for all lies: who lies, lies in every way that is enabled.
    fn add_liars(&mut self, draw: &mut Draw) {
        if self.plan.liars.is_empty() {
            self.plan.liars = self.lasting(self.servers.clone(), draw);
        }
    }

    fn add_omitting(&mut self, draw: &mut Draw) {
        let by_links = matches!(self.model.links, Links::FairLossy { .. } | Links::Corrupting { .. });
        let omission = self.model.processes >= Processes::Omission;
        if omission && (!by_links || draw.chance(ENABLED)) {
            let nodes = [self.servers.as_slice(), self.clients.as_slice()].concat();
            self.plan.omitting = self.lasting(nodes, draw);
        }
    }

    /// Some of the nodes, as many as may be, that fail while the chaos lasts.
    fn lasting(&mut self, mut nodes: Vec<&'n str>, draw: &mut Draw) -> BTreeSet<String> {
        draw.shuffle(&mut nodes);
        let wanted = 1 + draw.below(nodes.len() as u64) as usize;
        let (from_us, until_us) = (self.begins_us, self.chaos_ends_us);
        let mut failing = BTreeSet::new();
        for node in nodes {
            if failing.len() < wanted && self.faulty.fails(node, Failure::Lasting, from_us, until_us) {
                failing.insert(node.to_string());
            }
        }
        failing
    }

    fn any_node(&self, draw: &mut Draw) -> Option<&'n str> {
        let servers = self.clients.is_empty() || draw.chance(SERVERS_STRUCK) && !self.servers.is_empty();
        draw.pick(if servers { &self.servers } else { &self.clients }).copied()
    }

    fn node_with_disk(&self, draw: &mut Draw) -> Option<&'n str> {
        let servers = !self.servers.is_empty();
        draw.pick(if servers { &self.servers } else { &self.clients }).copied()
    }

    fn moment(&self, draw: &mut Draw) -> Option<u64> {
        let length_us = self.ends_us.checked_sub(self.begins_us).filter(|length| *length > 0)?;
        Some(self.begins_us + draw.below(length_us))
    }

    /// When something begins and how long it lasts; at most half of the chaos.
    fn span(&self, lengths_us: (u64, u64), attempt: u32, draw: &mut Draw) -> Option<(u64, u64)> {
        let length_us = self.ends_us.checked_sub(self.begins_us).filter(|length| *length > 0)?;
        let for_us = (draw.magnitude(lengths_us.0, lengths_us.1) >> attempt).clamp(1, length_us.div_ceil(2));
        let at_us = self.begins_us + draw.below(length_us - for_us + 1);
        Some((at_us, for_us))
    }
}
