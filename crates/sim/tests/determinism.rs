//! Planted leaks are seen and named; a run that keeps to its `Env` has none.

#![expect(
    clippy::disallowed_methods,
    reason = "what the lints ban is planted here, and each run needs a fresh thread"
)]

use std::collections::{BTreeMap, HashMap};
use std::future::ready;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use sim::determinism::{Armed, Leak, LeakKind, OVERRIDDEN, Options, arm, excused, explain};
use world::Env;
use world::memory::World;

/// Tells this program that it is the fresh process of one run, and with which entropy.
const ENTROPY: &str = "TERRACE_TEST_ENTROPY";

/// What the fresh process says before the fingerprint of its run.
const SAID: &str = "fingerprint of the run: ";

/// How many tasks a scenario orders by a map.
const TASKS: u64 = 16;

#[derive(Debug)]
struct Seen {
    fingerprint: u64,
    leaks: Vec<Leak>,
    fatal: bool,
}

impl Seen {
    fn only(&self, kind: LeakKind) -> &Leak {
        match self.leaks.as_slice() {
            [leak] if leak.kind == kind => leak,
            leaks => panic!("not one leak of {kind:?}: {leaks:#?}"),
        }
    }

    fn of(&self, kind: LeakKind) -> Option<&Leak> {
        self.leaks.iter().find(|leak| leak.kind == kind)
    }
}

/// Runs a scenario of one node, armed, on a fresh thread. The clock begins at another moment with each entropy.
fn run<F: Future<Output = ()>>(entropy: u64, scenario: impl FnOnce(Env) -> F + Send) -> Seen {
    on_fresh_thread(|| {
        let world = World::new(1);
        let armed = arm_for(entropy, &world);
        world.run(scenario(world.node("a")));
        Seen {
            fingerprint: world.fingerprint(),
            fatal: armed.has_fatal(),
            leaks: armed.leaks(),
        }
    })
}

fn arm_for(entropy: u64, world: &World) -> Armed {
    let shown = world.clone();
    let origin = Duration::from_secs(1_000_000 * entropy);
    arm(Options {
        entropy,
        clock: Box::new(move || (origin + shown.now(), origin * 2 + shown.now())),
    })
}

fn on_fresh_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap())
}

fn function(leak: &Leak) -> &str {
    leak.function.as_deref().unwrap_or_default()
}

/// Starts tasks in the order of `numbers`, and waits for them. Each sleeps as long as its number says.
async fn tasks_in_order(env: &Env, numbers: impl Iterator<Item = u64>) {
    let mut tasks = Vec::new();
    for number in numbers {
        let asleep = env.sleep(Duration::from_millis(number));
        tasks.push(env.spawn("sleeper", asleep));
    }
    for task in tasks {
        let _ = task.await;
    }
}

async fn order_of_a_hash_map_decides(env: Env) {
    tasks_in_order(&env, numbers_of_a_hash_map()).await;
}

/// Not inlined nor left by a jump, like those below: an optimized program without debugging information has no other
/// names.
#[inline(never)]
fn numbers_of_a_hash_map() -> impl Iterator<Item = u64> {
    let map: HashMap<u64, ()> = (0..TASKS).map(|number| (number, ())).collect();
    map.into_keys()
}

#[inline(never)]
fn date_of_the_system() -> SystemTime {
    std::hint::black_box(SystemTime::now())
}

#[inline(never)]
fn moment_of_the_system() -> Instant {
    std::hint::black_box(Instant::now())
}

#[inline(never)]
fn thread_of_the_system() {
    std::thread::spawn(|| {}).join().unwrap();
}

#[inline(never)]
fn randomness_of_the_system() -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _inside = runtime.enter();
    Env::production("a").random("keys").u64()
}

async fn order_of_a_tree_decides(env: Env) {
    let map: BTreeMap<u64, u64> = (0..TASKS).map(|number| (number, env.random("order").u64())).collect();
    tasks_in_order(&env, map.into_keys()).await;
    let (begun, date) = (env.now(), env.wall());
    tokio::select! {
        biased;
        () = ready(()) => {}
        () = env.sleep(Duration::from_secs(1)) => {}
    }
    let _ = (begun, date, env.now());
    let _ = env.blocking("work", || 1 + 1).await;
}

/// Chooses among two ready branches until the second is taken, so its polls tell the choices.
async fn a_choice_at_random(env: Env) {
    for _ in 0..TASKS {
        tokio::select! {
            () = ready(()) => {}
            () = ready(()) => env.sleep(Duration::from_millis(1)).await,
        }
    }
}

