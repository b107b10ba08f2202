//! Runs tasks on one thread, in the order they were woken, and time when none is ready.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use crate::network::BoxFuture;
use crate::random::Hash;

use super::World;
use super::state::{Shared, State};
use super::timer::{Happening, Then};

/// How often one run may poll before it is taken for one without an end: some ten seconds of a processor.
const POLLS_MAX: u64 = 100_000_000;

/// How many polls are recorded at most.
pub const POLLS_RECORDED_MAX: usize = 1_000_000;

/// The future that [`run`] was given, in place of a task's id.
const MAIN: u64 = 0;

pub(super) fn run<F: Future>(world: &World, main: F) -> F::Output {
    let shared = world.shared();
    let mut main = pin!(main);
    let _running = Running::begin(shared);
    let waker = shared.ready.waker(MAIN);
    waker.wake_by_ref();
    // The test may have used a disk itself.
    strike(world);
    for _ in 0..POLLS_MAX {
        let Some(woken) = shared.ready.pop() else {
            match advance(shared) {
                Advance::Done => {}
                Advance::Run(happening) => {
                    happening(world);
                    strike(world);
                }
                Advance::Never => panic!(
                    "nothing can ever happen again: no task is ready and no timer is set; {}",
                    waiting(shared)
                ),
            }
            continue;
        };
        let id = woken.id;
        let Some(woken) = shared.with(|state, _| state.admit(woken)) else {
            continue;
        };
        match id {
            MAIN => {
                if let Poll::Ready(value) = main.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return value;
                }
                strike(world);
            }
            _ => {
                if poll(shared, woken) {
                    strike(world);
                }
            }
        }
    }
    panic!("the run did not end within {POLLS_MAX} polls; {}", waiting(shared));
}

/// The tasks of every node.
pub(super) struct Tasks {
    next: u64,
    by_id: BTreeMap<u64, Task>,
    pub(super) fingerprint: u64,
    running: bool,
    /// The task that is being polled.
    current: Option<u64>,
    /// The polls so far, if they are recorded.
    pub(super) polls: Option<Vec<Polled>>,
}

/// A poll of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polled {
    /// True time, in nanoseconds since the world began.
    pub at: u64,
    /// The task's node; none for the future that [`World::run`] was given.
    pub node: Option<String>,
    /// The task's name.
    pub task: &'static str,
}

struct Task {
    node: usize,
    name: &'static str,
    /// None while it is being polled.
    future: Option<BoxFuture<'static, ()>>,
}

impl Tasks {
    pub(super) fn new() -> Tasks {
        Tasks {
            next: MAIN + 1,
            by_id: BTreeMap::new(),
            fingerprint: Hash::new().finish(),
            running: false,
            current: None,
            polls: None,
        }
    }

    /// Adds a task; whoever does must wake it.
    pub(super) fn add(&mut self, node: usize, name: &'static str, future: BoxFuture<'static, ()>) -> u64 {
        let id = self.next;
        self.next += 1;
        self.by_id.insert(
            id,
            Task {
                node,
                name,
                future: Some(future),
            },
        );
        id
    }

    /// Takes a task away; dropping what is returned runs its destructors, so not under the lock.
    pub(super) fn take(&mut self, id: u64) -> Option<BoxFuture<'static, ()>> {
        self.by_id.remove(&id)?.future
    }

    pub(super) fn take_node(&mut self, node: usize) -> Vec<BoxFuture<'static, ()>> {
        self.by_id
            .extract_if(.., |_, task| task.node == node)
            .filter_map(|(_, task)| task.future)
            .collect()
    }

    pub(super) fn take_all(&mut self) -> Vec<BoxFuture<'static, ()>> {
        std::mem::take(&mut self.by_id)
            .into_values()
            .filter_map(|task| task.future)
            .collect()
    }

    /// Lets `value` enter the fingerprint.
    pub(super) fn mark(&mut self, value: u64) {
        self.fingerprint = Hash::continued(self.fingerprint).u64(value).finish();
    }

    fn node(&self, id: u64) -> Option<usize> {
        self.by_id.get(&id).map(|task| task.node)
    }
}

impl State {
    /// Takes note that a task is polled now. A task of a node that stands still is kept until it goes on, and one of a
    /// slow node until its step has taken its time; then nothing is returned.
    fn admit(&mut self, woken: Arc<Woken>) -> Option<Arc<Woken>> {
        let node = self.tasks.node(woken.id);
        if let Some(state) = node.map(|node| &mut self.nodes[node]) {
            if state.paused {
                woken.queued.store(true, Ordering::Release);
                state.held.push(woken);
                return None;
            }
            let charged = woken.charged.swap(false, Ordering::AcqRel);
            if state.step > 0 && !charged {
                woken.queued.store(true, Ordering::Release);
                // One step after the other, as on one processor.
                state.busy_until = state.busy_until.max(self.now).saturating_add(state.step);
                state.steps.push_back((state.busy_until, woken.clone()));
                self.timers.set(state.busy_until, None, Then::Step(woken));
                return None;
            }
        }
        let hash = Hash::continued(self.tasks.fingerprint).u64(self.now).u64(woken.id);
        self.tasks.fingerprint = hash.finish();
        self.tasks.current = Some(woken.id);
        if let Some(polls) = &mut self.tasks.polls
            && polls.len() < POLLS_RECORDED_MAX
        {
            polls.push(Polled {
                at: self.now,
                node: node.map(|node| self.nodes[node].name.to_string()),
                task: self.tasks.by_id.get(&woken.id).map_or("main", |task| task.name),
            });
        }
        Some(woken)
    }

