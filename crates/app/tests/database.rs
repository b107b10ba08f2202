//! The commands `database` and `jobs`, as a person types them, on data that nobody holds and on data that a process does.
#![allow(clippy::disallowed_methods, reason = "tests start the program and look at its files")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use terrace::database::{Database, Error, Migration, Migrations, Transaction, migration::Kind};
use terrace::jobs::{Job, JobError, Jobs};
use terrace::{App, Argument, CallError, CommandError, Cx, Invocation, Setup, SetupError};

/// Keeps notes.
#[terrace::component]
pub trait Notes {
    /// Keeps a note, and has it read out later.
    #[call(once)]
    async fn keep(&self, cx: &Cx, text: String) -> Result<u64, CallError>;

    /// All notes, and whether each was read out.
    #[call(read)]
    async fn all(&self, cx: &Cx) -> Result<Vec<(String, bool)>, CallError>;
}

const SCHEMA: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "notes",
        kind: Kind::Expand,
        sqlite: "create table notes (id integer primary key, text text not null, told integer not null default 0);",
        postgres: "create table notes (id bigserial primary key, text text not null, told boolean not null default false);",
    }],
};

/// What cannot be run.
const BROKEN: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "notes",
        kind: Kind::Expand,
        sqlite: "nonsense;",
        postgres: "nonsense;",
    }],
};

/// Set where the module asks for its database in vain first.
const FAILS_FIRST: &str = "NOTEBOOK_FAILS_FIRST";

struct Notebook {
    database: Database,
    jobs: Jobs,
}

impl Notebook {
    async fn open(setup: &Setup) -> Result<Notebook, SetupError> {
        if std::env::var_os(FAILS_FIRST).is_some() {
            let failed = setup.database(BROKEN).await.map(drop).unwrap_err().to_string();
            assert!(failed.contains("nonsense"), "{failed}");
        }
        let database = setup.database(SCHEMA).await?;
        let jobs = setup.jobs(&database).await?;
        let own = database.clone();
        jobs.kind::<String>("tell").run(move |_: Cx, text: String| {
            let own = own.clone();
            async move {
                if text.starts_with("secret") {
                    return Err(JobError::Fail("it is a secret".to_owned()));
                }
                own.execute("update notes set told = (1 = 1) where text = $1", (text,))
                    .await
                    .map(drop)
                    .map_err(|error| JobError::Retry(error.to_string()))
            }
        })?;
        Ok(Notebook { database, jobs })
    }
}

impl Notes for Notebook {
    async fn keep(&self, cx: &Cx, text: String) -> Result<u64, CallError> {
        let jobs = self.jobs.clone();
        let kept: Result<u64, Failed> = self
            .database
            .once(cx, async move |tx: &Transaction<'_>| {
                tx.execute("insert into notes (text) values ($1)", (&text,)).await?;
                jobs.enqueue(tx, Job::new("tell", &text)).await?;
                Ok(tx
                    .query_one("select count(*) from notes", ())
                    .await
                    .map(|count: i64| count.unsigned_abs())?)
            })
            .await;
        kept.map_err(|Failed::Call(error)| error)
    }

    async fn all(&self, _: &Cx) -> Result<Vec<(String, bool)>, CallError> {
        Ok(self
            .database
            .query("select text, told from notes order by id", ())
            .await?)
    }
}

#[terrace::data]
enum Failed {
    Call(CallError),
}

impl From<CallError> for Failed {
    fn from(error: CallError) -> Failed {
        Failed::Call(error)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed::Call(error.into())
    }
}

async fn keep(invocation: Invocation) -> Result<(), CommandError> {
    let notes = invocation.reference::<dyn Notes>().await?;
    let count = notes.keep(invocation.cx(), invocation.text("text").to_owned()).await?;
    invocation.print(&count)
}

async fn all(invocation: Invocation) -> Result<(), CommandError> {
    let notes = invocation.reference::<dyn Notes>().await?;
    for (text, told) in notes.all(invocation.cx()).await? {
        invocation.print(&format!("{text} {told}"))?;
    }
    Ok(())
}

/// Set where this binary is the program.
const PROGRAM: &str = "NOTEBOOK_PROGRAM";

/// What is after the name of the test.
const ARGUMENTS: &str = "NOTEBOOK_ARGUMENTS";

