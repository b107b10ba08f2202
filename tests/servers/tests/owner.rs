//! A server's end is its owner's: dropped, at the end of the process, or killed.
#![expect(
    clippy::disallowed_methods,
    reason = "the tests look at processes, files and clocks of the machine"
)]

use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use servers::{Postgres, Smtp};

/// Says to this binary, started again, what to own.
const OWN: &str = "SERVERS_OWN";
const GONE_MAX: Duration = Duration::from_secs(60);

/// The data folder of a server, and its first process.
fn traces(server: &Postgres) -> (PathBuf, u32) {
    let data = PathBuf::from(server.psql("SHOW data_directory;").expect("it answers"));
    let file = std::fs::read_to_string(data.join("postmaster.pid")).expect("it runs");
    let first = file.lines().next().and_then(|line| line.parse().ok());
    (data, first.expect("the file begins with the process id"))
}

fn runs(process: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    !state.is_empty() && !state.contains(") Z ")
}

fn wait_until_gone(data: &Path, process: u32) {
    let folder = data.parent().expect("the data folder is in the server's");
    let end = Instant::now() + GONE_MAX;
    while runs(process) || folder.exists() {
        assert!(
            Instant::now() < end,
            "after {GONE_MAX:?}: process {process} runs: {}, {} is there: {}",
            runs(process),
            folder.display(),
            folder.exists()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_dropped_server_is_gone_with_its_folder() {
    for before in [
        |_: &Postgres| (),
        |server: &Postgres| server.kill().expect("it is killed"),
    ] {
        let server = Postgres::start().expect("PostgreSQL starts");
        let (data, process) = traces(&server);
        before(&server);
        drop(server);
        assert!(!runs(process), "process {process} outlives its owner");
        assert!(!data.exists(), "{} outlives its owner", data.display());
    }
}

#[test]
fn an_owner_killed_leaves_no_server() {
    for own in ["running", "paused"] {
        let (data, process) = owner_s_traces(own);
        wait_until_gone(&data, process);
    }
}

#[test]
fn an_owner_killed_leaves_no_mail_server() {
    let (folder, port) = owner_s_traces("mail");
    let address = format!("127.0.0.1:{port}").parse().expect("an address");
    let listens = || TcpStream::connect_timeout(&address, GONE_MAX).is_ok();
    let end = Instant::now() + GONE_MAX;
    while listens() || folder.exists() {
        assert!(Instant::now() < end, "{address} or {} is still there", folder.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_shared_server_ends_with_its_process() {
    let (data, process) = owner_s_traces("shared");
    wait_until_gone(&data, process);
}

/// Starts this binary as the owner of a server, lets it tell of the server, and waits for its end.
fn owner_s_traces(own: &str) -> (PathBuf, u32) {
    let mut owner = Command::new(std::env::current_exe().expect("this binary has a path"))
        .args(["--exact", "owner_of_a_server", "--nocapture"])
        .env(OWN, own)
        .stdout(Stdio::piped())
        .spawn()
        .expect("this binary starts again");
    let said = std::io::read_to_string(owner.stdout.take().expect("it is piped")).expect("it is text");
    let ended = owner.wait().expect("it ends");
    assert_eq!(
        ended.success(),
        own == "shared",
        "the owner was to be killed: {ended}, {said}"
    );
    let told = said
        .split("owned: ")
        .nth(1)
        .unwrap_or_else(|| panic!("the owner said only: {said}"));
    let (process, data) = told
        .lines()
        .next()
        .and_then(|line| line.split_once(' '))
        .expect("two words");
    (PathBuf::from(data), process.parse().expect("a number"))
}

/// The other side of [`owner_s_traces`]; by itself it has nothing to do.
#[test]
fn owner_of_a_server() {
    let Ok(own) = std::env::var(OWN) else { return };
    let tell = |(path, number): (PathBuf, u32)| {
        writeln!(std::io::stdout(), "owned: {number} {}", path.display()).expect("somebody reads");
    };
    match own.as_str() {
        "shared" => tell(traces(Postgres::shared())),
        "mail" => {
            let server = Smtp::start().expect("the mail server starts");
            let folder = server.authority().parent().map(Path::to_path_buf);
            tell((folder.expect("a file is in a folder"), server.port().into()));
            kill_me();
        }
        _ => {
            let server = Postgres::start().expect("PostgreSQL starts");
            tell(traces(&server));
            if own == "paused" {
                server.pause().expect("it runs");
            }
            kill_me();
        }
    }
}

fn kill_me() {
    // No destructor, no handler: the operating system takes the process away.
    let me = std::process::id().to_string();
    let _ = Command::new("sh").args(["-c", "kill -s KILL $0", &me]).status();
    unreachable!("a killed process goes on");
}
