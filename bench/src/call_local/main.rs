//! A call inside one process: ours beside a boxed async trait call; a plain async call is the limit.
//!
//! Run it by `./bench/run call-local`. The callee returns at once, so all that is measured is the call.
#![expect(clippy::disallowed_methods, reason = "a bench measures the machine's own clock")]

mod allocations;
mod baseline;
mod ours;

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use clap::Parser;
use terrace_bench::figure::Figure;
use terrace_bench::options::Options;
use terrace_bench::report::{Details, Report, Row, number, with_spread};
use terrace_bench::usage;

/// Calls behind one sample: long enough that a clock reading and a scheduler tick do not show.
const CALLS: u64 = 2_000_000;
const CALLS_QUICK: u64 = 20_000;
/// Calls before each sample, so that caches and branch predictors have seen the code.
const CALLS_WARMING: u64 = 50_000;

const PLAIN: &str = "plain async call";
const BOXED: &str = "boxed async trait call";

/// One way to call: its name, and a function that makes so many calls.
struct Side {
    name: &'static str,
    calls: Box<dyn Fn(u64)>,
}

/// One round of one side; all figures are of one call.
struct Sample {
    cpu_ns: f64,
    wall_ns: f64,
    allocations: f64,
}

type Samples = BTreeMap<&'static str, Vec<Sample>>;

#[derive(Parser)]
#[command(about = "A call inside one process, beside a boxed async trait call")]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

fn main() -> anyhow::Result<()> {
    let options = Arguments::parse().options;
    let (calls, warming) = if options.quick {
        (CALLS_QUICK, CALLS_QUICK)
    } else {
        (CALLS, CALLS_WARMING)
    };
    let mut sides = baseline::sides()?;
    sides.extend(ours::sides()?);

    let mut samples = Samples::new();
    for _ in 0..options.rounds() {
        for side in &sides {
            (side.calls)(warming);
            samples.entry(side.name).or_default().push(sample(side, calls)?);
        }
    }
    report(&options, calls, &sides, &samples)?.publish(&options.results)
}

/// The body of each call: owned, as a component's arguments are, and free to make.
fn body() -> Bytes {
    Bytes::from_static(b"body")
}

#[expect(clippy::cast_precision_loss, reason = "a count of calls stays far below 2^52")]
fn sample(side: &Side, calls: u64) -> anyhow::Result<Sample> {
    let (cpu_before, allocations_before, start) = (usage::own()?.cpu_s, allocations::count(), Instant::now());
    (side.calls)(calls);
    let wall_s = start.elapsed().as_secs_f64();
    let allocations = allocations::count() - allocations_before;
    let cpu_s = usage::own()?.cpu_s - cpu_before;
    let calls = calls as f64;
    Ok(Sample {
        cpu_ns: cpu_s * 1e9 / calls,
        wall_ns: wall_s * 1e9 / calls,
        allocations: allocations as f64 / calls,
    })
}

fn report(options: &Options, calls: u64, sides: &[Side], samples: &Samples) -> anyhow::Result<Report> {
    let figure = |side: &str, of: fn(&Sample) -> f64| Figure::of(samples.get(side).into_iter().flatten().map(of));
    let mut report = Report::new("call-local", options);
    for (case, goal) in ours::CASES {
        for (unit, of, goal) in [
            ("CPU ns a call", (|sample| sample.cpu_ns) as fn(&Sample) -> f64, goal),
            (
                "allocations a call",
                |sample| sample.allocations,
                goal.map(|_| ours::ALLOCATIONS),
            ),
        ] {
            let theirs = figure(BOXED, of).ok_or_else(|| anyhow::anyhow!("`{BOXED}` was not measured"))?;
            report.rows.push(Row::beside(
                case,
                unit,
                figure(case, of),
                (BOXED, theirs),
                figure(PLAIN, of),
                goal,
            ));
        }
    }
    report.details = Some(Details {
        header: ["side", "CPU ns a call", "wall ns a call", "allocations a call"]
            .map(str::to_owned)
            .to_vec(),
        names: 1,
        lines: sides.iter().map(|side| line(side.name, figure)).collect(),
    });
    report.notes = vec![
        format!("Profile `dist`; one thread; {calls} calls a round of each side in turn, each after a warm-up."),
        "The calls are made from inside a handler, as components make them; whoever begins a request takes the careful path, which is the last case.".to_owned(),
        "Every callee returns at once; every side takes the same arguments and answers with the same type.".to_owned(),
        "Allocations are counted by the allocator of this program, on the calling thread.".to_owned(),
        format!("Peak memory of the whole run: {} MiB.", number(usage::own()?.peak_mib)),
    ];
    Ok(report)
}

fn line(side: &str, figure: impl Fn(&str, fn(&Sample) -> f64) -> Option<Figure>) -> Vec<String> {
    let show = |of| figure(side, of).map(with_spread).unwrap_or_default();
    vec![
        side.to_owned(),
        show(|sample| sample.cpu_ns),
        show(|sample| sample.wall_ns),
        show(|sample| sample.allocations),
    ]
}
