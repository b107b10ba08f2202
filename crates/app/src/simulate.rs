//! The command `simulate`: an application's scenarios, each under many seeds.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Waker};

use clap::builder::PossibleValue;
use host::Description;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use sim::campaign::{self, Campaign, Progress, Stage, Stop};
use sim::report::{self, Report};
use sim::{Model, Run, Scenario, child};
use world::Env;
use world::production::shutdown_signal;

use crate::application::App;
use crate::command_line::{FAILURES, Simulation, word};
use crate::console::Console;
use crate::failure::CommandError;

/// The exit status where a scenario did not pass.
const FAILED: u8 = 1;

/// The exit status after Ctrl-C: 128 and the number of SIGINT.
const STOPPED: u8 = 130;

/// Into how many parts the bar of a campaign is divided.
const BAR_STEPS: u64 = 1_000;

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'r> {
    model: String,
    scenarios: &'r [Report],
}

/// Whether this process is one run of a campaign; then it is run, and this is its exit status.
pub(crate) fn answer(scenarios: &[Scenario]) -> Option<u8> {
    child::answer(scenarios)
}

/// The scenarios, for the help and for whoever misspells one.
pub(crate) fn scenarios(app: &App) -> Vec<PossibleValue> {
    let named = |scenario: &Scenario| PossibleValue::new(scenario.name).help(scenario.about);
    app.scenarios.iter().map(named).collect()
}

pub(crate) fn simulate(
    app: &App,
    asked: Simulation,
    _: &str,
    console: &Arc<Console>,
    env: &Env,
) -> Result<u8, CommandError> {
    let stop = stop_when_asked(env);
    if let Some(replay) = &asked.replay {
        return self::replay(replay, &asked, stop, console);
    }
    let chosen = chosen(&app.scenarios, asked.scenario.as_deref())?;
    if let Some(model) = &asked.model {
        model.parse::<Model>()?;
    }
    let (mut reports, mut next_steps) = (Vec::new(), String::new());
    for scenario in chosen {
        let report = one(scenario, &asked, &stop)?;
        for failure in &report.failures {
            let replay = match &failure.saved {
                Some(saved) => replay_command(&asked.program, saved, &asked.failures),
                None => again(&asked, scenario, Some(failure.seed)),
            };
            console.note(&failure.text(&replay));
        }
        if !report.stopped && !report.not_exercised.is_empty() && report.seeds < scenario.seeds {
            let (name, seeds, command) = (scenario.name, scenario.seeds, again(&asked, scenario, None));
            next_steps.push_str(&format!("{name}: it is meant to run {seeds} seeds: {command}\n"));
        }
        reports.push(report);
        if stop.is_asked() {
            break;
        }
    }
    let passed = reports.iter().all(Report::passed);
    match asked.json {
        true => {
            let document = Document {
                model: model(&asked, &reports),
                scenarios: &reports,
            };
            console.text(&format!("{}\n", serde_json::to_string(&document)?))?;
        }
        false => console.text(&summary(&reports, &next_steps))?,
    }
    Ok(match (stop.is_asked(), passed) {
        (true, _) => STOPPED,
        (false, true) => 0,
        (false, false) => FAILED,
    })
}

/// Ends the campaign at Ctrl-C or SIGTERM, so that it says what it has seen so far.
fn stop_when_asked(env: &Env) -> Stop {
    let stop = Stop::default();
    let (asked, mut signal) = (stop.clone(), Box::pin(shutdown_signal()));
    // From its first poll on a signal is heard, so that none ends the program before it has begun.
    let _ = signal.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    drop(env.spawn("stop", async move {
        if signal.await.is_ok() {
            asked.ask();
        }
    }));
    stop
}

/// The one model of these reports, in words.
fn model(asked: &Simulation, reports: &[Report]) -> String {
    match (&asked.model, reports) {
        (Some(model), _) => model.clone(),
        (None, [first, rest @ ..]) if rest.iter().all(|report| report.model == first.model) => first.model.clone(),
        _ => "as declared".to_owned(),
    }
}

/// What to type to run a saved failure again.
fn replay_command(program: &str, saved: &Path, failures: &Path) -> String {
    let mut command = format!("{} simulate --replay {}", word(program), word(&saved.to_string_lossy()));
    if failures != Path::new(FAILURES) {
        command.push_str(&format!(" --failures {}", word(&failures.to_string_lossy())));
    }
    command
}

/// What to type to run a scenario again: all its seeds, or one.
fn again(asked: &Simulation, scenario: &Scenario, seed: Option<u64>) -> String {
    let mut command = format!("{} simulate {}", word(&asked.program), scenario.name);
    if let Some(model) = &asked.model {
        command.push_str(&format!(" --model {}", word(model)));
    }
    if let Some(seed) = seed {
        command.push_str(&format!(" --seed {seed}"));
    }
    command
}

pub(crate) fn models(_: &str) -> Result<String, CommandError> {
    Ok(sim::model::describe_models())
}

/// Which components require a stronger model than `model`, a line for each.
pub(crate) fn weaker(_: &str, description: &Description, model: &str) -> Result<String, CommandError> {
    let running: Model = model.parse()?;
    let mut warnings = String::new();
    for component in &description.components {
        let Some(required) = &component.requires else { continue };
        if let Err(axes) = running.at_least_as_strong_as(&required.parse()?) {
            let name = &component.name;
            warnings.push_str(&format!(
                "warning: `{name}` requires `{required}`: {}\n",
                axes.join("; ")
            ));
        }
    }
    if warnings.is_empty() {
        warnings = format!("no component requires a stronger model than `{model}`\n");
    }
    Ok(warnings)
}

