//! [`Jobs`]: the jobs of one component.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use component::Data;
use database::{Database, Transaction, Value};
use tokio::sync::Notify;
use uuid::Uuid;
use wire::release::{JobKind, StoredJobs};
use wire::shape::Types;
use world::{Env, Random};

use crate::config::Config;
use crate::enqueue::{Job, JobId, denied, named};
use crate::error::Error;
use crate::finishing::Finishing;
use crate::kind::{Declaration, Kind, declared};
use crate::limits::LEASE_MIN;
use crate::runner::Stop;
use crate::statement;
use crate::tables::TABLES;
use crate::timetable::Entry;
use crate::worker::Worker;

/// The jobs of one component, in its own database. A clone is the same.
#[derive(Clone)]
pub struct Jobs {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub env: Env,
    pub database: Database,
    pub config: Config,
    kinds: Mutex<BTreeMap<String, Arc<Kind>>>,
    schedules: Mutex<BTreeMap<String, Entry>>,
    random: Mutex<Random>,
    pub wake: Wake,
    pub finishing: Finishing,
    running: Mutex<BTreeMap<JobId, RunningJob>>,
    /// Rung whenever a running job has ended.
    pub ended: Notify,
    started: AtomicBool,
}

/// What wakes the worker.
#[derive(Default)]
pub(crate) struct Wake {
    pub notify: Notify,
    /// A job was enqueued for later: the next round looks when.
    pub looks: AtomicBool,
}

/// A job that this process runs.
pub(crate) struct RunningJob {
    pub kind: String,
    pub key: Option<String>,
    pub stop: Arc<Stop>,
}

impl Jobs {
    /// Opens the jobs of the component whose database it is, and makes their tables. Nothing runs before
    /// [`start`](Jobs::start). Refused is a lease below [`LEASE_MIN`].
    pub async fn open(env: &Env, database: &Database, config: Config) -> Result<Jobs, Error> {
        if config.lease < LEASE_MIN {
            return Err(declared(format!(
                "a lease of {:?} is lost before it can be renewed; give `lease` at least {LEASE_MIN:?}",
                config.lease
            )));
        }
        database.install("jobs", &TABLES).await?;
        Ok(Jobs {
            inner: Arc::new(Inner {
                env: env.clone(),
                database: database.clone(),
                config,
                kinds: Mutex::default(),
                schedules: Mutex::default(),
                random: Mutex::new(env.random("jobs")),
                wake: Wake::default(),
                finishing: Finishing::default(),
                running: Mutex::default(),
                ended: Notify::new(),
                started: AtomicBool::new(false),
            }),
        })
    }

    /// The database they lie in.
    pub fn database(&self) -> &Database {
        &self.inner.database
    }

