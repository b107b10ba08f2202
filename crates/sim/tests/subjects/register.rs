//! A register on three replicas: the algorithm of H. Attiya, A. Bar-Noy and D. Dolev (*Sharing memory robustly in
//! message-passing systems*, 1995) for several writers. A write asks a majority for the latest version and gives a
//! majority a later one; a read asks a majority, and gives what it found to a majority before it returns it. Replicas keep
//! their version on their disks, so that they may crash and come back.
//!
//! *Wrong* in two ways: a read that gives nothing back lets a later read return what is older, and a write that one replica
//! has is not the latest at every majority.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use sim::history::History;
use sim::linearizability::{self, Register, RegisterInput, RegisterOutput};
use sim::{Scenario, World, reference};
use terrace::{CallError, CallErrorKind, Cx, Ref, buggify};
use world::{BoxFuture, Env};

use crate::log::Log;
use crate::trial::{Working, wait};

/// The weakest model that it holds in, and in which its bugs show.
pub(crate) const MODEL: &str = "asynchronous";

/// What the verdict says of the promise that was broken.
pub(crate) const PROMISE: &str = "not linearizable";

/// How a register is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Built {
    /// As published.
    Right,
    /// Reads give nothing back.
    NoWriteBack,
    /// A write is acknowledged when one replica has it.
    OneHasIt,
}

const CHAOS: Duration = Duration::from_secs(20);
const REPLICAS: [&str; 3] = ["replica-0", "replica-1", "replica-2"];
const MAJORITY: usize = 2;
const CLIENTS: u32 = 4;
const PAUSE_MS_MAX: u64 = 200;
const PATIENCE: Duration = Duration::from_secs(2);

/// A value and when it was written. The writer tells versions of one counter apart, so it is another for each write: one
/// that failed may have left its version somewhere.
#[terrace::data]
#[derive(Copy, PartialEq, Default)]
pub(crate) struct Version {
    /// One more than the greatest that the writer found.
    pub(crate) counter: u64,
    /// Breaks ties.
    pub(crate) writer: u64,
    /// What was written; nothing at first.
    pub(crate) value: Option<u64>,
}

/// One copy of the register.
#[terrace::component]
pub(crate) trait Replica {
    /// The latest version here.
    #[call(read)]
    async fn latest(&self, cx: &Cx) -> Result<Version, CallError>;

    /// Keeps this version, unless there is a later one.
    #[call(idempotent)]
    async fn keep(&self, cx: &Cx, version: Version) -> Result<(), CallError>;
}

impl Version {
    fn time(&self) -> (u64, u64) {
        (self.counter, self.writer)
    }
}

struct Copy {
    log: Log,
    latest: Mutex<Version>,
}

impl Copy {
    async fn open(env: Env) -> Copy {
        let (log, held) = Log::open(&env).await;
        let versions = held.into_iter().map(|[counter, writer, value, _]| Version {
            counter,
            writer,
            value: Some(value),
        });
        let latest = Mutex::new(versions.max_by_key(Version::time).unwrap_or_default());
        Copy { log, latest }
    }

    fn state(&self) -> MutexGuard<'_, Version> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Replica for Copy {
    async fn latest(&self, _: &Cx) -> Result<Version, CallError> {
        Ok(*self.state())
    }

    async fn keep(&self, _: &Cx, version: Version) -> Result<(), CallError> {
        let later = version.time() > self.state().time();
        if let (true, Some(value)) = (later, version.value) {
            let words = [version.counter, version.writer, value, 0];
            let kept = self.log.append(words).await;
            kept.map_err(|error| CallError::maybe_run(CallErrorKind::Failed, error.to_string()))?;
            // It is told to nobody before it is on the disk.
            let mut state = self.state();
            if version.time() > state.time() {
                *state = version;
            }
        }
        Ok(())
    }
}

/// A register as a client has it.
struct Handle {
    replicas: [Ref<dyn Replica>; 3],
    built: Built,
}

impl Handle {
    async fn read(&self, cx: &Cx) -> Option<Option<u64>> {
        let latest = self.ask(cx).await?;
        if self.built != Built::NoWriteBack {
            self.give(cx, latest, MAJORITY).await?;
        }
        Some(latest.value)
    }

