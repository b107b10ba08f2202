//! Who runs a job, and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use component::Cx;
use database::{Error, Transaction};
use jobs::{Job, JobError, State};
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

fn noting(seen: &Seen) -> impl Fn(Cx, String) -> std::future::Ready<Result<(), JobError>> + Send + Sync + use<> {
    let seen = seen.clone();
    move |_, text| {
        seen.add(text);
        std::future::ready(Ok(()))
    }
}

pub(crate) async fn a_job_is_there_when_its_transaction_is_kept_and_only_then(fixture: Fixture) {
    let (jobs, seen) = (fixture.jobs().await, Seen::default());
    jobs.kind("note").run(noting(&seen)).unwrap();
    let worker = jobs.start().await.unwrap();
    let own = jobs.clone();
    let undone: Result<(), Error> = fixture
        .db
        .transaction(async move |tx: &Transaction<'_>| {
            own.enqueue(tx, Job::new("note", &"undone".to_owned())).await?;
            Err(Error::Denied {
                message: "changed its mind".to_owned(),
            })
        })
        .await;
    assert!(undone.is_err());
    let id = fixture.enqueue(&jobs, Job::new("note", &"kept".to_owned())).await;
    let shown = fixture.wait(&jobs, id, State::Done).await;
    assert_eq!((shown.attempts, shown.fence, shown.reason), (1, 1, None));
    worker.stop().await;
    assert_eq!(seen.all(), ["kept"]);
    assert_eq!(jobs.counts().await.unwrap(), [("note".to_owned(), State::Done, 1)]);
}

pub(crate) async fn a_repeated_call_enqueues_one_job(fixture: Fixture) {
    let jobs = fixture.jobs().await;
    let cx = Cx::root(&fixture.env);
    for _ in 0..3 {
        let own = jobs.clone();
        let enqueued: Result<bool, Failed> = fixture
            .db
            .once(&cx, async move |tx: &Transaction<'_>| {
                own.enqueue(tx, Job::new("note", &1_u32)).await?;
                Ok(true)
            })
            .await;
        assert!(enqueued.unwrap());
    }
    assert_eq!(jobs.list(&jobs::Filter::default(), 10).await.unwrap().len(), 1);
}

pub(crate) async fn no_job_runs_before_its_time(fixture: Fixture) {
    let (jobs, seen) = (fixture.jobs().await, Seen::default());
    jobs.kind("note").run(noting(&seen)).unwrap();
    let worker = jobs.start().await.unwrap();
    let note = |text: &str| Job::new("note", &text.to_owned());
    let at = fixture.now().after(Duration::from_millis(700));
    let never = fixture
        .enqueue(&jobs, note("never").after(Duration::from_secs(3600)))
        .await;
    let later = fixture.enqueue(&jobs, note("later").at(at).priority(9)).await;
    let soon = fixture
        .enqueue(&jobs, note("soon").after(Duration::from_millis(300)))
        .await;
    for id in [soon, later] {
        let shown = fixture.wait(&jobs, id, State::Done).await;
        assert!(shown.started.unwrap() >= shown.due, "{shown:?}");
    }
    assert_eq!(jobs.show(later).await.unwrap().due, at);
    assert_eq!(jobs.show(never).await.unwrap().state, State::Waiting);
    assert_eq!(seen.all(), ["soon", "later"]);
    worker.stop().await;
}

pub(crate) async fn higher_priorities_run_first_and_older_jobs_within(fixture: Fixture) {
    let (jobs, seen) = (fixture.jobs_with(|config| config.slots = 1).await, Seen::default());
    jobs.kind("note").run(noting(&seen)).unwrap();
    jobs.kind("urgent").priority(5).run(noting(&seen)).unwrap();
    for (kind, text, priority) in [
        ("note", "4", None),
        ("note", "5", None),
        ("urgent", "2", None),
        ("note", "6", Some(-1)),
        ("urgent", "3", None),
        ("note", "1", Some(7)),
    ] {
        let job = Job::new(kind, &text.to_owned());
        let job = match priority {
            Some(priority) => job.priority(priority),
            None => job,
        };
        fixture.enqueue(&jobs, job).await;
    }
    let worker = jobs.start().await.unwrap();
    fixture
        .until("six notes", || async { (seen.count() == 6).then_some(()) })
        .await;
    assert_eq!(seen.all(), ["1", "2", "3", "4", "5", "6"]);
    worker.stop().await;
}

