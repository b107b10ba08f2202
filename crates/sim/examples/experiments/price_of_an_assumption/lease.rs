//! The lock of a datacentre: one server, which keeps the last token on its disk. A hold may be over without its holder
//! knowing; then the fence of the store refuses it (C. Gray and D. Cheriton, *Leases*, 1989; M. Kleppmann, 2016).

use std::sync::{Mutex, PoisonError};

use sim::{World, reference};
use terrace::{CallError, CallErrorKind, Cx, Ref};
use world::{BoxFuture, Env, Instant};

use super::{Hold, LEASE, Lock, PATIENCE, Told};
use crate::log::Log;
use crate::measure::Seen;

/// Knows who holds the lock.
#[terrace::component]
pub(crate) trait Keeper {
    /// The token of a new hold, if there is no other.
    async fn take(&self, cx: &Cx) -> Result<Option<u64>, CallError>;

    /// Ends a hold.
    async fn give_back(&self, cx: &Cx, token: u64) -> Result<(), CallError>;
}

struct OnDisk {
    env: Env,
    log: Log,
    state: Mutex<(u64, Instant)>,
}

impl OnDisk {
    async fn open(env: Env) -> OnDisk {
        let (log, held) = Log::open(&env).await;
        let token = held.iter().map(|words| words[0]).max().unwrap_or(0);
        // A hold that was given before a crash runs on.
        let ends = if token == 0 { env.now() } else { env.deadline(LEASE) };
        let state = Mutex::new((token, ends));
        OnDisk { env, log, state }
    }

    fn next(&self) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.env.now() < state.1 {
            return None;
        }
        *state = (state.0 + 1, self.env.deadline(LEASE));
        Some(state.0)
    }
}

/// Adds the server.
pub(super) fn serve(world: &World) {
    world.provide::<dyn Keeper, _, _, _>("lock", OnDisk::open);
}

impl Keeper for OnDisk {
    async fn take(&self, _: &Cx) -> Result<Option<u64>, CallError> {
        let Some(token) = self.next() else { return Ok(None) };
        // It is told to nobody before it is on the disk.
        let kept = self.log.append([token, 0, 0, 0]).await;
        kept.map_err(|error| CallError::maybe_run(CallErrorKind::Failed, error.to_string()))?;
        Ok(Some(token))
    }

    async fn give_back(&self, _: &Cx, token: u64) -> Result<(), CallError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 == token {
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
            // Later than that a write would only be refused.
            let until = self.env.deadline(LEASE);
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
