//! The configuration of a program: the environment and `--set` beside the file, and what `describe --configuration` prints.
#![allow(
    clippy::disallowed_methods,
    reason = "tests start the program that they are, and write the files that it reads"
)]

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command as Process, ExitCode};
use std::sync::{Arc, Mutex, PoisonError};

use app::{App, Argument, Command, CommandError, Console, Invocation};
use host::{Setup, SetupError};
use terrace::{CallError, Cx};

/// Says what it was told to say.
#[terrace::component]
pub trait Parrot {
    /// Its word.
    #[call(read)]
    async fn word(&self, cx: &Cx) -> Result<String, CallError>;
}

struct Green(String);

impl Green {
    async fn open(setup: &Setup) -> Result<Green, SetupError> {
        let mut config: std::collections::BTreeMap<String, String> = setup.config()?;
        Ok(Green(config.remove("word").unwrap_or_default()))
    }
}

impl Parrot for Green {
    async fn word(&self, _: &Cx) -> Result<String, CallError> {
        Ok(self.0.clone())
    }
}

async fn word(invocation: Invocation) -> Result<(), CommandError> {
    let parrot = invocation.reference::<dyn Parrot>().await?;
    invocation.print(&parrot.word(invocation.cx()).await?)
}

fn parrot() -> App {
    App::new("parrot")
        .provide::<dyn Parrot>(Green::open)
        .command(Command::new("word", "Prints the word", word).argument(Argument::positional("ignored", "Nothing")))
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

/// Status, standard output, standard error.
fn run(app: App, arguments: &[&str]) -> (u8, String, String) {
    let (out, error) = (Written::default(), Written::default());
    let arguments = ["parrot"].iter().chain(arguments).map(Into::into).collect();
    let status = app.run_on(arguments, Console::new(out.clone(), error.clone()));
    (status, out.text(), error.text())
}

fn config(name: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("the file can be written");
    path.to_str().expect("the path is text").to_owned()
}

const WORD: &str = "components.Parrot.config.word";

#[test]
fn set_stands_before_or_behind_the_command_and_the_last_counts() {
    let path = config("word.toml", "[components.Parrot]\nconfig = { word = \"file\" }\n");
    let set = |value: &str| format!("{WORD}={value}");
    let (one, two) = (set("one"), set("22"));
    let joined = format!("--set={two}");
    for (arguments, told) in [
        (&["word", "--config", &path][..], "file\n"),
        (&["--config", &path, "--set", &one, "word"], "one\n"),
        (&["word", "--set", &one, "--config", &path], "one\n"),
        (&["--set", &two, "word", "--set", &one], "one\n"),
        (&["--set", &one, &joined, "word", "x"], "22\n"),
        (&["word", "--set", &one, "x", "--set", &two], "22\n"),
        (&["--set", &one, "--set", "log.level=warn", "word"], "one\n"),
    ] {
        assert_eq!(
            run(parrot(), arguments),
            (0, told.to_owned(), String::new()),
            "{arguments:?}"
        );
    }
    let (status, out, _) = run(parrot().default_command("word"), &["--set", &one]);
    assert_eq!((status, out.as_str()), (0, "one\n"));
}

#[test]
fn a_wrong_set_is_told_with_its_key() {
    let (status, out, error) = run(parrot(), &["word", "--set", "tiers.databse=sqlite:data"]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert_eq!(
        error,
        "error: --set tiers.databse=..: unknown key in [tiers]: `databse`; did you mean `database`?\n"
    );
    let (status, _, error) = run(parrot(), &["word", "--set"]);
    assert_eq!(status, 2);
    assert!(error.contains("a value is required for '--set <KEY=VALUE>'"), "{error}");
}

#[test]
fn the_configuration_is_described_with_its_origins() {
    let path = config(
        "described.toml",
        "[log]\nlevel = \"error\"\n[tiers.database]\nurl = \"postgres://shop:s3cr3t@h/shop\"\n",
    );
    let arguments = [
        "describe",
        "--configuration",
        "--config",
        &path,
        "--set",
        "service.token=s3cr3t",
    ];
    let (status, out, error) = run(parrot(), &arguments);
    assert_eq!(status, 0, "{error}");
    let rows: Vec<Vec<&str>> = out
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect()
        })
        .filter(|row: &Vec<&str>| row.len() > 1)
        .collect();
    let at = |line: usize, column: usize| format!("{path}:{line}:{column}");
    assert_eq!(
        rows,
        [
            vec!["key", "value", "origin"],
            vec!["log.level", "\"error\"", &at(2, 9)],
            vec!["service.token", "***", "--set service.token=.."],
            vec![
                "tiers.database.url",
                "\"postgres://shop@h/shop\", its password is not shown",
                &at(4, 7)
            ],
        ],
        "{out}"
    );
    let (_, json, _) = run(parrot(), &[&arguments[..], &["--json"]].concat());
    let listed: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(
        listed[1],
        serde_json::json!({ "key": "service.token", "value": "***", "origin": "--set service.token=.." })
    );
    assert!(!out.contains("s3cr3t") && !error.contains("s3cr3t") && !json.contains("s3cr3t"));
}

