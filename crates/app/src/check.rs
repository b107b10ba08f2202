//! `check --against FILE|PROGRAM`: what this release changes, seen from another one, and in which order it is rolled out.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use host::Description;
use serde::Serialize;
use wire::release::{Change, Order, Release, Report, Verdict, What};
use world::Env;

use crate::console::{Console, plain};
use crate::describe;
use crate::failure::CommandError;
use crate::limits::RELEASE_BYTES_MAX;
use crate::scratch::Scratch;

/// The exit status of a release that breaks another one.
const BREAKING: u8 = 1;

/// The exit status where the two could not be compared, as `diff` has it.
pub(crate) const NOT_COMPARED: u8 = 2;

/// How long a program may take to say what it is.
const ASKED_MAX: Duration = Duration::from_secs(60);

/// How often it is looked whether it has ended, once it says no more.
const ASKED_TICK: Duration = Duration::from_millis(5);

/// Bytes of what it says in words, should it fail.
const WORDS_BYTES_MAX: u64 = 64 << 10;

/// The release that `described` is.
pub(crate) fn release(application: &str, version: &str, described: &Description) -> Result<Release, CommandError> {
    Ok(serde_json::from_value(describe::json(
        application,
        version,
        described,
    )?)?)
}

/// The release that is kept in a file, or that a program is.
pub(crate) async fn other(
    env: &Env,
    application: &str,
    against: &Path,
    config: Option<&Path>,
    set: &[OsString],
) -> Result<Release, CommandError> {
    let shown = against.display();
    let unread = |error| {
        format!("cannot read {shown}: {error}; give what `describe --json` of the other release wrote, or its program")
    };
    let mut text = vec![0; 1];
    let mut file = world::production::open_file(against).map_err(unread)?;
    let is_empty = file.read(&mut text).map_err(unread)? == 0;
    if is_empty || text[0] == b'{' || text[0].is_ascii_whitespace() {
        // It may be no file, but what another program writes at this moment: it is read once.
        let rest = bounded(file).map_err(unread)?;
        text.extend(rest.ok_or_else(|| too_large(against))?);
    } else {
        text = match asked(env, against, Some((config, set))).await? {
            Ok(text) => text,
            // This release may configure what the other one does not know.
            Err(as_this_one) => asked(env, against, None).await?.map_err(|_| as_this_one)?,
        };
    }
    let release: Release = serde_json::from_slice(&text).map_err(|error| {
        format!(
            "{shown} is not what `describe --json` prints: {error}; have the other release write it by `describe --json`"
        )
    })?;
    release.check().map_err(|error| format!("{shown}: {error}"))?;
    if release.application != application {
        let other = &release.application;
        return Err(format!("{shown} is a release of `{other}`, and this one is of `{application}`").into());
    }
    Ok(release)
}

/// All of it, if it is not too much.
fn bounded(from: impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(RELEASE_BYTES_MAX).unwrap_or(u64::MAX);
    from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= RELEASE_BYTES_MAX).then_some(bytes))
}

fn too_large(what: &Path) -> String {
    format!(
        "{} says more than {RELEASE_BYTES_MAX} bytes; give what `describe --json` of the other release wrote, or its program",
        what.display()
    )
}

/// What this program was configured by: a file, and settings.
type Configured<'c> = (Option<&'c Path>, &'c [OsString]);

/// What the program says of itself, configured as this one is, or not at all; or else how it failed.
async fn asked(
    env: &Env,
    program: &Path,
    configured: Option<Configured<'_>>,
) -> Result<Result<Vec<u8>, String>, CommandError> {
    let scratch = Scratch::new()?;
    let shown = program.display();
    let mut command = Command::new(std::path::absolute(program)?);
    command.args(["describe", "--json"]);
    let (config, set) = configured.unwrap_or_default();
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    if configured.is_none() {
        command.current_dir(scratch.folder());
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("TERRACE_") {
                command.env_remove(&variable);
            }
        }
    }
    for set in scratch.set(set.to_vec()) {
        command.arg("--set").arg(set);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let started = command.spawn();
    let mut asked = Asked(started.map_err(|error| {
        format!(
            "{shown} does not begin with {{ as what `describe --json` prints does, and cannot be run either: {error}"
        )
    })?);
    let (Some(out), Some(error)) = (asked.0.stdout.take(), asked.0.stderr.take()) else {
        return Err(format!("{shown} has no output").into());
    };
    let out = env.blocking("describe", move || bounded(out));
    let said = env.blocking("describe", move || first_words(error));
    let late = || {
        let seconds = ASKED_MAX.as_secs();
        format!(
            "{shown} describe --json did not end within {seconds} s; give what it wrote, or the program of another release"
        )
    };
    let ended = env.timeout(ASKED_MAX, async {
        let Some(out) = out.await.map_err(io::Error::other)?? else {
            return Err(CommandError::from(too_large(program)));
        };
        let said = said.await.unwrap_or_default();
        loop {
            if let Some(status) = asked.0.try_wait()? {
                return Ok((status, out, said));
            }
            env.sleep(ASKED_TICK).await;
        }
    });
    let (status, out, said) = ended.await.map_err(|_| late())??;
    if status.success() {
        return Ok(Ok(out));
    }
    let said = String::from_utf8_lossy(&said);
    Ok(Err(format!(
        "{shown} describe --json ended with {status}:\n{}",
        said.trim_end()
    )))
}