#[test]
fn the_order_of_a_hash_map_changes_the_run_and_is_named() {
    let (one, same, other) = (
        run(1, order_of_a_hash_map_decides),
        run(1, order_of_a_hash_map_decides),
        run(2, order_of_a_hash_map_decides),
    );
    assert_eq!(
        one.fingerprint, same.fingerprint,
        "the keys are not made of the entropy"
    );
    assert_ne!(
        one.fingerprint, other.fingerprint,
        "the order did not change with the entropy"
    );
    let leak = one.only(LeakKind::HashOrder);
    assert_eq!(function(leak), "determinism::numbers_of_a_hash_map");
    assert!(
        leak.line.as_ref().is_none_or(|line| line.contains("determinism.rs:")),
        "{leak:?}"
    );
    assert!(!one.fatal && !leak.is_fatal());
    let said = explain(&one.leaks, "poll of `sleeper`");
    assert!(
        said.contains("numbers_of_a_hash_map") && said.contains("`BTreeMap`"),
        "{said}"
    );
}

#[test]
fn a_clock_read_directly_is_named_and_shows_virtual_time() {
    async fn reads_the_clock(env: Env) {
        let (begun, date) = (moment_of_the_system(), date_of_the_system());
        env.sleep(Duration::from_secs(90)).await;
        assert_eq!(moment_of_the_system() - begun, Duration::from_secs(90));
        assert_eq!(
            date_of_the_system().duration_since(date).unwrap(),
            Duration::from_secs(90)
        );
        let since = date.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(since, Duration::from_secs(6_000_000));
    }
    let seen = run(3, reads_the_clock);
    assert!(seen.fatal, "{seen:?}");
    let mut named: Vec<(&str, u64)> = seen.leaks.iter().map(|leak| (function(leak), leak.uses)).collect();
    named.sort_unstable();
    assert_eq!(
        named,
        [
            ("determinism::date_of_the_system", 2),
            ("determinism::moment_of_the_system", 2)
        ]
    );
    assert!(
        seen.leaks
            .iter()
            .all(|leak| leak.kind == LeakKind::Clock && leak.is_fatal())
    );
    let said = explain(&seen.leaks, "");
    assert!(
        said.contains("::moment_of_the_system`") && said.contains("`env.now()`"),
        "{said}"
    );
}

#[test]
fn a_clock_read_in_a_loop_is_counted_in_full_and_captured_now_and_then() {
    let seen = run(4, |_| async {
        for _ in 0..100_000 {
            let _ = Instant::now();
        }
    });
    assert_eq!(seen.only(LeakKind::Clock).uses, 100_000);
}

#[test]
#[expect(unsafe_code, reason = "as an engine in C reads the date")]
fn a_date_read_by_c_code_is_named_and_shows_virtual_time() {
    let seen = run(15, |env| async move {
        env.sleep(Duration::from_millis(1500)).await;
        let mut date = libc::timeval { tv_sec: 0, tv_usec: 0 };
        // SAFETY: `date` is valid for a write, and the time zone may be null.
        let status = unsafe { libc::gettimeofday(&raw mut date, std::ptr::null_mut()) };
        assert_eq!((status, date.tv_sec, date.tv_usec), (0, 30_000_001, 500_000));
    });
    assert!(seen.only(LeakKind::Clock).is_fatal() && seen.fatal);
}

#[test]
fn a_select_without_biased_is_named() {
    let seen = run(5, a_choice_at_random);
    let leak = seen.only(LeakKind::Select);
    assert_eq!(function(leak), "determinism::a_choice_at_random");
    assert!(explain(&seen.leaks, "timer").contains("`biased;`"));
}

#[test]
fn a_select_after_a_hash_map_and_a_hash_map_after_a_select_are_both_seen() {
    let map_first = run(6, |env| async {
        drop(HashMap::<u64, u64>::new());
        drop(HashMap::<u64, u64>::new());
        a_choice_at_random(env).await;
    });
    assert_eq!(
        map_first.of(LeakKind::HashOrder).map(|leak| leak.uses),
        Some(2),
        "{map_first:#?}"
    );
    assert!(map_first.of(LeakKind::Select).is_some(), "{map_first:#?}");

    let choice_first = run(6, |env| async {
        a_choice_at_random(env).await;
        drop(HashMap::<u64, u64>::new());
    });
    let leak = choice_first.of(LeakKind::Select).expect("the choice is seen");
    assert_eq!(function(leak), "determinism::a_choice_at_random");
    assert_eq!(
        choice_first.of(LeakKind::HashOrder).map(|leak| leak.uses),
        Some(1),
        "{choice_first:#?}"
    );
}

