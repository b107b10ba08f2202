//! The record of calls behind `once`. What has happened outlives a crash, with its effect; what was under way does not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use component::once::{Begun, Keeper};
use terrace::{CallError, CallId};
use world::{BoxFuture, Env};

use crate::book::Book;

/// One incarnation's.
pub(crate) struct Till {
    book: Arc<Book>,
    env: Env,
    server: usize,
    /// Calls under way, with the run whose effect is prepared.
    claims: Mutex<BTreeMap<CallId, Option<usize>>>,
}

/// How long a record takes to be kept, and how often somebody looks whether it is.
const KEEPING: Duration = Duration::from_millis(2);

impl Till {
    pub(crate) fn new(book: &Arc<Book>, env: &Env, server: usize) -> Arc<Till> {
        Arc::new(Till {
            book: book.clone(),
            env: env.clone(),
            server,
            claims: Mutex::default(),
        })
    }

    /// The effect of a run, which happens with the record of its call.
    pub(crate) fn prepare(&self, id: CallId, run: usize) {
        self.claims().insert(id, Some(run));
    }

    fn claims(&self) -> MutexGuard<'_, BTreeMap<CallId, Option<usize>>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim(&self, id: CallId) -> Begun {
        if let Some(answer) = self.book.state().records.get(&(self.server, id.0)) {
            return Begun::Answer(answer.clone());
        }
        let mut claims = self.claims();
        if claims.contains_key(&id) {
            return Begun::InFlight;
        }
        claims.insert(id, None);
        Begun::Fresh
    }
}

impl Keeper for Till {
    fn begin<'a>(&'a self, id: CallId, _: &'a str, _: u128) -> BoxFuture<'a, Result<Begun, CallError>> {
        Box::pin(async move { Ok(self.claim(id)) })
    }

    fn finish<'a>(&'a self, id: CallId, _: &'a str, answer: Option<Bytes>) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            self.env.sleep(KEEPING).await;
            let prepared = self.claims().remove(&id).flatten();
            if let (Some(run), Some(answer)) = (prepared, answer) {
                let mut state = self.book.state();
                state.records.insert((self.server, id.0), answer);
                state.effects.push(run);
            }
            Ok(())
        })
    }

    fn settled<'a>(&'a self, id: CallId, _: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            while self.claims().contains_key(&id) {
                self.env.sleep(KEEPING).await;
            }
        })
    }
}

/// Counts an effect as running until it is dropped.
pub(crate) struct Effect(Arc<Book>);

impl Effect {
    pub(crate) fn begins(book: &Arc<Book>) -> Effect {
        book.state().effects_running += 1;
        Effect(book.clone())
    }
}

impl Drop for Effect {
    fn drop(&mut self) {
        if let Some(mut state) = self.0.open() {
            state.effects_running -= 1;
        }
    }
}
