//! How jobs end: tried again, parked, cancelled, replayed, removed.

use std::time::Duration;

use component::Cx;
use database::{Transaction, Value};
use jobs::limits::LEASE_MIN;
use jobs::{Backoff, Config, Error, Filter, Job, JobError, Jobs, State, Worker};

use crate::fixture::{Fixture, SOON, Seen};

/// A worker of jobs that fail with what their payload says, or answer where it says nothing.
async fn failing(jobs: &Jobs, seen: &Seen) -> Worker {
    let seen = seen.clone();
    let declared = jobs.kind("failing").backoff(SOON).run(move |cx: Cx, why: String| {
        seen.add(cx.call_id().to_string());
        async move {
            match why.split_once(' ') {
                Some(("retry", why)) => Err(JobError::retry(why)),
                Some(("fail", why)) => Err(JobError::fail(why)),
                Some(("panic", why)) => panic!("{why}"),
                _ => Ok(()),
            }
        }
    });
    declared.unwrap();
    jobs.start().await.unwrap()
}

fn job(why: &str) -> Job {
    Job::new("failing", &why.to_owned())
}

pub(crate) async fn a_failed_job_is_tried_again_and_parked_after_its_last_attempt(fixture: Fixture) {
    let (jobs, seen) = (fixture.jobs().await, Seen::default());
    let worker = failing(&jobs, &seen).await;
    let id = fixture.enqueue(&jobs, job("retry no stock")).await;
    let shown = fixture.wait(&jobs, id, State::Parked).await;
    assert_eq!((shown.attempts, shown.fence), (3, 3));
    assert_eq!(shown.reason.as_deref(), Some("no stock (the last of 3 attempts)"));
    let calls = seen.all();
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|call| *call == calls[0]), "{calls:?}");
    worker.stop().await;
}

pub(crate) async fn a_job_that_fails_for_good_is_parked_at_once(fixture: Fixture) {
    let (jobs, seen) = (fixture.jobs().await, Seen::default());
    let worker = failing(&jobs, &seen).await;
    let id = fixture.enqueue(&jobs, job("fail no such address")).await;
    let shown = fixture.wait(&jobs, id, State::Parked).await;
    assert_eq!((shown.reason.as_deref(), seen.count()), (Some("no such address"), 1));
    worker.stop().await;
}

pub(crate) async fn a_panic_is_a_failed_attempt(fixture: Fixture) {
    let (jobs, seen) = (fixture.jobs().await, Seen::default());
    let worker = failing(&jobs, &seen).await;
    let id = fixture.enqueue(&jobs, job("panic on purpose")).await;
    let shown = fixture.wait(&jobs, id, State::Parked).await;
    let reason = shown.reason.unwrap();
    assert!(reason.contains("panicked: on purpose"), "{reason}");
    assert_eq!(seen.count(), 3);
    worker.stop().await;
}

pub(crate) async fn an_attempt_that_runs_for_too_long_has_failed(fixture: Fixture) {
    let jobs = fixture.jobs().await;
    let endless = async |_: Cx, ()| std::future::pending().await;
    let declared = jobs
        .kind("endless")
        .attempts(1)
        .longest(Duration::from_millis(50))
        .run(endless);
    declared.unwrap();
    let worker = jobs.start().await.unwrap();
    let id = fixture.enqueue(&jobs, Job::new("endless", &())).await;
    let shown = fixture.wait(&jobs, id, State::Parked).await;
    let reason = shown.reason.unwrap();
    assert!(reason.starts_with("it ran for longer than 0.05 s"), "{reason}");
    worker.stop().await;
}

pub(crate) async fn what_nobody_knows_or_can_read_is_parked(fixture: Fixture) {
    let (jobs, seen) = (
        fixture.jobs_with(|config| config.unknown_after = Duration::ZERO).await,
        Seen::default(),
    );
    let unknown = fixture.enqueue(&jobs, Job::new("unknown", &())).await;
    let wrong = fixture.enqueue(&jobs, Job::new("failing", &7_u32)).await;
    let worker = failing(&jobs, &seen).await;
    let shown = fixture.wait(&jobs, wrong, State::Parked).await;
    let reason = shown.reason.unwrap();
    assert!(
        reason.starts_with("its payload cannot be read as that of kind `failing`"),
        "{reason}"
    );
    let shown = fixture.wait(&jobs, unknown, State::Parked).await;
    let reason = shown.reason.unwrap();
    assert!(reason.contains("no program knows its kind"), "{reason}");
    assert_eq!(seen.count(), 0);
    worker.stop().await;
}

