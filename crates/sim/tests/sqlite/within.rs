//! Crashes in the midst of a commit, as campaigns find them: an acknowledgement before it is one that a crash between two
//! steps never shows.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use sim::campaign::{Campaign, replay, run};
use sim::check::Acknowledged;
use sim::fault::Fault;
use sim::run::{Outcome, Run, once};
use sim::{Scenario, Verdict, World, child, harness, reference, saved};
use terrace::{CallError, CallErrorKind, Cx};
use world::Env;

use crate::{WAL, alone, connect};

/// Seeds within which the bug has to be found.
const FEW: u64 = 30;
/// Seeds over which the right program has to hold.
const MANY: u64 = 300;
const MODELS: [&str; 2] = ["datacentre", "asynchronous"];
const CHAOS: Duration = Duration::from_secs(10);
const CLIENTS: u64 = 2;
const PAUSE_MS_MAX: u64 = 100;
const PATIENCE: Duration = Duration::from_secs(3);

/// Keeps entries in a table.
#[terrace::component]
trait Table {
    /// Adds an entry.
    async fn add(&self, cx: &Cx, entry: i64) -> Result<(), CallError>;

    /// All entries.
    #[call(read)]
    async fn entries(&self, cx: &Cx) -> Result<Vec<i64>, CallError>;
}

/// When an entry is acknowledged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Acknowledges {
    AfterCommit,
    BeforeCommit,
}

struct Rows {
    acknowledges: Acknowledges,
    world: World,
    env: Env,
    table: Arc<Mutex<Connection>>,
    /// Crashes that struck between the first and the last change of a commit.
    within: Arc<AtomicU64>,
}

impl Rows {
    fn open(world: &World, env: Env, acknowledges: Acknowledges, within: &Arc<AtomicU64>) -> Rows {
        let connection = connect(&env, WAL).unwrap();
        Rows {
            acknowledges,
            world: world.clone(),
            env,
            table: Arc::new(Mutex::new(connection)),
            within: within.clone(),
        }
    }

    /// A commit, in one step.
    fn commit(&self, entry: i64) -> Result<(), CallError> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let committed = table
            .execute_batch("BEGIN IMMEDIATE")
            .and_then(|()| table.execute("INSERT INTO rows VALUES (?1, 'x')", [entry]))
            .and_then(|_| {
                let before = self.world.is_struck(&self.env);
                let committed = table.execute_batch("COMMIT");
                let struck = !before && self.world.is_struck(&self.env);
                self.within.fetch_add(struck.into(), Ordering::Relaxed);
                committed
            });
        committed.map_err(|error| CallError::maybe_run(CallErrorKind::Failed, error.to_string()))
    }
}

impl Clone for Rows {
    fn clone(&self) -> Rows {
        Rows {
            world: self.world.clone(),
            env: self.env.clone(),
            table: self.table.clone(),
            within: self.within.clone(),
            ..*self
        }
    }
}

impl Table for Rows {
    async fn add(&self, _: &Cx, entry: i64) -> Result<(), CallError> {
        match self.acknowledges {
            Acknowledges::AfterCommit => self.commit(entry),
            Acknowledges::BeforeCommit => {
                let rows = self.clone();
                drop(self.env.spawn("commit", async move { drop(rows.commit(entry)) }));
                Ok(())
            }
        }
    }

    async fn entries(&self, _: &Cx) -> Result<Vec<i64>, CallError> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = crate::rows(&table).map(|rows| rows.into_keys().collect());
        entries.map_err(|error| CallError::maybe_run(CallErrorKind::Failed, error.to_string()))
    }
}

fn scenario(acknowledges: Acknowledges, within: &Arc<AtomicU64>) -> Scenario {
    let within = within.clone();
    Scenario::new("table", move |world| work(world, acknowledges, within.clone()))
}

async fn work(world: World, acknowledges: Acknowledges, within: Arc<AtomicU64>) {
    let own = world.clone();
    world.provide::<dyn Table, _, _, _>("table", move |env| {
        let rows = Rows::open(&own, env, acknowledges, &within);
        async move { rows }
    });
    let (account, stopped) = (Acknowledged::<i64>::new(), Arc::new(AtomicBool::new(false)));
    for client in 0..CLIENTS {
        let (account, stopped) = (account.clone(), stopped.clone());
        world.client(&format!("client-{client}"), move |env| {
            add(env, account.clone(), stopped.clone())
        });
    }
    world.chaos(CHAOS).await;
    stopped.store(true, Ordering::Relaxed);
    world.env().sleep(2 * PATIENCE).await;
    let table = reference::<dyn Table>(world.env(), "table");
    for _ in 0..100 {
        if let Ok(entries) = table.entries(&Cx::root(world.env())).await {
            world.check(account.verify(entries));
            return;
        }
        world.env().sleep(Duration::from_millis(500)).await;
    }
    world.fail("the table does not answer");
}

