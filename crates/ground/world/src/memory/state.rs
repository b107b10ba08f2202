//! Everything a world knows, behind one lock that is never held while code of a task runs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use crate::probe::Probe;
use crate::random::{Hash, Random};

use super::clock::Clock;
use super::executor::{Ready, Tasks, Woken};
use super::image::Image;
use super::link::Links;
use super::network::Listening;
use super::pipe::Pipe;
use super::timer::{Happening, Then, Timers};

/// The clock of a new incarnation begins somewhere within this, so that the instants of two nodes, or of two
/// incarnations of one, are not mistaken for each other.
const ORIGIN_NANOS_MAX: u64 = 3_600_000_000_000;

pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) ready: Arc<Ready>,
}

/// Who is to be woken once the lock is released.
pub(super) type Wakes = Vec<Waker>;

impl Shared {
    pub(super) fn new(seed: u64) -> Shared {
        let state = State {
            serial: None,
            seed,
            now: 0,
            ended: false,
            nodes: Vec::new(),
            timers: Timers::default(),
            tasks: Tasks::new(),
            links: Links::default(),
            pipes: BTreeMap::new(),
            pipe_next: 0,
            listeners: BTreeMap::new(),
            uncertainty: Uncertainty::Exact,
            sync_ns: 0,
            probe: None,
            armed: Vec::new(),
            let_go: Vec::new(),
        };
        Shared {
            state: Mutex::new(state),
            ready: Arc::new(Ready::default()),
        }
    }

    /// Looks at or changes the state. `change` must run no code of a task: neither wake nor drop one.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State, &mut Wakes) -> T) -> T {
        let mut wakes = Wakes::new();
        let value = change(
            &mut self.state.lock().unwrap_or_else(PoisonError::into_inner),
            &mut wakes,
        );
        wakes.into_iter().for_each(Waker::wake);
        value
    }
}

pub(super) struct State {
    /// Tells this world from the others of its process, where they share a name space.
    pub(super) serial: Option<u64>,
    pub(super) seed: u64,
    /// True time, in nanoseconds since the world began.
    pub(super) now: u64,
    /// Whether nobody runs it any more.
    pub(super) ended: bool,
    pub(super) nodes: Vec<NodeState>,
    pub(super) timers: Timers,
    pub(super) tasks: Tasks,
    pub(super) links: Links,
    pub(super) pipes: BTreeMap<u64, Pipe>,
    pub(super) pipe_next: u64,
    pub(super) listeners: BTreeMap<(usize, u16), Listening>,
    pub(super) uncertainty: Uncertainty,
    /// What a sync of a disk takes, in nanoseconds.
    pub(super) sync_ns: u64,
    pub(super) probe: Option<Arc<dyn Probe>>,
    /// What happens once the disk of a node has refused a change.
    pub(super) armed: Vec<(usize, Happening)>,
    /// Streams that a struck node has let go of, by their two pipes: nobody is told before what is due has happened.
    pub(super) let_go: Vec<(u64, u64)>,
}

/// What the nodes of a world know of their clocks' errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncertainty {
    /// Exactly how far the clock is from the truth.
    Exact,
    /// That it is at most this far from it. Whoever skews a clock keeps to that.
    AtMost(Duration),
    /// Nothing.
    Unknown,
}

pub(super) struct NodeState {
    pub(super) name: Arc<str>,
    pub(super) incarnation: u32,
    pub(super) life: Life,
    pub(super) clock: Clock,
    pub(super) image: Image,
    /// Files that are open for code that cannot await.
    pub(super) blocking_files: u32,
    /// How many random sources each purpose has had in this incarnation.
    pub(super) draws: BTreeMap<String, u64>,
    /// Where the search for a free port begins.
    pub(super) port_next: u16,
    /// Whether it stands still; then whoever is woken is held.
    pub(super) paused: bool,
    pub(super) held: Vec<Arc<Woken>>,
    /// What each poll of a task takes, in nanoseconds, and until when the steps so far do.
    pub(super) step: u64,
    pub(super) busy_until: u64,
    /// The steps that take their time, each with its end.
    pub(super) steps: VecDeque<(u64, Arc<Woken>)>,
}

pub(super) enum Life {
    Up,
    /// Its tasks are being dropped.
    Falling,
    Down,
}

