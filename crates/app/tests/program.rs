//! What a program prints, and with which status it ends.
#![allow(clippy::disallowed_methods, reason = "tests write the files that a program reads")]

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use app::{App, Argument, Command, CommandError, Console, Invocation};
use host::{Setup, SetupError};
use terrace::{CallError, Cx};

/// Counts.
#[terrace::component(owner = "counting-house")]
pub trait Counter {
    /// One more than `number`.
    #[call(read, deadline = "2s")]
    async fn next(&self, cx: &Cx, number: u64) -> Result<u64, CallError>;

    /// Adds, and remembers.
    #[call(idempotent, key = name)]
    async fn keep(&self, cx: &Cx, name: String, numbers: Vec<u64>) -> Result<(), CallError>;
}

struct ByOne;

impl ByOne {
    async fn open(_: &Setup) -> Result<ByOne, SetupError> {
        Ok(ByOne)
    }

    async fn fail(_: &Setup) -> Result<ByOne, SetupError> {
        Err(io::Error::new(io::ErrorKind::NotFound, "no ledger").into())
    }
}

impl Counter for ByOne {
    async fn next(&self, _: &Cx, number: u64) -> Result<u64, CallError> {
        Ok(number + 1)
    }

    async fn keep(&self, _: &Cx, _: String, _: Vec<u64>) -> Result<(), CallError> {
        Ok(())
    }
}

async fn next(invocation: Invocation) -> Result<(), CommandError> {
    let number = invocation.text("number").parse()?;
    let counter = invocation.reference::<dyn Counter>().await?;
    let mut next = counter.next(invocation.cx(), number).await?;
    if invocation.flag("twice") {
        next = counter.next(invocation.cx(), next).await?;
    }
    invocation.print(&next)
}

async fn idle(_: Invocation) -> Result<(), CommandError> {
    Ok(())
}

fn counter() -> App {
    App::new("counter")
        .version("1.2.3")
        .command(
            Command::new("next", "Prints the next number", next)
                .argument(Argument::positional("number", "Where to begin").required())
                .argument(Argument::flag("twice", "Counts two")),
        )
        .command(Command::new("idle", "Does nothing", idle))
}

fn whole() -> App {
    counter().provide::<dyn Counter>(ByOne::open)
}

/// What was written to one side.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Nobody reads it any more.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Status, standard output, standard error.
fn run(app: App, arguments: &[&str]) -> (u8, String, String) {
    let (out, error) = (Written::default(), Written::default());
    let arguments = ["counter"].iter().chain(arguments).map(Into::into).collect();
    let status = app.run_on(arguments, Console::new(out.clone(), error.clone()));
    (status, out.text(), error.text())
}

fn config(name: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("the file can be written");
    path.to_str().expect("the path is text").to_owned()
}

#[test]
fn a_command_prints_data_as_text_or_as_json() {
    assert_eq!(run(whole(), &["next", "41"]), (0, "42\n".to_owned(), String::new()));
    assert_eq!(run(whole(), &["--json", "next", "41", "--twice"]).1, "43\n");
    assert_eq!(
        run(whole(), &["--version"]),
        (0, "counter 1.2.3\n".to_owned(), String::new())
    );
}

#[test]
fn a_wrong_command_line_is_told_with_a_suggestion_and_status_2() {
    for (arguments, told) in [
        (&["nxt", "1"][..], "a similar subcommand exists: 'next'"),
        (&["next"], "<number>"),
        (&["next", "1", "--twise"], "a similar argument exists: '--twice'"),
        (
            &["serve", "--service-listen", "7001"],
            "write host and port, such as 127.0.0.1:7001",
        ),
        (&["--log-level", "inf", "next", "1"], "a similar value exists: 'info'"),
        (&[], "Commands:"),
    ] {
        let (status, out, error) = run(whole(), arguments);
        assert_eq!((status, out.as_str()), (2, ""), "{arguments:?}");
        assert!(error.contains(told), "{arguments:?}: {error}");
    }
}

