//! One transaction on its way: the closure, what it answered, and who waits for that.

use std::pin::Pin;

use tokio::sync::oneshot;

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
    fn is_wanted(&self) -> bool;

    /// Runs the closure, and remembers its answer; whether that is `Ok`.
    fn attempt<'a>(&'a mut self, transaction: &'a Transaction<'_>) -> Pin<Box<dyn Future<Output = bool> + 'a>>;

    /// Tells whoever waits: what the closure answered, or why nothing came of that.
    fn settle(self: Box<Self>, end: Result<(), Error>);
}

/// What a closure answered, or why the database has nothing to answer.
pub(crate) type Outcome<T, E> = Result<Result<T, E>, Error>;

pub(crate) struct Closure<F, T, E> {
    work: F,
    isolation: Isolation,
    tells_repeats: bool,
    answer: Option<Result<T, E>>,
    waits: oneshot::Sender<Outcome<T, E>>,
}

impl<F, T, E> Closure<F, T, E> {
    pub(crate) fn new(
        work: F,
        isolation: Isolation,
        tells_repeats: bool,
    ) -> (Box<Closure<F, T, E>>, oneshot::Receiver<Outcome<T, E>>) {
        let (waits, outcome) = oneshot::channel();
        let closure = Closure {
            work,
            isolation,
            tells_repeats,
            answer: None,
            waits,
        };
        (Box::new(closure), outcome)
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

    fn is_wanted(&self) -> bool {
        !self.waits.is_closed()
    }

    fn attempt<'a>(&'a mut self, transaction: &'a Transaction<'_>) -> Pin<Box<dyn Future<Output = bool> + 'a>> {
        Box::pin(async move {
            let answer = (self.work)(transaction).await;
            let is_ok = answer.is_ok();
            self.answer = Some(answer);
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
