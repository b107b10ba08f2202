//! One transaction on its way: the closure, what it answered, and who waits for that.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::RecvError;

use crate::error::Error;
use crate::transaction::Transaction;

/// How much a transaction sees of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// As if transactions ran one after the other.
    Serializable,
    /// Each statement sees what was kept before it; for queues that skip rows which others hold. SQLite is serializable
    /// anyway.
    ReadCommitted,
    /// One state of everything, for reading only; on SQLite beside whoever writes.
    Snapshot,
}

/// A transaction as an engine runs it. The future of the closure need not be `Send`: an engine makes it and polls it on
/// one thread.
pub(crate) trait Work: Send {
    fn isolation(&self) -> Isolation;

    /// Whether it may be run again where it is not known whether it was kept: its own record tells.
    fn tells_repeats(&self) -> bool;

    /// Whether somebody still waits for it.
    fn is_wanted(&self) -> bool {
        !self.given_up().is()
    }

    /// Tells when nobody waits for it any more, also while it runs.
    fn given_up(&self) -> &GivenUp;

    /// Runs the closure, and remembers its answer; whether that is `Ok`. It stops where nobody waits for it any more.
    fn attempt<'a>(&'a mut self, transaction: &'a Transaction<'_>) -> Pin<Box<dyn Future<Output = bool> + 'a>>;

    /// Tells whoever waits: what the closure answered, or why nothing came of that.
    fn settle(self: Box<Self>, end: Result<(), Error>);
}

/// What is to be done once a transaction is kept.
pub(crate) type Hook = Box<dyn FnOnce() + Send>;

/// Tells whoever waits. Nothing that a component does then may stop what others wait for.
pub(crate) fn settle(work: Box<dyn Work>, end: Result<Vec<Hook>, Error>) {
    let settled = catch_unwind(AssertUnwindSafe(|| match end {
        Ok(hooks) => {
            for hook in hooks {
                if catch_unwind(AssertUnwindSafe(hook)).is_err() {
                    tracing::error!(target: "terrace::database", "what was to be done after a commit panicked");
                }
            }
            work.settle(Ok(()));
        }
        Err(error) => work.settle(Err(error)),
    }));
    if settled.is_err() {
        tracing::error!(target: "terrace::database", "the answer of a transaction panicked when it was dropped");
    }
}

/// Whether whoever waited for something has given up. A clone tells the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct GivenUp(Arc<AtomicBool>);

impl GivenUp {
    pub(crate) fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Held by whoever waits: dropped, it tells.
#[derive(Default)]
pub(crate) struct Waits(GivenUp);

impl Waits {
    pub(crate) fn given_up(&self) -> GivenUp {
        self.0.clone()
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// The outcome of a transaction, for whoever waits for it; dropped, nobody does.
pub(crate) struct Waiting<T, E> {
    outcome: oneshot::Receiver<Outcome<T, E>>,
    _waits: Waits,
}

impl<T, E> Future for Waiting<T, E> {
    type Output = Result<Outcome<T, E>, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.outcome).poll(cx)
    }
}

/// What a closure answered, or why the database has nothing to answer.
pub(crate) type Outcome<T, E> = Result<Result<T, E>, Error>;

pub(crate) struct Closure<F, T, E> {
    work: F,
    isolation: Isolation,
    tells_repeats: bool,
    answer: Option<Result<T, E>>,
    waits: oneshot::Sender<Outcome<T, E>>,
    given_up: GivenUp,
}

/// A transaction for an engine, and its outcome for whoever waits.
type Begun<F, T, E> = (Box<Closure<F, T, E>>, Waiting<T, E>);

impl<F, T, E> Closure<F, T, E> {
    pub(crate) fn new(work: F, isolation: Isolation, tells_repeats: bool) -> Begun<F, T, E> {
        let (sender, outcome) = oneshot::channel();
        let waits = Waits::default();
        let closure = Closure {
            work,
            isolation,
            tells_repeats,
            answer: None,
            waits: sender,
            given_up: waits.given_up(),
        };
        let waiting = Waiting { outcome, _waits: waits };
        (Box::new(closure), waiting)
    }
}

impl<F, T, E> Work for Closure<F, T, E>
where
    F: AsyncFn(&Transaction<'_>) -> Result<T, E> + Send,
    T: Send,
    E: Send,
{
    fn isolation(&self) -> Isolation {
        self.isolation
    }

    fn tells_repeats(&self) -> bool {
        self.tells_repeats
    }

    fn given_up(&self) -> &GivenUp {
        &self.given_up
    }

    fn attempt<'a>(&'a mut self, transaction: &'a Transaction<'_>) -> Pin<Box<dyn Future<Output = bool> + 'a>> {
        Box::pin(async move {
            let mut closure = pin!((self.work)(transaction));
            let answered = poll_fn(|cx| match self.waits.poll_closed(cx) {
                Poll::Ready(()) => Poll::Ready(None),
                Poll::Pending => closure.as_mut().poll(cx).map(Some),
            });
            let answer = answered.await;
            let is_ok = answer.as_ref().is_some_and(Result::is_ok);
            self.answer = answer;
            is_ok
        })
    }

    fn settle(self: Box<Self>, end: Result<(), Error>) {
        let outcome = match (end, self.answer) {
            (Ok(()), Some(answer)) => Ok(answer),
            (Ok(()), None) => Err(Error::Panicked),
            (Err(error), _) => Err(error),
        };
        // Whoever gave up does not want to know.
        let _ = self.waits.send(outcome);
    }
}