    /// Declares the kind `name`, whose payloads are of type `T`: how its jobs are run. All kinds are declared before
    /// [`start`](Jobs::start).
    pub fn kind<T: Data + 'static>(&self, name: &str) -> Declaration<T> {
        Declaration::new(self.clone(), name)
    }

    /// Enqueues a job in the caller's own transaction: it is there if and only if the transaction is kept. The worker of
    /// this process is woken then. Enqueue in `once`, and a repeated call enqueues nothing.
    pub async fn enqueue(&self, tx: &Transaction<'_>, job: Job) -> Result<JobId, database::Error> {
        self.enqueue_as(tx, JobId(self.inner.new_id()), job).await
    }

    /// Enqueues a job under an id that was drawn before.
    pub(crate) async fn enqueue_as(&self, tx: &Transaction<'_>, id: JobId, job: Job) -> Result<JobId, database::Error> {
        let priority = job.priority.unwrap_or_else(|| self.inner.priority_of(&job.kind));
        job.insert(tx, &self.inner.env, id, priority).await?;
        let (inner, waits) = (self.inner.clone(), !job.is_due_at_once());
        tx.after_commit(move || {
            // What is due at once is ready: it needs no look at the clock, which is three transactions.
            if waits {
                inner.wake.looks.store(true, Ordering::Relaxed);
            }
            inner.wake.notify.notify_one();
        });
        Ok(id)
    }

    /// Cancels the jobs of `kind` with that key, in the caller's own transaction, and answers how many there were. One that
    /// waits does not run. One that runs is asked to stop: its `Cx` is cancelled, at once in this process, with the next
    /// renewal of its lease in another one; and it is not tried again. Of a job with steps that has begun, what it did is
    /// taken back first. Parked jobs stay.
    pub async fn cancel(&self, tx: &Transaction<'_>, kind: &str, key: &str) -> Result<u64, database::Error> {
        named("a key", key).map_err(denied)?;
        let values = vec![Value::Text(kind.to_owned()), Value::Text(key.to_owned())];
        let cancelled = self
            .cancel_matching(tx, "kind = $1 and key = $2", values, self.has_steps(kind))
            .await?;
        let (inner, kind, key) = (self.inner.clone(), kind.to_owned(), key.to_owned());
        tx.after_commit(move || {
            inner.stop_where(|_, job| job.kind == kind && job.key.as_deref() == Some(&key));
            inner.wake.notify.notify_one();
        });
        Ok(cancelled)
    }

    /// Declares that a job like `job` is enqueued whenever `cron` says so on the wall clock of `zone`, by name: at every
    /// start the same, in each replica. A changed expression counts from now on; due times that passed while nobody ran
    /// become one job.
    pub fn schedule(&self, name: &str, cron: &str, zone: &str, job: Job) -> Result<(), Error> {
        named("a schedule", name).map_err(declared)?;
        let entry = Entry::new(name, cron, zone, job, |kind| self.inner.priority_of(kind))?;
        match lock(&self.inner.schedules).entry(name.to_owned()) {
            Slot::Vacant(slot) => {
                slot.insert(entry);
            }
            Slot::Occupied(_) => {
                return Err(declared(format!(
                    "there are two schedules `{name}`; give each its own name"
                )));
            }
        }
        Ok(())
    }

    /// Takes a schedule away for good, in the caller's own transaction, and answers whether there was one. Without this a
    /// schedule that is declared no more goes on, since other replicas may still know its kind.
    pub async fn unschedule(&self, tx: &Transaction<'_>, name: &str) -> Result<bool, database::Error> {
        let removed = tx
            .execute("delete from terrace_schedules where name = $1", (name,))
            .await?;
        Ok(removed > 0)
    }

    /// The kinds declared so far, with the shapes of their payloads: what this program can read of what another one wrote.
    pub fn describe(&self) -> StoredJobs {
        let mut types = Types::new();
        let described = |kind: &Arc<Kind>| JobKind {
            name: kind.name.clone(),
            steps: kind.plan.steps.iter().map(|(name, _)| name.clone()).collect(),
            payload: (kind.payload)(&mut types),
        };
        let kinds = self.inner.kinds().iter().map(described).collect();
        StoredJobs {
            component: self.inner.database.component().to_owned(),
            kinds,
            types: types.into_defs(),
        }
    }

    /// Begins to run jobs. All kinds and schedules are declared by now.
    pub async fn start(&self) -> Result<Worker, Error> {
        if self.inner.started.swap(true, Ordering::Relaxed) {
            return Err(declared(format!(
                "the jobs of `{}` run already; start them once",
                self.inner.database.component()
            )));
        }
        Worker::start(self.inner.clone()).await
    }

    pub(crate) fn declare(&self, kind: Kind) -> Result<(), Error> {
        let name = kind.name.clone();
        if self.inner.started.load(Ordering::Relaxed) {
            return Err(declared(format!(
                "kind `{name}` is declared after the start; declare it before"
            )));
        }
        match lock(&self.inner.kinds).entry(name.clone()) {
            Slot::Vacant(slot) => {
                slot.insert(Arc::new(kind));
            }
            Slot::Occupied(_) => {
                return Err(declared(format!(
                    "there are two kinds `{name}`; give each its own name"
                )));
            }
        }
        Ok(())
    }

    pub(crate) fn has_steps(&self, kind: &str) -> bool {
        self.inner.kind(kind).is_some_and(|kind| !kind.plan.steps.is_empty())
    }

    /// Cancels what waits or runs among the jobs that match.
    pub(crate) async fn cancel_matching(
        &self,
        tx: &Transaction<'_>,
        matched: &str,
        values: Vec<Value>,
        has_steps: bool,
    ) -> Result<u64, database::Error> {
        // What a job with steps has done is taken back, by whoever claims it next.
        let begun = if has_steps { "and fence = 0" } else { "" };
        let ended = format!(
            "update terrace_jobs set state = 'cancelled', reason = 'cancelled', ready = false, ended = :now,
                 fence = fence + 1, lease_until = null, holder = null
             where {matched} and state in ('waiting', 'running') {begun}"
        );
        let mut cancelled = statement::execute(tx, &self.inner.env, &ended, values.clone()).await?;
        if has_steps {
            let undone = format!(
                "update terrace_jobs set state = 'waiting', reason = 'cancelled', ready = true, due = :now, attempts = 0,
                     fence = fence + 1, lease_until = null, holder = null, cancelling = true
                 where {matched} and state in ('waiting', 'running') and fence > 0 and not cancelling"
            );
            cancelled += statement::execute(tx, &self.inner.env, &undone, values).await?;
        }
        Ok(cancelled)
    }
}

impl Inner {
    pub(crate) fn kind(&self, name: &str) -> Option<Arc<Kind>> {
        lock(&self.kinds).get(name).cloned()
    }

    pub(crate) fn kinds(&self) -> Vec<Arc<Kind>> {
        lock(&self.kinds).values().cloned().collect()
    }

    pub(crate) fn schedules(&self) -> Vec<Entry> {
        lock(&self.schedules).values().cloned().collect()
    }

    fn priority_of(&self, kind: &str) -> i32 {
        self.kind(kind).map_or(0, |kind| kind.priority)
    }

    pub(crate) fn new_id(&self) -> Uuid {
        uuid::Builder::from_random_bytes(lock(&self.random).u128().to_le_bytes()).into_uuid()
    }

    pub(crate) fn draw(&self) -> u64 {
        lock(&self.random).u64()
    }

    pub(crate) fn running(&self) -> MutexGuard<'_, BTreeMap<JobId, RunningJob>> {
        lock(&self.running)
    }

    /// Asks running jobs to stop, since they are not this worker's any more.
    pub(crate) fn stop_where(&self, matched: impl Fn(&JobId, &RunningJob) -> bool) {
        for (_, job) in self.running().iter().filter(|(id, job)| matched(id, job)) {
            job.stop.now();
        }
    }

    /// Says that the database did not do something that is tried again.
    pub(crate) fn warn(&self, what: &str, error: &dyn Display) {
        tracing::warn!(
            target: "terrace::jobs", component = self.database.component(), %error,
            "{what} failed, and is tried again"
        );
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
