//! A lock with leases, and a store that its holders write to. *Wrong*: the store takes every write. *Right*: it keeps the
//! greatest token it has seen, and refuses a write under a smaller one, the *fence* (M. Kleppmann, *How to do distributed
//! locking*, 2016).
//!
//! A lease is safe only as long as the two clocks that measure it run alike: a jump of the server's clock ends it there
//! while its holder counts on it, and then there are two holders.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sim::{Scenario, World, reference};
use terrace::{CallError, CallErrorKind, Cx, sometimes};
use world::{Env, Instant};

use crate::log::Log;
use crate::trial::{Planted, Working, asked, wait};

/// The bug, and where it shows.
pub(crate) const BUG: Planted = Planted {
    name: "a lock without a fence",
    wrong: || scenario("lock without a fence", Fence::None),
    right: || scenario("lock with a fence", Fence::Token),
    weak: "synchronous + jumps",
    strong: "synchronous + skewed-clocks",
    holds: "asynchronous",
    promise: "a stale write was kept",
};

/// What has to happen in some run of the right version, or its fence was not needed.
pub(crate) const REFUSED: &str = "the fence refused a stale write";

/// Whether the store looks at tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fence {
    /// It does not.
    None,
    /// It refuses those that are smaller than the greatest it has seen.
    Token,
}

const CHAOS: Duration = Duration::from_secs(40);
const CLIENTS: u64 = 3;
/// By the server's clock.
const LEASE: Duration = Duration::from_secs(3);
/// How long a holder relies on it, by its own clock, from before it asked: what a write takes on its way is left out.
const RELIES: Duration = Duration::from_millis(2700);
const PATIENCE: Duration = Duration::from_millis(150);
/// How long whoever asks for a lease waits at the server, and how often it looks: less traffic than to ask again.
const WAITS: Duration = Duration::from_millis(500);
const LOOKS_EVERY: Duration = Duration::from_millis(50);
/// Three of four holders write at once, and the fourth late in its lease, so that most of the time somebody is about to.
const LATE_OF: u64 = 4;
const LATE_MS: u64 = 1200;
const WORK_MS_MAX: [u64; 2] = [50, 1000];
const PAUSE_MS_MAX: u64 = 50;

/// A lock with leases.
#[terrace::component]
pub(crate) trait Lock {
    /// The token of a new lease, each greater than all before it; none if somebody else has one for too long.
    async fn take(&self, cx: &Cx) -> Result<Option<u64>, CallError>;

    /// Ends a lease early.
    async fn give_back(&self, cx: &Cx, token: u64) -> Result<(), CallError>;
}

/// What the lock protects.
#[terrace::component]
pub(crate) trait Store {
    /// Writes, and answers whether that was kept.
    async fn write(&self, cx: &Cx, token: u64) -> Result<bool, CallError>;
}

/// Tokens of leases that were given, or of writes that were kept, in their order: what the checks look at, also if a
/// server is gone for good.
type Tokens = Arc<Mutex<Vec<u64>>>;

struct Leases {
    env: Env,
    log: Log,
    granted: Tokens,
    state: Mutex<Lease>,
}

struct Lease {
    token: u64,
    ends: Instant,
}

impl Leases {
    async fn open(env: Env, granted: Tokens) -> Leases {
        let (log, held) = Log::open(&env).await;
        let token = held.iter().map(|words| words[0]).max().unwrap_or(0);
        // A lease that was given before a crash runs on.
        let ends = if token == 0 { env.now() } else { env.deadline(LEASE) };
        let state = Mutex::new(Lease { token, ends });
        Leases {
            env,
            log,
            granted,
            state,
        }
    }

    fn state(&self) -> MutexGuard<'_, Lease> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<u64> {
        let mut state = self.state();
        if self.env.now() < state.ends {
            return None;
        }
        state.token += 1;
        state.ends = self.env.deadline(LEASE);
        Some(state.token)
    }
}

impl Lock for Leases {
    async fn take(&self, _: &Cx) -> Result<Option<u64>, CallError> {
        let waits = self.env.deadline(WAITS);
        loop {
            // First the time: a lease for somebody who has given up is lost to everybody.
            if self.env.now() >= waits {
                return Ok(None);
            }
            if let Some(token) = self.next() {
                self.log.append([token, 0, 0, 0]).await.map_err(failed)?;
                self.granted.lock().unwrap_or_else(PoisonError::into_inner).push(token);
                return Ok(Some(token));
            }
            self.env.sleep(LOOKS_EVERY).await;
        }
    }

