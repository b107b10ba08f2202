//! Types what `docs/guide.md` says, in its order, and compares what is printed.
//!
//! A block of the guide is one of three: a whole file, or a change of one, below its name in bold; or a `console` block, in
//! which a line that begins with `$ ` is typed into one shell, and the others are what it prints. `..` stands for anything
//! within a line, and alone on a line for any lines. Anything else fails.
#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "a test drives real processes from outside")]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Ports of the guide, instead of which free ones are used.
const PORTS: [&str; 3] = ["8080", "7101", "7102"];

/// Time for one line to be printed: what is built before, with all that a test beside this one builds.
const LINE_TIME: Duration = Duration::from_secs(900);

/// A block of the guide, with the number of its first line.
struct Block {
    line: usize,
    what: What,
}

enum What {
    /// A file as it is from then on.
    File { path: String, text: String },
    /// Parts of a file: what stands there, and what stands there from then on.
    Change { path: String, hunks: Vec<(String, String)> },
    /// Commands, each with what it prints.
    Console(Vec<(String, Vec<String>)>),
}

fn blocks(guide: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut named = None;
    let mut lines = guide.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            let name = line.strip_prefix("**`").and_then(|rest| rest.strip_suffix("`**"));
            if !line.is_empty() {
                named = name.map(str::to_owned);
            }
            continue;
        };
        let body: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| *line != "```")
            .collect();
        let what = match (kind, named.take()) {
            ("console", None) => What::Console(commands(number + 1, &body)),
            ("diff", Some(path)) => What::Change {
                path,
                hunks: body.split(|line| line.starts_with("@@")).map(hunk).collect(),
            },
            ("rust" | "python" | "sql" | "toml", Some(path)) => What::File {
                path,
                text: body.iter().map(|line| format!("{line}\n")).collect(),
            },
            (kind, _) => panic!("line {}: a block of `{kind}` that is in no known form", number + 1),
        };
        let line = number + 1;
        blocks.push(Block { line, what });
    }
    blocks
}

fn commands(line: usize, body: &[&str]) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for text in body {
        match (text.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), Vec::new())),
            (None, Some((_, printed))) => printed.push((*text).to_owned()),
            (None, None) => panic!("line {line}: a console that begins with what is printed"),
        }
    }
    commands
}

/// What stands there, and what stands there from then on.
fn hunk(lines: &[&str]) -> (String, String) {
    let (mut before, mut after) = (String::new(), String::new());
    for line in lines {
        let (sign, text) = line.split_at_checked(1).unwrap_or((" ", ""));
        if sign != "+" {
            before.push_str(&format!("{text}\n"));
        }
        if sign != "-" {
            after.push_str(&format!("{text}\n"));
        }
    }
    (before, after)
}

/// Whether `printed` is what was expected.
fn fits(expected: &[String], printed: &[String]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((any, rest)) if any == ".." => (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..])),
        Some((first, rest)) => printed
            .split_first()
            .is_some_and(|(line, others)| line_fits(first, line) && fits(rest, others)),
    }
}

fn line_fits(expected: &str, line: &str) -> bool {
    let mut parts = expected.trim_end().split("..");
    let first = parts.next().unwrap_or_default();
    let Some(mut left) = line.trim_end().strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
        last = Some(part);
    }
    left.is_empty() || last == Some("")
}

/// One shell, into which a person types.
struct Shell {
    child: Child,
    keys: ChildStdin,
    lines: Receiver<String>,
    errors: PathBuf,
}

