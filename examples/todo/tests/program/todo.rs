//! The application, as a process.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::SOON;
use crate::client::Client;
use crate::place::Place;

const TODO: &str = env!("CARGO_BIN_EXE_todo");

/// Lines that it says and nobody has read.
const LINES_MAX: usize = 100_000;

/// The application, serving; it is killed with the test.
pub(crate) struct Todo {
    child: Child,
    /// Host and port of its pages.
    pub(crate) address: String,
    /// The printed address of the operator's pages.
    pub(crate) admin: String,
    said: Receiver<String>,
}

impl Todo {
    pub(crate) fn open(place: &Place) -> Todo {
        Todo::open_with(place, &[])
    }

    /// Opens it with more arguments.
    pub(crate) fn open_with(place: &Place, more: &[&str]) -> Todo {
        let mut command = command(place, &["up", "--json", "--listen", "127.0.0.1:0"]);
        command.args(more).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the application runs");
        let errors = BufReader::new(child.stderr.take().expect("it is piped"));
        let (says, said) = sync_channel(LINES_MAX);
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                // What nobody reads is dropped.
                let _ = says.try_send(line);
            }
        });
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut hear = |key: &str| {
            let line = lines.next().and_then(Result::ok).unwrap_or_default();
            let value: Value = serde_json::from_str(&line).unwrap_or_default();
            value[key].as_str().map(str::to_owned)
        };
        let (Some(url), Some(admin)) = (hear("listening"), hear("admin")) else {
            let ended = child.wait();
            let said: Vec<String> = said.iter().collect();
            panic!("the application does not open: {ended:?}: {}", said.join("\n"));
        };
        let address = url.rsplit('/').next().expect("an address").to_owned();
        Todo {
            child,
            address,
            admin,
            said,
        }
    }

    /// A client with the token of `email`, whose account is made.
    pub(crate) fn client(&self, place: &Place, email: &str) -> Client {
        Client::new(&self.address, Some(token(place, email)))
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Asks it to end, and answers its status and how long it took.
    pub(crate) fn end(mut self, signal: &str) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        let sent = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(self.child.id().to_string())
            .status();
        assert!(sent.expect("kill runs").success());
        loop {
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                return (status.code(), begun.elapsed());
            }
            assert!(begun.elapsed() < SOON, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> String {
        self.said.try_iter().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Todo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A token of `email`, whose account is made, by the command.
pub(crate) fn token(place: &Place, email: &str) -> String {
    let output = run(place, &["user", "add", email]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).expect("it is text");
    let token = said.strip_suffix('\n').expect("one line");
    assert!(token.len() >= 40 && !token.contains(char::is_whitespace), "{token}");
    token.to_owned()
}

/// Runs a command to its end.
pub(crate) fn run(place: &Place, arguments: &[&str]) -> Output {
    command(place, arguments).output().expect("the application runs")
}

fn command(place: &Place, arguments: &[&str]) -> Command {
    let mut command = Command::new(TODO);
    command
        .args(arguments)
        .args([
            "--log-level",
            "info",
            "--set",
            "tiers.jobs.lease=1s",
            "--set",
            "tiers.jobs.poll=50ms",
        ])
        .arg("--data")
        .arg(place.folder.join("data"))
        .current_dir(&place.folder);
    if let Some(database) = &place.database {
        command.arg("--set").arg(format!("tiers.database={database}"));
    }
    command
}
