//! Campaigns: each verdict is found and named, and a failure becomes small, is saved, and is replayed first.

#![expect(
    clippy::disallowed_methods,
    reason = "what the lints ban is planted here, and what a campaign wrote is read"
)]

#[path = "campaign/counter.rs"]
mod counter;
#[path = "campaign/ending.rs"]
mod ending;
#[path = "campaign/failures.rs"]
mod failures;
#[path = "campaign/prompt.rs"]
mod prompt;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sim::campaign::{self, Campaign};
use sim::fault::{Fate, Fault};
use sim::report::{Failure, Report};
use sim::run::{Run, once};
use sim::trace::Kind;
use sim::{Scenario, Verdict, child, harness, saved};

use counter::{LOSSY, by_hand, one_try};
use prompt::unmet;

/// Runs a campaign of the test `name`, whose processes are this binary.
fn campaign(name: &str, scenario: &Scenario, campaign: &Campaign) -> Report {
    be_child(scenario);
    let launch = harness::launch(&format!("campaign::{name}"));
    campaign::run(scenario, campaign, &launch, &mut |_| {}).expect("a report")
}

/// If this process is the one of a run, does it and ends.
fn be_child(scenario: &Scenario) {
    if let Some(status) = child::answer(std::slice::from_ref(scenario)) {
        std::process::exit(i32::from(status));
    }
}

fn seeds(seeds: u64) -> Campaign {
    Campaign {
        seeds: Some(seeds),
        ..Campaign::default()
    }
}

/// A folder of this test's own; what is in it stays for the processes of its runs.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("campaign").join(name)
}

fn only(report: &Report) -> &Failure {
    match report.failures.as_slice() {
        [failure] => failure,
        failures => panic!("not one failure: {failures:#?}\n{}", report.text()),
    }
}

#[test]
fn a_scenario_that_holds_and_was_exercised_passes() {
    let report = campaign("a_scenario_that_holds_and_was_exercised_passes", &one_try(), &seeds(20));
    assert!(report.passed(), "{}", report.text());
    assert_eq!((report.seeds, report.verdicts.holds), (20, 20));
    assert!(report.faults > 20 && report.messages > 1_000 && report.simulated_s >= 200.0 && report.cpu_s > 0.0);
    let json = serde_json::to_value(&report).expect("a report is JSON");
    let keys: BTreeSet<&str> = json
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "name",
        "seeds",
        "verdicts",
        "not_exercised",
        "faults",
        "messages",
        "simulated_s",
        "cpu_s",
    ];
    assert_eq!(keys, expected.into());
}

#[test]
fn a_call_repeated_by_hand_is_found_made_small_saved_and_replayed_first() {
    const NAME: &str = "a_call_repeated_by_hand_is_found_made_small_saved_and_replayed_first";
    be_child(&by_hand());
    let saved = folder("by-hand");
    let _ = std::fs::remove_dir_all(&saved);
    let asked = Campaign {
        saved: Some(saved.clone()),
        ..seeds(20)
    };
    let report = campaign(NAME, &by_hand(), &asked);
    assert!(
        !report.passed() && report.verdicts.wrong_answer > 0,
        "{}",
        report.text()
    );
    let failure = only(&report);
    assert_eq!(
        (failure.verdict, failure.message.as_str()),
        (Verdict::WrongAnswer, "a number was added twice")
    );
    assert!(failure.faults_before > 1, "{failure:?}");
    let [
        Fault::Message {
            from,
            kind: Kind::Reply,
            fate: Fate::Lost | Fate::Reset,
            ..
        },
    ] = failure.faults.as_slice()
    else {
        panic!("it takes one lost reply: {:?}", failure.faults);
    };
    assert_eq!(from, "counter");
    for path in [&failure.saved, &failure.svg, &failure.page] {
        let path = path.as_ref().expect("it is written");
        assert!(path.starts_with(&saved) && path.exists(), "{}", path.display());
    }

    let file = failure.saved.clone().expect("it is saved");
    let launch = harness::launch(&format!("campaign::{NAME}"));
    let replays = [0, 1].map(|_| campaign::replay(&file, &asked, &launch).expect("a replay"));
    assert!(
        replays
            .iter()
            .all(|replay| replay.hash == failure.hash && replay.failure.is_some()),
        "{replays:?}"
    );

    // None of its seeds is run: what is found is what was saved.
    let again = campaign(
        NAME,
        &by_hand(),
        &Campaign {
            seeds: Some(0),
            ..asked.clone()
        },
    );
    assert_eq!((again.seeds, only(&again).saved.as_ref()), (0, Some(&file)));
    assert_eq!(
        (only(&again).hash, &only(&again).faults),
        (failure.hash, &failure.faults)
    );
    assert!(!again.passed());
}