#[test]
fn a_secret_on_a_wrong_command_line_is_not_repeated() {
    const SECRET: &str = "tiers.mail.password=s3cr3t";
    let joined = ["--set=", SECRET].concat();
    let dashed = ["--", SECRET].concat();
    let near = ["--sett=", SECRET].concat();
    let glued = ["-", SECRET].concat();
    for arguments in [
        &[SECRET][..],
        &["wrod", "--set", SECRET],
        &["--set", SECRET, "wrod"],
        &["--set", SECRET, SECRET],
        &[&joined, SECRET],
        &[&joined, "word", "--twice"],
        &["word", "x", SECRET],
        &["word", &dashed],
        &["word", &near],
        &[&near],
        &[&glued],
        &["--sett", SECRET],
        &["--set", "s3cr3t", "wrod"],
        &["--set", "s3cr3t", "word"],
        &["word", "--log-level", SECRET],
        &["serve", "--service-listen", SECRET],
        &["describe", "--model", "x", "--configuration", "--set", SECRET],
        &["simulate", SECRET],
        &["simulate", "--set", SECRET],
        &["simulate", "--seeds", SECRET],
        &["word", "--set", SECRET, "--set", "log.level=none"],
        &["--json=tiers.mail.password=s3cr3t"],
    ] {
        let (status, out, error) = run(parrot(), arguments);
        assert_ne!(status, 0, "{arguments:?}");
        assert!(
            !out.contains("s3cr3t") && !error.contains("s3cr3t"),
            "{arguments:?}: {error}"
        );
    }
}

/// What the child process of this test prints begins with it.
const ANSWER: &str = "answer: ";

/// Run by the tests below in a process whose environment they choose; by itself it shows that there is no word.
#[test]
fn child() -> ExitCode {
    let (status, out, error) = run(parrot(), &["word"]);
    let answer = (out + &error).trim_end().to_owned();
    writeln!(io::stdout(), "{ANSWER}{answer}").expect("somebody reads it");
    ExitCode::from(u8::from(status > 1))
}

fn answer_under(environment: &[(&str, &str)]) -> String {
    let mut process = Process::new(std::env::current_exe().expect("this test is a program"));
    process
        .args(["--exact", "child", "--nocapture"])
        .envs(environment.iter().copied());
    let output = process.output().expect("it runs");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let answer = out.lines().find_map(|line| Some(line.split_once(ANSWER)?.1.to_owned()));
    answer.unwrap_or_else(|| panic!("{out}"))
}

#[test]
fn the_environment_of_the_process_is_read_and_the_applications_components_are_known() {
    assert_eq!(answer_under(&[]), "");
    assert_eq!(
        answer_under(&[("TERRACE_COMPONENTS__PARROT__CONFIG__WORD", "hello")]),
        "hello"
    );
    assert_eq!(
        answer_under(&[("TERRACE_TOKEN", "{"), ("TERRACE_SIMULATE_RUN", "1")]),
        ""
    );
    assert_eq!(
        answer_under(&[("TERRACE_LOG__LEVEL", "lout")]),
        "error: environment variable `TERRACE_LOG__LEVEL`: `level` in [log]: unknown `lout`; known are `off`, `error`, \
         `warn`, `info`, `debug`, `trace`"
    );
}
