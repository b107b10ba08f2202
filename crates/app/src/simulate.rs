//! The command `simulate`: an application's scenarios, each under many seeds.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use host::Description;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use sim::campaign::{self, Campaign, Progress, Stage};
use sim::report::{self, Report};
use sim::{Model, Run, Scenario, child};

use crate::application::App;
use crate::command_line::Simulation;
use crate::console::Console;
use crate::failure::CommandError;

/// The exit status where a scenario did not pass.
const FAILED: u8 = 1;

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

pub(crate) fn simulate(app: &App, asked: Simulation, json: bool, console: &Arc<Console>) -> Result<u8, CommandError> {
    let (program, scenarios) = (app.name, &app.scenarios);
    if let Some(replay) = &asked.replay {
        return self::replay(program, replay, &asked, console);
    }
    let chosen = chosen(scenarios, asked.scenario.as_deref())?;
    if let Some(model) = &asked.model {
        model.parse::<Model>()?;
    }
    let mut reports = Vec::new();
    for scenario in chosen {
        let report = one(scenario, &asked, json)?;
        for failure in &report.failures {
            let replay = failure.saved.as_ref().map(|saved| saved.display().to_string());
            let replay = replay.unwrap_or_else(|| format!("{} --seed {}", scenario.name, failure.seed));
            console.note(&failure.text(&format!("{program} simulate --replay {replay}")));
        }
        reports.push(report);
    }
    let passed = reports.iter().all(Report::passed);
    match json {
        true => {
            let model = match (&asked.model, reports.as_slice()) {
                (Some(model), _) => model.clone(),
                (None, [first, rest @ ..]) if rest.iter().all(|report| report.model == first.model) => {
                    first.model.clone()
                }
                _ => "as declared".to_owned(),
            };
            let document = Document {
                model,
                scenarios: &reports,
            };
            console.text(&format!("{}\n", serde_json::to_string(&document)?))?;
        }
        false => console.text(&summary(&reports))?,
    }
    Ok(if passed { 0 } else { FAILED })
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
    Ok(warnings)
}

/// The clock and the randomness of this build are the simulator's to decide.
pub(crate) fn refuse_for_real(name: &str) -> Result<(), CommandError> {
    let why = "this program was built with the feature `simulate`, which replaces the machine's clock and randomness";
    Err(format!("{why}; to run it for real, build it without: cargo run --release -p {name} -- up").into())
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

fn one(scenario: &Scenario, asked: &Simulation, json: bool) -> Result<Report, CommandError> {
    let campaign = Campaign {
        model: asked.model.clone(),
        first_seed: asked.seed.unwrap_or_default(),
        seeds: asked.seeds.or(asked.seed.map(|_| 1)),
        minutes: asked.minutes,
        jobs: asked.jobs,
        beyond: asked.beyond,
        saved: Some(asked.failures.clone()),
        pictures: Some(asked.failures.clone()),
        ..Campaign::default()
    };
    let bar = ProgressBar::new(0);
    let target = if json {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    bar.set_draw_target(target);
    let style = "{prefix:>16} {wide_bar} {pos}/{len} seeds  {msg}  {eta}";
    bar.set_style(ProgressStyle::with_template(style)?);
    bar.set_prefix(scenario.name);
    let report = campaign::run(scenario, &campaign, &launch, &mut |progress: &Progress| {
        bar.set_length(progress.total.unwrap_or(progress.done));
        bar.set_position(progress.done);
        bar.set_message(match progress.stage {
            Stage::Replaying => "replaying what was saved".to_owned(),
            Stage::Running if progress.failing == 0 => String::new(),
            Stage::Running => format!("{} failed", progress.failing),
            Stage::Minimising => "making the failures small".to_owned(),
        });
    })?;
    bar.finish_and_clear();
    Ok(report)
}

/// The same program again, which finds in its environment that it is one run.
fn launch(_: &Run) -> Command {
    Command::new(std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe")))
}

/// Runs one saved failure again.
fn replay(program: &str, file: &Path, asked: &Simulation, console: &Arc<Console>) -> Result<u8, CommandError> {
    let campaign = Campaign {
        pictures: Some(asked.failures.clone()),
        ..Campaign::default()
    };
    let replayed = campaign::replay(file, &campaign, &launch)?;
    match replayed.failure {
        Some(failure) => {
            console.text(&failure.text(&format!("{program} simulate --replay {}", file.display())))?;
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
fn summary(reports: &[Report]) -> String {
    let mut text = report::table(reports);
    for report in reports {
        text.push_str(&report.remarks());
    }
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
