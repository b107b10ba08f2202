//! Steps and their compensations.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use component::Cx;
use database::{Database, Error, Transaction};
use jobs::{Job, JobError, Jobs, State, Worker};
use terrace::CallError;

use crate::fixture::{Fixture, SOON, Seen};

/// The error of a call.
#[terrace::data]
#[derive(thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed::Call(error.into())
    }
}

/// How often a part fails before it answers; for good where it is negative. After or before its effect.
type Faults = Arc<Mutex<BTreeMap<&'static str, i32>>>;

#[derive(Clone)]
struct Parts {
    db: Database,
    seen: Seen,
    faults: Faults,
}

impl Parts {
    /// A part whose effect happens once, in the component's own table, and which may fail after it.
    async fn run(self, cx: Cx, name: &'static str) -> Result<(), JobError> {
        self.seen.add(name);
        if name.starts_with("slow") {
            return std::future::pending().await;
        }
        let done: Result<bool, Failed> = self
            .db
            .once(&cx, async move |tx: &Transaction<'_>| {
                tx.execute("insert into effects (text) values ($1)", (name,)).await?;
                Ok(true)
            })
            .await;
        done.map_err(JobError::retry)?;
        let mut faults = self.faults.lock().unwrap();
        match faults.get_mut(name) {
            Some(left) if *left > 0 => {
                *left -= 1;
                Err(JobError::retry(format!("{name} failed")))
            }
            Some(left) if *left < 0 => Err(JobError::fail(format!("{name} refused"))),
            _ => Ok(()),
        }
    }
}

/// An order of three steps, of which the last has no compensation.
async fn orders(fixture: &Fixture, faults: &[(&'static str, i32)]) -> (Jobs, Worker, Parts) {
    let jobs = fixture.jobs().await;
    let parts = Parts {
        db: fixture.db.clone(),
        seen: Seen::default(),
        faults: Arc::new(Mutex::new(faults.iter().copied().collect())),
    };
    let part = |name: &'static str| {
        let parts = parts.clone();
        move |cx: Cx, (): ()| parts.clone().run(cx, name)
    };
    let declared = jobs
        .kind("order")
        .backoff(SOON)
        .step("reserve", part("reserve"))
        .undo(part("release"))
        .step("charge", part("charge"))
        .undo(part("refund"))
        .step("ship", part("ship"));
    declared.build().unwrap();
    let slow = jobs.kind("slow").step("reserve", part("reserve")).undo(part("release"));
    slow.step("ship", part("slow ship")).build().unwrap();
    (jobs.clone(), jobs.start().await.unwrap(), parts)
}

async fn effects(fixture: &Fixture) -> Vec<String> {
    fixture
        .db
        .query("select text from effects order by number", ())
        .await
        .unwrap()
}

pub(crate) async fn steps_happen_once_through_failures(fixture: Fixture) {
    let (jobs, worker, parts) = orders(&fixture, &[("reserve", 1), ("charge", 2)]).await;
    let id = fixture.enqueue(&jobs, Job::new("order", &())).await;
    let shown = fixture.wait(&jobs, id, State::Done).await;
    assert_eq!(shown.progress.done, ["reserve", "charge", "ship"]);
    assert_eq!(
        parts.seen.all(),
        ["reserve", "reserve", "charge", "charge", "charge", "ship"]
    );
    assert_eq!(effects(&fixture).await, ["reserve", "charge", "ship"]);
    worker.stop().await;
}

pub(crate) async fn a_failed_step_is_taken_back_newest_first(fixture: Fixture) {
    let (jobs, worker, _) = orders(&fixture, &[("charge", -1), ("release", 2)]).await;
    let id = fixture.enqueue(&jobs, Job::new("order", &())).await;
    let shown = fixture.wait(&jobs, id, State::Parked).await;
    let reason = "compensated: step `charge` failed: charge refused; undone: charge, reserve";
    assert_eq!(shown.reason.as_deref(), Some(reason));
    // The charge that failed had happened all the same.
    assert_eq!(effects(&fixture).await, ["reserve", "charge", "refund", "release"]);
    worker.stop().await;
}

pub(crate) async fn a_compensation_that_fails_says_what_is_left(fixture: Fixture) {
    let (jobs, worker, parts) = orders(&fixture, &[("ship", 9), ("release", -1)]).await;
    let id = fixture.enqueue(&jobs, Job::new("order", &())).await;
    let shown = fixture.wait(&jobs, id, State::Parked).await;
    assert_eq!(
        shown.reason.as_deref(),
        Some(
            "step `ship` failed: ship failed (the last of 3 attempts); the compensation of step `reserve` failed: release \
             refused; undone: charge; not undone: reserve"
        )
    );
    parts.faults.lock().unwrap().clear();
    let before = parts.seen.count();
    jobs.retry(id, false).await.unwrap();
    let shown = fixture
        .until("the rest", || async {
            let shown = jobs.show(id).await.unwrap();
            shown
                .reason
                .as_deref()
                .is_some_and(|reason| reason.starts_with("compensated"))
                .then_some(shown)
        })
        .await;
    assert_eq!(shown.state, State::Parked);
    assert_eq!(parts.seen.all()[before..], ["release"]);
    worker.stop().await;
}

pub(crate) async fn a_cancelled_job_is_taken_back_and_not_run_again(fixture: Fixture) {
    let (jobs, worker, parts) = orders(&fixture, &[]).await;
    let id = fixture.enqueue(&jobs, Job::new("slow", &()).key("it")).await;
    fixture
        .until("the second step", || async {
            parts.seen.all().contains(&"slow ship".to_owned()).then_some(())
        })
        .await;
    assert_eq!(fixture.cancel(&jobs, "slow", "it").await, 1);
    let shown = fixture.wait(&jobs, id, State::Cancelled).await;
    assert_eq!(shown.reason.as_deref(), Some("cancelled; undone: reserve"));
    assert_eq!(effects(&fixture).await, ["reserve", "release"]);
    assert_eq!(parts.seen.all(), ["reserve", "slow ship", "release"]);
    worker.stop().await;
}

pub(crate) async fn a_compensated_job_begins_anew(fixture: Fixture) {
    let (jobs, worker, parts) = orders(&fixture, &[("charge", -1)]).await;
    let id = fixture.enqueue(&jobs, Job::new("order", &())).await;
    fixture.wait(&jobs, id, State::Parked).await;
    parts.faults.lock().unwrap().clear();
    jobs.retry(id, false).await.unwrap();
    let shown = fixture.wait(&jobs, id, State::Done).await;
    assert_eq!(shown.round, 1);
    let all = effects(&fixture).await;
    assert_eq!(
        all,
        ["reserve", "charge", "refund", "release", "reserve", "charge", "ship"]
    );
    worker.stop().await;
}
