//! Runs tasks on one thread, in the order they were woken, and time when none is ready.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use crate::network::BoxFuture;
use crate::random::Hash;

use super::state::Shared;

/// How often one run may poll before it is taken for one without an end: some ten seconds of a processor.
const POLLS_MAX: u64 = 100_000_000;

/// The future that [`run`] was given, in place of a task's id.
const MAIN: u64 = 0;

pub(super) fn run<F: Future>(shared: &Arc<Shared>, main: F) -> F::Output {
    let mut main = pin!(main);
    let _running = Running::begin(shared);
    let waker = shared.ready.waker(MAIN);
    waker.wake_by_ref();
    for _ in 0..POLLS_MAX {
        let Some(woken) = shared.ready.pop() else {
            if !advance(shared) {
                panic!(
                    "nothing can ever happen again: no task is ready and no timer is set; {}",
                    waiting(shared)
                );
            }
            continue;
        };
        let id = woken.id;
        shared.with(|state, _| state.tasks.note(state.now, id));
        match id {
            MAIN => {
                if let Poll::Ready(value) = main.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return value;
                }
            }
            _ => poll(shared, woken),
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

    fn note(&mut self, now: u64, id: u64) {
        self.fingerprint = Hash::continued(self.fingerprint).u64(now).u64(id).finish();
    }
}

/// The tasks that were woken, first to last.
#[derive(Default)]
pub(super) struct Ready {
    queue: Mutex<VecDeque<Arc<Woken>>>,
}

/// A task that can be woken. Wakers may be used on any thread, though only one polls.
struct Woken {
    id: u64,
    queued: AtomicBool,
    /// What it is queued in, which holds it: a task that is woken when the world is gone must not keep both.
    ready: Weak<Ready>,
}

impl Ready {
    /// A new waker for the task `id`.
    pub(super) fn waker(self: &Arc<Ready>, id: u64) -> Waker {
        Waker::from(Arc::new(Woken {
            id,
            queued: AtomicBool::new(false),
            ready: Arc::downgrade(self),
        }))
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

fn poll(shared: &Shared, woken: Arc<Woken>) {
    let id = woken.id;
    let taken = shared.with(|state, _| state.tasks.by_id.get_mut(&id).and_then(|task| task.future.take()));
    let Some(mut future) = taken else {
        return;
    };
    let polled = future.as_mut().poll(&mut Context::from_waker(&Waker::from(woken)));
    let left = shared.with(|state, _| match (polled, state.tasks.by_id.get_mut(&id)) {
        (Poll::Pending, Some(task)) => {
            task.future = Some(future);
            None
        }
        // It is ready, or it was cancelled, or its node crashed, while it was polled.
        _ => {
            state.tasks.by_id.remove(&id);
            Some(future)
        }
    });
    drop(left);
}

/// Lets time pass to the next timer; false if there is none.
fn advance(shared: &Shared) -> bool {
    shared.with(|state, wakes| {
        let Some((due, then)) = state.timers.pop() else {
            return false;
        };
        state.now = state.now.max(due);
        state.happen(then, wakes);
        true
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
