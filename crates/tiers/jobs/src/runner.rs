//! Runs one claimed job: its parts one after the other, under a lease that is renewed meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use component::{Canceller, Cx, Root};
use tokio::sync::Notify;
use world::{Env, Instant, Task};

use crate::error::{JobError, call_id};
use crate::finishing;
use crate::job::{Input, Life, Next, Part, Progress, State, step};
use crate::jobs::Inner;
use crate::kind::{Body, Handler, Kind};
use crate::lease::{Action, Lease};
use crate::limits::RETENTION_MARGIN;
use crate::store::{self, Claimed};

/// What waits after a write that the database did not take.
const AGAIN: Duration = Duration::from_millis(200);

/// Asks a running job to stop.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    /// It is to be given back, rather than somebody else's already.
    gives_back: AtomicBool,
    asked: Notify,
}

impl Stop {
    /// The job is not this worker's any more.
    pub(crate) fn now(&self) {
        self.asked.notify_one();
    }

    /// The worker ends, and somebody else shall have the job.
    pub(crate) fn give_back(&self) {
        self.gives_back.store(true, Ordering::Relaxed);
        self.asked.notify_one();
    }
}

/// What came of one part.
enum Ended {
    /// It answered or failed.
    With(Input),
    /// The worker ends.
    GivenBack,
    /// The job is somebody else's.
    Lost,
}

/// One job of this worker.
pub(crate) struct Run {
    inner: Arc<Inner>,
    kind: Arc<Kind>,
    job: Claimed,
    lease: Lease,
    stop: Arc<Stop>,
}

impl Run {
    /// A job that was claimed by a statement which was begun at `asked`.
    pub(crate) fn new(inner: Arc<Inner>, kind: Arc<Kind>, job: Claimed, asked: Instant, stop: Arc<Stop>) -> Run {
        Run {
            lease: Lease::given(asked, inner.config.lease, kind.longest),
            inner,
            kind,
            job,
            stop,
        }
    }

    /// Runs it until it is over, has to wait, or is somebody else's.
    pub(crate) async fn run(mut self) {
        let mut life = self.job.life.clone();
        let mut next = match self.too_old() {
            Some(parked) => parked,
            None => step(&mut life, &self.kind.plan, Input::Claimed, 0),
        };
        let mut saved = true;
        loop {
            let Next::Run(part) = next else {
                self.told(&next);
                self.save(&life, &next).await;
                return;
            };
            if !saved && !self.save(&life, &next).await {
                return;
            }
            next = match self.part(part).await {
                Ended::With(input) => step(&mut life, &self.kind.plan, input, self.inner.draw()),
                Ended::GivenBack => {
                    life.attempts = life.attempts.saturating_sub(1);
                    Next::Wait {
                        after: Duration::ZERO,
                        reason: "its worker was stopped".to_owned(),
                    }
                }
                Ended::Lost => return,
            };
            saved = false;
        }
    }

    /// A job whose effects are perhaps not remembered any more is not tried again by itself.
    fn too_old(&self) -> Option<Next> {
        let retention = self.inner.database.config().once_retention;
        let end = self.job.first.after(retention.saturating_sub(RETENTION_MARGIN));
        (self.job.started >= end).then(|| Next::End {
            state: State::Parked,
            reason: Some(format!(
                "its first attempt began at {}, and its effects are remembered for {} h only; replay it with --may-repeat",
                self.job.first,
                retention.as_secs() / 3600
            )),
        })
    }

    /// Runs one part to its end, as long as the job is this worker's.
    async fn part(&mut self, part: Part) -> Ended {
        let env = self.inner.env.clone();
        self.lease.begins(env.now(), self.kind.longest);
        let (handler, cx, canceller) = match self.begun(part, &env) {
            Ok(begun) => begun,
            Err(why) => return Ended::With(Input::Failed(part, why)),
        };
        let started = match handler(cx, &self.job.payload) {
            Ok(started) => started,
            Err(error) => {
                let why = format!(
                    "its payload cannot be read as that of kind `{}`: {error}",
                    self.kind.name
                );
                return Ended::With(Input::Failed(part, JobError::Fail(why)));
            }
        };
        let mut at_work = AtWork {
            task: env.spawn("job", started),
            canceller,
        };
        loop {
            let until = match self.lease.step(env.now()) {
                Action::Wait(until) => until,
                Action::Renew => {
                    if !self.renewed(&env).await {
                        return Ended::Lost;
                    }
                    continue;
                }
                Action::Lost => return Ended::Lost,
                Action::TooLong => {
                    let why = format!("it ran for longer than {} s", self.kind.longest.as_secs_f64());
                    return Ended::With(Input::Failed(part, JobError::Retry(why)));
                }
            };
            tokio::select! {
                biased;
                ended = &mut at_work.task => return Ended::With(match ended {
                    Ok(Ok(())) => Input::Answered(part),
                    Ok(Err(error)) => Input::Failed(part, error),
                    Err(lost) => Input::Failed(part, JobError::Retry(lost.to_string())),
                }),
                () = self.stop.asked.notified() => return match self.stop.gives_back.load(Ordering::Relaxed) {
                    true => Ended::GivenBack,
                    false => Ended::Lost,
                },
                () = env.sleep_until(until) => {}
            }
        }
    }

