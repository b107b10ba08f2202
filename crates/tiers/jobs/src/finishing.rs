//! Jobs that have run to their end: what ends while the last ones are written is written by one statement.
//!
//! Whoever finds nobody writing begins to. Nothing waits for more to come, so one job alone is written at once.

use std::sync::{Arc, Mutex};

use database::{Error, Isolation, Value};
use tokio::sync::oneshot;
use wire::Ran;

use crate::jobs::{Inner, lock};
use crate::limits::FINISHED_MAX;
use crate::statement;

/// Jobs that wait until their end is written.
#[derive(Default)]
pub(crate) struct Finishing(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    jobs: Vec<Finished>,
    /// Whether somebody writes.
    written: bool,
}

/// A job under the fence with which it was claimed, and who is told that it is written.
struct Finished {
    number: i64,
    fence: i64,
    tell: oneshot::Sender<Result<(), Error>>,
}

/// Writes that a job is done, unless somebody else has it since. Its attempts are as they were claimed, and there are no
/// steps that it would have gone through.
pub(crate) async fn done(inner: &Arc<Inner>, number: i64, fence: i64) -> Result<(), Error> {
    let (tell, told) = oneshot::channel();
    let begins = {
        let mut waiting = lock(&inner.finishing.0);
        waiting.jobs.push(Finished { number, fence, tell });
        !std::mem::replace(&mut waiting.written, true)
    };
    if begins {
        let writing = Writing {
            inner: inner.clone(),
            ended: false,
        };
        // A task of its own: who waits may be dropped, and the others wait for it too.
        drop(inner.env.spawn("finish jobs", async move { writing.write_all().await }));
    }
    told.await.unwrap_or_else(|_| {
        Err(Error::Unavailable {
            message: "whoever wrote it was stopped".to_owned(),
            ran: Ran::Maybe,
        })
    })
}

/// Somebody who writes. Whatever stops that, those who wait are told, and the next job begins it again.
struct Writing {
    inner: Arc<Inner>,
    ended: bool,
}

impl Writing {
    async fn write_all(mut self) {
        loop {
            let some: Vec<Finished> = {
                let mut waiting = lock(&self.inner.finishing.0);
                let count = waiting.jobs.len().min(FINISHED_MAX);
                if count == 0 {
                    waiting.written = false;
                    self.ended = true;
                    return;
                }
                waiting.jobs.drain(..count).collect()
            };
            let written = self.write(&some).await;
            for job in some {
                // Whoever lost the lease meanwhile does not want to know.
                let _ = job.tell.send(written.clone());
            }
        }
    }

    async fn write(&self, jobs: &[Finished]) -> Result<(), Error> {
        let Some(last) = jobs.last() else { return Ok(()) };
        // A few lengths only, so that engines prepare a few statements only.
        let length = jobs.len().next_power_of_two();
        let (mut numbers, mut pairs, mut values) = (Vec::new(), Vec::new(), Vec::with_capacity(2 * length));
        for index in 0..length {
            let job = jobs.get(index).unwrap_or(last);
            let (number, fence) = (2 * index + 1, 2 * index + 2);
            numbers.push(format!("${number}"));
            pairs.push(format!("(number = ${number} and fence = ${fence})"));
            values.extend([Value::Integer(job.number), Value::Integer(job.fence)]);
        }
        let sql = format!(
            "update terrace_jobs set state = 'done', reason = null, ready = false, ended = :now, lease_until = null,
                 holder = null
             where number in ({}) and ({}) and state = 'running'",
            numbers.join(", "),
            pairs.join(" or ")
        );
        let database = &self.inner.database;
        statement::alone(database, Isolation::ReadCommitted, &sql, values)
            .await
            .map(drop)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.ended {
            *lock(&self.inner.finishing.0) = Waiting::default();
        }
    }
}