#[test]
fn an_error_is_told_with_its_causes_and_status_1() {
    let (status, out, error) = run(counter().provide::<dyn Counter>(ByOne::fail), &["next", "1"]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert_eq!(
        error,
        "error: component `Counter` could not be opened by its module `ByOne`\n  caused by: no ledger\n"
    );
    let (status, _, error) = run(whole(), &["next", "many"]);
    assert_eq!((status, error.as_str()), (1, "error: invalid digit found in string\n"));
}

#[test]
fn a_component_that_nobody_provides_is_named_to_the_command_that_needs_it() {
    let (status, _, error) = run(counter(), &["next", "1"]);
    assert_eq!(status, 1);
    assert_eq!(
        error,
        "error: no module provides component `Counter`; add `.provide::<dyn Counter>(..)` to `App`, or \
         `.uses::<dyn Counter>()` and `at = \"host:port\"` in [components.Counter]\n"
    );
}

#[test]
fn a_program_that_is_told_nothing_says_how_it_runs() {
    let (status, _, error) = run(whole(), &[]);
    assert_eq!(status, 2);
    assert!(error.contains("`counter up` runs the application's jobs"), "{error}");
}

#[test]
fn a_command_that_needs_no_component_opens_none() {
    assert_eq!(run(counter().provide::<dyn Counter>(ByOne::fail), &["idle"]).0, 0);
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    for arguments in [&["next", "1"][..], &["describe"], &["--help"]] {
        let error = Written::default();
        let arguments = ["counter"].iter().chain(arguments).map(Into::into).collect();
        let status = whole().run_on(arguments, Console::new(Closed, error.clone()));
        assert_eq!((status, error.text()), (0, String::new()));
    }
}

#[test]
fn a_configuration_that_is_wrong_or_missing_is_told_with_its_line() {
    let path = config("wrong.toml", "[service]\nlisten = 7001\n[lgo]\n");
    let (status, _, error) = run(whole(), &["--config", &path, "idle"]);
    assert_eq!(status, 1);
    assert_eq!(
        error,
        format!(
            "error: {path}:2:10: `listen` in [service] is a text in quotes, not the number 7001\n\
             error: {path}:3:2: unknown key in the configuration: `lgo`; did you mean `log`?\n"
        )
    );
    let (status, _, error) = run(whole(), &["--config", "missing.toml", "idle"]);
    assert_eq!(status, 1);
    assert!(
        error.starts_with("error: configuration `missing.toml` cannot be read\n  caused by: "),
        "{error}"
    );
}

#[test]
fn a_token_that_is_not_there_or_is_none_is_told_before_anything_serves() {
    let path = config("unset.toml", "[service]\ntoken = { env = \"TERRACE_IS_NOT_SET\" }\n");
    let (status, _, error) = run(whole(), &["--config", &path, "serve", "--service-listen", "0.0.0.0:0"]);
    assert_eq!(status, 1);
    assert!(
        error.contains("environment variable `TERRACE_IS_NOT_SET` is not set"),
        "{error}"
    );
    let path = config("spaces.toml", "[service]\ntoken = \"with spaces\"\n");
    let (status, _, error) = run(whole(), &["--config", &path, "serve", "--service-listen", "0.0.0.0:0"]);
    assert_eq!(status, 1);
    assert!(error.contains("byte 4 of the token is not visible ASCII"), "{error}");
}

#[test]
fn an_address_that_cannot_be_served_is_told_with_the_next_step() {
    let (status, _, error) = run(whole(), &["serve", "--service-listen", "0.0.0.0:0"]);
    assert_eq!(status, 1);
    assert!(
        error.contains("is not loopback") && error.contains("or listen on 127.0.0.1"),
        "{error}"
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it is bound").to_string();
    let (status, _, error) = run(whole(), &["serve", "--service-listen", &address]);
    assert_eq!(status, 1);
    assert_eq!(
        error,
        format!(
            "error: {address} is in use; stop what listens there, or choose another port: `--service-listen 127.0.0.1:0` picks a free one\n"
        )
    );
    let (status, _, error) = run(whole(), &["serve"]);
    assert_eq!(status, 1);
    assert!(error.contains("give --service-listen 127.0.0.1:7001"), "{error}");
}

#[test]
fn describe_shows_components_methods_marks_and_codecs() {
    let (status, out, _) = run(whole(), &["describe"]);
    assert_eq!(status, 0);
    for shown in [
        "counter 1.2.3",
        "counting-house",
        "ByOne",
        "next(number: u64) -> u64",
        "read, deadline = 2000 ms",
        "keep(name: String, numbers: Vec<u64>) -> ()",
        "idempotent, key = name",
        "positional",
    ] {
        assert!(out.contains(shown), "`{shown}` is not in\n{out}");
    }
    let (_, json, _) = run(whole(), &["describe", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(document["application"], "counter");
    assert_eq!(document["components"][0]["module"], "ByOne");
    assert_eq!(document["components"][0]["methods"][0]["marks"][0], "read");
    assert_eq!(document["components"][0]["interface"]["methods"][1]["name"], "keep");
}

#[test]
fn a_component_of_the_configuration_that_nobody_knows_is_told() {
    let path = config("unknown.toml", "[components.Countr]\n");
    let (status, _, error) = run(whole(), &["--config", &path, "describe"]);
    assert_eq!(status, 1);
    assert_eq!(
        error,
        format!("error: {path}:1:1: no component is called `Countr`; did you mean `Counter`?\n")
    );
}

#[cfg(feature = "front")]
async fn page(_: &Setup) -> Result<axum::Router, SetupError> {
    Ok(axum::Router::new().route("/", axum::routing::get(async || "a page")))
}

#[cfg(feature = "front")]
#[test]
fn two_fronts_with_the_same_path_are_refused_by_their_names() {
    let app = counter().front("Shop", page).front("Stall", page);
    let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("two-fronts");
    let data = data.to_str().expect("the path is text");
    let (status, _, error) = run(app, &["--data", data, "up", "--listen", "127.0.0.1:0"]);
    assert_eq!(status, 1, "{error}");
    assert!(
        error.contains("front `Stall` cannot stand beside") && error.contains("give each its own paths"),
        "{error}"
    );
}
