//! One run in a process of its own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::child::{MARK, RUN};
use crate::machine;
use crate::run::{Outcome, Run, Verdict};

/// What is kept of the end of what a process says besides.
const TAIL_BYTES: usize = 4_000;

/// The longest line that a process may say: the outcome of a long run that is recorded, some million events.
const OUTCOME_BYTES_MAX: u64 = 256 << 20;

/// How long a process that has told its outcome may go on, such as by a thread that holds its standard error.
const ENDING_MAX: Duration = Duration::from_secs(1);

/// How often is looked whether a process has ended.
const ENDED_EVERY: Duration = Duration::from_micros(200);

/// What came of a process.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub(super) outcome: Outcome,
    /// Whether the run told of itself; otherwise the faults that struck are not known.
    pub(super) told: bool,
}

/// Starts a process, tells it what to run, and waits for what comes of it.
pub(super) fn perform(mut command: Command, run: &Run, wall_max: Duration) -> io::Result<Done> {
    let mut request = serde_json::to_vec(run).map_err(io::Error::other)?;
    request.push(b'\n');
    command
        .env(RUN, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // Ctrl-C is for the campaign alone: it decides what becomes of its runs.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (said, hear) = sync_channel::<Said>(2);
    let saying = said.clone();
    machine::in_background(move || {
        // A process that does not listen says why. What it listens to is closed when this process ends, for whatever
        // reason, and then it ends too.
        let mut stdin = stdin;
        let _ = stdin.as_mut().map(|stdin| stdin.write_all(&request));
        let _ = saying.send(Said::Aside(stderr.map(tail).unwrap_or_default()));
    })?;
    machine::in_background(move || {
        let _ = said.send(match stdout {
            Some(stdout) => listen(stdout, OUTCOME_BYTES_MAX),
            None => Said::Nothing(String::new()),
        });
    })?;
    let begun = machine::now();
    let left = || wall_max.saturating_sub(begun.elapsed());
    let (mut outcome, mut printed, mut last_words) = (None, String::new(), String::new());
    for _ in 0..2 {
        // What is said after the outcome is of no use.
        let limit = outcome.as_ref().map_or_else(&left, |_| left().min(ENDING_MAX));
        match hear.recv_timeout(limit) {
            Ok(Said::Outcome(told)) => outcome = Some(told),
            Ok(Said::Nothing(other)) => printed = other,
            Ok(Said::Aside(other)) => last_words = other,
            Ok(Said::Endless) => return killed(child, run, Verdict::Crash, endless()),
            Err(RecvTimeoutError::Timeout) if outcome.is_some() => break,
            Err(RecvTimeoutError::Timeout) => return killed(child, run, Verdict::NoProgress, late(wall_max)),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    if let Some(told) = outcome {
        if ended(&mut child, left().min(ENDING_MAX))?.is_none() {
            end(&mut child)?;
        }
        return Ok(match serde_json::from_str::<Outcome>(&told) {
            Ok(outcome) => Done { outcome, told: true },
            Err(error) => {
                let why = format!("the process of the run told what is no outcome: {error}");
                silent(run, Verdict::Crash, why)
            }
        });
    }
    let Some(status) = ended(&mut child, left())? else {
        return killed(child, run, Verdict::NoProgress, late(wall_max));
    };
    // In this order whichever came first: the message is what tells one failure from another.
    let said = match (printed.trim(), last_words.trim()) {
        ("", "") => "nothing".to_owned(),
        (said, "") | ("", said) => said.to_owned(),
        (printed, last_words) => format!("{last_words}\n{printed}"),
    };
    let why = format!("the process of the run ended without an outcome ({status}); it said: {said}");
    Ok(silent(run, Verdict::Crash, why))
}

/// Waits until a process has ended, at most so long; none if it goes on.
fn ended(child: &mut Child, within: Duration) -> io::Result<Option<ExitStatus>> {
    let begun = machine::now();
    loop {
        let status = child.try_wait()?;
        if status.is_some() || begun.elapsed() >= within {
            return Ok(status);
        }
        machine::pause(ENDED_EVERY);
    }
}

fn end(child: &mut Child) -> io::Result<()> {
    child.kill()?;
    child.wait().map(drop)
}

/// What a process says.
enum Said {
    /// The line with its outcome.
    Outcome(String),
    /// The end of something else on its standard output.
    Nothing(String),
    /// More in one line than is listened to.
    Endless,
    /// The end of its standard error.
    Aside(String),
}

fn listen(stdout: impl Read, bytes_max: u64) -> Said {
    let mut reader = BufReader::with_capacity(1 << 16, stdout);
    let (mut line, mut other) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        match reader.by_ref().take(bytes_max + 1).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return Said::Nothing(String::from_utf8_lossy(&other).into_owned()),
            Ok(read) if read as u64 > bytes_max => return Said::Endless,
            Ok(_) => {}
        }
        if let Some(outcome) = line.strip_prefix(MARK.as_bytes()) {
            return Said::Outcome(String::from_utf8_lossy(outcome).into_owned());
        }
        other.extend_from_slice(&line);
        keep_end(&mut other);
    }
}

fn tail(mut stderr: impl Read) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; 1 << 12]);
    while let Ok(read @ 1..) = stderr.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..read]);
        keep_end(&mut kept);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

