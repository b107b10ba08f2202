//! Programs: found, run to their end, signalled.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::Error;

/// Between two looks at something that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How much of a log an error shows.
const LOG_LINES_MAX: usize = 30;

/// The program `name` in PATH.
pub(crate) fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// Runs `command` to its end, with `input` as its standard input, and gives what it printed.
pub(crate) fn run(command: &mut Command, input: &str) -> Result<String, Error> {
    let line = format!("{command:?}");
    let failed = |status: String, said: String| Error::Failed {
        command: line.clone(),
        status,
        said,
    };
    let output = output(command, input).map_err(|error| failed("no start".to_string(), error.to_string()))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = if said.trim().is_empty() {
        printed.trim()
    } else {
        said.trim()
    };
    Err(failed(output.status.to_string(), said.to_string()))
}

fn output(command: &mut Command, input: &str) -> std::io::Result<Output> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading says why on its own.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output()
}

/// Sends the signal `name` (`KILL`, `STOP`, ...) to `processes`. A process that is gone is no failure.
pub(crate) fn signal(name: &str, processes: &[u32]) {
    // The shell's own `kill`: the program of that name is not on every machine. `unsafe` for libc is not worth it.
    let sent = Command::new("sh")
        .args(["-c", r#"for process in "$@"; do kill -s "$0" "$process"; done"#, name])
        .args(processes.iter().map(u32::to_string))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    // A machine without `sh` did not get as far as starting a server.
    let _ = sent;
}

/// The processes that `parent` started and that still run.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let listed = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))
        .unwrap_or_else(|_| run(Command::new("pgrep").args(["-P", &parent.to_string()]), "").unwrap_or_default());
    listed.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// Whether the process runs: it is there, and is not one that only waits for its parent to notice its end.
pub(crate) fn runs(process: u32) -> bool {
    let Ok(state) = std::fs::read_to_string(format!("/proc/{process}/stat")) else {
        return false;
    };
    // The name in parentheses may hold anything, also spaces and parentheses; the state follows it (proc(5)).
    let state = state.rsplit_once(')').map_or("", |(_, rest)| rest.trim_start());
    !state.starts_with(['Z', 'X'])
}

/// Waits until `done`, at most for `time`; says whether it came.
pub(crate) fn wait_until(time: Duration, mut done: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + time;
    loop {
        if done() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Whether the child has ended.
pub(crate) fn ended(child: &mut Child) -> bool {
    !matches!(child.try_wait(), Ok(None))
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES_MAX)..].join("\n")
}