pub(crate) async fn a_cancelled_job_does_not_run(fixture: Fixture) {
    let (jobs, seen) = (fixture.jobs().await, Seen::default());
    let id = fixture.enqueue(&jobs, job("").key("todo-7")).await;
    let kept = fixture.enqueue(&jobs, job("").key("todo-8")).await;
    let own = jobs.clone();
    let undone: Result<(), database::Error> = fixture
        .db
        .transaction(async move |tx: &Transaction<'_>| {
            assert_eq!(own.cancel(tx, "failing", "todo-8").await?, 1);
            tx.execute("insert into effects (text) values ($1)", (Value::Null,))
                .await?;
            Ok(())
        })
        .await;
    assert!(undone.is_err());
    assert_eq!(fixture.cancel(&jobs, "failing", "todo-7").await, 1);
    assert_eq!(fixture.cancel(&jobs, "failing", "todo-7").await, 0);
    let worker = failing(&jobs, &seen).await;
    fixture.wait(&jobs, kept, State::Done).await;
    assert_eq!(jobs.show(id).await.unwrap().state, State::Cancelled);
    assert_eq!(seen.count(), 1);
    worker.stop().await;
}

pub(crate) async fn a_running_job_that_is_cancelled_stops(fixture: Fixture) {
    let (jobs, seen) = (fixture.jobs().await, Seen::default());
    let noted = seen.clone();
    let declared = jobs.kind("endless").run(move |_, ()| {
        let noted = noted.clone();
        async move {
            noted.add("begins");
            let _leaves = Leaves(noted);
            std::future::pending().await
        }
    });
    declared.unwrap();
    let worker = jobs.start().await.unwrap();
    let id = fixture.enqueue(&jobs, Job::new("endless", &()).key("it")).await;
    fixture
        .until("its begin", || async { (seen.count() == 1).then_some(()) })
        .await;
    assert_eq!(fixture.cancel(&jobs, "endless", "it").await, 1);
    fixture
        .until("its end", || async {
            (seen.all() == ["begins", "leaves"]).then_some(())
        })
        .await;
    worker.stop().await;
    assert_eq!(jobs.show(id).await.unwrap().state, State::Cancelled);
}

struct Leaves(Seen);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.add("leaves");
    }
}

pub(crate) async fn a_parked_job_is_replayed_under_the_same_call(fixture: Fixture) {
    let (jobs, seen) = (fixture.jobs().await, Seen::default());
    let worker = failing(&jobs, &seen).await;
    let id = fixture.enqueue(&jobs, job("fail once")).await;
    let parked = fixture.wait(&jobs, id, State::Parked).await;
    let found = jobs
        .list(
            &Filter {
                state: Some(State::Parked),
                ..Filter::default()
            },
            10,
        )
        .await
        .unwrap();
    assert_eq!(found, [parked]);
    // Whatever was wrong is put right.
    let payload = {
        let mut bytes = Vec::new();
        wire::encode(wire::Codec::Tagged, "", &mut bytes).unwrap();
        bytes
    };
    fixture
        .db
        .execute("update terrace_jobs set payload = $1", (payload,))
        .await
        .unwrap();
    jobs.retry(id, false).await.unwrap();
    fixture.wait(&jobs, id, State::Done).await;
    let calls = seen.all();
    assert_eq!((calls.len(), &calls[0]), (2, &calls[1]));
    let refused = jobs.retry(id, false).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("job {id} is done, and only a parked one can be replayed")
    );
    worker.stop().await;
}

pub(crate) async fn a_replay_that_may_repeat_effects_has_to_be_allowed(fixture: Fixture) {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let (jobs, seen) = (fixture.jobs().await, Seen::default());
    let worker = failing(&jobs, &seen).await;
    let id = fixture.enqueue(&jobs, job("fail for good")).await;
    fixture.wait(&jobs, id, State::Parked).await;
    // What waited for weeks before its first attempt is as new as any other.
    fixture.age("enqueued", id, 30 * DAY).await;
    fixture.age("first", id, 5 * DAY).await;
    jobs.retry(id, false).await.unwrap();
    fixture.wait(&jobs, id, State::Parked).await;
    fixture.age("first", id, DAY).await;
    let refused = jobs.retry(id, false).await.unwrap_err();
    assert!(
        matches!(&refused, Error::MayRepeat { steps, .. } if steps == &["all of `failing`"]),
        "{refused}"
    );
    assert_eq!(seen.count(), 2);
    jobs.retry(id, true).await.unwrap();
    fixture
        .until("the third attempt", || async { (seen.count() == 3).then_some(()) })
        .await;
    fixture.wait(&jobs, id, State::Parked).await;
    // A job that is that old is not tried by itself either.
    fixture.age("first", id, 7 * DAY).await;
    fixture
        .db
        .execute("update terrace_jobs set state = 'waiting', ready = true", ())
        .await
        .unwrap();
    let shown = fixture.until("its parking", || async {
        let shown = jobs.show(id).await.unwrap();
        (shown.state == State::Parked).then_some(shown)
    });
    let reason = shown.await.reason.unwrap();
    assert!(reason.contains("replay it with --may-repeat"), "{reason}");
    assert_eq!(seen.count(), 3);
    worker.stop().await;
}