pub(crate) async fn no_more_than_the_limit_run_at_a_time_over_all_replicas(fixture: Fixture) {
    let (running, most, done) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut workers = Vec::new();
    let mut first = None;
    for _ in 0..3 {
        let jobs = fixture.jobs().await;
        let counted = (running.clone(), most.clone(), done.clone());
        jobs.kind("scarce")
            .concurrency(2)
            .run(move |cx, ()| {
                let (running, most, done) = counted.clone();
                async move {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    cx.env().sleep(Duration::from_millis(5)).await;
                    running.fetch_sub(1, Ordering::SeqCst);
                    done.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                }
            })
            .unwrap();
        jobs.kind("free").run(async |_, ()| Ok(())).unwrap();
        workers.push(jobs.start().await.unwrap());
        first.get_or_insert(jobs);
    }
    let jobs = first.unwrap();
    for _ in 0..24 {
        fixture.enqueue(&jobs, Job::new("scarce", &())).await;
    }
    // A limited kind does not stand before others.
    let free = fixture.enqueue(&jobs, Job::new("free", &())).await;
    fixture.wait(&jobs, free, State::Done).await;
    fixture
        .until("all", || async { (done.load(Ordering::SeqCst) == 24).then_some(()) })
        .await;
    assert_eq!(most.load(Ordering::SeqCst), 2);
    for worker in workers {
        worker.stop().await;
    }
}

pub(crate) async fn each_job_runs_once_though_many_workers_claim(fixture: Fixture) {
    let seen = Seen::default();
    let mut workers = Vec::new();
    let enqueuer = fixture.jobs().await;
    for number in 0..60 {
        fixture
            .enqueue(&enqueuer, Job::new("note", &format!("{number:02}")))
            .await;
    }
    for _ in 0..3 {
        let jobs = fixture.jobs().await;
        jobs.kind("note").run(noting(&seen)).unwrap();
        workers.push(jobs.start().await.unwrap());
    }
    fixture
        .until("all done", || async {
            let counts = enqueuer.counts().await.unwrap();
            (counts == [("note".to_owned(), State::Done, 60)]).then_some(())
        })
        .await;
    let mut all = seen.all();
    all.sort();
    assert_eq!(all, (0..60).map(|number| format!("{number:02}")).collect::<Vec<_>>());
    for worker in workers {
        worker.stop().await;
    }
}

pub(crate) async fn a_dead_workers_job_is_taken_over(fixture: Fixture) {
    let (jobs, seen) = (fixture.jobs().await, Seen::default());
    jobs.kind("note").backoff(SOON).run(noting(&seen)).unwrap();
    let id = fixture.enqueue(&jobs, Job::new("note", &"taken over".to_owned())).await;
    // What a worker that died leaves behind.
    fixture
        .db
        .execute(
            "update terrace_jobs set state = 'running', ready = false, fence = 1, attempts = 1, lease_until = due, first = due,
                 started = due, holder = 'dead' where id = $1",
            (id.0,),
        )
        .await
        .unwrap();
    let worker = jobs.start().await.unwrap();
    let shown = fixture.wait(&jobs, id, State::Done).await;
    assert_eq!((shown.attempts, shown.fence), (2, 2));
    assert!(shown.first < shown.started);
    worker.stop().await;
}

pub(crate) async fn a_holder_whose_job_was_taken_over_changes_nothing(fixture: Fixture) {
    let seen = Seen::default();
    let mut all = Vec::new();
    for holder in ["first", "second"] {
        let jobs = fixture.jobs_with(|config| config.lease = Duration::from_secs(3)).await;
        let seen = seen.clone();
        let declared = jobs.kind("slow").backoff(SOON).run(move |cx, ()| {
            let seen = seen.clone();
            async move {
                seen.add(format!("{holder} begins"));
                if seen.count() == 1 {
                    // Until it is dropped, since it is not its job any more.
                    let _leaves = Leaves(seen.clone(), holder);
                    let reason = cx.stopped().await;
                    std::future::pending::<()>().await;
                    return Err(JobError::fail(reason.as_str()));
                }
                Ok(())
            }
        });
        declared.unwrap();
        all.push(jobs);
    }
    let first = all[0].start().await.unwrap();
    let id = fixture.enqueue(&all[0], Job::new("slow", &())).await;
    fixture
        .until("the first", || async { (seen.count() == 1).then_some(()) })
        .await;
    fixture.age("lease_until", id, Duration::from_secs(60)).await;
    let second = all[1].start().await.unwrap();
    fixture
        .until("its end", || async {
            seen.all().contains(&"first leaves".to_owned()).then_some(())
        })
        .await;
    let shown = fixture.wait(&all[1], id, State::Done).await;
    assert!(shown.fence >= 2, "{shown:?}");
    first.stop().await;
    second.stop().await;
    assert_eq!(all[1].show(id).await.unwrap(), shown);
}