/// The program itself, when it is started by a test.
#[test]
fn notebook() {
    if std::env::var_os(PROGRAM).is_none() {
        return;
    }
    let arguments = std::env::var(ARGUMENTS).unwrap_or_default();
    let arguments = std::iter::once("notebook")
        .chain(arguments.split('\u{1f}'))
        .map(Into::into);
    let notebook = App::new("notebook")
        .provide::<dyn Notes>(Notebook::open)
        .command(
            terrace::Command::new("keep", "Keeps a note", keep)
                .argument(Argument::positional("text", "What").required()),
        )
        .command(terrace::Command::new("all", "Prints all notes", all));
    let status = notebook.run_on(arguments.collect(), app::Console::process());
    // What the harness would print besides is not the program's.
    std::process::exit(status.into());
}

struct Notebooks {
    folder: PathBuf,
}

impl Notebooks {
    fn new(name: &str) -> Notebooks {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Notebooks { folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "notebook", "--nocapture", "--quiet"])
            .env(PROGRAM, "1")
            .env(ARGUMENTS, arguments.join("\u{1f}"))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// What a command prints, when it succeeds.
    fn says(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", shown(&output));
        plain(&output.stdout)
    }

    /// What a command complains of.
    fn complains(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}: {}", shown(&output));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// The program, running, once it listens.
    fn up(&self, more: &[&str]) -> Running {
        let mut arguments = vec!["up", "--service-listen", "127.0.0.1:0"];
        arguments.extend(more);
        let mut child = self.command(&arguments).stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let listens = lines.any(|line| line.unwrap().contains("listening on"));
        assert!(listens, "it ended before it listened");
        Running { child }
    }

    /// Waits until `look` is content with what a command says.
    fn until(&self, arguments: &[&str], look: impl Fn(&str) -> bool) -> String {
        let begun = std::time::Instant::now();
        loop {
            let said = self.says(arguments);
            if look(&said) {
                return said;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "{arguments:?} says still: {said}"
            );
        }
    }
}

struct Running {
    child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Without what the harness says of itself.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let own = |line: &&str| !line.is_empty() && !line.starts_with("running 1 test");
    text.lines().filter(own).map(|line| format!("{line}\n")).collect()
}

