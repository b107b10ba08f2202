//! All cases, all sides, in turn; then the rows.

use std::collections::BTreeMap;

use anyhow::Context;
use terrace_bench::figure::Figure;
use terrace_bench::options::Options;
use terrace_bench::report::{Details, Goal, Report, Row, with_spread};

use crate::process::{Sample, Trial};
use crate::side::{Handler, Runtime, Side, ours, tarpc, tonic};

const PEERS: [Side; 2] = [Side::Tonic, Side::Tarpc];
const RUNTIMES: [Runtime; 2] = [Runtime::Current, Runtime::Multi];
const KIB: usize = 1024;

/// One load that every side is put under.
#[derive(Clone, Copy)]
struct Case {
    bytes: usize,
    in_flight: usize,
    handler: Handler,
}

type Samples = BTreeMap<(Side, Runtime), Vec<Sample>>;

/// Whether a side is at its best where a figure is high or where it is low.
#[derive(Clone, Copy)]
enum Best {
    Highest,
    Lowest,
}

/// Measures everything and publishes it.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let mut report = Report::new("call-remote", options);
    let mut lines = Vec::new();
    for case in cases() {
        let samples = case.samples(options)?;
        report.rows.extend(case.rows(&samples)?);
        lines.extend(case.lines(&samples));
    }
    let header = [
        "case",
        "side",
        "calls/CPU s",
        "calls/s",
        "CPU s",
        "wall s",
        "p50 µs",
        "p99 µs",
        "peak MiB, both processes",
    ];
    report.details = Some(Details {
        header: header.map(str::to_owned).to_vec(),
        names: 2,
        lines,
    });
    report.notes = vec![
        "Profile `dist`; client and server are two processes on the loopback address, without TLS; both are fresh in every round; 150 ms of warm-up, then 600 ms of closed loop.".to_owned(),
        "Each side runs on a current-thread and on a multi-thread runtime (2 workers), client and server alike; a row compares each side's better one.".to_owned(),
        "CPU seconds are user and system time of client and server. The limit is the raw socket: the same bytes and a header of 18, one connection for each caller; one connection that batches can be above it at 64 in flight.".to_owned(),
        "At 1 in flight an idle core has to be woken for every message, which depends on the machine: compare only within this run.".to_owned(),
        ours::TUNED.to_owned(),
        tonic::TUNED.to_owned(),
        tarpc::TUNED.to_owned(),
    ];
    report.publish(&options.results)
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for handler in [Handler::Ready, Handler::Waits] {
        for in_flight in [64, 1] {
            cases.extend([64, KIB, 16 * KIB].map(|bytes| Case {
                bytes,
                in_flight,
                handler,
            }));
        }
    }
    cases
}

impl Case {
    fn name(self) -> String {
        let size = if self.bytes < KIB {
            format!("{} B", self.bytes)
        } else {
            format!("{} KiB", self.bytes / KIB)
        };
        format!("{size}, {} in flight, {}", self.in_flight, self.handler.name())
    }

    fn samples(self, options: &Options) -> anyhow::Result<Samples> {
        let (warming_ms, measured_ms) = if options.quick { (5, 20) } else { (150, 600) };
        let mut samples = Samples::new();
        for _ in 0..options.rounds() {
            for side in [Side::Ours, Side::Raw, Side::Tonic, Side::Tarpc] {
                if side == Side::Ours && !ours::MEASURED {
                    continue;
                }
                for runtime in RUNTIMES {
                    let Case {
                        bytes,
                        in_flight,
                        handler,
                    } = self;
                    let trial = Trial {
                        side,
                        runtime,
                        handler,
                        bytes,
                        in_flight,
                        warming_ms,
                        measured_ms,
                    };
                    samples.entry((side, runtime)).or_default().push(trial.run()?);
                }
            }
        }
        Ok(samples)
    }

    fn rows(self, samples: &Samples) -> anyhow::Result<Vec<Row>> {
        let mut rows = Vec::new();
        let calls = |side| best(samples, side, Best::Highest, |sample| sample.calls_per_cpu_s);
        for peer in PEERS {
            let (runtime, theirs) = calls(peer).context("a peer was not measured")?;
            rows.push(Row::beside(
                self.name(),
                "calls/CPU s",
                calls(Side::Ours).map(|(_, figure)| figure),
                (format!("{} ({})", peer.name(), runtime.name()), theirs),
                calls(Side::Raw).map(|(_, figure)| figure),
                self.calls_goal(peer),
            ));
        }
        if self.in_flight == 1 {
            let p50 = |side| best(samples, side, Best::Lowest, |sample| sample.p50_us);
            let (runtime, theirs) = p50(Side::Raw).context("the raw socket was not measured")?;
            rows.push(Row::beside(
                self.name(),
                "p50 µs",
                p50(Side::Ours).map(|(_, figure)| figure),
                (format!("{} ({})", Side::Raw.name(), runtime.name()), theirs),
                Some(theirs),
                Some(Goal::AtMost(1.3)),
            ));
        }
        Ok(rows)
    }

    fn calls_goal(self, peer: Side) -> Option<Goal> {
        let large = self.bytes >= 16 * KIB;
        let times = match (peer, self.in_flight, self.handler) {
            (Side::Tonic, 64, Handler::Ready) => {
                if large {
                    3.0
                } else {
                    5.0
                }
            }
            (Side::Tonic, 64, Handler::Waits) => {
                if large {
                    2.5
                } else {
                    3.5
                }
            }
            (Side::Tonic, 1, _) => 1.4,
            (Side::Tarpc, 64, _) => 1.5,
            _ => return None,
        };
        Some(Goal::AtLeast(times))
    }

    fn lines(self, samples: &Samples) -> Vec<Vec<String>> {
        samples
            .iter()
            .map(|((side, runtime), samples)| {
                let show =
                    |of: fn(&Sample) -> f64| Figure::of(samples.iter().map(of)).map(with_spread).unwrap_or_default();
                vec![
                    self.name(),
                    format!("{} ({})", side.name(), runtime.name()),
                    show(|sample| sample.calls_per_cpu_s),
                    show(|sample| sample.calls_per_s),
                    show(|sample| sample.cpu_s),
                    show(|sample| sample.wall_s),
                    show(|sample| sample.p50_us),
                    show(|sample| sample.p99_us),
                    show(|sample| sample.peak_mib),
                ]
            })
            .collect()
    }
}

/// The runtime that suits a side better, and its figure.
fn best(samples: &Samples, side: Side, best: Best, of: fn(&Sample) -> f64) -> Option<(Runtime, Figure)> {
    let figures = RUNTIMES.into_iter().filter_map(|runtime| {
        let samples = samples.get(&(side, runtime))?;
        Some((runtime, Figure::of(samples.iter().map(of))?))
    });
    let by_median =
        |(_, left): &(Runtime, Figure), (_, right): &(Runtime, Figure)| left.median.total_cmp(&right.median);
    match best {
        Best::Highest => figures.max_by(by_median),
        Best::Lowest => figures.min_by(by_median),
    }
}