pub(crate) async fn a_worker_that_claims_a_job_again_stops_its_former_run(fixture: Fixture) {
    let seen = Seen::default();
    // So long that no renewal tells the former run what happened.
    let jobs = fixture
        .jobs_with(|config| config.lease = Duration::from_secs(3600))
        .await;
    let noted = seen.clone();
    let declared = jobs.kind("slow").backoff(SOON).run(move |cx, ()| {
        let seen = noted.clone();
        async move {
            seen.add("begins");
            if seen.count() == 1 {
                let _leaves = Leaves(seen.clone(), "first");
                std::future::pending::<()>().await;
            }
            while !seen.all().contains(&"first leaves".to_owned()) {
                cx.env().sleep(Duration::from_millis(2)).await;
            }
            Ok(())
        }
    });
    declared.unwrap();
    let worker = jobs.start().await.unwrap();
    let id = fixture.enqueue(&jobs, Job::new("slow", &())).await;
    fixture
        .until("the first", || async { (seen.count() == 1).then_some(()) })
        .await;
    // What a worker leaves behind that saw the lease as over.
    let sql =
        "update terrace_jobs set state = 'waiting', ready = true, lease_until = null, holder = null where id = $1";
    fixture.db.execute(sql, (id.0,)).await.unwrap();
    let shown = fixture.wait(&jobs, id, State::Done).await;
    assert_eq!((shown.attempts, shown.fence), (2, 2));
    // Twice begun, and once left.
    assert_eq!(seen.count(), 3);
    worker.stop().await;
}

struct Leaves(Seen, &'static str);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.add(format!("{} leaves", self.1));
    }
}

pub(crate) async fn a_long_job_keeps_its_lease(fixture: Fixture) {
    let seen = Seen::default();
    let mut all = Vec::new();
    for _ in 0..2 {
        let jobs = fixture.jobs_with(|config| config.lease = Duration::from_secs(3)).await;
        let seen = seen.clone();
        let declared = jobs.kind("long").run(move |cx, ()| {
            let seen = seen.clone();
            async move {
                seen.add("begins");
                cx.env().sleep(Duration::from_secs(5)).await;
                Ok(())
            }
        });
        declared.unwrap();
        all.push((jobs.start().await.unwrap(), jobs));
    }
    let jobs = &all[0].1;
    let id = fixture.enqueue(jobs, Job::new("long", &())).await;
    let shown = fixture.wait(jobs, id, State::Done).await;
    assert_eq!((shown.fence, seen.count()), (1, 1), "{shown:?}");
    for (worker, _) in all {
        worker.stop().await;
    }
}

pub(crate) async fn a_stopped_worker_gives_back_what_runs(fixture: Fixture) {
    let (jobs, seen) = (
        fixture
            .jobs_with(|config| config.drain = Duration::from_millis(20))
            .await,
        Seen::default(),
    );
    let noted = seen.clone();
    let declared = jobs.kind("endless").run(move |_, ()| {
        noted.add("begins");
        std::future::pending()
    });
    declared.unwrap();
    let worker = jobs.start().await.unwrap();
    let id = fixture.enqueue(&jobs, Job::new("endless", &())).await;
    fixture
        .until("its begin", || async { (seen.count() == 1).then_some(()) })
        .await;
    worker.stop().await;
    let shown = jobs.show(id).await.unwrap();
    assert_eq!((shown.state, shown.attempts, shown.holder), (State::Waiting, 0, None));
}

pub(crate) async fn a_schedule_enqueues_one_job_for_each_due_time(fixture: Fixture) {
    let seen = Seen::default();
    let mut all = Vec::new();
    for _ in 0..2 {
        let jobs = fixture.jobs().await;
        jobs.kind("digest").run(noting(&seen)).unwrap();
        jobs.schedule(
            "daily",
            "0 8 * * *",
            "Europe/Berlin",
            Job::new("digest", &"good morning".to_owned()),
        )
        .unwrap();
        let twice = jobs.schedule("daily", "@daily", "UTC", Job::new("digest", &()));
        assert!(twice.unwrap_err().to_string().contains("two schedules `daily`"));
        all.push((jobs.start().await.unwrap(), jobs));
    }
    for passed in 1..=2 {
        // A day passes.
        let day = match fixture.db.is_postgres() {
            true => "interval '1 day'",
            false => "86400000000",
        };
        let sql = format!("update terrace_schedules set last = last - {day}, next = next - {day}");
        assert_eq!(fixture.db.execute(&sql, ()).await.unwrap(), 1);
        fixture
            .until("a digest", || async { (seen.count() == passed).then_some(()) })
            .await;
    }
    let list = all[0].1.list(&jobs::Filter::default(), 10).await.unwrap();
    assert_eq!(list.len(), 2, "{list:?}");
    let removing = all[0].1.clone();
    let removed = fixture
        .db
        .transaction(async move |tx: &Transaction<'_>| removing.unschedule(tx, "daily").await);
    assert!(removed.await.unwrap());
    for (worker, _) in all {
        worker.stop().await;
    }
}