#[test]
fn a_saved_failure_that_is_mended_is_reported_and_kept() {
    const NAME: &str = "a_saved_failure_that_is_mended_is_reported_and_kept";
    let scenario = one_try();
    be_child(&scenario);
    let folder = folder("mended");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    let failure = saved::Saved {
        environment: BTreeMap::new(),
        scenario: "one-try".to_owned(),
        model: LOSSY.to_owned(),
        seed: 3,
        faults: Some(Vec::new()),
        verdict: Verdict::WrongAnswer,
        message: "it was wrong".to_owned(),
        hash: "0".to_owned(),
    };
    let file = folder.join("one-try-3.json");
    std::fs::write(&file, serde_json::to_string(&failure).expect("JSON")).expect("a file");
    let asked = Campaign {
        saved: Some(folder),
        ..seeds(10)
    };
    let report = campaign(NAME, &scenario, &asked);
    assert!(report.passed() && file.exists(), "{}", report.text());
    assert_eq!(report.mended, [file]);
    assert!(report.text().contains("does not fail any more"), "{}", report.text());
}

#[test]
fn a_panic_in_a_node_is_a_crash() {
    let scenario = Scenario::new("panics", |world| async move {
        world.server("server", |env| async move {
            env.sleep(Duration::from_secs(1)).await;
            panic!("it cannot go on");
        });
        world.env().sleep(Duration::from_secs(2)).await;
    });
    let report = campaign("a_panic_in_a_node_is_a_crash", &scenario, &seeds(3));
    assert_eq!(report.verdicts.crash, 3, "{}", report.text());
    let message = &only(&report).message;
    assert!(message.starts_with("server panicked in its task `boot` at ") && message.ends_with(": it cannot go on"));
}

#[test]
fn a_process_that_dies_is_a_crash_with_its_last_words() {
    let scenario = Scenario::new("dies", |_| async {
        std::io::stderr()
            .write_all(b"the last words")
            .expect("somebody listens");
        std::process::abort();
    });
    let report = campaign(
        "a_process_that_dies_is_a_crash_with_its_last_words",
        &scenario,
        &seeds(2),
    );
    assert_eq!(report.verdicts.crash, 2, "{}", report.text());
    let message = &only(&report).message;
    assert!(
        message.contains("signal: 6") && message.contains("the last words"),
        "{message}"
    );
}

#[test]
fn waiting_for_ever_is_no_progress() {
    let scenario = Scenario::new("waits", |_| std::future::pending::<()>());
    let report = campaign("waiting_for_ever_is_no_progress", &scenario, &seeds(2));
    assert_eq!(report.verdicts.no_progress, 2, "{}", report.text());
    assert!(
        only(&report).message.starts_with("nothing can ever happen again"),
        "{report:?}"
    );
}

#[test]
fn a_run_that_never_lets_go_is_ended_as_no_progress() {
    let scenario = Scenario::new("spins", |_| async {
        loop {
            std::hint::spin_loop();
        }
    });
    let asked = Campaign {
        run_wall_max: Duration::from_millis(700),
        ..seeds(1)
    };
    let report = campaign("a_run_that_never_lets_go_is_ended_as_no_progress", &scenario, &asked);
    assert_eq!(report.verdicts.no_progress, 1, "{}", report.text());
    assert_eq!(only(&report).message, "the run did not end within 0.7 s of real time");
}

