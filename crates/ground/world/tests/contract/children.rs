//! Other programs: the real world has some, the one in memory says that it has none.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

use world::memory::World;
use world::{Env, KeptFrom, LINE_BYTES_MAX, Process, Program, Said};

type Lines = Arc<Mutex<Vec<String>>>;

fn start(env: &Env, script: &str) -> (std::io::Result<Box<dyn Process>>, Lines) {
    let lines = Lines::default();
    let written = lines.clone();
    let said: Said = Arc::new(move |line| written.lock().unwrap().push(line.to_owned()));
    let program = Program {
        command: ["sh", "-c", script].map(str::to_owned).into(),
        environment: vec![("GREETING".to_owned(), "hello".to_owned())],
        ..Program::default()
    };
    (env.processes().start(&program, said), lines)
}

fn run<T>(test: impl AsyncFnOnce(Env) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { test(Env::production("a")).await })
}

/// How `script` ends, and what it writes.
fn ended(script: &str) -> (String, Vec<String>) {
    run(async |env| {
        let (process, lines) = start(&env, script);
        let ended = process.unwrap().ended().await.unwrap();
        let mut lines = lines.lock().unwrap().clone();
        lines.sort();
        (ended, lines)
    })
}

#[test]
fn a_child_gets_its_environment_and_its_lines_and_status_are_told() {
    let (status, lines) = ended("echo $GREETING; echo oh >&2; printf last; exit 3");
    assert_eq!(
        (status.as_str(), lines),
        ("exit status: 3", ["hello", "last", "oh"].map(str::to_owned).into())
    );
}

#[test]
fn a_child_does_not_get_what_is_kept_from_it() {
    let line = run(async |env| {
        let (send, said) = std::sync::mpsc::channel();
        let program = Program {
            // Cargo has set some for this test.
            command: [
                "sh",
                "-c",
                "echo ${PATH:+path} ${CARGO_PKG_NAME-} ${CARGO_MANIFEST_DIR-} $GREETING",
            ]
            .map(str::to_owned)
            .into(),
            environment: vec![("GREETING".to_owned(), "hello".to_owned())],
            kept_from: KeptFrom {
                names: ["CARGO_PKG_NAME".to_owned(), "GREETING".to_owned()].into(),
                prefix: Some("CARGO_MANIFEST_".to_owned()),
            },
            ..Program::default()
        };
        let said_line: Said = Arc::new(move |line| drop(send.send(line.to_owned())));
        let mut process = env.processes().start(&program, said_line).unwrap();
        process.ended().await.unwrap();
        said.recv().unwrap()
    });
    assert_eq!(line, "path hello", "what it is given it gets");
}

#[test]
fn a_line_without_an_end_is_given_in_parts() {
    let bytes = 3 * LINE_BYTES_MAX + 1;
    let (_, lines) = ended(&format!("head -c {bytes} /dev/zero | tr '\\0' x"));
    assert!(lines.iter().all(|line| line.len() <= LINE_BYTES_MAX), "{}", lines.len());
    assert_eq!(lines.iter().map(String::len).sum::<usize>(), bytes);
}

#[test]
fn a_child_is_asked_to_end_and_is_killed_with_what_it_started() {
    run(async |env| {
        let (process, lines) = start(
            &env,
            "trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.01; done",
        );
        let mut process = process.unwrap();
        while lines.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        process.ask_to_end();
        assert_eq!(process.ended().await.unwrap(), "exit status: 0");
        // In between, the shell may say that `sleep` was asked too.
        assert_eq!(lines.lock().unwrap().last().map(String::as_str), Some("asked"));
        // Its output ends only when the second shell has ended too.
        let (process, lines) = start(
            &env,
            "trap '' TERM; sh -c 'while :; do sleep 0.01; done' & echo ready; wait",
        );
        let mut process = process.unwrap();
        while lines.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        process.ask_to_end();
        process.kill();
        assert_eq!(process.ended().await.unwrap(), "signal: 9 (SIGKILL)");
    });
}

#[test]
fn a_program_that_is_not_there_is_not_started() {
    run(async |env| {
        let program = Program {
            command: vec!["no-such-program".to_owned()],
            ..Program::default()
        };
        let started = env.processes().start(&program, Arc::new(|_| ()));
        assert_eq!(started.err().unwrap().kind(), ErrorKind::NotFound);
        let started = env.processes().start(&Program::default(), Arc::new(|_| ()));
        assert_eq!(started.err().unwrap().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_world_in_memory_says_that_it_has_no_programs() {
    let (process, _) = start(&World::new(1).node("a"), "true");
    let error = process.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("node `a` starts no programs"), "{error}");
}