    async fn write(&self, cx: &Cx, value: u64, writer: u64) -> Option<()> {
        let version = Version {
            counter: self.ask(cx).await?.counter + 1,
            writer,
            value: Some(value),
        };
        // As if it crashed between two sends; the version that one replica has is there, and may be lost or taken up.
        if buggify!(cx.env(), "a writer gives up half way") {
            let _ = self.replicas[(writer % 3) as usize].keep(cx, version).await;
            return None;
        }
        let needed = if self.built == Built::OneHasIt { 1 } else { MAJORITY };
        self.give(cx, version, needed).await
    }

    async fn ask(&self, cx: &Cx) -> Option<Version> {
        let calls = self.replicas.iter().map(|replica| boxed(replica.latest(cx)));
        first(calls.collect(), MAJORITY)
            .await?
            .into_iter()
            .max_by_key(Version::time)
    }

    async fn give(&self, cx: &Cx, version: Version, needed: usize) -> Option<()> {
        let calls = self.replicas.iter().map(|replica| boxed(replica.keep(cx, version)));
        first(calls.collect(), needed).await.map(drop)
    }
}

type Answer<T> = Result<T, CallError>;

fn boxed<'a, T>(call: impl Future<Output = Answer<T>> + Send + 'a) -> BoxFuture<'a, Answer<T>> {
    Box::pin(call)
}

/// The first answers, as many as are needed, unless too many calls fail. The other calls are given up.
async fn first<T>(calls: Vec<BoxFuture<'_, Answer<T>>>, needed: usize) -> Option<Vec<T>> {
    let mut calls: Vec<Option<_>> = calls.into_iter().map(Some).collect();
    let mut answers = Vec::new();
    poll_fn(|task| {
        for call in &mut calls {
            let Some(future) = call else { continue };
            if let Poll::Ready(answer) = future.as_mut().poll(task) {
                *call = None;
                answers.extend(answer.ok());
            }
        }
        let asked = calls.iter().flatten().count();
        match (answers.len() >= needed, answers.len() + asked >= needed) {
            (true, _) => Poll::Ready(Some(std::mem::take(&mut answers))),
            (false, true) => Poll::Pending,
            (false, false) => Poll::Ready(None),
        }
    })
    .await
}

type Recorded = History<RegisterInput<u8, u64>, RegisterOutput<u64>>;

/// A client's part.
#[derive(Clone)]
struct Part {
    client: u32,
    world: World,
    built: Built,
    history: Recorded,
    working: Working,
}

/// The register, built in one way or another.
pub(crate) fn scenario(built: Built) -> Scenario {
    let name = match built {
        Built::Right => "register",
        Built::NoWriteBack => "register whose reads give nothing back",
        Built::OneHasIt => "register whose writes one replica has",
    };
    Scenario::new(name, move |world| run(world, built))
}

async fn run(world: World, built: Built) {
    for name in REPLICAS {
        world.provide::<dyn Replica, _, _, _>(name, Copy::open);
    }
    let (history, working) = (Recorded::new(), Working::default());
    for client in 0..CLIENTS {
        let part = Part {
            client,
            world: world.clone(),
            built,
            history: history.clone(),
            working: working.clone(),
        };
        world.client(&format!("client-{client}"), move |env| work(env, part.clone()));
    }
    world.chaos(CHAOS).await;
    working.stop();
    world.env().sleep(2 * PATIENCE).await;
    let checked = linearizability::check(&Register::<u8, u64>::new(), &history.operations());
    world.check(checked.into_result());
}

async fn work(env: Env, part: Part) {
    const KEY: u8 = 0;
    let register = Handle {
        replicas: REPLICAS.map(|name| reference::<dyn Replica>(&env, name)),
        built: part.built,
    };
    let mut random = env.random("operations");
    let now = || part.world.now().as_nanos() as u64;
    while part.working.goes_on() {
        wait(&env, &mut random, PAUSE_MS_MAX).await;
        let cx = Cx::root(&env).within(PATIENCE);
        if random.below(2) == 0 {
            let asked = part.history.invoke(part.client, now(), RegisterInput::Read(KEY));
            match register.read(&cx).await {
                Some(value) => part.history.complete(asked, now(), RegisterOutput::Value(value)),
                None => part.history.fail(asked),
            }
        } else {
            let value = random.u64();
            let asked = part
                .history
                .invoke(part.client, now(), RegisterInput::Write(KEY, value));
            // One that failed may have happened.
            if register.write(&cx, value, random.u64()).await.is_some() {
                part.history.complete(asked, now(), RegisterOutput::Written);
            }
        }
    }
}