    async fn give_back(&self, _: &Cx, token: u64) -> Result<(), CallError> {
        let mut state = self.state();
        if state.token == token {
            state.ends = self.env.now();
        }
        Ok(())
    }
}

struct Fenced {
    env: Env,
    log: Log,
    fence: Fence,
    greatest: Mutex<u64>,
    kept: Tokens,
}

impl Fenced {
    async fn open(env: Env, fence: Fence, kept: Tokens) -> Fenced {
        let (log, held) = Log::open(&env).await;
        let greatest = held.iter().map(|words| words[0]).max().unwrap_or(0);
        Fenced {
            env,
            log,
            fence,
            greatest: Mutex::new(greatest),
            kept,
        }
    }

    fn passes(&self, token: u64) -> bool {
        let mut greatest = self.greatest.lock().unwrap_or_else(PoisonError::into_inner);
        let stale = token < *greatest;
        *greatest = token.max(*greatest);
        sometimes!(self.env, stale && self.fence == Fence::Token, REFUSED);
        !stale || self.fence == Fence::None
    }
}

impl Store for Fenced {
    async fn write(&self, _: &Cx, token: u64) -> Result<bool, CallError> {
        if !self.passes(token) {
            return Ok(false);
        }
        self.log.append([token, 0, 0, 0]).await.map_err(failed)?;
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(token);
        Ok(true)
    }
}

fn failed(error: std::io::Error) -> CallError {
    CallError::maybe_run(CallErrorKind::Failed, error.to_string())
}

fn scenario(name: &'static str, fence: Fence) -> Scenario {
    Scenario::new(name, move |world| run(world, fence))
}

async fn run(world: World, fence: Fence) {
    let (granted, kept, working) = (Tokens::default(), Tokens::default(), Working::default());
    let grants = granted.clone();
    world.provide::<dyn Lock, _, _, _>("lock", move |env| Leases::open(env, grants.clone()));
    let keeps = kept.clone();
    world.provide::<dyn Store, _, _, _>("store", move |env| Fenced::open(env, fence, keeps.clone()));
    for client in 0..CLIENTS {
        let working = working.clone();
        world.client(&format!("client-{client}"), move |env| work(env, working.clone()));
    }
    world.chaos(CHAOS).await;
    working.stop();
    world.env().sleep(2 * LEASE).await;
    asked(&world, || one_write(world.env())).await;
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let granted = granted.lock().unwrap_or_else(PoisonError::into_inner);
    world.check(in_order(&kept));
    let again = granted
        .iter()
        .zip(granted.iter().skip(1))
        .find(|(one, next)| one >= next);
    world.check(again.map_or(Ok(()), |(one, next)| {
        Err(format!("after token {one} came token {next}"))
    }));
}

/// Once all is healed, a write under a new lease is kept.
async fn one_write(env: &Env) -> Result<(), CallError> {
    let (cx, nothing) = (Cx::root(env).within(LEASE), "no lease, or a write that was refused");
    let nothing = || CallError::not_run(CallErrorKind::Failed, nothing);
    let token = reference::<dyn Lock>(env, "lock")
        .take(&cx)
        .await?
        .ok_or_else(nothing)?;
    let kept = reference::<dyn Store>(env, "store").write(&cx, token).await?;
    kept.then_some(()).ok_or_else(nothing)
}

/// Whoever has a later lease has the only one.
fn in_order(tokens: &[u64]) -> Result<(), String> {
    match tokens.iter().zip(tokens.iter().skip(1)).find(|(one, next)| one > next) {
        None => Ok(()),
        Some((one, next)) => Err(format!(
            "a stale write was kept: one under token {next} after one under token {one}"
        )),
    }
}

async fn work(env: Env, working: Working) {
    let (lock, store) = (
        reference::<dyn Lock>(&env, "lock"),
        reference::<dyn Store>(&env, "store"),
    );
    let mut random = env.random("work");
    while working.goes_on() {
        let cx = Cx::root(&env);
        let asked = env.now();
        if let Ok(Some(token)) = lock.take(&cx.within(WAITS + PATIENCE)).await {
            let late = u64::from(random.below(LATE_OF) == 0);
            env.sleep(Duration::from_millis(late * LATE_MS)).await;
            wait(&env, &mut random, WORK_MS_MAX[late as usize]).await;
            if env.now().saturating_duration_since(asked) < RELIES {
                // Whether it was kept is the check's business.
                let _ = store.write(&cx.within(PATIENCE), token).await;
            }
            let _ = lock.give_back(&cx.within(PATIENCE), token).await;
        }
        wait(&env, &mut random, PAUSE_MS_MAX).await;
    }
}