impl Shell {
    fn open(folder: &Path, port: &str) -> Shell {
        let terrace = Path::new(env!("CARGO_BIN_EXE_terrace")).parent().expect("a folder");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = [terrace.to_owned()].into_iter().chain(std::env::split_paths(&path));
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is below");
        let errors = folder.join("errors");
        let mut command = Command::new("bash");
        for (variable, _) in std::env::vars_os() {
            let name = variable.to_string_lossy();
            // Build scripts that read what cargo has set for this test would run again.
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&variable);
            }
        }
        let mut child = command
            .args(["--noprofile", "--norc"])
            .current_dir(folder)
            .env("PATH", std::env::join_paths(path).expect("a path"))
            .env("CARGO_TARGET_DIR", target)
            .env("CARGO_NET_OFFLINE", "true")
            .env("TERRACE_FRONT__LISTEN", format!("127.0.0.1:{port}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors).expect("a file"))
            .process_group(0)
            .spawn()
            .expect("bash runs");
        let printed = BufReader::new(child.stdout.take().expect("it is piped"));
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in printed.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Shell {
            keys: child.stdin.take().expect("it is piped"),
            child,
            lines,
            errors,
        }
    }

    fn key(&mut self, text: &str) {
        writeln!(self.keys, "{text}").expect("the shell reads");
    }

    #[track_caller]
    fn line(&self, command: &str) -> String {
        let line = self.lines.recv_timeout(LINE_TIME);
        line.unwrap_or_else(|error| panic!("`{command}`: {error}; it says: {}", self.said()))
    }

    #[track_caller]
    fn typed(&mut self, number: usize, command: &str, expected: &[String]) {
        const END: &str = "-- the command is over --";
        self.key(command);
        if command.ends_with('&') {
            for expected in expected {
                let line = self.line(command);
                assert!(
                    line_fits(expected, &line),
                    "line {number}: `{command}`: `{line}`, not `{expected}`"
                );
            }
            return;
        }
        self.key(&format!("printf '\\n%s\\n' '{END}'"));
        let mut printed = Vec::new();
        loop {
            let line = self.line(command);
            if line == END {
                break;
            }
            printed.push(line);
        }
        // The line feed before the end, unless it ended a line.
        if printed.last().is_some_and(String::is_empty) {
            printed.pop();
        }
        assert!(
            fits(expected, &printed),
            "line {number}: `{command}` prints\n{}\n\ninstead of\n{}\n\nand says: {}",
            printed.join("\n"),
            expected.join("\n"),
            self.said()
        );
    }

    /// The end of what was written to standard error.
    fn said(&self) -> String {
        const LINES: usize = 40;
        let said = std::fs::read_to_string(&self.errors).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // With everything that runs in its background.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}

/// Three builds of the application, and two with the simulator, of which one builds `terrace` anew: 80 s on two cores.
#[test]
fn what_the_guide_says_is_what_is_seen() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guide");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide.md");
    let mut guide = std::fs::read_to_string(guide).expect("the guide");
    let free = PORTS.map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"));
    let free = free.map(|listener| listener.local_addr().expect("its address").port().to_string());
    for (port, free) in PORTS.iter().zip(&free) {
        assert!(guide.contains(port), "{port}");
        guide = guide.replace(port, free);
    }
    let blocks = blocks(&guide);
    assert!(blocks.len() > 20, "{} blocks", blocks.len());
    let mut shell = Shell::open(&folder, &free[0]);
    let application = folder.join("shopping");
    for Block { line, what } in blocks {
        match what {
            What::File { path, text } => std::fs::write(application.join(path), text).expect("the file is written"),
            What::Change { path, hunks } => {
                let file = application.join(&path);
                let mut text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("line {line}: {error}"));
                for (before, after) in hunks {
                    let there = text.matches(&before).count();
                    assert_eq!(there, 1, "line {line}: how often this is in {path}:\n{before}");
                    text = text.replace(&before, &after);
                }
                std::fs::write(file, text).expect("the file is written");
            }
            What::Console(commands) => {
                for (command, printed) in commands {
                    shell.typed(line, &command, &printed);
                }
            }
        }
    }
}

#[test]
fn what_differs_is_seen() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    for (expected, printed, fit) in [
        ("a\n..\nb", "a\nb", true),
        ("a\n..\nb", "a\nx\ny\nb", true),
        ("a\n..\nb", "a\nx", false),
        ("a", "a\nb", false),
        ("", "a", false),
        ("listening on http://..", "listening on http://127.0.0.1:1", true),
        ("x .. y", "x 1 y", true),
        ("x .. y", "x 1 y z", false),
        ("x .. y ..", "x 1 y z", true),
        ("x", "xy", false),
    ] {
        assert_eq!(fits(&lines(expected), &lines(printed)), fit, "{expected} / {printed}");
    }
}
