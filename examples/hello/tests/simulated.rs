//! The command `simulate`, as a person runs it, and scenarios as tests.
#![allow(clippy::disallowed_methods, reason = "a test drives real processes from outside")]

#[path = "../src/greeter.rs"]
#[allow(dead_code, reason = "a program opens it; here it is made by hand")]
pub mod greeter;
#[path = "simulated/greeting.rs"]
mod greeting;
#[path = "../src/names.rs"]
#[allow(dead_code, reason = "a program opens it; here it is read from a text")]
pub mod names;
#[path = "simulated/symbols.rs"]
mod symbols;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use symbols::{OVERRIDDEN, defined};

const HELLO: &str = env!("CARGO_BIN_EXE_hello");

/// Switches the bank's record of call ids off.
const FORGETS: &str = "HELLO_BANK_FORGETS";

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("simulated").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn hello(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(HELLO);
    command.args(arguments).current_dir(folder).env_remove(FORGETS);
    command
}

/// Status, standard output, standard error.
fn said(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    said(hello(folder, arguments).output().expect("hello runs"))
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

/// What follows `label` in a report.
fn labelled<'t>(text: &'t str, label: &str) -> &'t str {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(label));
    line.unwrap_or_else(|| panic!("no {label} in {text}"))
}

#[test]
fn json_is_one_object_of_counts_and_nothing_else() {
    let folder = folder("json");
    let arguments = ["simulate", "bank", "--model", "asynchronous", "--seeds", "20", "--json"];
    let (status, out, error) = run(&folder, &arguments);
    assert_eq!(error, "");
    let document: Value = serde_json::from_str(&out).expect("one object");
    assert_eq!(keys(&document), ["model", "scenarios"].into());
    assert_eq!(document["model"], "asynchronous");
    let [bank] = document["scenarios"].as_array().expect("a list").as_slice() else {
        panic!("not one scenario: {out}");
    };
    let counts = ["seeds", "faults", "messages", "simulated_s", "cpu_s"];
    let others = ["name", "verdicts", "not_exercised"];
    assert_eq!(keys(bank), counts.into_iter().chain(others).collect());
    for count in counts {
        assert!(bank[count].as_f64().is_some_and(|count| count > 0.0), "{count}: {out}");
    }
    let verdicts = ["holds", "wrong_answer", "crash", "no_progress", "not_deterministic"];
    assert_eq!(keys(&bank["verdicts"]), verdicts.into());
    let counted = verdicts.map(|verdict| bank["verdicts"][verdict].as_u64());
    assert_eq!(counted, [Some(20), Some(0), Some(0), Some(0), Some(0)]);
    assert_eq!(
        (bank["name"].as_str(), bank["seeds"].as_u64()),
        (Some("bank"), Some(20))
    );
    let exercised = bank["not_exercised"].as_array().expect("a list").is_empty();
    assert_eq!(status, Some(if exercised { 0 } else { 1 }), "{out}");
}

#[test]
fn all_scenarios_run_when_none_is_named_and_a_pass_leaves_nothing_behind() {
    let folder = folder("table");
    let (_, out, error) = run(&folder, &["simulate", "--seeds", "3"]);
    assert_eq!(error, "", "a terminal alone sees progress");
    let mut lines = out.lines();
    assert!(lines.next().is_some_and(|head| head.starts_with("scenario ")), "{out}");
    let row: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
    assert_eq!(row[..4], ["bank", "asynchronous", "3", "3"], "{out}");
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 0);
}

#[test]
fn too_few_seeds_to_see_everything_do_not_pass_and_the_report_says_how_many_do() {
    let folder = folder("few");
    let (status, out, _) = run(&folder, &["simulate", "bank", "--seeds", "1"]);
    assert_eq!(status, Some(1));
    let next = format!("bank: it is meant to run 500 seeds: {HELLO} simulate bank\n");
    assert!(
        out.contains("not exercised in 1 seeds: fault: ") && out.contains(&next),
        "{out}"
    );
}

#[test]
fn a_campaign_may_be_given_minutes_instead_of_seeds() {
    let folder = folder("minutes");
    let (_, out, _) = run(&folder, &["simulate", "bank", "--minutes", "0.01", "--json"]);
    let document: Value = serde_json::from_str(&out).expect("one object");
    assert!(document["scenarios"][0]["seeds"].as_u64() > Some(0), "{out}");
}

#[test]
fn what_cannot_be_run_is_refused_with_the_next_step() {
    let folder = folder("refused");
    std::fs::write(folder.join("broken.json"), "{").expect("a file");
    for (arguments, status, next) in [
        (&["simulate", "bnk"][..], 2, "a similar value exists: 'bank'"),
        (
            &["simulate", "bank", "--model", "asynchronus"],
            1,
            "did you mean `asynchronous`?",
        ),
        (&["simulate", "bank", "--seeds", "0"], 2, "1 or more, such as 500"),
        (&["simulate", "bank", "--seeds", "-1"], 2, "1 or more, such as 500"),
        (&["simulate", "bank", "--minutes", "-1"], 2, "above 0, such as 2 or 0.5"),
        (
            &["simulate", "bank", "--minutes", "soon"],
            2,
            "above 0, such as 2 or 0.5",
        ),
        (&["simulate", "--replay", "none.json"], 1, "there is no file none.json"),
        (
            &["simulate", "--replay", "broken.json"],
            1,
            "correct the file, or remove it",
        ),
        (
            &["simulate", "bank", "--replay", "broken.json"],
            2,
            "cannot be used with",
        ),
        (
            &["simulate", "bank", "--failures", "."],
            1,
            "correct the file, or remove it",
        ),
    ] {
        let (ended, out, error) = run(&folder, arguments);
        assert_eq!((ended, out.as_str()), (Some(status), ""), "{arguments:?}: {error}");
        assert!(error.contains(next), "{arguments:?}: {error}");
    }
}

