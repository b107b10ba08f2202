//! Effects that happen once: a record of call ids and answers, kept beside the effects themselves.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use bytes::Bytes;
use tokio::sync::Notify;
use wire::{CallError, CallErrorKind, Codec, Limits};
use world::BoxFuture;

use crate::call_id::CallId;
use crate::component::{Data, Failure};
use crate::cx::Cx;

/// Keeps which calls have had their effect, and what they answered. A database keeps it in the effect's own transaction.
pub trait Keeper: Send + Sync {
    /// Claims the call `id` for `label`, whose arguments have `digest`. A cancelled caller drops this future: then no
    /// claim may be left behind.
    fn begin<'a>(&'a self, id: CallId, label: &'a str, digest: u128) -> BoxFuture<'a, Result<Begun, CallError>>;

    /// Records the answer of a call that [`begin`](Keeper::begin) called fresh. `None` takes the claim back: the effect
    /// failed, panicked, or its answer cannot be written. A keeper beside the effect undoes the effect with it.
    fn finish<'a>(&'a self, id: CallId, label: &'a str, answer: Option<Bytes>) -> BoxFuture<'a, Result<(), CallError>>;

    /// Waits until the call is no longer in flight.
    fn settled<'a>(&'a self, id: CallId, label: &'a str) -> BoxFuture<'a, ()>;
}

/// What a keeper knows of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It has not happened; whoever asked does it now.
    Fresh,
    /// It has happened and answered this.
    Answer(Bytes),
    /// It was made with other arguments before.
    OtherArguments,
    /// It is happening now.
    InFlight,
}

/// Runs `effect` unless the call of `cx` has had it, and answers what it answered the first time. `label` tells several
/// effects of one call apart. An `Err` is not recorded: nothing happened. The effect runs to its end even when the call
/// is cancelled.
pub async fn once<T, E, F>(
    keeper: Arc<dyn Keeper>,
    cx: &Cx,
    label: &'static str,
    effect: impl FnOnce() -> F,
) -> Result<T, E>
where
    T: Data + 'static,
    E: Failure,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let (id, digest) = (cx.call_id(), cx.arguments_digest());
    loop {
        let settled = keeper.settled(id, label);
        match keeper.begin(id, label, digest).await? {
            Begun::Fresh => break,
            Begun::Answer(answer) => return Ok(read(&answer)?),
            Begun::OtherArguments => return Err(E::from(reused(id))),
            Begun::InFlight => settled.await,
        }
    }
    let work = caught(catch_unwind(AssertUnwindSafe(effect)));
    cx.finish(async move {
        let answer = work.await;
        let record = match &answer {
            Ok(Ok(value)) => {
                let mut bytes = Vec::new();
                let written = wire::encode(Codec::Tagged, value, &mut bytes);
                written.map(|()| Some(bytes.into())).map_err(|error| {
                    CallError::maybe_run(CallErrorKind::Failed, format!("the answer cannot be recorded: {error}"))
                })
            }
            Ok(Err(_)) | Err(_) => Ok(None),
        };
        // Whatever went wrong, the claim ends here: a repeat must not wait for it.
        keeper
            .finish(id, label, record.as_ref().ok().cloned().flatten())
            .await?;
        record?;
        answer?
    })
    .await?
}

/// What `effect` answers, or that it panicked.
async fn caught<T, E, F>(effect: Result<F, Box<dyn Any + Send>>) -> Result<Result<T, E>, CallError>
where
    F: Future<Output = Result<T, E>>,
{
    let panicked = |_| CallError::maybe_run(CallErrorKind::Failed, "the effect panicked; its log says where");
    let mut effect = pin!(effect.map_err(panicked)?);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| effect.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(panicked(panic))),
    })
    .await
}

fn read<T: Data>(answer: &[u8]) -> Result<T, CallError> {
    wire::decode(Codec::Tagged, answer, &Limits::default()).map_err(|error| {
        CallError::maybe_run(
            CallErrorKind::Incompatible,
            format!("the recorded answer cannot be read: {error}"),
        )
    })
}

fn reused(id: CallId) -> CallError {
    let message = format!("call id reused: {id} was used with other arguments before; use a new one for a new request");
    CallError::not_run(CallErrorKind::Denied, message)
}

/// A keeper in memory, for tests: what it knows ends with the process.
#[derive(Debug, Default)]
pub struct MemoryKeeper {
    records: Mutex<BTreeMap<(CallId, String), Record>>,
    changed: Notify,
}

#[derive(Debug)]
struct Record {
    digest: u128,
    /// `None` while it is in flight.
    answer: Option<Bytes>,
}

impl MemoryKeeper {
    /// A keeper that knows of nothing.
    pub fn new() -> Arc<MemoryKeeper> {
        Arc::default()
    }

    fn claim(&self, id: CallId, label: &str, digest: u128) -> Begun {
        let mut records = self.records.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let key = (id, label.to_string());
        match records.get(&key) {
            None => {
                records.insert(key, Record { digest, answer: None });
                Begun::Fresh
            }
            Some(record) if record.digest != digest => Begun::OtherArguments,
            Some(Record {
                answer: Some(answer), ..
            }) => Begun::Answer(answer.clone()),
            Some(_) => Begun::InFlight,
        }
    }

    fn settle(&self, id: CallId, label: &str, answer: Option<Bytes>) {
        let mut records = self.records.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let key = (id, label.to_string());
        match answer {
            None => {
                records.remove(&key);
            }
            Some(answer) => {
                if let Some(record) = records.get_mut(&key) {
                    record.answer = Some(answer);
                }
            }
        }
        drop(records);
        self.changed.notify_waiters();
    }

    fn in_flight(&self, id: CallId, label: &str) -> bool {
        let records = self.records.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        records
            .get(&(id, label.to_string()))
            .is_some_and(|record| record.answer.is_none())
    }
}

impl Keeper for MemoryKeeper {
    fn begin<'a>(&'a self, id: CallId, label: &'a str, digest: u128) -> BoxFuture<'a, Result<Begun, CallError>> {
        Box::pin(async move { Ok(self.claim(id, label, digest)) })
    }

    fn finish<'a>(&'a self, id: CallId, label: &'a str, answer: Option<Bytes>) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            self.settle(id, label, answer);
            Ok(())
        })
    }

    fn settled<'a>(&'a self, id: CallId, label: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if !self.in_flight(id, label) {
                    return;
                }
                changed.await;
            }
        })
    }
}
