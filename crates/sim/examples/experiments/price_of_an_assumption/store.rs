//! What the lock protects: a store that may have a fence (M. Kleppmann, *How to do distributed locking*, 2016).

use std::sync::{Mutex, PoisonError};

use sim::{World, reference};
use terrace::{CallError, CallErrorKind, Cx, Ref};
use world::Env;

use super::{PATIENCE, Told, WARM_UP};
use crate::log::Log;
use crate::measure::Seen;

/// What holders write to.
#[terrace::component]
pub(crate) trait Store {
    /// Writes under a token, and answers whether that was kept.
    async fn write(&self, cx: &Cx, token: u64) -> Result<bool, CallError>;
}

struct Written {
    env: Env,
    world: World,
    told: Seen<Told>,
    fence: bool,
    log: Log,
    greatest: Mutex<u64>,
}

/// Adds the store.
pub(super) fn serve(world: &World, told: &Seen<Told>, fence: bool) {
    let (at, told) = (world.clone(), told.clone());
    world.provide::<dyn Store, _, _, _>("store", move |env| {
        let (world, told) = (at.clone(), told.clone());
        async move {
            let (log, held) = Log::open(&env).await;
            let greatest = Mutex::new(held.iter().map(|words| words[0]).max().unwrap_or(0));
            Written {
                env,
                world,
                told,
                fence,
                log,
                greatest,
            }
        }
    });
}

impl Store for Written {
    async fn write(&self, _: &Cx, token: u64) -> Result<bool, CallError> {
        {
            let mut greatest = self.greatest.lock().unwrap_or_else(PoisonError::into_inner);
            let stale = token > 0 && token < *greatest;
            if stale && self.fence {
                self.told.with(|told| told.refused += 1);
                return Ok(false);
            }
            if stale {
                self.told.with(|told| told.stale += 1);
                let why = format!("a write of hold {token} was kept after one of hold {greatest}");
                self.world.violated(&self.env, why);
            }
            *greatest = token.max(*greatest);
        }
        let kept = self.log.append([token, 0, 0, 0]).await;
        kept.map_err(|error| CallError::maybe_run(CallErrorKind::Failed, error.to_string()))?;
        Ok(true)
    }
}

/// The store as a client has it.
pub(super) struct Handle {
    env: Env,
    store: Ref<dyn Store>,
}

impl Handle {
    pub(super) fn new(env: &Env) -> Handle {
        Handle {
            env: env.clone(),
            store: reference(env, "store"),
        }
    }

    /// Opens the connection.
    pub(super) async fn open(&self) {
        let _ = self.store.write(&Cx::root(&self.env).within(WARM_UP), 0).await;
    }

    pub(super) async fn write(&self, token: u64) {
        let _ = self.store.write(&Cx::root(&self.env).within(PATIENCE), token).await;
    }
}