#[test]
fn a_bank_that_forgets_is_caught_explained_and_replayed_the_same() {
    let folder = folder("forgets");
    let mut command = hello(&folder, &["simulate", "bank", "--seeds", "40"]);
    let (status, out, error) = said(command.env(FORGETS, "1").output().expect("hello runs"));
    assert_eq!(status, Some(1), "{out}");
    assert!(error.contains(": wrong answer\n  doubled money: "), "{error}");
    let (hash, file) = (labelled(&error, "trace hash: "), labelled(&error, "saved: "));
    let saved: Value = serde_json::from_slice(&std::fs::read(folder.join(file)).expect("it is saved")).expect("JSON");
    let faults = saved["faults"].as_array().expect("a list").len();
    assert!((1..=5).contains(&faults), "{saved}");

    // Exactly what is printed, in an ordinary shell: the file knows the environment.
    let replay = labelled(&error, "replay: ");
    for _ in 0..2 {
        let mut shell = Command::new("sh");
        shell.args(["-c", replay]).current_dir(&folder).env_remove(FORGETS);
        let (status, out, error) = said(shell.output().expect("sh runs"));
        assert_eq!((status, error.as_str()), (Some(1), ""), "{out}");
        assert_eq!(labelled(&out, "trace hash: "), hash);
        assert!(out.contains("doubled money: "), "{out}");
    }

    let picture = std::fs::read_to_string(folder.join(labelled(&error, "picture: "))).expect("a picture");
    let call = labelled(&error, "doubled money: ")
        .split_whitespace()
        .last()
        .expect("a call id");
    let asked = picture.matches(&format!(" {call}<")).count();
    assert!(asked >= 2, "call {call} is seen {asked} times");
    assert!(picture.contains("doubled money"));
    let page = std::fs::read_to_string(folder.join(labelled(&error, "page: "))).expect("a page");
    assert!(page.contains(call));

    // Of the bank that remembers it says nothing.
    let (_, out, error) = run(&folder, &["simulate", "bank", "--seeds", "3"]);
    assert_eq!(error, "");
    assert!(!out.contains("does not fail any more"), "{out}");
}

#[test]
fn a_failure_that_cannot_be_saved_is_told_all_the_same() {
    let folder = folder("unsaved");
    std::fs::write(folder.join("taken"), "").expect("a file");
    let mut command = hello(&folder, &["simulate", "bank", "--seeds", "2", "--failures", "taken"]);
    let (status, _, error) = said(command.env(FORGETS, "1").output().expect("hello runs"));
    assert_eq!(status, Some(1));
    assert!(error.contains("not saved: cannot write taken/"), "{error}");
    let replay = labelled(&error, "replay: ");
    assert!(
        replay.starts_with(&format!("{HELLO} simulate bank --seed ")),
        "{replay}"
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_campaign_with_what_it_has_seen() {
    let folder = folder("ctrl-c");
    let mut command = hello(&folder, &["simulate", "bank", "--seeds", "1000000", "--json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("hello runs");
    // Its first run is a process, and signals are heard before there is one.
    let id = child.id().to_string();
    let children = format!("/proc/{id}/task/{id}/children");
    let any = |path: &Path| std::fs::read_to_string(path).is_ok_and(|children| !children.is_empty());
    let tasks = || {
        std::fs::read_dir(format!("/proc/{id}/task"))
            .into_iter()
            .flatten()
            .flatten()
    };
    while !any(Path::new(&children)) && !tasks().any(|task| any(&task.path().join("children"))) {
        std::thread::yield_now();
    }
    let sent = Command::new("kill").args(["-INT", &id]).status();
    assert!(sent.expect("kill runs").success());
    let mut out = String::new();
    child
        .stdout
        .take()
        .expect("piped")
        .read_to_string(&mut out)
        .expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let document: Value = serde_json::from_str(&out).expect("one object");
    assert!(document["scenarios"][0]["seeds"].as_u64() < Some(1_000_000), "{out}");
}

#[test]
fn a_simulated_build_refuses_to_run_for_real_and_says_which_does() {
    let folder = folder("real");
    for arguments in [
        &["up"][..],
        &["serve", "--service-listen", "127.0.0.1:0"],
        &["greet", "Ada"],
        &["call", "--at", "127.0.0.1:1", "Ada"],
    ] {
        let (status, out, error) = run(&folder, arguments);
        assert_eq!((status, out.as_str()), (Some(1), ""), "{arguments:?}");
        let next = format!("cargo run --release -p hello -- {}\n", arguments.join(" "));
        assert!(
            error.contains("built with the feature `simulate`") && error.ends_with(&next),
            "{error}"
        );
    }
}

#[test]
fn a_simulated_build_has_the_overridden_functions() {
    assert_eq!(defined(HELLO), OVERRIDDEN.map(str::to_owned).into());
}

#[test]
fn describe_knows_the_models_and_who_requires_a_stronger_one() {
    let folder = folder("models");
    let (status, out, _) = run(&folder, &["describe", "--models"]);
    assert_eq!(status, Some(0));
    for preset in ["synchronous", "datacentre", "web", "asynchronous", "byzantine"] {
        assert!(out.contains(preset), "{preset}: {out}");
    }
    let (status, out, error) = run(&folder, &["describe", "--model", "asynchronous + byzantine(1)"]);
    assert!(status == Some(0) && out.contains(" asynchronous "), "{out}");
    assert!(
        error.starts_with("warning: `Names` requires `asynchronous`: "),
        "{error}"
    );
    let (_, _, error) = run(&folder, &["describe", "--model", "datacentre"]);
    assert_eq!(error, "no component requires a stronger model than `datacentre`\n");
}
