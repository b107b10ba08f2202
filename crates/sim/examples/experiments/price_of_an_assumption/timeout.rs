//! The lock of a synchronous world: one server, in memory. Whoever has not given the lock back in time has failed.

use std::sync::{Mutex, PoisonError};

use sim::{World, reference};
use terrace::{CallError, Cx, Ref};
use world::{BoxFuture, Env, Instant};

use super::{DELAY_MAX, Hold, LEASE, Lock, PATIENCE, Told};
use crate::measure::Seen;

/// Knows who holds the lock.
#[terrace::component]
pub(crate) trait Keeper {
    /// The number of a new hold, if there is no other.
    async fn take(&self, cx: &Cx) -> Result<Option<u64>, CallError>;

    /// Ends a hold.
    async fn give_back(&self, cx: &Cx, number: u64) -> Result<(), CallError>;
}

struct InMemory {
    env: Env,
    told: Seen<Told>,
    state: Mutex<(u64, Instant)>,
}

/// Adds the server.
pub(super) fn serve(world: &World, told: &Seen<Told>) {
    let told = told.clone();
    world.provide::<dyn Keeper, _, _, _>("lock", move |env| {
        let state = Mutex::new((0, env.now()));
        let told = told.clone();
        async move { InMemory { env, told, state } }
    });
}

impl Keeper for InMemory {
    async fn take(&self, _: &Cx) -> Result<Option<u64>, CallError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.env.now() < state.1 {
            return Ok(None);
        }
        // The experiment counts, so that holds are in order although the server forgets in a crash.
        let number = self.told.with(|told| {
            told.given += 1;
            told.given
        });
        *state = (number, self.env.deadline(LEASE));
        Ok(Some(number))
    }

    async fn give_back(&self, _: &Cx, number: u64) -> Result<(), CallError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 == number {
            state.1 = self.env.now();
        }
        Ok(())
    }
}

pub(super) struct Client {
    env: Env,
    told: Seen<Told>,
    keeper: Ref<dyn Keeper>,
}

impl Client {
    pub(super) fn new(env: &Env, told: &Seen<Told>) -> Client {
        let keeper = reference(env, "lock");
        let (env, told) = (env.clone(), told.clone());
        Client { env, told, keeper }
    }
}

impl Lock for Client {
    fn take(&mut self) -> BoxFuture<'_, Option<Hold>> {
        Box::pin(async {
            // A write that begins a delay before the end arrives before the next hold.
            let until = self.env.deadline(LEASE - DELAY_MAX);
            self.told.with(|told| told.calls += 1);
            let token = self.keeper.take(&Cx::root(&self.env).within(PATIENCE)).await.ok()??;
            Some(Hold { token, until })
        })
    }

    fn give_back(&mut self, hold: Hold) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.told.with(|told| told.calls += 1);
            let _ = self
                .keeper
                .give_back(&Cx::root(&self.env).within(PATIENCE), hold.token)
                .await;
        })
    }
}