#[test]
fn what_was_declared_and_never_happened_fails_the_campaign() {
    let scenario = Scenario::new("idle", |world| async move {
        world::sometimes!(world.env(), world.seed() > 1_000, "the seed was large");
        world.server("server", |env| async move {
            while !world::buggify!(env, "a rare step") {
                env.sleep(Duration::from_secs(100)).await;
            }
        });
        // Nothing happens before the chaos, and nothing is offered later.
        world.env().sleep(Duration::from_secs(1)).await;
        world.chaos(Duration::from_secs(1)).await;
    })
    .model("synchronous")
    .sometimes("somebody waited");
    let report = campaign(
        "what_was_declared_and_never_happened_fails_the_campaign",
        &scenario,
        &seeds(4),
    );
    assert_eq!(
        (report.verdicts.holds, report.passed()),
        (4, false),
        "{}",
        report.text()
    );
    let missing = [
        "sometimes: somebody waited",
        "sometimes: the seed was large",
        "buggify: a rare step",
    ];
    assert_eq!(report.not_exercised, missing);
}

#[test]
fn a_fault_that_never_struck_fails_the_campaign() {
    let report = campaign(
        "a_fault_that_never_struck_fails_the_campaign",
        &by_hand(),
        &Campaign {
            model: Some("synchronous + crash-recovery".to_owned()),
            ..seeds(1)
        },
    );
    // One kind is possible, and the first seed of a campaign draws it.
    assert!(report.passed(), "{}", report.text());
    let report = campaign(
        "a_fault_that_never_struck_fails_the_campaign",
        &by_hand(),
        &Campaign {
            model: Some("asynchronous".to_owned()),
            ..seeds(1)
        },
    );
    assert!(
        report.not_exercised.iter().any(|name| name.starts_with("fault: ")),
        "{}",
        report.text()
    );
}

#[test]
fn the_order_of_a_hash_map_is_not_deterministic_and_is_named() {
    let scenario = Scenario::new("hash-order", |world| async move {
        let naps: HashMap<u64, u64> = (1..9).map(|nap| (nap, nap)).collect();
        for nap in naps.values() {
            world.env().sleep(Duration::from_millis(*nap)).await;
        }
    });
    let report = campaign(
        "the_order_of_a_hash_map_is_not_deterministic_and_is_named",
        &scenario,
        &seeds(3),
    );
    // Every tenth seed is run twice, and so is the first.
    assert_eq!(
        (report.verdicts.not_deterministic, report.verdicts.holds),
        (1, 2),
        "{}",
        report.text()
    );
    let message = &only(&report).message;
    for part in [
        "`scenario/main` at 0.00",
        "tests/campaign.rs",
        "`HashMap`",
        "`BTreeMap`",
    ] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}

#[test]
fn a_clock_of_the_machine_is_not_deterministic_by_itself() {
    let scenario = Scenario::new("clock", |_| async {
        std::hint::black_box(std::time::Instant::now());
    });
    let asked = Campaign {
        twice_every: 0,
        ..seeds(2)
    };
    let report = campaign(
        "a_clock_of_the_machine_is_not_deterministic_by_itself",
        &scenario,
        &asked,
    );
    assert_eq!(report.verdicts.not_deterministic, 2, "{}", report.text());
    let message = &only(&report).message;
    assert!(
        message.contains("`env.now()`") && message.contains("tests/campaign.rs"),
        "{message}"
    );
}

#[test]
fn a_model_weaker_than_required_ends_the_campaign_after_one_seed() {
    const NAME: &str = "a_model_weaker_than_required_ends_the_campaign_after_one_seed";
    let scenario = unmet();
    let report = campaign(NAME, &scenario, &seeds(5));
    assert_eq!((report.seeds, report.passed()), (1, false));
    let text = report.text();
    assert!(
        text.contains("`Prompt` requires `synchronous`") && text.contains("--beyond"),
        "{text}"
    );
    let report = campaign(
        NAME,
        &scenario,
        &Campaign {
            beyond: true,
            ..seeds(5)
        },
    );
    assert_eq!((report.seeds, report.passed()), (5, true), "{}", report.text());
    let report = campaign(
        NAME,
        &scenario,
        &Campaign {
            model: Some("synchronous".to_owned()),
            ..seeds(5)
        },
    );
    assert_eq!((report.seeds, report.passed()), (5, true), "{}", report.text());
}

