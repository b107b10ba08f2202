//! Kinds of jobs: how they are run, and what is done when they fail.

use std::sync::Arc;
use std::time::Duration;

use component::{Cx, Data};
use wire::shape::{TypeRef, Types};
use wire::{Codec, CodecError, Limits, Shape};
use world::BoxFuture;

use crate::backoff::Backoff;
use crate::enqueue::named;
use crate::error::{Error, JobError};
use crate::job::Plan;
use crate::jobs::Jobs;
use crate::limits::{LONGEST, RETENTION_MARGIN, STEPS_MAX};

/// What a handler becomes: bytes of a payload in, a future out.
pub(crate) type Handler = Arc<dyn Fn(Cx, &[u8]) -> Result<Running, CodecError> + Send + Sync>;

/// A handler at work.
pub(crate) type Running = BoxFuture<'static, Result<(), JobError>>;

/// What is known of a kind.
pub(crate) struct Kind {
    pub name: String,
    pub longest: Duration,
    /// Running at the same time, over all replicas.
    pub concurrency: Option<usize>,
    /// Running at the same time, in this process.
    pub per_process: Option<usize>,
    pub priority: i32,
    pub plan: Plan,
    pub body: Body,
    /// The shape of its payloads.
    pub payload: fn(&mut Types) -> TypeRef,
}

/// What is run.
pub(crate) enum Body {
    Whole(Handler),
    Steps(Vec<Step>),
}

/// One step, and what takes it back.
pub(crate) struct Step {
    pub run: Handler,
    pub undo: Option<Handler>,
}

/// A kind that is being declared, by [`Jobs::kind`]. `T` is the type of its payloads.
#[must_use = "a kind is declared by `run`, or by `step`s and `build`"]
pub struct Declaration<T> {
    jobs: Jobs,
    name: String,
    backoff: Backoff,
    longest: Duration,
    concurrency: Option<usize>,
    per_process: Option<usize>,
    priority: i32,
    payload: std::marker::PhantomData<fn(T)>,
}

impl<T: Data + 'static> Declaration<T> {
    pub(crate) fn new(jobs: Jobs, name: &str) -> Declaration<T> {
        Declaration {
            jobs,
            name: name.to_owned(),
            backoff: Backoff::default(),
            longest: LONGEST,
            concurrency: None,
            per_process: None,
            priority: 0,
            payload: std::marker::PhantomData,
        }
    }

    /// When it is tried again, and how often. Of a job with steps it counts for each step and each compensation.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// How often it is tried, of a job with steps each of these; the default is that of [`Backoff`].
    pub fn attempts(mut self, attempts_max: u32) -> Self {
        self.backoff.attempts_max = attempts_max;
        self
    }

    /// How long one attempt may run, of a job with steps one attempt of each: the deadline of its `Cx`. Its lease is renewed
    /// for as long. Default: 5 minutes.
    pub fn longest(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// How many of this kind run at the same time, over all replicas. A job whose worker was lost counts until it is taken
    /// over.
    pub fn concurrency(mut self, running_max: usize) -> Self {
        self.concurrency = Some(running_max.max(1));
        self
    }

    /// How many of this kind run at the same time in one process.
    pub fn per_process(mut self, running_max: usize) -> Self {
        self.per_process = Some(running_max.max(1));
        self
    }

    /// The priority of jobs that have none of their own. Default: 0; higher ones run first.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Declares a kind that is run as a whole. Its handler may run more than once for one job, each time under the same
    /// call id: what it calls by methods marked `once`, and what it does in `once` of its own database, happens once.
    pub fn run<F, O>(self, handler: F) -> Result<(), Error>
    where
        F: Fn(Cx, T) -> O + Send + Sync + 'static,
        O: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let body = Body::Whole(handler_of(handler));
        self.declare(Vec::new(), body)
    }

    /// Begins a kind that consists of steps, with the first one.
    pub fn step<F, O>(self, name: &str, step: F) -> Steps<T>
    where
        F: Fn(Cx, T) -> O + Send + Sync + 'static,
        O: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let steps = Steps {
            declaration: self,
            names: Vec::new(),
            steps: Vec::new(),
            twice: None,
        };
        steps.step(name, step)
    }

    fn declare(self, steps: Vec<(String, bool)>, body: Body) -> Result<(), Error> {
        named("a kind", &self.name).map_err(declared)?;
        let kind = Kind {
            longest: self.longest,
            concurrency: self.concurrency,
            per_process: self.per_process,
            priority: self.priority,
            plan: Plan {
                steps,
                backoff: self.backoff,
            },
            body,
            payload: <T as Shape>::shape,
            name: self.name,
        };
        kind.fits(self.jobs.database().config().once_retention)?;
        self.jobs.declare(kind)
    }
}

