//! One measurement: clients that repeat an operation for a while, and what that cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use terrace_bench::usage;
use tokio::task::JoinSet;

use crate::case::{Case, Operation};
use crate::server;
use crate::side::Side;

/// How often it is looked whether all jobs have run.
const LOOK: Duration = Duration::from_millis(2);

/// How long jobs may take after the last one was enqueued.
const JOBS_MAX: Duration = Duration::from_secs(60);

/// A client may fail so often, and after that with one of so many operations.
const FAILED_MIN: u64 = 20;
const FAILED_PART_MAX: u64 = 20;

/// What operations cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) operations: f64,
    pub(crate) wall_s: f64,
    /// Of this process: its clients and, with SQLite, the database.
    pub(crate) cpu_s: f64,
    /// Of all processes of PostgreSQL.
    pub(crate) server_s: f64,
    /// Operations that failed, as after conflicts in a row, and are not counted above.
    pub(crate) failed: f64,
}

impl Sample {
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu_s * 1e6 / self.operations
    }

    pub(crate) fn server_us(&self) -> f64 {
        self.server_s * 1e6 / self.operations
    }

    pub(crate) fn failed_of_1000(&self) -> f64 {
        self.failed * 1e3 / (self.failed + self.operations)
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.operations / self.wall_s
    }
}

/// Repeats the operation of `case` for `time`. `numbers` goes on where it stopped before, so that no two operations of a
/// side have the same number.
#[expect(clippy::cast_precision_loss, reason = "a count of operations stays far below 2^52")]
pub(crate) async fn measure(
    side: &Arc<Side>,
    case: Case,
    time: Duration,
    numbers: &Arc<AtomicU64>,
) -> anyhow::Result<Sample> {
    let worker = match case.operation {
        Operation::Job => Some(Arc::new(side.start().await?)),
        _ => None,
    };
    let (server, cpu, begin) = (server::cpu_s(), usage::own()?.cpu_s, Instant::now());
    let mut clients = JoinSet::new();
    for _ in 0..case.clients {
        let (side, numbers, worker) = (side.clone(), numbers.clone(), worker.clone());
        clients.spawn(async move {
            let (mut done, mut failed) = (0_u64, 0_u64);
            while begin.elapsed() < time {
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                if let Err(error) = side.perform(case.operation, number).await {
                    failed += 1;
                    if failed > FAILED_MIN && failed * FAILED_PART_MAX > done {
                        return Err(error.context(format!("{failed} of {} operations failed", failed + done)));
                    }
                    continue;
                }
                if let Some(worker) = &worker {
                    worker.enqueued();
                }
                done += 1;
            }
            anyhow::Ok((done, failed))
        });
    }
    let (mut operations, mut failed) = (0, 0);
    while let Some(ended) = clients.join_next().await {
        let (more_done, more_failed) = ended??;
        operations += more_done;
        failed += more_failed;
    }
    if let Some(worker) = worker.and_then(Arc::into_inner) {
        let enqueued = Instant::now();
        while worker.handled() < operations {
            let handled = worker.handled();
            ensure!(
                enqueued.elapsed() < JOBS_MAX,
                "{handled} of {operations} jobs have run, and the others do not"
            );
            tokio::time::sleep(LOOK).await;
        }
        worker.stop().await?;
    }
    Ok(Sample {
        operations: operations as f64,
        wall_s: begin.elapsed().as_secs_f64(),
        cpu_s: usage::own()?.cpu_s - cpu,
        server_s: server::cpu_s() - server,
        failed: failed as f64,
    })
}