/// The first of what a program says in words; the rest is let go, so that it does not wait for a reader.
fn first_words(mut from: impl Read) -> Vec<u8> {
    let mut words = Vec::new();
    // What cannot be read is as good as not said.
    let _ = from.by_ref().take(WORDS_BYTES_MAX).read_to_end(&mut words);
    let _ = io::copy(&mut from, &mut io::sink());
    words
}

/// The program that is asked. It does not outlive the question.
struct Asked(Child);

impl Drop for Asked {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// What `check --json` prints.
#[derive(Serialize)]
struct Document<'r> {
    old: &'r str,
    new: &'r str,
    #[serde(flatten)]
    report: &'r Report,
}

/// Prints what came of it, and answers the exit status.
pub(crate) fn run(old: &Release, new: &Release, json: bool, console: &Console) -> Result<u8, CommandError> {
    let report = wire::release::check(old, new);
    let text = match json {
        true => {
            let (old, new, report) = (&*old.version, &*new.version, &report);
            format!("{}\n", serde_json::to_string_pretty(&Document { old, new, report })?)
        }
        // Also what another release says of itself is not for the terminal to obey.
        false => plain(text(old, new, &report)),
    };
    console.verdict(&text)?;
    Ok(match report.verdict {
        Verdict::Breaking => BREAKING,
        Verdict::Safe | Verdict::Ordered(_) => 0,
    })
}

fn text(old: &Release, new: &Release, report: &Report) -> String {
    let mut text = format!("{} to {}: {}\n", old.version, new.version, summary(report));
    if report.changes.is_empty() {
        return text;
    }
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_header(["verdict", "what", "owners", "why"]);
    for change in &report.changes {
        table.add_row([
            verdict(change.verdict).to_owned(),
            what(&change.what),
            owners(change),
            change.why.join("\n"),
        ]);
    }
    text.push('\n');
    text.extend(table.lines().map(|line| format!("{}\n", line.trim_end())));
    if report.verdict == Verdict::Breaking {
        // Those that break have no place in an order.
        text.push_str("\nno order of a rollout saves what is BREAKING\n");
        return text;
    }
    if !report.rollout.is_empty() {
        text.push_str("\nrollout, one after the other; all others whenever you like:\n");
    }
    for (number, step) in (1..).zip(&report.rollout) {
        let owner = step.owner.iter().map(|owner| format!(" ({owner})")).collect::<String>();
        let stops = if step.old_stops_first {
            ", whose old processes stop first, and which cannot be rolled back"
        } else {
            ""
        };
        let _ = writeln!(text, "  {number}. {}{owner}{stops}", step.name);
    }
    text
}

fn summary(report: &Report) -> String {
    if report.changes.is_empty() {
        return "nothing differs that another process could see".to_owned();
    }
    let count = |wanted: fn(&Verdict) -> bool| report.changes.iter().filter(|change| wanted(&change.verdict)).count();
    format!(
        "{} breaking, {} ordered, {} safe",
        count(|verdict| *verdict == Verdict::Breaking),
        count(|verdict| matches!(verdict, Verdict::Ordered(_))),
        count(|verdict| *verdict == Verdict::Safe),
    )
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Safe => "safe",
        Verdict::Ordered(Order::CalleeFirst) => "callee first",
        Verdict::Ordered(Order::CallerFirst) => "caller first",
        Verdict::Ordered(Order::OldStopsFirst) => "old stops first",
        Verdict::Breaking => "BREAKING",
    }
}

fn what(what: &What) -> String {
    match what {
        What::Call {
            caller: Some(caller),
            callee,
            method,
        } => format!("{caller} -> {callee}.{method}"),
        What::Call { callee, method, .. } => format!("{callee}.{method}"),
        What::Job { component, kind } => format!("job `{kind}` of {component}"),
        What::Answer { component, method } => format!("recorded answer of {component}.{method}"),
        What::Session { front } => format!("sessions of {front}"),
    }
}

fn owners(change: &Change) -> String {
    let named = |owner: &Option<String>| owner.clone().unwrap_or_else(|| "-".to_owned());
    match change.what {
        What::Call { caller: Some(_), .. } => {
            format!("{} -> {}", named(&change.caller_owner), named(&change.callee_owner))
        }
        _ => named(&change.callee_owner),
    }
}