/// A kind that consists of steps. Each step is a call of its own, named by the job and the step: what it calls by methods
/// marked `once` happens once, however often it is repeated or taken over.
///
/// When a step fails for good, the compensations of the steps before it *and its own* are run, newest first: a step that
/// failed may have happened all the same. So a compensation has to do with a step that did not happen, and with one whose
/// last attempt arrives after the compensation: let it leave a mark by which the step then refuses.
#[must_use = "a kind with steps is declared by `build`"]
pub struct Steps<T> {
    declaration: Declaration<T>,
    names: Vec<(String, bool)>,
    steps: Vec<Step>,
    /// A step that was given two compensations.
    twice: Option<String>,
}

impl<T: Data + 'static> Steps<T> {
    /// What comes next. Its name is kept with each job: a renamed step is another step.
    pub fn step<F, O>(mut self, name: &str, step: F) -> Steps<T>
    where
        F: Fn(Cx, T) -> O + Send + Sync + 'static,
        O: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        self.names.push((name.to_owned(), false));
        self.steps.push(Step {
            run: handler_of(step),
            undo: None,
        });
        self
    }

    /// What takes back the step before it.
    pub fn undo<F, O>(mut self, undo: F) -> Steps<T>
    where
        F: Fn(Cx, T) -> O + Send + Sync + 'static,
        O: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        if let (Some((name, undone)), Some(step)) = (self.names.last_mut(), self.steps.last_mut()) {
            if *undone {
                self.twice = Some(name.clone());
            }
            *undone = true;
            step.undo = Some(handler_of(undo));
        }
        self
    }

    /// Declares the kind.
    pub fn build(self) -> Result<(), Error> {
        let kind = &self.declaration.name;
        if let Some(step) = self.twice {
            return Err(declared(format!(
                "step `{step}` of kind `{kind}` has two compensations; put both into one"
            )));
        }
        if self.names.len() > STEPS_MAX {
            let count = self.names.len();
            return Err(declared(format!(
                "kind `{kind}` has {count} steps, and {STEPS_MAX} are allowed"
            )));
        }
        for (index, (name, _)) in self.names.iter().enumerate() {
            named("a step", name).map_err(declared)?;
            if self.names[..index].iter().any(|(before, _)| before == name) {
                return Err(declared(format!(
                    "kind `{kind}` has two steps `{name}`; their names tell them apart, so give each its own"
                )));
            }
        }
        self.declaration.declare(self.names, Body::Steps(self.steps))
    }
}

impl Kind {
    /// The longest time from a job's first attempt to the end of its last one, without the time for which nobody runs it.
    pub(crate) fn longest_life(&self) -> Duration {
        let undos = self.plan.steps.iter().filter(|(_, undo)| *undo).count();
        let parts = (self.plan.steps.len() + undos).max(1);
        let backoff = &self.plan.backoff;
        let attempts = self.longest.saturating_mul(backoff.attempts_max.max(1));
        let part = attempts.saturating_add(backoff.longest_life());
        part.saturating_mul(u32::try_from(parts).unwrap_or(u32::MAX))
    }

    fn fits(&self, once_retention: Duration) -> Result<(), Error> {
        let (life, most) = (self.longest_life(), once_retention.saturating_sub(RETENTION_MARGIN));
        if life < most {
            return Ok(());
        }
        Err(declared(format!(
            "jobs of kind `{}` may be tried for {} h ({} attempts of up to {} s each, and {} s of waits between them{}), and \
             effects are remembered for {} h, of which {} h are kept in reserve; allow fewer attempts or shorter waits, or \
             set the database's once_retention higher",
            self.name,
            life.as_secs() / 3600,
            self.plan.backoff.attempts_max.max(1),
            self.longest.as_secs(),
            self.plan.backoff.longest_life().as_secs(),
            if self.plan.steps.is_empty() {
                ""
            } else {
                ", for each step and compensation"
            },
            once_retention.as_secs() / 3600,
            RETENTION_MARGIN.as_secs() / 3600,
        )))
    }
}

fn handler_of<T, F, O>(handler: F) -> Handler
where
    T: Data + 'static,
    F: Fn(Cx, T) -> O + Send + Sync + 'static,
    O: Future<Output = Result<(), JobError>> + Send + 'static,
{
    Arc::new(move |cx, payload| {
        let payload: T = wire::decode(Codec::Tagged, payload, &Limits::default())?;
        Ok(Box::pin(handler(cx, payload)))
    })
}

pub(crate) fn declared(message: String) -> Error {
    Error::Declared { message }
}