#[test]
fn a_thread_is_named() {
    let seen = run(7, |_| async { thread_of_the_system() });
    let leak = seen.only(LeakKind::Thread);
    assert!(function(leak).ends_with("::thread_of_the_system"), "{leak:?}");
    assert!(leak.is_fatal() && seen.fatal);
    assert!(explain(&seen.leaks, "").contains("`env.spawn(..)`"));
}

#[test]
fn the_real_world_s_randomness_is_named_and_repeats_with_the_entropy() {
    fn draw(entropy: u64) -> (u64, Seen) {
        let mut drawn = 0;
        let seen = run(entropy, |_| {
            drawn = randomness_of_the_system();
            ready(())
        });
        (drawn, seen)
    }
    let (one, seen) = draw(8);
    assert_eq!(one, draw(8).0, "{seen:#?}");
    assert_ne!(one, draw(9).0);
    let leak = seen.of(LeakKind::Entropy).expect("the draw is seen");
    assert!(function(leak).ends_with("::randomness_of_the_system"), "{leak:?}");
    assert!(explain(&seen.leaks, "x").contains("`env.random(..)`"));
}

#[test]
fn a_run_that_keeps_to_its_env_has_no_leak_and_one_fingerprint() {
    let (one, other) = (run(10, order_of_a_tree_decides), run(11, order_of_a_tree_decides));
    assert_eq!(one.leaks, [], "{one:#?}");
    assert_eq!(other.leaks, [], "{other:#?}");
    assert_eq!(one.fingerprint, other.fingerprint);
    assert!(!one.fatal);
}

#[test]
fn an_excused_use_shows_the_simulated_world_and_is_not_counted() {
    let seen = run(12, |_| async {
        let date = excused(|| {
            let _ = HashMap::<u64, u64>::new();
            SystemTime::now()
        });
        let since = date.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(since, Duration::from_secs(24_000_000));
    });
    assert_eq!(seen.leaks, []);
    assert!(!seen.fatal);
}

#[test]
fn without_arms_time_passes_and_randomness_is_random() {
    on_fresh_thread(|| {
        let drawn: Vec<u64> = (0..2).map(|_| on_fresh_thread(hash_of_nothing)).collect();
        assert_ne!(drawn[0], drawn[1]);
        let before = Instant::now();
        let world = World::new(1);
        let armed = arm_for(13, &world);
        let simulated = Instant::now();
        assert_eq!(simulated.elapsed(), Duration::ZERO, "no virtual time has passed");
        // Another thread is not armed.
        let elsewhere = on_fresh_thread(Instant::now);
        assert!(elsewhere >= before && elsewhere - before < Duration::from_secs(3600));
        drop(armed);
        drop(arm_for(13, &world));
        assert!(Instant::now() > before);
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert!(since > Duration::from_secs(1_700_000_000) && since != Duration::from_secs(26_000_000));
    });
}

#[test]
fn two_fresh_processes_with_the_same_entropy_make_the_same_choices() {
    let name = "two_fresh_processes_with_the_same_entropy_make_the_same_choices";
    if let Ok(entropy) = std::env::var(ENTROPY) {
        let seen = run(entropy.parse().unwrap(), a_choice_at_random);
        panic!("{SAID}{}", seen.fingerprint);
    }
    let fingerprint = |entropy: u64| -> u64 {
        let mut test = Command::new(std::env::current_exe().unwrap());
        test.args(["--exact", name, "--nocapture"])
            .env(ENTROPY, entropy.to_string());
        let output = test.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        let line = said.lines().find_map(|line| line.strip_prefix(SAID));
        line.and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("no fingerprint: {said}"))
    };
    assert_eq!(fingerprint(1), fingerprint(1));
    assert_ne!(fingerprint(1), fingerprint(2));
}

#[test]
fn a_thread_that_was_used_before_it_was_armed_is_told() {
    let leaks = on_fresh_thread(|| {
        let _ = hash_of_nothing();
        let world = World::new(1);
        let armed = arm_for(14, &world);
        armed.leaks()
    });
    let told = leaks
        .iter()
        .any(|leak| leak.kind == LeakKind::HashOrder && leak.function.is_none());
    assert!(told, "{leaks:?}");
}

#[test]
fn this_program_defines_the_overridden_functions_itself() {
    let program = std::env::current_exe().unwrap();
    let Ok(output) = Command::new("nm").arg(&program).output() else {
        panic!("`nm` is missing; install the Debian package `binutils`");
    };
    let symbols = String::from_utf8(output.stdout).unwrap();
    for name in OVERRIDDEN {
        let defined = symbols.lines().any(|line| line.ends_with(&format!(" T {name}")));
        assert!(defined, "{} does not define `{name}`", program.display());
    }
}

fn hash_of_nothing() -> u64 {
    use std::hash::BuildHasher;
    std::hash::RandomState::default().hash_one(0)
}
