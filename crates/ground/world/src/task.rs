//! Tasks of a node: spawned by name, cancelled by hand or by a crash, with panics turned into values.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::sync::oneshot;

/// A running task. Awaiting it gives its value; dropping it lets it run on.
#[must_use = "a task that is dropped runs on: say so by `drop(..)`, or keep it to await or cancel it"]
pub struct Task<T> {
    outcome: oneshot::Receiver<Result<T, TaskLost>>,
    running: Box<dyn Cancel>,
}

/// Which of two futures was ready first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First<A, B> {
    /// The first one, or both at once.
    One(A),
    /// The other one.
    Other(B),
}

/// Waits for one of two futures, and drops the other; where both are ready it prefers the first.
pub async fn first<A: Future, B: Future>(one: A, other: B) -> First<A::Output, B::Output> {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(First::One(value)),
        Poll::Pending => other.as_mut().poll(cx).map(First::Other),
    })
    .await
}

/// Why a task gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskLost {
    /// It panicked, with this message.
    #[error("the task panicked: {0}")]
    Panicked(String),
    /// It was cancelled, or its node ended, before it was ready.
    #[error("the task was cancelled")]
    Cancelled,
}

/// What a world gives for a task it has started.
pub(crate) trait Cancel: Send + Sync {
    /// Drops the task at its next suspension; does nothing if it has ended.
    fn cancel(&self);
}

impl<T> Task<T> {
    pub(crate) fn new(outcome: oneshot::Receiver<Result<T, TaskLost>>, running: Box<dyn Cancel>) -> Task<T> {
        Task { outcome, running }
    }

    /// Drops the task's future at its next suspension. A blocking function that has begun runs to its end.
    pub fn cancel(&self) {
        self.running.cancel();
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskLost>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.outcome)
            .poll(cx)
            .map(|sent| sent.unwrap_or(Err(TaskLost::Cancelled)))
    }
}

/// Runs `future` and sends its outcome; it is dropped before anybody can see the outcome.
pub(crate) async fn watch<T>(future: impl Future<Output = T>, outcome: oneshot::Sender<Result<T, TaskLost>>) {
    let result = {
        let mut future = pin!(future);
        poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(TaskLost::Panicked(panic_message(&*panic)))),
        })
        .await
    };
    drop(outcome.send(result));
}

/// Runs `work` and sends its outcome.
pub(crate) fn watch_blocking<T>(work: impl FnOnce() -> T, outcome: oneshot::Sender<Result<T, TaskLost>>) {
    let result = catch_unwind(AssertUnwindSafe(work)).map_err(|panic| TaskLost::Panicked(panic_message(&*panic)));
    drop(outcome.send(result));
}

/// What was said in a panic.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "a panic without a message".to_owned(),
    }
}