    /// What runs a part, and the context it runs with: the same call in each attempt.
    fn begun(&self, part: Part, env: &Env) -> Result<(Handler, Cx, Canceller), JobError> {
        let Claimed { id, round, .. } = self.job;
        let name = |index: usize| self.kind.plan.steps[index].0.as_str();
        let (handler, call) = match (part, &self.kind.body) {
            (Part::Whole, Body::Whole(handler)) => (Some(handler), call_id(id, round, &[])),
            (Part::Step(index), Body::Steps(steps)) => {
                (Some(&steps[index].run), call_id(id, round, &["step", name(index)]))
            }
            (Part::Undo(index), Body::Steps(steps)) => {
                (steps[index].undo.as_ref(), call_id(id, round, &["undo", name(index)]))
            }
            _ => return Err(JobError::fail("its kind has no such part")),
        };
        let root = Root {
            began: None,
            id: Some(call),
            deadline: Some(env.deadline(self.kind.longest)),
            principal: None,
            trace: None,
        };
        let (cx, canceller) = Cx::from_root(env, root).cancellable();
        let handler = handler
            .cloned()
            .ok_or_else(|| JobError::fail("its step has no compensation"))?;
        Ok((handler, cx, canceller))
    }

    /// Renews the lease, and answers whether the job is this worker's still.
    async fn renewed(&mut self, env: &Env) -> bool {
        let asked = env.now();
        let left = self.lease.ends().saturating_duration_since(asked);
        let renewal = store::renew(
            &self.inner.database,
            self.job.id,
            self.job.fence,
            self.inner.config.lease,
        );
        match env.timeout(left, renewal).await {
            Ok(Ok(true)) => self.lease.renewed(asked),
            Ok(Ok(false)) => return false,
            Ok(Err(error)) => {
                self.inner.warn("the renewal of a lease", &error);
                self.lease.not_renewed(env.now());
            }
            Err(_) => self.lease.not_renewed(env.now()),
        }
        true
    }

    /// Writes what comes next, again and again as long as the job is this worker's, and answers whether it is.
    async fn save(&self, life: &Life, next: &Next) -> bool {
        let env = &self.inner.env;
        loop {
            let saved = match self.is_just_done(life, next) {
                true => finishing::done(&self.inner, self.job.number, self.job.fence)
                    .await
                    .map(|()| true),
                false => store::save(&self.inner.database, self.job.id, self.job.fence, life, next).await,
            };
            match saved {
                Ok(own) => return own,
                Err(error) => self.inner.warn("writing what became of a job", &error),
            }
            if self.lease.step(env.now()) == Action::Lost {
                return false;
            }
            env.sleep(AGAIN).await;
        }
    }

    /// Whether nothing is written but that it is done: nobody asks then whether it was this worker's still.
    fn is_just_done(&self, life: &Life, next: &Next) -> bool {
        let done = Next::End {
            state: State::Done,
            reason: None,
        };
        *next == done && *life == self.job.life && life.progress == Progress::default()
    }

    /// Says what nobody would see otherwise.
    fn told(&self, next: &Next) {
        let (component, kind, id) = (self.inner.database.component(), &self.kind.name, self.job.id);
        match next {
            Next::End {
                state: State::Parked,
                reason,
            } => {
                let reason = reason.as_deref().unwrap_or_default();
                tracing::warn!(target: "terrace::jobs", component, kind, %id, reason, "job parked");
            }
            Next::Wait { after, reason } => {
                let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
                tracing::debug!(target: "terrace::jobs", component, kind, %id, reason, after_ms, "job is tried again");
            }
            _ => {}
        }
    }
}

/// A handler that runs; it is stopped when nobody waits for it any more.
struct AtWork {
    task: Task<Result<(), JobError>>,
    canceller: Canceller,
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.canceller.cancel();
        self.task.cancel();
    }
}
