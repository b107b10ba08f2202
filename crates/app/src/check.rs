//! `check --against FILE|PROGRAM`: what this release changes, seen from another one, and in which order it is rolled out.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use host::Description;
use serde::Serialize;
use wire::release::{Change, Order, Release, Report, Verdict, What};

use crate::console::Console;
use crate::describe;
use crate::failure::CommandError;
use crate::limits::RELEASE_BYTES_MAX;
use crate::scratch::Scratch;

/// The exit status of a release that breaks another one.
const BREAKING: u8 = 1;

/// The release that `described` is.
pub(crate) fn release(application: &str, version: &str, described: &Description) -> Result<Release, CommandError> {
    Ok(serde_json::from_value(describe::json(
        application,
        version,
        described,
    )?)?)
}

/// The release that is kept in a file, or that a program is.
pub(crate) fn other(against: &Path, config: Option<&Path>, set: &[OsString]) -> Result<Release, CommandError> {
    let shown = against.display();
    let mut first = [0; 1];
    let mut file = world::production::open_file(against).map_err(|error| {
        format!("cannot read {shown}: {error}; give what `describe --json` of the other release wrote, or its program")
    })?;
    let is_text = file.read(&mut first)? == 0 || first[0] == b'{' || first[0].is_ascii_whitespace();
    let text = match is_text {
        true => world::production::read_file(against, RELEASE_BYTES_MAX)?,
        false => asked(against, config, set)?,
    };
    let release: Release = serde_json::from_slice(&text).map_err(|error| {
        format!(
            "{shown} is not what `describe --json` prints: {error}; have the other release write it by `describe --json`"
        )
    })?;
    release.check().map_err(|error| format!("{shown}: {error}"))?;
    Ok(release)
}

/// What the program says of itself, asked as this one was.
fn asked(program: &Path, config: Option<&Path>, set: &[OsString]) -> Result<Vec<u8>, CommandError> {
    let scratch = Scratch::new()?;
    let mut command = Command::new(std::path::absolute(program)?);
    command.args(["describe", "--json"]);
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    for set in scratch.set(set.to_vec()) {
        command.arg("--set").arg(set);
    }
    let output = command
        .output()
        .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let (program, status) = (program.display(), output.status);
    Err(format!("{program} describe --json ended with {status}:\n{}", said.trim_end()).into())
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
        false => text(old, new, &report),
    };
    console.text(&text)?;
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
    if !report.rollout.is_empty() {
        text.push_str("\nrollout, one after the other; all others whenever you like:\n");
    }
    for (number, step) in (1..).zip(&report.rollout) {
        let owner = step.owner.iter().map(|owner| format!(" ({owner})")).collect::<String>();
        let stops = if step.old_stops_first {
            ", whose old processes stop first"
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