fn keep_end(bytes: &mut Vec<u8>) {
    let more = bytes.len().saturating_sub(TAIL_BYTES);
    bytes.drain(..more);
}

fn killed(mut child: Child, run: &Run, verdict: Verdict, why: String) -> io::Result<Done> {
    end(&mut child)?;
    Ok(silent(run, verdict, why))
}

fn late(wall_max: Duration) -> String {
    format!("the run did not end within {} s of real time", wall_max.as_secs_f64())
}

fn endless() -> String {
    format!(
        "the process of the run said more than {} MiB in one line; print less, or let the scenario do less, for a recorded \
         run tells all that happened",
        OUTCOME_BYTES_MAX >> 20
    )
}

fn silent(run: &Run, verdict: Verdict, why: String) -> Done {
    Done {
        outcome: Outcome::without_a_run(run.seed, verdict, why),
        told: false,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, repeat};
    use std::process::Command;
    use std::time::Duration;

    use super::{Done, Said, listen, perform};
    use crate::run::{Outcome, Run, Verdict};

    /// What comes of a process that tells an outcome by `$TOLD`, or does not, and does what else the script says.
    fn performed(script: &str, wall_max: Duration) -> Done {
        let outcome = Outcome::without_a_run(7, Verdict::Holds, String::new());
        let told = format!(
            "{}{}",
            crate::child::MARK,
            serde_json::to_string(&outcome).expect("JSON")
        );
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("TOLD", told);
        perform(command, &Run::default(), wall_max).expect("it is started")
    }

    #[test]
    fn an_outcome_that_was_told_counts_though_its_process_does_not_end() {
        for then in ["exec sleep 600", "exec >&- 2>&-; exec sleep 600"] {
            let done = performed(&format!("echo \"$TOLD\"; {then}"), Duration::from_secs(20));
            assert!(done.told, "{then}: {}", done.outcome.message);
            assert_eq!((done.outcome.seed, done.outcome.verdict), (7, Verdict::Holds));
        }
    }

    #[test]
    fn a_process_that_says_no_more_and_does_not_end_is_ended() {
        let done = performed("exec >&- 2>&-; exec sleep 600", Duration::from_millis(200));
        assert_eq!((done.told, done.outcome.verdict), (false, Verdict::NoProgress));
    }

    #[test]
    fn a_line_without_an_end_is_not_listened_to_for_ever() {
        assert!(matches!(listen(repeat(b'x').take(10_000), 100), Said::Endless));
        let outcome = format!("a test begins\n{}{{}}\n", crate::child::MARK);
        assert!(matches!(listen(outcome.as_bytes(), 100), Said::Outcome(said) if said.trim_end() == "{}"));
    }

    #[test]
    fn many_short_lines_are_listened_to_whatever_they_are_together() {
        let lines = "x\n".repeat(5_000);
        assert!(matches!(listen(lines.as_bytes(), 100), Said::Nothing(_)));
    }
}
