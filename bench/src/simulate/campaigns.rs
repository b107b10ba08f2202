//! Whole campaigns: what a process for each seed costs, and how soon a planted bug is found.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Deserialize;
use terrace::simulation::campaign::{self, Campaign};
use terrace::simulation::{Scenario, World};
use terrace_bench::figure::Figure;
use terrace_bench::options::Options;
use terrace_bench::report::Row;
use terrace_bench::usage;

use crate::beside_this;

/// Seeds of a round.
const TRIVIAL_SEEDS: u64 = 200;
const BANK_SEEDS: u64 = 100;
/// The case of the planted bug.
const BANK: &str = "planted bug, a bank that forgets call ids";
/// Of a quick run.
const SEEDS_QUICK: u64 = 4;

/// A scenario in which next to nothing happens.
pub(crate) fn trivial() -> Scenario {
    Scenario::new("trivial", |world: World| async move {
        world.env().sleep(Duration::from_secs(1)).await;
    })
}

/// What one round has shown.
struct Sample {
    wall_ms_a_seed: f64,
    cpu_ms_a_seed: f64,
    failing_per_cpu_minute: f64,
    failing_percent: f64,
}

/// The rows of campaigns.
#[expect(clippy::cast_precision_loss, reason = "a count of seeds stays far below 2^52")]
pub(crate) fn rows(options: &Options) -> anyhow::Result<Vec<Row>> {
    let (trivial, bank) = if options.quick {
        (SEEDS_QUICK, SEEDS_QUICK)
    } else {
        (TRIVIAL_SEEDS, BANK_SEEDS)
    };
    let mut samples = Vec::new();
    // Each round has seeds of its own.
    for round in 0..u64::from(options.rounds()) {
        let (wall_ms_a_seed, cpu_ms_a_seed) = overhead(round * trivial, trivial)?;
        let (failing, failing_cpu_s) = bank_that_forgets(round * bank, bank)?;
        samples.push(Sample {
            wall_ms_a_seed,
            cpu_ms_a_seed,
            failing_per_cpu_minute: failing * 60.0 / failing_cpu_s,
            failing_percent: failing * 100.0 / bank as f64,
        });
    }
    let row = |case: &str, unit: &str, of: fn(&Sample) -> f64| {
        let figure = Figure::of(samples.iter().map(of)).context("no campaign was run")?;
        anyhow::Ok(Row::alone(case, unit, figure, None))
    };
    Ok(vec![
        row("a process for a seed of a trivial scenario", "ms", |sample| {
            sample.wall_ms_a_seed
        })?,
        row("a process for a seed of a trivial scenario", "CPU ms", |sample| {
            sample.cpu_ms_a_seed
        })?,
        row(BANK, "failing seeds/CPU minute", |sample| sample.failing_per_cpu_minute)?,
        row(BANK, "% of seeds that show it", |sample| sample.failing_percent)?,
    ])
}

/// Real and processor time of a seed, in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "a count of seeds stays far below 2^52")]
fn overhead(first_seed: u64, seeds: u64) -> anyhow::Result<(f64, f64)> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let campaign = Campaign {
        first_seed,
        seeds: Some(seeds),
        jobs: 1,
        twice_every: 0,
        ..Campaign::default()
    };
    let (before, start) = (cpu_s()?, Instant::now());
    let report = campaign::run(&trivial(), &campaign, &|_| Command::new(&program), &mut |_| {})?;
    let wall_s = start.elapsed().as_secs_f64();
    let cpu_s = cpu_s()? - before;
    anyhow::ensure!(
        report.verdicts.holds == seeds,
        "{} of {seeds} trivial seeds hold",
        report.verdicts.holds
    );
    Ok((wall_s * 1e3 / seeds as f64, cpu_s * 1e3 / seeds as f64))
}

/// What `simulate --json` prints, as far as it is of interest.
#[derive(Deserialize)]
struct Printed {
    scenarios: Vec<PrintedScenario>,
}

#[derive(Deserialize)]
struct PrintedScenario {
    verdicts: PrintedVerdicts,
}

#[derive(Deserialize)]
struct PrintedVerdicts {
    wrong_answer: u64,
}

/// How many seeds show doubled money, and the processor time of all of them, in seconds.
#[expect(clippy::cast_precision_loss, reason = "a count of seeds stays far below 2^52")]
fn bank_that_forgets(first_seed: u64, seeds: u64) -> anyhow::Result<(f64, f64)> {
    // What it saves of its failures is of no use here.
    let folder = std::env::temp_dir().join(format!("bench-simulate-{}", std::process::id()));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut command = Command::new(beside_this("hello")?);
    command
        .current_dir(&folder)
        .env("HELLO_BANK_FORGETS", "1")
        .args(["simulate", "bank", "--model", "asynchronous", "--json"])
        .args(["--seeds", &seeds.to_string(), "--seed", &first_seed.to_string()]);
    let before = usage::children()?.cpu_s;
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    let cpu_s = usage::children()?.cpu_s - before;
    std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    let printed: Printed = serde_json::from_slice(&output.stdout).with_context(|| {
        format!(
            "{command:?} printed no report; it said: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })?;
    let found: u64 = printed
        .scenarios
        .iter()
        .map(|scenario| scenario.verdicts.wrong_answer)
        .sum();
    Ok((found as f64, cpu_s))
}

fn cpu_s() -> anyhow::Result<f64> {
    Ok(usage::own()?.cpu_s + usage::children()?.cpu_s)
}
