//! `terrace dev`, on a program without dependencies: what it builds takes a second.
#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "a test drives real processes from outside")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

/// How long anything may take on a machine that does much else.
const SOON: Duration = Duration::from_secs(120);

/// Lines that it says and nobody has read.
const LINES_MAX: usize = 10_000;

/// Says what it was started with, and runs until somebody ends it.
const PROGRAM: &str = r#"
fn main() {
    let reload = std::env::var("TERRACE_FRONT__RELOAD").unwrap_or_default();
    let templates = std::env::var("TERRACE_FRONT__TEMPLATES").unwrap_or_default();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    println!("NAME {} {reload} {} {arguments:?}", std::process::id(), templates.ends_with("/templates"));
    if arguments == ["over"] {
        std::process::exit(3);
    }
    loop {
        std::thread::park();
    }
}
"#;

fn program(name: &str) -> String {
    PROGRAM.replace("NAME", name)
}

/// A package that is written, and `terrace dev` in it; both end with the test.
struct Writing {
    folder: PathBuf,
    dev: Child,
    said: Receiver<String>,
}

impl Writing {
    fn begin(name: &str, arguments: &[&str]) -> Writing {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dev").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        let manifest = format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n[workspace]\n");
        put(&folder.join("Cargo.toml"), &manifest);
        put(&folder.join("src/main.rs"), &program("one"));
        put(&folder.join("templates/list.html"), "one");
        let mut dev = Command::new(env!("CARGO_BIN_EXE_terrace"));
        dev.arg("dev").args(arguments).current_dir(&folder);
        dev.env("CARGO_TARGET_DIR", folder.join("target"));
        let mut dev = dev
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let (says, said) = sync_channel(LINES_MAX);
        let hear = |out: Option<Box<dyn Read + Send>>| {
            let (says, out) = (says.clone(), out.expect("it is piped"));
            std::thread::spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    // What nobody reads is dropped.
                    let _ = says.try_send(line);
                }
            })
        };
        let (out, error) = (dev.stdout.take(), dev.stderr.take());
        hear(out.map(|out| Box::new(out) as Box<dyn Read + Send>));
        hear(error.map(|error| Box::new(error) as Box<dyn Read + Send>));
        Writing { folder, dev, said }
    }

    fn write(&self, path: &str, text: &str) {
        put(&self.folder.join(path), text);
    }

    /// The next line that begins with `start`.
    #[track_caller]
    fn hears(&self, start: &str) -> String {
        let mut others = Vec::new();
        loop {
            match self.said.recv_timeout(SOON) {
                Ok(line) if line.starts_with(start) => return line,
                Ok(line) => others.push(line),
                Err(_) => panic!("`{start}` is not said: {}", others.join("\n")),
            }
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        // By SIGKILL its program would be left.
        if matches!(self.dev.try_wait(), Ok(None)) {
            let _ = Command::new("kill").arg(self.dev.id().to_string()).status();
            let _ = self.dev.wait();
        }
    }
}

fn put(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, text).expect("it is written");
}

/// The process that a program has said it is.
fn id(line: &str) -> &str {
    line.split(' ').nth(1).expect("an id")
}

fn runs(id: &str) -> bool {
    let sent = Command::new("kill").args(["-0", id]).stderr(Stdio::null()).status();
    sent.expect("kill runs").success()
}

#[test]
fn a_program_is_built_and_started_again_after_each_change_and_ends_with_it() {
    let mut writing = Writing::begin("changed", &["--", "up", "--listen"]);
    let one = writing.hears("one ");
    assert!(one.ends_with(" true true [\"up\", \"--listen\"]"), "{one}");

    // What does not build changes nothing.
    writing.write("src/main.rs", "fn main() { broken }");
    writing.hears("error[E0425]");
    writing.hears("the build failed; the program from before runs on");
    assert!(runs(id(&one)));

    writing.write("src/main.rs", &program("two"));
    let two = writing.hears("two ");
    assert!(!runs(id(&one)) && runs(id(&two)));

    // A template needs no build.
    writing.write("templates/list.html", "another");
    writing.hears("templates/list.html has changed");
    let again = writing.hears("two ");
    assert!(!runs(id(&two)) && runs(id(&again)));

    let sent = Command::new("kill")
        .args(["-INT", &writing.dev.id().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
    assert_eq!(writing.dev.wait().expect("it ends").code(), Some(0));
    assert!(!runs(id(&again)));
}

#[test]
fn a_program_that_ends_by_itself_is_started_again_after_a_change() {
    let writing = Writing::begin("over", &["--", "over"]);
    writing.hears("one ");
    writing.hears("the program has ended by itself: exit status: 3; it is started again after a change");
    writing.write("src/main.rs", &program("two"));
    writing.hears("two ");
}

#[test]
fn of_several_programs_one_has_to_be_named() {
    let writing = Writing::begin("several", &[]);
    writing.hears("one ");
    writing.write("src/bin/other.rs", &program("other"));
    writing.hears("this package has several programs; say which by --bin: ");
    drop(writing);
    let writing = Writing::begin("named", &["--bin", "named"]);
    writing.hears("one ");
}
