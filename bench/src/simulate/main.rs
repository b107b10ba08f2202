//! The simulator beside turmoil: simulated seconds and messages per CPU second, on the same traffic.
//!
//! Run it by `./bench/run simulate`. Each figure is made in a process of its own, as a campaign runs its seeds: this
//! program starts itself, `bench-turmoil` and `hello`, which it finds beside itself.
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures the machine's own clock and starts processes"
)]

mod campaigns;
mod ours;
mod process;
mod scene;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use serde::{Deserialize, Serialize};
use terrace::simulation::child;
use terrace_bench::figure::Figure;
use terrace_bench::options::Options;
use terrace_bench::report::{Goal, Report, Row};

use process::Turmoil;
use scene::{
    BUSY_CALM, BUSY_CHAOS, BUSY_DEEP, BUSY_RECORDED, SCENES, SPARSE_CALM, SPARSE_CHAOS, SPARSE_RECORDED, Scene,
};

/// A quick run simulates this much of what a real one does.
const QUICK_PART: u32 = 20;

const SIMULATED: &str = "simulated s/CPU s";
const MESSAGES: &str = "messages/CPU s";

const GOAL_SIMULATED: Goal = Goal::AtLeast(10_000.0);
const GOAL_MESSAGES: Goal = Goal::AtLeast(100_000.0);

/// What a run has cost.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Cost {
    /// Requests and replies that arrived.
    pub(crate) messages: u64,
    /// Simulated time, in seconds.
    pub(crate) simulated_s: f64,
    /// Processor time of the simulation, without the start of its process.
    pub(crate) cpu_s: f64,
}

#[derive(Parser)]
#[command(about = "The simulator beside turmoil")]
struct Arguments {
    #[command(flatten)]
    options: Options,

    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand)]
enum Part {
    /// Runs one scene under one seed, and prints what it cost
    One {
        scene: String,
        simulated_ms: u64,
        seed: u64,
    },
}

/// One thing that is measured in each round.
struct Side {
    scene: Scene,
    turmoil: Option<Turmoil>,
    costs: Vec<Cost>,
}

