//! The lock of an asynchronous world: three servers, of which any two give a token. No clock makes it safe, and no server
//! has to be there: a later token wins, and the fence of the store refuses the earlier one. It is the first half of the
//! register of H. Attiya, A. Bar-Noy and D. Dolev (1995) and of Paxos (L. Lamport, 1998).

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use sim::{World, reference};
use terrace::{CallError, CallErrorKind, Cx, Ref};
use world::{BoxFuture, Env, Instant};

use super::{CLIENTS, Hold, LEASE, Lock, PATIENCE, Told};
use crate::log::Log;
use crate::measure::Seen;

const VOTERS: [&str; 3] = ["voter-0", "voter-1", "voter-2"];
const MAJORITY: usize = 2;

/// What a voter knows.
#[terrace::data]
#[derive(Copy)]
pub(crate) struct Latest {
    /// The greatest token it has voted for.
    pub(crate) token: u64,
    /// Whether it thinks that nobody holds the lock: for politeness, not for safety.
    pub(crate) free: bool,
}

/// One that votes for tokens.
#[terrace::component]
pub(crate) trait Voter {
    /// What it knows.
    #[call(read)]
    async fn latest(&self, cx: &Cx) -> Result<Latest, CallError>;

    /// Votes for a token, and answers whether it did: only if it has voted for no later one.
    async fn vote(&self, cx: &Cx, token: u64) -> Result<bool, CallError>;

    /// Ends a hold.
    #[call(idempotent)]
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
        let state = Mutex::new((token, env.now()));
        OnDisk { env, log, state }
    }

    fn state(&self) -> MutexGuard<'_, (u64, Instant)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn promise(&self, token: u64) -> bool {
        let mut state = self.state();
        let later = token > state.0;
        if later {
            *state = (token, self.env.deadline(LEASE));
        }
        later
    }
}

/// Adds the servers.
pub(super) fn serve(world: &World) {
    // A liar has forgotten all tokens, and votes for any.
    world.lie::<Latest>("Voter.latest", |_, _| Latest { token: 0, free: true });
    world.lie::<bool>("Voter.vote", |_, _| true);
    for name in VOTERS {
        world.provide::<dyn Voter, _, _, _>(name, OnDisk::open);
    }
}

impl Voter for OnDisk {
    async fn latest(&self, _: &Cx) -> Result<Latest, CallError> {
        let (token, ends) = *self.state();
        let free = self.env.now() >= ends;
        Ok(Latest { token, free })
    }

    async fn vote(&self, _: &Cx, token: u64) -> Result<bool, CallError> {
        if !self.promise(token) {
            return Ok(false);
        }
        let kept = self.log.append([token, 0, 0, 0]).await;
        kept.map_err(|error| CallError::maybe_run(CallErrorKind::Failed, error.to_string()))?;
        Ok(true)
    }

    async fn give_back(&self, _: &Cx, token: u64) -> Result<(), CallError> {
        let mut state = self.state();
        if state.0 == token {
            state.1 = self.env.now();
        }
        Ok(())
    }
}

pub(super) struct Client {
    env: Env,
    told: Seen<Told>,
    voters: [Ref<dyn Voter>; 3],
    /// Tells its tokens from those of others.
    number: u64,
}

impl Client {
    pub(super) fn new(env: &Env, told: &Seen<Told>, number: u64) -> Client {
        Client {
            env: env.clone(),
            told: told.clone(),
            voters: VOTERS.map(|name| reference(env, name)),
            number,
        }
    }

    fn cx(&self) -> Cx {
        self.told.with(|told| told.calls += VOTERS.len() as u64);
        Cx::root(&self.env).within(PATIENCE)
    }

    async fn token(&self) -> Option<u64> {
        let cx = self.cx();
        let asked = self.voters.iter().map(|voter| boxed(voter.latest(&cx))).collect();
        let answers = first(asked, MAJORITY).await?;
        if answers.iter().any(|latest| !latest.free) {
            return None;
        }
        let greatest = answers.iter().map(|latest| latest.token).max()?;
        let token = (greatest / CLIENTS + 1) * CLIENTS + self.number;
        let cx = self.cx();
        let asked = self.voters.iter().map(|voter| boxed(voter.vote(&cx, token))).collect();
        let votes = first(asked, MAJORITY).await?;
        votes.iter().all(|vote| *vote).then_some(token)
    }
}

impl Lock for Client {
    fn take(&mut self) -> BoxFuture<'_, Option<Hold>> {
        Box::pin(async {
            let until = self.env.deadline(LEASE);
            let token = self.token().await?;
            Some(Hold { token, until })
        })
    }

    fn give_back(&mut self, hold: Hold) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let cx = self.cx();
            let told = self.voters.iter().map(|voter| boxed(voter.give_back(&cx, hold.token)));
            first(told.collect(), MAJORITY).await;
        })
    }
}

type Call<'a, T> = BoxFuture<'a, Result<T, CallError>>;

fn boxed<'a, T>(call: impl Future<Output = Result<T, CallError>> + Send + 'a) -> Call<'a, T> {
    Box::pin(call)
}

/// The first so many answers; none if there will not be so many.
async fn first<T>(calls: Vec<Call<'_, T>>, needed: usize) -> Option<Vec<T>> {
    let mut answers = Vec::new();
    let mut waiting: Vec<Option<Call<'_, T>>> = calls.into_iter().map(Some).collect();
    poll_fn(|cx| {
        for slot in &mut waiting {
            let Some(Poll::Ready(answer)) = slot.as_mut().map(|call| call.as_mut().poll(cx)) else {
                continue;
            };
            *slot = None;
            answers.extend(answer.ok());
        }
        let missing = needed.saturating_sub(answers.len());
        let left = waiting.iter().filter(|slot| slot.is_some()).count();
        match (missing, left) {
            (0, _) => Poll::Ready(Some(std::mem::take(&mut answers))),
            (missing, left) if left < missing => Poll::Ready(None),
            _ => Poll::Pending,
        }
    })
    .await
}