pub(crate) async fn what_is_done_is_removed_after_a_while(fixture: Fixture) {
    let seen = Seen::default();
    let jobs = fixture.jobs().await;
    let worker = failing(&jobs, &seen).await;
    let ids = [
        fixture.enqueue(&jobs, job("")).await,
        fixture.enqueue(&jobs, job("fail for good")).await,
        fixture.enqueue(&jobs, job("")).await,
    ];
    for (id, state) in ids.into_iter().zip([State::Done, State::Parked, State::Done]) {
        fixture.wait(&jobs, id, state).await;
    }
    worker.stop().await;
    fixture.age("ended", ids[0], Duration::from_secs(8 * 24 * 3600)).await;
    fixture.age("ended", ids[1], Duration::from_secs(80 * 24 * 3600)).await;
    // Any worker's first round removes it.
    let jobs = fixture.jobs().await;
    let worker = failing(&jobs, &seen).await;
    fixture
        .until("its removal", || async {
            jobs.show(ids[0]).await.is_err().then_some(())
        })
        .await;
    assert_eq!(jobs.show(ids[1]).await.unwrap().state, State::Parked);
    assert_eq!(jobs.show(ids[2]).await.unwrap().state, State::Done);
    worker.stop().await;
}

pub(crate) async fn too_large_a_payload_is_refused(fixture: Fixture) {
    let jobs = fixture.jobs().await;
    let own = jobs.clone();
    let large = "x".repeat(jobs::limits::PAYLOAD_BYTES_MAX);
    let refused = fixture
        .db
        .transaction(async move |tx: &Transaction<'_>| own.enqueue(tx, Job::new("note", &large)).await);
    let refused = refused.await.unwrap_err().to_string();
    assert!(refused.starts_with("the payload of `note` has 10485"), "{refused}");
    let own = jobs.clone();
    let nameless = fixture
        .db
        .transaction(async move |tx: &Transaction<'_>| own.enqueue(tx, Job::new("", &())).await);
    assert!(nameless.await.is_err());
}

pub(crate) async fn a_kind_that_lives_longer_than_its_effects_is_refused(fixture: Fixture) {
    let jobs = fixture.jobs().await;
    let slow = Backoff {
        first: Duration::from_secs(24 * 3600),
        attempts_max: 9,
        most: Duration::from_secs(24 * 3600),
        factor: 1,
    };
    let refused = jobs
        .kind("slow")
        .backoff(slow)
        .run(async |_, ()| Ok(()))
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("kind `slow` may be tried for 192 h (9 attempts of up to 300 s each"),
        "{refused}"
    );
    assert!(refused.contains("effects are remembered for 168 h"), "{refused}");
    jobs.kind("quick").run(async |_, ()| Ok(())).unwrap();
    let twice = jobs.kind("quick").run(async |_, ()| Ok(())).unwrap_err().to_string();
    assert!(twice.contains("two kinds `quick`"), "{twice}");
    let steps = jobs
        .kind("steps")
        .step("a", async |_, ()| Ok(()))
        .step("a", async |_, ()| Ok(()));
    assert!(steps.build().unwrap_err().to_string().contains("two steps `a`"));
}

pub(crate) async fn a_lease_too_short_to_be_renewed_is_refused(fixture: Fixture) {
    let opened = |lease| {
        Jobs::open(
            &fixture.env,
            &fixture.db,
            Config {
                lease,
                ..Config::default()
            },
        )
    };
    let refused = opened(LEASE_MIN - Duration::from_millis(1)).await.map(drop);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("give `lease` at least 1s"), "{refused}");
    opened(LEASE_MIN).await.unwrap();
}
