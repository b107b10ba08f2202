//! What a newcomer waits for: the first build to the first answer, an edit to the changed answer, the calls alone.
//!
//! Run it by `./bench/run newcomer`. It works in a fresh clone of the last commit with a fresh target directory.
//! Downloads are not measured: `cargo fetch` comes first, and the builds are offline.
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures the machine's own clock and edits files"
)]

mod workplace;

use clap::Parser;
use terrace_bench::figure::Figure;
use terrace_bench::options::Options;
use terrace_bench::report::{Goal, Report, Row, number};
use terrace_bench::usage;

use crate::workplace::{Step, Workplace};

/// From nothing to the first answer.
const FIRST_ANSWER: &[&str] = &["run", "--release", "-p", "hello"];
/// The floors up to `component` and `wire`, without an application.
const CALLS_ALONE: &[&str] = &["build", "--release", "-p", "terrace", "--no-default-features"];

#[derive(Parser)]
#[command(about = "What a newcomer waits for: the first answer, an edit, the calls alone")]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

/// One round of each.
struct Round {
    first: Step,
    edit: Step,
    alone: Step,
}

fn main() -> anyhow::Result<()> {
    let options = Arguments::parse().options;
    let workplace = Workplace::open()?;
    let mut rounds = Vec::new();
    for number in 1..=options.rounds() {
        workplace.clean()?;
        let alone = workplace.cargo(CALLS_ALONE)?;
        workplace.clean()?;
        let first = workplace.cargo(FIRST_ANSWER)?;
        workplace.edit(number)?;
        let edit = workplace.cargo(FIRST_ANSWER)?;
        workplace.undo_edit(number)?;
        anyhow::ensure!(
            edit.answer != first.answer,
            "the edit did not change the answer `{}`; let `EDIT` in bench/src/newcomer name a text that hello prints",
            first.answer.trim_end(),
        );
        rounds.push(Round { first, edit, alone });
    }
    report(&options, &rounds)?.publish(&options.results)
}

fn report(options: &Options, rounds: &[Round]) -> anyhow::Result<Report> {
    let mut report = Report::new("newcomer", options);
    let figure = |of: fn(&Round) -> f64| {
        Figure::of(rounds.iter().map(of)).ok_or_else(|| anyhow::anyhow!("no round was measured"))
    };
    let mut row = |case: &str, unit: &str, of: fn(&Round) -> f64, goal: Option<f64>| {
        figure(of).map(|figure| report.rows.push(Row::alone(case, unit, figure, goal.map(Goal::AtMost))))
    };
    let (first, edit) = (
        "clean `cargo run --release -p hello` to its answer",
        "an edit in a component to the changed answer",
    );
    let alone = "clean release build of `terrace` without default features";
    row(first, "s", |round| round.first.wall_s, Some(240.0))?;
    row(first, "CPU s", |round| round.first.cpu_s, None)?;
    row(first, "crates", |round| round.first.crates, None)?;
    row(edit, "s", |round| round.edit.wall_s, Some(5.0))?;
    row(edit, "CPU s", |round| round.edit.cpu_s, None)?;
    row(alone, "s", |round| round.alone.wall_s, Some(40.0))?;
    row(alone, "CPU s", |round| round.alone.cpu_s, None)?;
    row(alone, "crates", |round| round.alone.crates, Some(80.0))?;
    report.notes = vec![
        "A fresh clone of the last commit; an empty target directory before every clean build.".to_owned(),
        "Downloads are not in the figures: `cargo fetch` came first and every build was offline.".to_owned(),
        "Profile `release`, all cores; crates are the packages that cargo compiled, build scripts and macros included."
            .to_owned(),
        format!(
            "Peak memory of the largest process of a build: {} MiB.",
            number(usage::children()?.peak_mib)
        ),
    ];
    Ok(report)
}