async fn add(env: Env, account: Acknowledged<i64>, stopped: Arc<AtomicBool>) {
    let table = reference::<dyn Table>(&env, "table");
    let mut random = env.random("entries");
    while !stopped.load(Ordering::Relaxed) {
        env.sleep(Duration::from_millis(random.below(PAUSE_MS_MAX))).await;
        let entry = (random.u64() >> 1) as i64;
        account.attempted(entry);
        match table.add(&Cx::root(&env).within(PATIENCE), entry).await {
            Ok(()) => account.acknowledged(entry),
            Err(error) if error.certainly_did_not_run() => account.refused(entry),
            Err(_) => {}
        }
    }
}

fn of_seed(scenario: &Scenario, model: &str, seed: u64) -> Outcome {
    let run = Run {
        model: model.to_owned(),
        seed,
        ..Run::default()
    };
    once(scenario, &run).unwrap()
}

fn strikes_within(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Crash {
            after_changes: Some(_),
            ..
        }
    )
}

#[test]
fn an_acknowledgement_before_the_commit_is_found_by_crashes_within_it() {
    let _alone = alone();
    let scenario = scenario(Acknowledges::BeforeCommit, &Arc::default());
    for model in MODELS {
        let found = (0..FEW).map(|seed| of_seed(&scenario, model, seed)).find(|outcome| {
            let found = outcome.verdict != Verdict::Holds;
            assert!(
                !found || outcome.message.contains("acknowledged and lost"),
                "{}",
                outcome.message
            );
            found
        });
        let found = found.unwrap_or_else(|| panic!("{model}: no seed of {FEW} shows it"));
        assert!(found.faults.iter().any(strikes_within), "{:?}", found.faults);
    }
}

#[test]
fn an_acknowledgement_after_the_commit_holds_though_crashes_strike_within_it() {
    let _alone = alone();
    for model in MODELS {
        let within = Arc::default();
        let scenario = scenario(Acknowledges::AfterCommit, &within);
        let (mut armed, mut crashes) = (0, 0);
        for seed in 0..MANY {
            let outcome = of_seed(&scenario, model, seed);
            assert_eq!(
                outcome.verdict,
                Verdict::Holds,
                "{model}, seed {seed}: {}",
                outcome.message
            );
            armed += outcome.faults.iter().filter(|fault| strikes_within(fault)).count() as u64;
            let crash = |fault: &&Fault| matches!(fault, Fault::Crash { .. });
            crashes += outcome.faults.iter().filter(crash).count() as u64;
        }
        let within = within.load(Ordering::Relaxed);
        assert!(
            0 < within && within <= armed && armed < crashes,
            "{model}: {within} {armed} {crashes}"
        );
    }
}

#[test]
fn a_run_with_crashes_within_commits_repeats() {
    let _alone = alone();
    let mut within = 0;
    for acknowledges in [Acknowledges::AfterCommit, Acknowledges::BeforeCommit] {
        let scenario = scenario(acknowledges, &Arc::default());
        for model in MODELS {
            for seed in 0..FEW {
                let (one, two) = (of_seed(&scenario, model, seed), of_seed(&scenario, model, seed));
                assert_eq!(
                    (one.hash, &one.message, &one.faults),
                    (two.hash, &two.message, &two.faults)
                );
                let listed = Run {
                    model: model.to_owned(),
                    seed,
                    faults: Some(one.faults.clone()),
                    ..Run::default()
                };
                let listed = once(&scenario, &listed).unwrap();
                assert_eq!((one.message, one.faults), (listed.message, listed.faults.clone()));
                within += listed.faults.iter().filter(|fault| strikes_within(fault)).count();
            }
        }
    }
    assert!(within > 0);
}

#[test]
fn a_failure_by_a_crash_within_a_commit_is_made_small_saved_and_replayed() {
    const NAME: &str = "sqlite::within::a_failure_by_a_crash_within_a_commit_is_made_small_saved_and_replayed";
    let scenario = scenario(Acknowledges::BeforeCommit, &Arc::default());
    if let Some(status) = child::answer(std::slice::from_ref(&scenario)) {
        std::process::exit(i32::from(status));
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("within");
    drop(std::fs::remove_dir_all(&folder));
    let asked = Campaign {
        model: Some(MODELS[0].to_owned()),
        seeds: Some(FEW),
        saved: Some(folder),
        ..Campaign::default()
    };
    let launch = harness::launch(NAME);
    let report = run(&scenario, &asked, &launch, &mut |_| {}).unwrap();
    let failure = report.failures.first().unwrap_or_else(|| panic!("{}", report.text()));
    assert!(failure.faults.iter().all(strikes_within), "{:?}", failure.faults);
    let words = failure.faults[0].to_string();
    assert!(words.contains("crashes within a step, after"), "{words}");
    let path = failure.saved.as_deref().expect("a file");
    let kept = saved::read(path).unwrap();
    assert_eq!(kept.faults.as_ref(), Some(&failure.faults));
    for _ in 0..2 {
        let again = replay(path, &asked, &launch).unwrap();
        assert_eq!(format!("{:016x}", again.hash), kept.hash);
        assert_eq!(again.failure.expect("it fails again").message, kept.message);
    }
}
