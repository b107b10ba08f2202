//! The component that runs programs, and writes down what it does.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, RwLock};
use std::task::Poll;
use std::time::Duration;

use terrace::once::{MemoryKeeper, once};
use terrace::{CallError, Cx, Env, Ref};
use world::{BoxFuture, Instant};

use super::program::{Mark, Step};

/// What a program's panic says.
pub const PANIC: &str = "a step of a program";

/// How a program fails.
#[terrace::data]
pub enum Fault {
    User(u32),
    Lost,
    Call(CallError),
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Fault {
        Fault::Call(error)
    }
}

/// Runs programs.
#[terrace::component(owner = "calls-team")]
pub trait Machine {
    async fn run(&self, cx: &Cx, machine: u8, program: Step) -> Result<u32, Fault>;
    #[call(read)]
    async fn run_read(&self, cx: &Cx, machine: u8, program: Step) -> Result<u32, Fault>;
    #[call(idempotent)]
    async fn run_idempotent(&self, cx: &Cx, machine: u8, program: Step) -> Result<u32, Fault>;
    #[call(once)]
    async fn run_once(&self, cx: &Cx, machine: u8, program: Step) -> Result<u32, Fault>;
    #[call(deadline = "1777ms")]
    async fn run_deadline(&self, cx: &Cx, machine: u8, program: Step) -> Result<u32, Fault>;
}

pub type Peers = RwLock<Vec<Ref<dyn Machine>>>;

pub struct Inner {
    pub number: u8,
    pub peers: Peers,
    pub keeper: Arc<MemoryKeeper>,
    pub effects: Arc<Mutex<Vec<String>>>,
    pub clock: Env,
    pub begin: Instant,
}

pub struct Module(pub Arc<Inner>);

impl Machine for Module {
    async fn run(&self, cx: &Cx, _: u8, program: Step) -> Result<u32, Fault> {
        self.0.handle(cx, &program).await
    }
    async fn run_read(&self, cx: &Cx, _: u8, program: Step) -> Result<u32, Fault> {
        self.0.handle(cx, &program).await
    }
    async fn run_idempotent(&self, cx: &Cx, _: u8, program: Step) -> Result<u32, Fault> {
        self.0.handle(cx, &program).await
    }
    async fn run_once(&self, cx: &Cx, _: u8, program: Step) -> Result<u32, Fault> {
        self.0.handle(cx, &program).await
    }
    async fn run_deadline(&self, cx: &Cx, _: u8, program: Step) -> Result<u32, Fault> {
        self.0.handle(cx, &program).await
    }
}

/// An outcome, with everything that a caller can tell.
pub fn outcome(answer: &Result<u32, Fault>) -> String {
    match answer {
        Ok(value) => format!("{value}"),
        Err(Fault::Call(error)) => format!("{:?}, {:?}, retried {}", error.kind(), error.ran(), error.was_retried()),
        Err(error) => format!("{error:?}"),
    }
}

impl Inner {
    async fn handle(self: &Arc<Self>, cx: &Cx, program: &Step) -> Result<u32, Fault> {
        let left = cx.remaining().map(|left| left.as_micros());
        let carried = (cx.hops(), cx.attempt(), cx.principal(), cx.arguments_digest());
        self.note(cx, &format!("begins: {carried:?}, {left:?} µs left"));
        let answer = self.step(cx, program).await;
        self.note(cx, &format!("answers {}", outcome(&answer)));
        answer
    }

    fn note(&self, cx: &Cx, effect: &str) {
        let at = self.clock.now().saturating_duration_since(self.begin).as_micros();
        let effect = format!("{at:>12} m{} {} {effect}", self.number, cx.call_id());
        self.effects.lock().unwrap().push(effect);
    }

    fn step<'a>(self: &'a Arc<Self>, cx: &'a Cx, step: &'a Step) -> BoxFuture<'a, Result<u32, Fault>> {
        Box::pin(async move {
            match step {
                Step::Return(value) => Ok(*value),
                Step::Fail(value) => Err(Fault::User(*value)),
                Step::Panic => std::panic::panic_any(PANIC),
                Step::Sleep(micros) => {
                    cx.env().sleep(Duration::from_micros(*micros)).await;
                    self.note(cx, &format!("slept {micros}, stopped {}", cx.is_stopped()));
                    Ok(1)
                }
                Step::Each(steps) => {
                    let mut sum = 0_u32;
                    for step in steps {
                        sum = sum.wrapping_mul(31).wrapping_add(self.step(cx, step).await?);
                    }
                    Ok(sum)
                }
                Step::Join(steps) => {
                    let answers = join(steps.iter().map(|step| self.step(cx, step)).collect()).await;
                    let mut sum = 0_u32;
                    for answer in answers {
                        sum = sum.wrapping_mul(37).wrapping_add(answer?);
                    }
                    Ok(sum)
                }
                Step::Try(step) => {
                    let answer = self.step(cx, step).await;
                    self.note(cx, &format!("tried: {}", outcome(&answer)));
                    Ok(answer.unwrap_or(7))
                }
                Step::Call(machine, mark, program) => self.call(cx, *machine, *mark, program).await,
                Step::Within(micros, step) => self.step(&cx.within(Duration::from_micros(*micros)), step).await,
                Step::CancelAfter(micros, step) => {
                    let (below, canceller) = cx.cancellable();
                    let cancel = async {
                        cx.env().sleep(Duration::from_micros(*micros)).await;
                        canceller.cancel();
                    };
                    tokio::join!(biased; self.step(&below, step), cancel).0
                }
                Step::Spawn(step) => {
                    let task = cx.env().spawn("a step", self.owned(cx, step));
                    task.await.unwrap_or(Err(Fault::Lost))
                }
                Step::Finish(step) => cx.finish(self.owned(cx, step)).await?,
                Step::Once(step) => once(self.keeper.clone(), cx, "step", || self.owned(cx, step)).await,
                Step::Named(key, step) => self.step(&cx.named("step", key), step).await,
            }
        })
    }

    fn owned(self: &Arc<Self>, cx: &Cx, step: &Step) -> impl Future<Output = Result<u32, Fault>> + Send + 'static {
        let (machine, cx, step) = (self.clone(), cx.clone(), step.clone());
        async move {
            let answer = machine.step(&cx, &step).await;
            machine.note(&cx, &format!("did by itself: {}", outcome(&answer)));
            answer
        }
    }

    async fn call(&self, cx: &Cx, number: u8, mark: Mark, program: &Step) -> Result<u32, Fault> {
        let machine = self.peers.read().unwrap()[usize::from(number)].clone();
        let program = program.clone();
        let answer = match mark {
            Mark::None => machine.run(cx, number, program).await,
            Mark::Read => machine.run_read(cx, number, program).await,
            Mark::Idempotent => machine.run_idempotent(cx, number, program).await,
            Mark::Once => machine.run_once(cx, number, program).await,
            Mark::Deadline => machine.run_deadline(cx, number, program).await,
        };
        self.note(cx, &format!("m{number} answered {}", outcome(&answer)));
        answer
    }
}

async fn join<T>(mut futures: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|cx| {
        for (future, done) in futures.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(value) = future.as_mut().poll(cx)
            {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}