fn shown(output: &Output) -> String {
    format!("{}{}", plain(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_backup_is_taken_and_restored_whether_the_program_runs_or_not() {
    let here = Notebooks::new("backup");
    assert!(
        here.complains(&["database", "backup", "saved"])
            .contains("has no database yet")
    );
    assert_eq!(here.says(&["keep", "milk"]), "1\n");
    assert_eq!(here.says(&["keep", "bread"]), "2\n");
    let said = here.says(&["database", "backup", "saved/one"]);
    assert!(said.starts_with("Notes: ") && said.ends_with(" written\n"), "{said}");
    assert!(
        here.complains(&["database", "backup", "saved/one"])
            .contains("is there already")
    );
    {
        let _running = here.up(&[]);
        let status = here.says(&["database", "status"]);
        assert!(
            status.contains("process ") && status.contains("0001_notes (expand)"),
            "{status}"
        );
        here.says(&["database", "backup", "saved/two"]);
        // The program that runs has the data, and does what a command asks of its components.
        assert_eq!(here.says(&["keep", "butter"]), "3\n");
    }
    assert!(
        here.complains(&["database", "restore", "saved/two"])
            .contains("--replace")
    );
    assert_eq!(here.says(&["all"]).lines().count(), 3);
    here.says(&["database", "restore", "saved/two", "--replace"]);
    let notes = here.says(&["all"]);
    assert_eq!(notes.lines().count(), 2, "{notes}");
    assert!(
        here.complains(&["database", "restore", "nowhere"])
            .contains("cannot be read")
    );
    assert!(
        here.complains(&["database", "restore", "saved/two", "--component", "Nots"])
            .contains("Notes")
    );
}

#[test]
fn an_application_is_described_without_a_touch_of_its_data() {
    let here = Notebooks::new("described");
    let described = here.says(&["describe"]);
    assert!(described.contains("keep(text: String)"), "{described}");
    assert!(!here.folder.join("data").exists(), "a description makes no database");
    let _running = here.up(&[]);
    assert_eq!(here.says(&["describe"]), described, "while a process has the data");
}

#[test]
fn all_data_moves_to_postgresql_while_the_program_runs() {
    let here = Notebooks::new("move");
    let server = servers::Postgres::shared();
    let name = format!("moved_{}", std::process::id());
    server.create_database(&name).unwrap();
    let url = server.url(&name);
    for number in 0..5 {
        here.says(&["keep", &format!("note {number}")]);
    }
    {
        let _running = here.up(&[]);
        here.until(&["jobs", "list", "--state", "done"], |said| {
            said.matches("done").count() == 5
        });
        assert!(
            here.complains(&["database", "move", "--to", "postgres://nobody@127.0.0.1:1/none"])
                .contains("127.0.0.1")
        );
        let moved = here.says(&["database", "move", "--to", &url]);
        assert!(moved.contains("Notes: ") && moved.contains(" moved"), "{moved}");
    }
    let refused = here.complains(&["all"]);
    assert!(refused.contains("was moved to postgres://"), "{refused}");
    assert!(!refused.contains(server.password()), "{refused}");
    let set = format!("tiers.database={url}");
    let notes = here.says(&["all", "--set", &set]);
    assert_eq!(notes.lines().count(), 5, "{notes}");
    assert!(notes.lines().all(|line| line.ends_with("true")), "{notes}");
    assert_eq!(here.says(&["keep", "one more", "--set", &set]), "6\n");
    let refused = here.complains(&["database", "move", "--to", &url, "--set", &set]);
    assert!(refused.contains("from PostgreSQL"), "{refused}");
}

#[test]
fn a_job_that_failed_is_shown_replayed_and_cancelled() {
    let here = Notebooks::new("jobs");
    assert_eq!(here.says(&["jobs", "list"]), "no jobs\n");
    here.says(&["keep", "secret plans"]);
    let running = here.up(&[]);
    let parked = here.until(&["jobs", "list", "--json"], |said| said.contains("\"parked\""));
    let jobs: serde_json::Value = serde_json::from_str(&parked).unwrap();
    let id = jobs[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(jobs[0]["component"], "Notes");
    let shown = here.says(&["jobs", "show", &id]);
    assert!(
        shown.contains("it is a secret") && shown.contains("state           parked"),
        "{shown}"
    );
    assert!(here.says(&["jobs", "retry", &id]).contains("is run again"));
    here.until(&["jobs", "show", &id], |said| said.contains("parked"));
    drop(running);
    // The same without the program.
    assert!(here.says(&["jobs", "cancel", &id]).contains("is cancelled"));
    assert!(here.complains(&["jobs", "retry", &id]).contains("only a parked one"));
    let nobody = "00000000-0000-0000-0000-000000000001";
    assert!(here.complains(&["jobs", "show", nobody]).contains("there is no job"));
    assert!(
        here.complains(&["jobs", "show", "seven"])
            .contains("invalid value 'seven'")
    );
    assert!(
        here.complains(&["jobs", "list", "--component", "Nots"])
            .contains("Notes")
    );
    assert!(here.complains(&["jobs", "list", "--state", "lost"]).contains("parked"));
}

#[test]
#[cfg(unix)]
fn a_command_gives_up_on_an_owner_that_stands_still_and_says_which() {
    let here = Notebooks::new("still");
    here.says(&["keep", "milk"]);
    let running = here.up(&[]);
    let pid = running.child.id().to_string();
    let signal = |signal: &str| assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    signal("-STOP");
    let next = format!("kill -CONT {pid}");
    let silent = format!("process {pid} holds the data of `Notes` and does not answer");
    let said = here.complains(&["jobs", "list"]);
    assert!(
        said.starts_with(&format!("error: {silent}")) && said.contains(&next),
        "{said}"
    );
    // It looks at each database, and says of each what it found.
    let output = here.command(&["database", "status"]).output().unwrap();
    let said = plain(&output.stdout);
    assert!(!output.status.success(), "{said}");
    assert!(
        said.contains(&format!("Notes: {silent}")) && said.contains(&next),
        "{said}"
    );
    signal("-CONT");
    assert!(here.says(&["jobs", "list"]).contains("tell"));
}

#[test]
fn what_is_stored_cannot_command_the_terminal_and_times_are_texts_in_json() {
    let here = Notebooks::new("plain");
    let text = "\u{1b}]0;mine\u{7}";
    here.says(&["keep", text]);
    let said = here.says(&["all"]);
    assert!(said.contains(r"\u{1b}]0;mine\u{7} false"), "{said:?}");
    let listed = here.says(&["jobs", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let due = listed[0]["due"].as_str().unwrap();
    assert!(
        due.len() == "2026-01-01T00:00:00.000000Z".len() && due.ends_with('Z'),
        "{due}"
    );
    assert_eq!(listed[0]["started"], serde_json::Value::Null);
}

#[test]
fn a_database_that_could_not_be_opened_may_be_asked_for_again() {
    let here = Notebooks::new("again");
    let output = here.command(&["keep", "milk"]).env(FAILS_FIRST, "1").output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    assert_eq!(here.says(&["all"]), "milk false\n");
}