#[test]
fn a_failure_as_text_has_all_that_a_person_needs() {
    let failure = Failure {
        seed: 7,
        verdict: Verdict::WrongAnswer,
        message: "a number was added twice".to_owned(),
        faults: vec![Fault::Rot {
            node: "counter".to_owned(),
            at_us: 1_500_000,
        }],
        faults_before: 31,
        hash: 0xabc,
        saved: Some("tests/failures/by-hand-7.json".into()),
        svg: Some("target/by-hand-7.svg".into()),
        page: None,
        unsaved: None,
    };
    let text = failure.text("TERRACE_SIMULATE_REPLAY=x cargo test -p bank by_hand");
    let expected = "seed 7: wrong answer
  a number was added twice
  faults (1 of 31 are enough)
    a bit on the disk of counter changes at 1.500 s
  replay: TERRACE_SIMULATE_REPLAY=x cargo test -p bank by_hand
  trace hash: 0000000000000abc
  saved: tests/failures/by-hand-7.json
  picture: target/by-hand-7.svg
";
    assert_eq!(text, expected);
}

#[test]
fn the_harness_runs_its_seeds_in_processes_of_this_binary() {
    let path = concat!(
        module_path!(),
        "::the_harness_runs_its_seeds_in_processes_of_this_binary"
    );
    harness::test(one_try().seeds(20), env!("CARGO_TARGET_TMPDIR"), path);
}

#[test]
fn the_harness_says_how_to_replay_what_failed_and_replays_it() {
    const PATH: &str = concat!(
        module_path!(),
        "::the_harness_says_how_to_replay_what_failed_and_replays_it"
    );
    let package = folder("harness");
    let test = || harness::test(by_hand().seeds(20), &package.to_string_lossy(), PATH);
    // As a run of its campaign, and as the replay below, it is nothing else.
    if std::env::var_os(child::RUN).is_some() || std::env::var_os(harness::REPLAY).is_some() {
        return test();
    }
    let _ = std::fs::remove_dir_all(&package);
    let panic = std::panic::catch_unwind(test).expect_err("it fails");
    let said = panic.downcast::<String>().expect("a report");
    let begins = format!(
        "replay: {}={}",
        harness::REPLAY,
        package.join("tests/failures/by-hand-").display()
    );
    let command = said
        .lines()
        .find_map(|line| line.trim().strip_prefix(&begins))
        .expect("a command");
    let name = PATH.split_once("::").expect("a path").1;
    let (seed, command) = command.split_once(".json ").expect("a file");
    assert_eq!(command, format!("cargo test -p terrace-sim {name}"));
    let hash = said.lines().find(|line| line.contains("trace hash")).expect("a hash");

    let file = package.join(format!("tests/failures/by-hand-{seed}.json"));
    let mut replay = harness::launch(PATH)(&Run::default());
    let replayed = replay.env(harness::REPLAY, file).output().expect("it runs");
    let said = String::from_utf8_lossy(&replayed.stderr);
    assert!(
        !replayed.status.success() && said.contains("it still fails") && said.contains(hash),
        "{said}"
    );
}

#[test]
fn once_does_the_same_twice_in_one_process() {
    let run = Run {
        model: LOSSY.to_owned(),
        seed: 5,
        ..Run::default()
    };
    let [one, other] = [0, 1].map(|_| once(&by_hand(), &run).expect("a model"));
    assert_eq!(
        (one.hash, &one.faults, one.messages),
        (other.hash, &other.faults, other.messages)
    );
    assert!(!one.faults.is_empty());
    assert!(
        once(
            &by_hand(),
            &Run {
                model: "sunny".to_owned(),
                ..run
            }
        )
        .is_err()
    );
}
