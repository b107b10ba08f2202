//! [`Worker`]: claims jobs and runs them, as long as there is room.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use world::{Instant, Task};

use crate::claim::{self, Wanted, WantedKind};
use crate::enqueue::JobId;
use crate::error::Error;
use crate::jobs::{Inner, RunningJob};
use crate::limits::CLAIMED_MAX;
use crate::runner::{Run, Stop};
use crate::store::Claimed;
use crate::timetable;

/// How often jobs of unknown kinds and old ones are looked for.
const CLEAN_EVERY: Duration = Duration::from_secs(10);

/// What a worker waits for after it was told to stop and all were asked to: their last write.
const GIVE_BACK_MAX: Duration = Duration::from_secs(5);

/// The jobs of a component at work. Dropping it lets them go on.
pub struct Worker {
    inner: Arc<Inner>,
    stopping: Arc<Stopping>,
    task: Task<()>,
}

#[derive(Default)]
struct Stopping {
    asked: AtomicBool,
    notify: Notify,
}

impl Worker {
    pub(crate) async fn start(inner: Arc<Inner>) -> Result<Worker, Error> {
        timetable::declare(&inner.database, inner.schedules()).await?;
        let stopping = Arc::<Stopping>::default();
        let rounds = Rounds {
            holder: format!("{} {}", inner.env.node(), inner.new_id().simple()),
            inner: inner.clone(),
            stopping: stopping.clone(),
            looked: None,
            cleaned: None,
            next: None,
        };
        let task = inner.env.spawn("jobs", rounds.run());
        Ok(Worker { inner, stopping, task })
    }

    /// Claims no more, lets what runs go on for [`Config::drain`](crate::Config::drain), and gives back what runs then.
    pub async fn stop(self) {
        self.stopping.asked.store(true, Ordering::Relaxed);
        self.stopping.notify.notify_one();
        // A round that claims still is over before it is counted who runs.
        let _ = self.task.await;
        let env = &self.inner.env;
        if env.timeout(self.inner.config.drain, idle(&self.inner)).await.is_err() {
            for job in self.inner.running().values() {
                job.stop.give_back();
            }
            // Who cannot write now is taken over when its lease is over.
            let _ = env.timeout(GIVE_BACK_MAX, idle(&self.inner)).await;
        }
    }
}

/// Ready once nothing runs.
async fn idle(inner: &Inner) {
    loop {
        let ended = inner.ended.notified();
        tokio::pin!(ended);
        ended.as_mut().enable();
        if inner.running().is_empty() {
            return;
        }
        ended.await;
    }
}

/// The rounds of a worker.
struct Rounds {
    inner: Arc<Inner>,
    holder: String,
    stopping: Arc<Stopping>,
    looked: Option<Instant>,
    cleaned: Option<Instant>,
    /// When the next job or schedule is due, as far as it is known.
    next: Option<Instant>,
}

impl Rounds {
    async fn run(mut self) {
        while !self.stopping.asked.load(Ordering::Relaxed) {
            if self.looks() {
                self.look().await;
            }
            if self.claimed_all().await {
                continue;
            }
            let poll = self.inner.env.deadline(self.inner.config.poll);
            let until = self.next.map_or(poll, |next| next.min(poll));
            let inner = self.inner.clone();
            tokio::select! {
                biased;
                () = self.stopping.notify.notified() => {}
                () = inner.wake.notify.notified() => {}
                () = inner.ended.notified() => {}
                () = inner.env.sleep_until(until) => {}
            }
        }
    }

    /// Whether it is time to look for what is due, lost or scheduled.
    fn looks(&self) -> bool {
        let now = self.inner.env.now();
        let since = self.looked.map(|looked| now.saturating_duration_since(looked));
        let asked = self.inner.wake.looks.swap(false, Ordering::Relaxed);
        asked || since.is_none_or(|since| since >= self.inner.config.poll) || self.next.is_some_and(|next| now >= next)
    }

