//! What a newcomer waits for: the first build to the first page, an edit to the changed answer, the calls alone.
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

use crate::workplace::{Edit, Step, Workplace};

/// From nothing to the first page.
const FIRST_PAGE: &[&str] = &["run", "--release", "-p", "todo"];
/// What an API without a token answers, for which no account is needed.
const PATH: &str = "/api/todos";
const PAGE_EDIT: Edit = Edit {
    file: "examples/todo/src/site/api.rs",
    from: "this needs a token",
    to: "this asks for a token",
};
/// An answer of a component.
const FIRST_ANSWER: &[&str] = &["run", "--release", "-p", "hello"];
const ANSWER_EDIT: Edit = Edit {
    file: "examples/hello/src/greeter.rs",
    from: "Hello",
    to: "Good day",
};
/// The floors up to `component` and `wire`, without an application.
const CALLS_ALONE: &[&str] = &["build", "--release", "-p", "terrace", "--no-default-features"];

#[derive(Parser)]
#[command(about = "What a newcomer waits for: the first page, an edit, the calls alone")]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

/// One round of each.
struct Round {
    page: Step,
    page_edit: Step,
    answer_edit: Step,
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
        let page = workplace.page(FIRST_PAGE, PATH)?;
        let page_edit = workplace.edited(&PAGE_EDIT, number, &page, || workplace.page(FIRST_PAGE, PATH))?;
        let answer = workplace.cargo(FIRST_ANSWER)?;
        let answer_edit = workplace.edited(&ANSWER_EDIT, number, &answer, || workplace.cargo(FIRST_ANSWER))?;
        rounds.push(Round {
            page,
            page_edit,
            answer_edit,
            alone,
        });
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
    let first = "clean `cargo run --release -p todo` to its first page";
    let (page_edit, answer_edit) = (
        "an edit in `todo` to the changed page",
        "an edit in a component of `hello` to the changed answer",
    );
    let alone = "clean release build of `terrace` without default features";
    row(first, "s", |round| round.page.wall_s, Some(240.0))?;
    row(first, "CPU s", |round| round.page.cpu_s, None)?;
    row(first, "crates", |round| round.page.crates, None)?;
    row(page_edit, "s", |round| round.page_edit.wall_s, Some(5.0))?;
    row(page_edit, "CPU s", |round| round.page_edit.cpu_s, None)?;
    row(answer_edit, "s", |round| round.answer_edit.wall_s, Some(5.0))?;
    row(answer_edit, "CPU s", |round| round.answer_edit.cpu_s, None)?;
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
