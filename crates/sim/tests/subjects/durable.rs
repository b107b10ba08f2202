//! A journal on one server. *Wrong*: it acknowledges an entry that it has written and not synced.
//!
//! The bug needs a crash that takes what was not synced, so it shows where nodes come back, and not where they never fail.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sim::check::Acknowledged;
use sim::{Scenario, World, reference};
use terrace::{CallError, CallErrorKind, Cx};
use world::Env;

use crate::log::Log;
use crate::trial::{Planted, Working, asked, wait};

/// The bug, and where it shows.
pub(crate) const BUG: Planted = Planted {
    name: "an acknowledgement before the sync",
    wrong: || scenario("journal, acknowledging early", Syncs::Later),
    right: || scenario("journal", Syncs::First),
    weak: "datacentre",
    strong: "datacentre + correct",
    holds: "asynchronous",
    promise: "acknowledged and lost",
};

/// When an entry is synced.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syncs {
    /// Before it is acknowledged.
    First,
    /// Every now and then.
    Later,
}

const CHAOS: Duration = Duration::from_secs(20);
const SYNC_EVERY: Duration = Duration::from_millis(100);
const CLIENTS: u64 = 3;
const PAUSE_MS_MAX: u64 = 80;
const PATIENCE: Duration = Duration::from_secs(3);

/// Keeps entries.
#[terrace::component]
pub(crate) trait Journal {
    /// Adds an entry.
    async fn add(&self, cx: &Cx, entry: u64) -> Result<(), CallError>;

    /// All entries.
    #[call(read)]
    async fn entries(&self, cx: &Cx) -> Result<Vec<u64>, CallError>;
}

struct OnDisk {
    log: Arc<Log>,
    syncs: Syncs,
    entries: Mutex<Vec<u64>>,
}

impl OnDisk {
    async fn open(env: Env, syncs: Syncs) -> OnDisk {
        let (log, held) = Log::open(&env).await;
        let log = Arc::new(log);
        if syncs == Syncs::Later {
            let (log, ticks) = (log.clone(), env.clone());
            drop(env.spawn("sync", async move {
                loop {
                    ticks.sleep(SYNC_EVERY).await;
                    let _ = log.sync().await;
                }
            }));
        }
        let entries = Mutex::new(held.into_iter().map(|words| words[0]).collect());
        OnDisk { log, syncs, entries }
    }
}

impl Journal for OnDisk {
    async fn add(&self, _: &Cx, entry: u64) -> Result<(), CallError> {
        let words = [entry, 0, 0, 0];
        let written = match self.syncs {
            Syncs::First => self.log.append(words).await,
            Syncs::Later => self.log.write(words).await,
        };
        written.map_err(|error| CallError::maybe_run(CallErrorKind::Failed, error.to_string()))?;
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
        Ok(())
    }

    async fn entries(&self, _: &Cx) -> Result<Vec<u64>, CallError> {
        Ok(self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn scenario(name: &'static str, syncs: Syncs) -> Scenario {
    Scenario::new(name, move |world| run(world, syncs))
}

async fn run(world: World, syncs: Syncs) {
    world.provide::<dyn Journal, _, _, _>("journal", move |env| OnDisk::open(env, syncs));
    let account = Acknowledged::<u64>::new();
    let working = Working::default();
    for client in 0..CLIENTS {
        let (account, working) = (account.clone(), working.clone());
        world.client(&format!("client-{client}"), move |env| {
            work(env, account.clone(), working.clone())
        });
    }
    world.chaos(CHAOS).await;
    working.stop();
    world.env().sleep(2 * PATIENCE).await;
    let journal = reference::<dyn Journal>(world.env(), "journal");
    let cx = Cx::root(world.env());
    if let Some(entries) = asked(&world, || journal.entries(&cx)).await {
        world.check(account.verify(entries));
    }
}

async fn work(env: Env, account: Acknowledged<u64>, working: Working) {
    let journal = reference::<dyn Journal>(&env, "journal");
    let mut random = env.random("entries");
    while working.goes_on() {
        wait(&env, &mut random, PAUSE_MS_MAX).await;
        let entry = random.u64();
        account.attempted(entry);
        match journal.add(&Cx::root(&env).within(PATIENCE), entry).await {
            Ok(()) => account.acknowledged(entry),
            Err(error) if error.certainly_did_not_run() => account.refused(entry),
            Err(_) => {}
        }
    }
}
