//! Two members of which one leads, and a store that leaders write to. A member that hears no heartbeat for 2 s takes the
//! lead. *Wrong*: it takes silence for death, and the store takes every write. *Right*: a suspicion is an opinion; each
//! lead has an epoch, and the store refuses a write of an earlier one.
//!
//! The timeout is right where delays are bounded, so the bug shows only where they are not: the old leader goes on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sim::{Scenario, World, reference};
use terrace::{CallError, CallErrorKind, Cx, Ref, sometimes};
use world::{Detector, Env, Timeout};

use crate::log::Log;
use crate::trial::{Planted, Working, asked, wait};

/// The bug, and where it shows.
pub(crate) const BUG: Planted = Planted {
    name: "a timeout taken for death",
    wrong: || scenario("leader without a fence", Fence::None),
    right: || scenario("leader with a fence", Fence::Epoch),
    // `synchronous` but for its timing.
    weak: "asynchronous + crash-stop + synced-only + perfect-links + no-partitions + perfect-clocks",
    strong: "synchronous",
    holds: "asynchronous",
    promise: "two leaders at once",
};

/// What has to happen in some run of the right version, or its fence was not needed.
pub(crate) const REFUSED: &str = "the fence refused an earlier leader";

/// Whether the store looks at epochs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fence {
    /// It does not.
    None,
    /// It refuses those before the latest it has seen.
    Epoch,
}

const CHAOS: Duration = Duration::from_secs(30);
const CLIENTS: u64 = 2;
const MEMBERS: [&str; 2] = ["one", "two"];
const HEARTBEAT: Duration = Duration::from_millis(500);
const DEAD_AFTER: Duration = Duration::from_secs(2);
const LOOKS_EVERY: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_millis(400);
const PAUSE_MS_MAX: u64 = 200;

/// One that may lead.
#[terrace::component]
pub(crate) trait Member {
    /// Whoever leads this epoch is alive.
    async fn heartbeat(&self, cx: &Cx, epoch: u64) -> Result<(), CallError>;

    /// Writes, and answers whether that was kept; not if this member does not lead.
    async fn write(&self, cx: &Cx) -> Result<bool, CallError>;
}

/// What leaders write to.
#[terrace::component]
pub(crate) trait Store {
    /// Writes, and answers the latest epoch: the write was kept if it is this one. Who leads is for the check only.
    async fn put(&self, cx: &Cx, epoch: u64, leader: u64) -> Result<u64, CallError>;
}

struct Elected {
    env: Env,
    log: Log,
    /// Which of the members, and so which of the epochs are its own: odd or even.
    index: u64,
    store: Ref<dyn Store>,
    state: Mutex<State>,
}

struct State {
    /// The latest epoch it knows of.
    latest: u64,
    /// Its epoch, and a number of its own for each time that it leads.
    leads: Option<(u64, u64)>,
    peer: Timeout,
}

impl Elected {
    async fn open(env: Env, index: usize) -> Arc<Elected> {
        let (log, held) = Log::open(&env).await;
        let member = Arc::new(Elected {
            log,
            index: index as u64,
            store: reference(&env, "store"),
            state: Mutex::new(State {
                latest: held.iter().map(|words| words[0]).max().unwrap_or(0),
                leads: None,
                peer: Timeout::new(DEAD_AFTER, env.now()),
            }),
            env: env.clone(),
        });
        if index == 0 && held.is_empty() {
            member.take_the_lead().await;
        }
        drop(env.spawn("heartbeats", beat(member.clone())));
        drop(env.spawn("suspicion", suspect(member.clone())));
        member
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In an epoch of its own after the latest, which it remembers over a crash.
    async fn take_the_lead(&self) {
        let mut epoch = self.state().latest + 1;
        if epoch % 2 == self.index {
            epoch += 1;
        }
        let leader = self.env.random("leader").u64();
        if self.log.append([epoch, 0, 0, 0]).await.is_ok() {
            let mut state = self.state();
            if state.latest < epoch {
                (state.latest, state.leads) = (epoch, Some((epoch, leader)));
            }
        }
    }

    /// There is a leader of this epoch.
    fn learn(&self, epoch: u64) {
        let mut state = self.state();
        if epoch > state.latest {
            (state.latest, state.leads) = (epoch, None);
        }
    }
}

async fn beat(member: Arc<Elected>) {
    let other = MEMBERS[1 - member.index as usize];
    let other = reference::<dyn Member>(&member.env, other);
    let mut ticks = member.env.every(HEARTBEAT);
    loop {
        let leads = member.state().leads;
        if let Some((epoch, _)) = leads {
            let _ = other.heartbeat(&Cx::root(&member.env).within(PATIENCE), epoch).await;
        }
        ticks.tick().await;
    }
}

async fn suspect(member: Arc<Elected>) {
    loop {
        member.env.sleep(LOOKS_EVERY).await;
        let suspects = {
            let state = member.state();
            state.leads.is_none() && state.peer.suspicion(member.env.now()).is_suspected()
        };
        if suspects {
            member.take_the_lead().await;
        }
    }
}

/// A member as its node serves it; its tasks have it too.
struct Serving(Arc<Elected>);

impl Member for Serving {
    async fn heartbeat(&self, _: &Cx, epoch: u64) -> Result<(), CallError> {
        self.0.learn(epoch);
        let mut state = self.0.state();
        if epoch == state.latest {
            state.peer.heard(self.0.env.now());
        }
        Ok(())
    }

