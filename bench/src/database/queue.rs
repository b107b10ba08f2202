//! A queue by hand: claims by lease and fence, sixteen jobs at a time, woken by whoever enqueues.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::side::Side;

/// Jobs that run at the same time, as many as ours runs.
const SLOTS: usize = 16;
/// How long a job is its worker's, as long as with ours.
const LEASE: Duration = Duration::from_secs(30);
/// How often it is looked where nobody wakes the worker.
const POLL: Duration = Duration::from_millis(500);

/// How many jobs were handled.
pub(crate) type Handled = Arc<AtomicU64>;

/// A job that was claimed.
pub(crate) struct Claimed {
    pub(crate) id: i64,
    pub(crate) fence: i64,
    pub(crate) payload: Vec<u8>,
}

/// Jobs at work.
pub(crate) struct Worker {
    pub(crate) handled: Handled,
    pub(crate) handled_before: u64,
    pub(crate) runs: Ran,
}

/// Who runs them.
pub(crate) enum Ran {
    Ours(jobs::Worker),
    ByHand(Arc<Loop>, tokio::task::JoinHandle<anyhow::Result<()>>),
}

/// The loop of a worker by hand.
#[derive(Default)]
pub(crate) struct Loop {
    wake: Notify,
    stopping: AtomicBool,
}

impl Worker {
    /// A job was enqueued. Ours knows by itself.
    pub(crate) fn enqueued(&self) {
        if let Ran::ByHand(own, _) = &self.runs {
            own.wake.notify_one();
        }
    }

    /// How many jobs have run since the start.
    pub(crate) fn handled(&self) -> u64 {
        self.handled.load(Ordering::Relaxed) - self.handled_before
    }

    /// Ends when all that ran is completed.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        match self.runs {
            Ran::Ours(worker) => worker.stop().await,
            Ran::ByHand(own, task) => {
                own.stopping.store(true, Ordering::Relaxed);
                own.wake.notify_one();
                task.await??;
            }
        }
        Ok(())
    }
}

/// Begins to run the jobs of a side by hand.
pub(crate) fn start(side: Arc<Side>) -> Worker {
    let (own, handled) = (Arc::<Loop>::default(), Handled::default());
    let task = tokio::spawn(run(side, own.clone(), handled.clone()));
    Worker {
        handled,
        handled_before: 0,
        runs: Ran::ByHand(own, task),
    }
}

async fn run(side: Arc<Side>, own: Arc<Loop>, handled: Handled) -> anyhow::Result<()> {
    let mut running: JoinSet<anyhow::Result<()>> = JoinSet::new();
    loop {
        while let Some(ended) = running.try_join_next() {
            ended??;
        }
        let room = SLOTS - running.len();
        let claimed = match own.stopping.load(Ordering::Relaxed) || room == 0 {
            true => Vec::new(),
            false => claim(&side, room).await?,
        };
        let is_full = claimed.len() == room;
        for job in claimed {
            let (side, handled) = (side.clone(), handled.clone());
            running.spawn(async move {
                let _: i64 = serde_json::from_slice(&job.payload)?;
                handled.fetch_add(1, Ordering::Relaxed);
                complete(&side, &job).await
            });
        }
        if own.stopping.load(Ordering::Relaxed) {
            while let Some(ended) = running.join_next().await {
                ended??;
            }
            return Ok(());
        }
        if is_full {
            if let Some(ended) = running.join_next().await {
                ended??;
            }
        } else {
            let _ = tokio::time::timeout(POLL, own.wake.notified()).await;
        }
    }
}

async fn claim(side: &Side, most: usize) -> anyhow::Result<Vec<Claimed>> {
    match side {
        Side::Ours(_) => Ok(Vec::new()),
        Side::Sqlite(sqlite) => sqlite.claim(most, LEASE).await,
        Side::Postgres(postgres) => postgres.claim(most, LEASE).await,
    }
}

async fn complete(side: &Side, job: &Claimed) -> anyhow::Result<()> {
    match side {
        Side::Ours(_) => Ok(()),
        Side::Sqlite(sqlite) => sqlite.complete(job.id, job.fence).await,
        Side::Postgres(postgres) => postgres.complete(job.id, job.fence).await,
    }
}