/// The clock and the randomness of this build are the simulator's to decide.
pub(crate) fn refuse_for_real(name: &str, given: &str) -> Result<(), CommandError> {
    let why = "this program was built with the feature `simulate`, which replaces the machine's clock and randomness";
    Err(format!("{why}; to run it for real, build it without: cargo run --release -p {name} -- {given}").into())
}

/// The scenarios that are asked for: all of them, or one by its name.
fn chosen<'s>(scenarios: &'s [Scenario], name: Option<&str>) -> Result<Vec<&'s Scenario>, CommandError> {
    if scenarios.is_empty() {
        return Err("this application declares no scenario; add one by `App::scenario`".into());
    }
    let Some(name) = name else {
        return Ok(scenarios.iter().collect());
    };
    match scenarios.iter().find(|scenario| scenario.name == name) {
        Some(scenario) => Ok(vec![scenario]),
        None => {
            let known: Vec<String> = scenarios
                .iter()
                .map(|scenario| format!("`{}`", scenario.name))
                .collect();
            Err(format!(
                "there is no scenario `{name}`; this application has {}",
                known.join(", ")
            )
            .into())
        }
    }
}

fn one(scenario: &Scenario, asked: &Simulation, stop: &Stop) -> Result<Report, CommandError> {
    let campaign = Campaign {
        model: asked.model.clone(),
        first_seed: asked.seed.unwrap_or_default(),
        seeds: asked
            .seeds
            .or(asked.seed.filter(|_| asked.minutes.is_none()).map(|_| 1)),
        minutes: asked.minutes,
        jobs: asked.jobs,
        beyond: asked.beyond,
        saved: Some(asked.failures.clone()),
        pictures: Some(asked.failures.clone()),
        stop: stop.clone(),
        ..Campaign::default()
    };
    // Nothing is shown where standard error is no terminal.
    let bar = ProgressBar::with_draw_target(Some(BAR_STEPS), ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template("{prefix} {wide_bar} {msg}")?);
    bar.set_prefix(scenario.name);
    let report = campaign::run(scenario, &campaign, &launch, &mut |progress: &Progress| {
        bar.set_position((BAR_STEPS as f64 * part_done(progress, asked.minutes)) as u64);
        bar.set_message(told(progress));
    });
    bar.finish_and_clear();
    Ok(report?)
}

/// What is done of the campaign: by seeds or by time, whichever ends it first.
fn part_done(progress: &Progress, minutes: Option<f64>) -> f64 {
    let by_seeds = progress.total.map_or(0.0, |total| progress.done as f64 / total as f64);
    let by_time = minutes.map_or(0.0, |minutes| progress.elapsed.as_secs_f64() / 60.0 / minutes);
    by_seeds.max(by_time).min(1.0)
}

/// How far a campaign is, beside its bar.
fn told(progress: &Progress) -> String {
    let mut told = match progress.total {
        Some(total) => format!("{}/{total} seeds", progress.done),
        None => format!("{} seeds", progress.done),
    };
    if progress.failing > 0 {
        told.push_str(&format!(", {} failed", progress.failing));
    }
    match progress.stage {
        Stage::Replaying => "replaying what was saved".to_owned(),
        Stage::Running => format!("{told}, {} s", progress.elapsed.as_secs()),
        Stage::Minimising => format!("{told}; making it small"),
    }
}

/// The same program again, which finds in its environment that it is one run.
fn launch(_: &Run) -> Command {
    Command::new(std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe")))
}

/// Runs one saved failure again.
fn replay(file: &Path, asked: &Simulation, stop: Stop, console: &Arc<Console>) -> Result<u8, CommandError> {
    if !file.exists() {
        let folder = asked.failures.display();
        let why = "write it as the campaign that found the failure did; by default it is in";
        return Err(format!("there is no file {}: {why} {folder}/", file.display()).into());
    }
    let campaign = Campaign {
        pictures: Some(asked.failures.clone()),
        stop,
        ..Campaign::default()
    };
    let replayed = campaign::replay(file, &campaign, &launch)?;
    match replayed.failure {
        Some(failure) => {
            console.text(&failure.text(&replay_command(&asked.program, file, &asked.failures)))?;
            Ok(FAILED)
        }
        None => {
            console.text(&format!(
                "{} does not fail any more; trace hash {:016x}\n",
                file.display(),
                replayed.hash
            ))?;
            Ok(0)
        }
    }
}

/// The reports as text: a table of all, and what is to be said of each.
fn summary(reports: &[Report], next_steps: &str) -> String {
    let mut text = report::table(reports);
    for report in reports {
        text.push_str(&report.remarks());
    }
    text.push_str(next_steps);
    let failed: Vec<&str> = reports
        .iter()
        .filter(|report| !report.passed())
        .map(|report| report.name.as_str())
        .collect();
    match failed.is_empty() {
        true => text.push_str("every seed holds, and everything declared was exercised\n"),
        false => text.push_str(&format!("did not pass: {}\n", failed.join(", "))),
    }
    text
}