impl NodeState {
    pub(super) fn is_up(&self) -> bool {
        matches!(self.life, Life::Up)
    }
}

impl State {
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| &*node.name == name)
    }

    pub(super) fn add_node(&mut self, name: &str) -> usize {
        let incarnation = 1;
        self.nodes.push(NodeState {
            name: Arc::from(name),
            incarnation,
            life: Life::Up,
            clock: Clock::new(self.now, self.origin(name, incarnation)),
            image: Image::default(),
            blocking_files: 0,
            draws: BTreeMap::new(),
            port_next: 0,
            paused: false,
            held: Vec::new(),
            step: 0,
            busy_until: 0,
            steps: VecDeque::new(),
        });
        self.nodes.len() - 1
    }

    pub(super) fn restart(&mut self, node: usize) {
        let incarnation = self.nodes[node].incarnation + 1;
        let origin = self.origin(&self.nodes[node].name, incarnation);
        let state = &mut self.nodes[node];
        state.incarnation = incarnation;
        state.life = Life::Up;
        state.clock.restart(self.now, origin);
        state.draws.clear();
        state.blocking_files = 0;
        (state.paused, state.step, state.busy_until) = (false, 0, 0);
        state.held.clear();
        state.steps.clear();
    }

    /// Whether this incarnation of `node` may still act.
    pub(super) fn is_alive(&self, node: usize, incarnation: u32) -> bool {
        let state = &self.nodes[node];
        state.incarnation == incarnation && !matches!(state.life, Life::Down)
    }

    /// A new random source of `node` for `purpose`.
    pub(super) fn random(&mut self, node: usize, purpose: &str) -> Random {
        let state = &mut self.nodes[node];
        let drawn = state.draws.entry(purpose.to_owned()).or_default();
        *drawn += 1;
        let hash = Hash::new()
            .u64(self.seed)
            .text(&state.name)
            .u64(state.incarnation.into())
            .text(purpose)
            .u64(*drawn);
        Random::stream(hash.finish())
    }

    pub(super) fn move_timers(&mut self, node: usize) {
        self.timers.move_node(node, self.now, &self.nodes[node].clock);
    }

    /// Whether something is due for `node` once the step that is going on is over: until then it does nothing any more
    /// that others, or its disk, could tell.
    pub(super) fn is_struck(&self, node: usize) -> bool {
        self.nodes[node].image.refused && self.armed.iter().any(|(of, _)| *of == node)
    }

    /// Takes what is to happen because a disk has just refused a change, and makes that disk well: what happens may arm
    /// it again.
    pub(super) fn take_struck(&mut self) -> Option<Happening> {
        let at = self
            .armed
            .iter()
            .position(|(node, _)| self.nodes[*node].image.refused)?;
        let (node, happening) = self.armed.remove(at);
        self.nodes[node].image.heal();
        Some(happening)
    }

    /// Takes everything that may hold the world it is in. What its destructors would start or let happen is nothing any
    /// more: nobody would ever drop it. What it returns must be dropped outside the lock.
    pub(super) fn end(&mut self) -> impl Sized + use<> {
        self.ended = true;
        let (timers, armed) = (std::mem::take(&mut self.timers), std::mem::take(&mut self.armed));
        (self.tasks.take_all(), timers, armed, self.probe.take())
    }

    /// Makes the disk of `node` well, if it was to fail with something happening then. What it returns must be dropped
    /// outside the lock.
    pub(super) fn disarm(&mut self, node: usize) -> Option<Happening> {
        let at = self.armed.iter().position(|(of, _)| *of == node)?;
        self.nodes[node].image.heal();
        Some(self.armed.remove(at).1)
    }

    pub(super) fn happen(&mut self, then: Then, wakes: &mut Wakes) {
        match then {
            Then::Wake(waker) => wakes.push(waker),
            Then::Arrive(pipe) => {
                if let Some(pipe) = self.pipes.get_mut(&pipe) {
                    pipe.wake(wakes);
                }
            }
            // The executor sees to these.
            Then::Step(_) | Then::Run(_) => {}
        }
    }

    fn origin(&self, name: &str, incarnation: u32) -> u64 {
        let hash = Hash::new()
            .u64(self.seed)
            .text(name)
            .u64(incarnation.into())
            .text("the origin of the clock");
        Random::stream(hash.finish()).below(ORIGIN_NANOS_MAX)
    }
}