    /// Ends the step of a slow node that is over at `due`. It is none any more if the node became quick, or fell, before.
    fn end_step(&mut self, due: u64, woken: &Arc<Woken>) -> Option<Arc<Woken>> {
        let first = |(end, step): &mut (u64, Arc<Woken>)| *end == due && Arc::ptr_eq(step, woken);
        let (_, step) = self.nodes.iter_mut().find_map(|node| node.steps.pop_front_if(first))?;
        Some(step.paid())
    }

    /// The node whose task is being polled, and the task's name; none while it is the main future.
    pub(super) fn current(&self) -> Option<(String, &'static str)> {
        let task = self.tasks.by_id.get(&self.tasks.current?)?;
        Some((self.nodes[task.node].name.to_string(), task.name))
    }
}

/// The tasks that were woken, first to last.
#[derive(Default)]
pub(super) struct Ready {
    queue: Mutex<VecDeque<Arc<Woken>>>,
}

/// A task that can be woken. Wakers may be used on any thread, though only one polls.
pub(super) struct Woken {
    id: u64,
    queued: AtomicBool,
    /// Whether its next poll was paid for, on a slow node.
    charged: AtomicBool,
    /// What it is queued in, which holds it: a task that is woken when the world is gone must not keep both.
    ready: Weak<Ready>,
}

impl Ready {
    /// A new waker for the task `id`.
    pub(super) fn waker(self: &Arc<Ready>, id: u64) -> Waker {
        Waker::from(Arc::new(Woken {
            id,
            queued: AtomicBool::new(false),
            charged: AtomicBool::new(false),
            ready: Arc::downgrade(self),
        }))
    }

    /// Queues what was kept back.
    pub(super) fn again(&self, woken: Arc<Woken>) {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(woken);
    }

    pub(super) fn clear(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn pop(&self) -> Option<Arc<Woken>> {
        let woken = self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()?;
        // Before it is polled: what wakes it while it is polled must poll it again.
        woken.queued.store(false, Ordering::Release);
        Some(woken)
    }
}

impl Woken {
    /// Itself, whose next poll is paid for.
    pub(super) fn paid(self: Arc<Woken>) -> Arc<Woken> {
        self.charged.store(true, Ordering::Release);
        self
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Woken>) {
        if !self.queued.swap(true, Ordering::AcqRel)
            && let Some(ready) = self.ready.upgrade()
        {
            ready
                .queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_back(self);
        }
    }
}

/// Lets happen what is to happen because a disk has refused a change.
fn strike(world: &World) {
    while let Some(happening) = world.shared().with(|state, _| state.take_struck()) {
        happening(world);
    }
    world.shared().with(|state, wakes| state.close_let_go(wakes));
}

/// Polls a task, and says whether a disk may have refused it a change for which something waits.
fn poll(shared: &Shared, woken: Arc<Woken>) -> bool {
    let id = woken.id;
    let taken = shared.with(|state, _| state.tasks.by_id.get_mut(&id).and_then(|task| task.future.take()));
    let Some(mut future) = taken else {
        return false;
    };
    let polled = future.as_mut().poll(&mut Context::from_waker(&Waker::from(woken)));
    let (left, armed) = shared.with(|state, _| {
        let left = match (polled, state.tasks.by_id.get_mut(&id)) {
            (Poll::Pending, Some(task)) => {
                task.future = Some(future);
                None
            }
            // It is ready, or it was cancelled, or its node crashed, while it was polled.
            _ => {
                state.tasks.by_id.remove(&id);
                Some(future)
            }
        };
        (left, !state.armed.is_empty())
    });
    drop(left);
    armed
}

/// What the passing of time has led to.
enum Advance {
    /// Somebody was woken.
    Done,
    /// Fate does something.
    Run(Happening),
    /// There is no timer.
    Never,
}

/// Lets time pass to the next timer.
fn advance(shared: &Shared) -> Advance {
    shared.with(|state, wakes| {
        let Some((due, then)) = state.timers.pop() else {
            return Advance::Never;
        };
        state.now = state.now.max(due);
        match then {
            Then::Run(happening) => return Advance::Run(happening),
            Then::Step(woken) => {
                if let Some(woken) = state.end_step(due, &woken) {
                    shared.ready.again(woken);
                }
            }
            then => state.happen(then, wakes),
        }
        Advance::Done
    })
}

fn waiting(shared: &Shared) -> String {
    let names = shared.with(|state, _| {
        let name = |task: &Task| format!("{}/{}", state.nodes[task.node].name, task.name);
        state.tasks.by_id.values().map(name).collect::<Vec<String>>()
    });
    match names.is_empty() {
        true => "no task but the main future is waiting".to_owned(),
        false => format!("the main future is waiting, and so are {}", names.join(", ")),
    }
}

/// Marks the world as running, so that a run inside a run is told apart from a lost wake.
struct Running<'a>(&'a Shared);

impl<'a> Running<'a> {
    fn begin(shared: &'a Shared) -> Running<'a> {
        let nested = shared.with(|state, _| std::mem::replace(&mut state.tasks.running, true));
        assert!(
            !nested,
            "this world is running already: await instead of calling `World::run` inside it"
        );
        Running(shared)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.with(|state, _| state.tasks.running = false);
    }
}
