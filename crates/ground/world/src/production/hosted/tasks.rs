//! The tasks of a hosted node. A runtime that is dropped drops its tasks in an order that follows from numbers that the
//! whole process counts, so the same run would end in two ways; here the first that is dropped takes all with it, in the
//! order in which they began.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::network::BoxFuture;
use crate::task::Cancel;

#[derive(Default)]
pub(super) struct Tasks(Mutex<Running>);

#[derive(Default)]
struct Running {
    began: u64,
    futures: BTreeMap<u64, Slot>,
}

/// A task's future until it ends; whoever polls it holds the lock.
type Slot = Arc<Mutex<Option<BoxFuture<'static, ()>>>>;

impl Tasks {
    pub(super) fn spawn(self: &Arc<Self>, runtime: &Handle, task: BoxFuture<'static, ()>) -> Box<dyn Cancel> {
        let slot: Slot = Arc::new(Mutex::new(Some(task)));
        let mut running = self.running();
        running.began += 1;
        let number = running.began;
        running.futures.insert(number, slot.clone());
        drop(running);
        let tasks = self.clone();
        let abort = runtime
            .spawn(Owned {
                tasks: tasks.clone(),
                slot,
                number,
            })
            .abort_handle();
        Box::new(Cancelled { abort, tasks, number })
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, number: u64) -> Option<Slot> {
        self.running().futures.remove(&number)
    }

    /// Drops all futures. One that is dropped may begin others; these are not run any more.
    fn end(&self) {
        loop {
            let first = self.running().futures.pop_first();
            let Some((_, slot)) = first else { return };
            drop(take(&slot));
        }
    }
}

fn take(slot: &Slot) -> Option<BoxFuture<'static, ()>> {
    // It is locked only by its own poll, which cannot be where it is dropped.
    slot.try_lock().ok().and_then(|mut future| future.take())
}

/// What the runtime has of a task.
struct Owned {
    tasks: Arc<Tasks>,
    slot: Slot,
    number: u64,
}

impl Future for Owned {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let polled = slot.as_mut().map_or(Poll::Ready(()), |future| future.as_mut().poll(cx));
        if polled.is_ready() {
            self.tasks.forget(self.number);
        }
        polled
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // It has neither ended nor been cancelled: the node is ending.
        if self.tasks.running().futures.contains_key(&self.number) {
            self.tasks.end();
        }
    }
}

struct Cancelled {
    abort: AbortHandle,
    tasks: Arc<Tasks>,
    number: u64,
}

impl Cancel for Cancelled {
    fn cancel(&self) {
        // The runtime drops what it still has of it.
        self.tasks.forget(self.number);
        self.abort.abort();
    }
}