    async fn write(&self, cx: &Cx) -> Result<bool, CallError> {
        let leads = self.0.state().leads;
        let Some((epoch, leader)) = leads else { return Ok(false) };
        let latest = self.0.store.put(cx, epoch, leader).await?;
        self.0.learn(latest);
        Ok(latest == epoch)
    }
}

/// The epochs and leaders of the writes that were kept, in their order.
type Kept = Arc<Mutex<Vec<(u64, u64)>>>;

struct Fenced {
    env: Env,
    log: Log,
    fence: Fence,
    latest: Mutex<u64>,
    kept: Kept,
}

impl Fenced {
    async fn open(env: Env, fence: Fence, kept: Kept) -> Fenced {
        let (log, held) = Log::open(&env).await;
        let latest = Mutex::new(held.iter().map(|words| words[0]).max().unwrap_or(0));
        Fenced {
            env,
            log,
            fence,
            latest,
            kept,
        }
    }

    /// The epoch that a write of this one leads to: another one if it is refused.
    fn passes(&self, epoch: u64) -> u64 {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let stale = epoch < *latest;
        sometimes!(self.env, stale && self.fence == Fence::Epoch, REFUSED);
        *latest = epoch.max(*latest);
        match self.fence {
            Fence::None => epoch,
            Fence::Epoch => *latest,
        }
    }
}

impl Store for Fenced {
    async fn put(&self, _: &Cx, epoch: u64, leader: u64) -> Result<u64, CallError> {
        let latest = self.passes(epoch);
        if latest == epoch {
            let kept = self.log.append([epoch, 0, 0, 0]).await;
            kept.map_err(|error| CallError::maybe_run(CallErrorKind::Failed, error.to_string()))?;
            self.kept
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((epoch, leader));
        }
        Ok(latest)
    }
}

fn scenario(name: &'static str, fence: Fence) -> Scenario {
    Scenario::new(name, move |world| run(world, fence))
}

async fn run(world: World, fence: Fence) {
    let (kept, working) = (Kept::default(), Working::default());
    let keeps = kept.clone();
    world.provide::<dyn Store, _, _, _>("store", move |env| Fenced::open(env, fence, keeps.clone()));
    for (index, name) in MEMBERS.into_iter().enumerate() {
        world.provide::<dyn Member, _, _, _>(name, move |env| async move { Serving(Elected::open(env, index).await) });
    }
    for client in 0..CLIENTS {
        let working = working.clone();
        world.client(&format!("client-{client}"), move |env| work(env, working.clone()));
    }
    world.chaos(CHAOS).await;
    working.stop();
    world.env().sleep(2 * DEAD_AFTER).await;
    asked(&world, || one_write(world.env())).await;
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    world.check(one_leader(&kept));
}

/// Once all is healed, somebody leads.
async fn one_write(env: &Env) -> Result<(), CallError> {
    for member in MEMBERS {
        let member = reference::<dyn Member>(env, member);
        if member.write(&Cx::root(env).within(PATIENCE)).await == Ok(true) {
            return Ok(());
        }
    }
    Err(CallError::not_run(CallErrorKind::Failed, "nobody leads"))
}

/// Once a leader's write was kept, none of an earlier leader is, and each epoch has one leader.
fn one_leader(kept: &[(u64, u64)]) -> Result<(), String> {
    let next = kept.iter().skip(1);
    match kept
        .iter()
        .zip(next)
        .find(|(one, next)| one.0 > next.0 || one.0 == next.0 && one.1 != next.1)
    {
        None => Ok(()),
        Some((one, next)) => Err(format!(
            "two leaders at once: a write of epoch {} was kept after one of another leader, of epoch {}",
            next.0, one.0
        )),
    }
}

async fn work(env: Env, working: Working) {
    let members = MEMBERS.map(|name| reference::<dyn Member>(&env, name));
    let mut random = env.random("work");
    while working.goes_on() {
        wait(&env, &mut random, PAUSE_MS_MAX).await;
        let member = &members[random.below(2) as usize];
        // Whether it was kept is the check's business.
        let _ = member.write(&Cx::root(&env).within(PATIENCE)).await;
    }
}