    async fn look(&mut self) {
        let (inner, begun) = (self.inner.clone(), self.inner.env.now());
        self.looked = Some(begun);
        self.next = None;
        let scheduled = timetable::round(&inner).await.unwrap_or_else(|error| {
            inner.warn("looking for schedules that are due", &error);
            None
        });
        match claim::make_ready(&inner.database).await {
            Ok((due, now)) => {
                let next = [scheduled, due].into_iter().flatten().min();
                // At least a millisecond, so that a clock which stands still does not make the worker spin.
                self.next = next.map(|next| {
                    let micros = next.as_micros().saturating_sub(now.as_micros()).max(1_000);
                    inner.env.deadline(Duration::from_micros(micros.unsigned_abs()))
                });
            }
            Err(error) => inner.warn("looking for jobs that are due", &error),
        }
        match claim::take_over(&inner).await {
            Ok(held) => inner.stop_where(|id, _| held.contains(id)),
            Err(error) => inner.warn("looking for leases that are over", &error),
        }
        let cleaned = self.cleaned.map(|cleaned| begun.saturating_duration_since(cleaned));
        if cleaned.is_none_or(|since| since >= CLEAN_EVERY) {
            self.cleaned = Some(begun);
            self.clean().await;
        }
    }

    async fn clean(&self) {
        let inner = &self.inner;
        let kinds = inner.kinds().iter().map(|kind| kind.name.clone()).collect();
        match claim::park_unknown(&inner.database, kinds, inner.config.unknown_after).await {
            Ok(0) => {}
            Ok(parked) => tracing::warn!(
                target: "terrace::jobs", component = inner.database.component(), parked,
                "jobs of unknown kinds were parked"
            ),
            Err(error) => inner.warn("looking for unknown kinds", &error),
        }
        if let Err(error) = claim::remove(&inner.database, inner.config.keep).await {
            inner.warn("removing old jobs", &error);
        }
    }

    /// Claims what there is room for, and answers whether there may be more, and room for it.
    async fn claimed_all(&self) -> bool {
        let Some(wanted) = self.wanted() else {
            return false;
        };
        let (asked, count) = (self.inner.env.now(), wanted.count);
        match claim::claim(&self.inner.database, wanted).await {
            Ok(claimed) => {
                let full = claimed.len() == count;
                for job in claimed {
                    self.begin(job, asked);
                }
                full
            }
            Err(error) => {
                self.inner.warn("claiming jobs", &error);
                false
            }
        }
    }

    fn wanted(&self) -> Option<Wanted> {
        let running = self.inner.running();
        let count = self.inner.config.slots.saturating_sub(running.len()).min(CLAIMED_MAX);
        let runs = |name: &str| running.values().filter(|job| job.kind == name).count();
        let kinds: Vec<WantedKind> = self
            .inner
            .kinds()
            .iter()
            .map(|kind| WantedKind {
                name: kind.name.clone(),
                concurrency: kind.concurrency,
                room: kind
                    .per_process
                    .map_or(count, |most| most.saturating_sub(runs(&kind.name))),
            })
            .filter(|kind| kind.room > 0)
            .collect();
        (count > 0 && !kinds.is_empty()).then(|| Wanted {
            holder: self.holder.clone(),
            lease: self.inner.config.lease,
            count,
            kinds,
        })
    }

    fn begin(&self, job: Claimed, asked: Instant) {
        let Some(kind) = self.inner.kind(&job.kind) else {
            // Only kinds that are known were asked for.
            return;
        };
        let (id, stop) = (job.id, Arc::<Stop>::default());
        let running = RunningJob {
            kind: job.kind.clone(),
            key: job.key.clone(),
            stop: stop.clone(),
        };
        // One that was taken over meanwhile, and has not noticed it yet.
        if let Some(former) = self.inner.running().insert(id, running) {
            former.stop.now();
        }
        let held = Held(self.inner.clone(), id, stop.clone());
        let run = Run::new(self.inner.clone(), kind, job, asked, stop);
        drop(self.inner.env.spawn("job under lease", async move {
            run.run().await;
            drop(held);
        }));
    }
}

/// A job that this process runs, until this is dropped.
struct Held(Arc<Inner>, JobId, Arc<Stop>);

impl Drop for Held {
    fn drop(&mut self) {
        let mut running = self.0.running();
        // It may have been claimed again by this same worker.
        if running.get(&self.1).is_some_and(|job| Arc::ptr_eq(&job.stop, &self.2)) {
            running.remove(&self.1);
        }
        drop(running);
        self.0.ended.notify_one();
        self.0.ended.notify_waiters();
    }
}