fn main() -> anyhow::Result<ExitCode> {
    if let Some(status) = child::answer(&[campaigns::trivial()]) {
        return Ok(ExitCode::from(status));
    }
    let arguments = Arguments::parse();
    if let Some(Part::One {
        scene,
        simulated_ms,
        seed,
    }) = arguments.part
    {
        let known = SCENES.into_iter().find(|known| known.name == scene);
        let scene = known.with_context(|| format!("there is no scene `{scene}`"))?;
        process::say(&ours::measure(scene, Duration::from_millis(simulated_ms), seed)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let options = arguments.options;
    let mut report = Report::new("simulate", &options);
    let sides = measure(&options)?;
    report.rows = rows(&sides)?;
    report.rows.extend(campaigns::rows(&options)?);
    report.notes = notes();
    report.publish(&options.results)?;
    Ok(ExitCode::SUCCESS)
}

/// Ours and turmoil in turn, each after a round that does not count.
fn measure(options: &Options) -> anyhow::Result<Vec<Side>> {
    let side = |scene, turmoil| Side {
        scene,
        turmoil,
        costs: Vec::new(),
    };
    let mut sides: Vec<Side> = SCENES.into_iter().map(|scene| side(scene, None)).collect();
    for (scene, tick_ms) in [
        (SPARSE_CALM, 1),
        (SPARSE_CALM, 10),
        (BUSY_CALM, 1),
        (BUSY_CALM, 10),
        (BUSY_DEEP, 1),
    ] {
        let after = sides
            .iter()
            .position(|side| side.scene == scene && side.turmoil.is_none())
            .map_or(sides.len(), |at| at + 1);
        sides.insert(after, side(scene, Some(Turmoil { tick_ms })));
    }
    let part = if options.quick { QUICK_PART } else { 1 };
    for round in 0..=options.rounds() {
        for side in &mut sides {
            let cost = match side.turmoil {
                None => process::ours(side.scene, side.scene.simulated / part, round.into())?,
                Some(turmoil) => turmoil.run(side.scene, side.scene.simulated_by_peer / part, round.into())?,
            };
            if round > 0 {
                side.costs.push(cost);
            }
        }
    }
    Ok(sides)
}

/// Which rows of the table there are.
fn rows(sides: &[Side]) -> anyhow::Result<Vec<Row>> {
    let (by_time, by_message): (Per, Per) = (
        |cost| cost.simulated_s / cost.cpu_s,
        #[expect(clippy::cast_precision_loss, reason = "a count of messages stays far below 2^52")]
        |cost| cost.messages as f64 / cost.cpu_s,
    );
    let ours = |scene, per| figure(sides, scene, None, per);
    let beside = |case: &str, unit, (scene, of_peer): (Scene, Scene), tick_ms, per| {
        let peer = format!("turmoil, tick {tick_ms} ms");
        let theirs = figure(sides, of_peer, Some(Turmoil { tick_ms }), per)?;
        anyhow::Ok(Row::beside(
            case,
            unit,
            Some(ours(scene, per)?),
            (peer, theirs),
            None,
            None,
        ))
    };
    let sparse = "six sparse nodes, a call a second from each of 3 clients";
    let busy = "thirty busy nodes, 4 calls in flight from each";
    Ok(vec![
        beside(
            &format!("{sparse}, with faults; turmoil has none"),
            SIMULATED,
            (SPARSE_CHAOS, SPARSE_CALM),
            1,
            by_time,
        )?
        .with_own_goal(GOAL_SIMULATED),
        beside(
            &format!("{sparse}, no faults"),
            SIMULATED,
            (SPARSE_CALM, SPARSE_CALM),
            1,
            by_time,
        )?
        .with_own_goal(GOAL_SIMULATED),
        beside(
            &format!("{sparse}, no faults"),
            SIMULATED,
            (SPARSE_CALM, SPARSE_CALM),
            10,
            by_time,
        )?,
        Row::alone(
            format!("{sparse}, with faults, recorded"),
            SIMULATED,
            ours(SPARSE_RECORDED, by_time)?,
            None,
        ),
        beside(busy, MESSAGES, (BUSY_CALM, BUSY_CALM), 1, by_message)?.with_own_goal(GOAL_MESSAGES),
        beside(busy, MESSAGES, (BUSY_CALM, BUSY_CALM), 10, by_message)?,
        beside(
            "thirty busy nodes, 16 calls in flight from each",
            MESSAGES,
            (BUSY_DEEP, BUSY_DEEP),
            1,
            by_message,
        )?
        .with_own_goal(GOAL_MESSAGES),
        Row::alone(
            format!("{busy}, with faults"),
            MESSAGES,
            ours(BUSY_CHAOS, by_message)?,
            None,
        ),
        Row::alone(
            format!("{busy}, recorded"),
            MESSAGES,
            ours(BUSY_RECORDED, by_message)?,
            None,
        ),
    ])
}

type Per = fn(&Cost) -> f64;

fn figure(sides: &[Side], scene: Scene, turmoil: Option<Turmoil>, per: Per) -> anyhow::Result<Figure> {
    let side = sides.iter().find(|side| (side.scene, side.turmoil) == (scene, turmoil));
    side.and_then(|side| Figure::of(side.costs.iter().map(per)))
        .with_context(|| format!("`{}` was not measured", scene.name))
}

fn notes() -> Vec<String> {
    [
        "Profile `dist`; ours and turmoil in turn, each measurement in a process of its own, one thread; the CPU time is that of the simulation, its set-up included, the start of the process not.",
        "A message is a request or a reply of 64 bytes that arrived. Each takes 1 to 10 ms on both sides where turmoil is beside; with faults the model is `asynchronous`, whose messages take 0.2 to 1 ms if nothing happens to them.",
        "Ours encodes each message with the production codec, with head, deadline and trace; turmoil carries a length and the bytes over its TCP streams, and encodes nothing.",
        "turmoil 0.7 advances every node at each tick, whether anything happens or not. 1 ms is its default; at 10 ms messages arrive at multiples of 10 ms.",
        "The two simulate different things: ours a message as a whole, with its fate; turmoil the segments of a TCP stream, and real sockets' interfaces.",
        "With faults a seed draws some of the kinds that the model has. A lost call holds its lane for 5 s, so busy seeds differ in their messages up to a hundredfold, and so does what a message costs.",
        "The planted bug is one: `hello simulate bank` under `asynchronous` with its record of call ids switched off. It is an easy one, which nearly every seed shows, so its figures say what a failing seed costs and not how hard bugs are to find; the CPU time is that of all processes, failures made small included.",
        "A seed of a trivial scenario is one node and 1 s; the campaign runs one process at a time, so its real time is what a process for each seed costs.",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Where the programs are that this one starts.
fn beside_this(name: &str) -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("cannot find this program")?;
    let program = this.with_file_name(name);
    anyhow::ensure!(
        program.exists(),
        "there is no {}; run the bench by `./bench/run simulate`, which builds it",
        program.display()
    );
    Ok(program)
}
