//! The report.

use terrace_bench::figure::Figure;
use terrace_bench::options::Options;
use terrace_bench::report::{Details, Goal, Report, Row, with_spread};

use crate::comparison::{Case, Samples};
use crate::server::{Sample, Side};
use crate::start::Started;

const CPU_MAX: f64 = 1.15;
const START_MS_MAX: f64 = 40.0;
const IDLE_MIB_MAX: f64 = 60.0;

pub(crate) fn report(options: &Options, samples: &Samples, started: &[Started]) -> Report {
    let mut report = Report::new("todo", options);
    let mut cases: Vec<Case> = samples.keys().map(|(case, _)| *case).collect();
    cases.dedup();
    for case in cases {
        rows(&mut report, samples, case);
    }
    let mut alone = |name: &str, unit: &str, of: fn(&Started) -> f64, goal: Option<f64>| {
        if let Some(figure) = Figure::of(started.iter().map(of)) {
            report.rows.push(Row::alone(name, unit, figure, goal.map(Goal::AtMost)));
        }
    };
    let most = Some(START_MS_MAX);
    alone("start on existing data", "ms", |round| round.again_ms, most);
    alone("first start, on no data", "ms", |round| round.first_ms, None);
    alone(
        "idle memory, 2 s after the start",
        "MiB",
        |round| round.idle_mib,
        Some(IDLE_MIB_MAX),
    );
    report.details = Some(details(samples));
    report.notes = notes();
    report
}

fn rows(report: &mut Report, samples: &Samples, case: Case) {
    let figure = |side, of: fn(&Sample) -> f64| Figure::of(samples.get(&(case, side))?.iter().map(of));
    for (side, goal) in [(Side::ByHand, Some(Goal::AtMost(CPU_MAX))), (Side::Batched, None)] {
        for (unit, of, goal) in [
            ("CPU µs a request", (|sample| sample.cpu_us) as fn(&Sample) -> f64, goal),
            ("requests/s", |sample| sample.per_second, None),
        ] {
            let Some(theirs) = figure(side, of) else { continue };
            let peer = (side.name(), theirs);
            let row = Row::beside(case.name(), unit, figure(Side::Ours, of), peer, None, goal);
            report.rows.push(row);
        }
    }
}

fn details(samples: &Samples) -> Details {
    let header = [
        "case",
        "side",
        "CPU µs a request",
        "requests/s",
        "p50 µs",
        "p99 µs",
        "503 of 1000",
    ];
    let lines = samples.iter().map(|((case, side), samples)| {
        let show = |of: fn(&Sample) -> f64| Figure::of(samples.iter().map(of)).map(with_spread).unwrap_or_default();
        vec![
            case.name(),
            side.name().to_owned(),
            show(|sample| sample.cpu_us),
            show(|sample| sample.per_second),
            show(|sample| sample.p50_us),
            show(|sample| sample.p99_us),
            show(|sample| sample.unavailable),
        ]
    });
    Details {
        header: header.map(str::to_owned).to_vec(),
        names: 2,
        lines: lines.collect(),
    }
}

fn notes() -> Vec<String> {
    let notes = [
        "Profile `dist`. Ours is the program `todo` as anybody starts it; by hand the same two routes in axum on hyper, with rusqlite (a writer's thread, 4 readers, WAL, `synchronous = full`) and tokio-postgres (8 connections from deadpool, prepared statements, serializable).",
        "Before it is measured, every side is asked what it promises: a repeated key gets the first answer, with another body 422; 400, 401, 415 and 422 as problem+json with the field's name; request id and security headers. Both look the token up by its digest on every request, and write the access log to a file.",
        "An addition is one durable transaction with the row, its tags, the person's revision and counts, and the key with a digest of the body and the answer. By hand accounts and to-dos share one database, with ours each has its own.",
        "The one who lists has more than 300 to-dos, of which a page shows 50. Each connection adds for a person of its own. HTTP/1.1 on the loopback address; the client is a process of its own and not in the figures; 200 ms of warm-up, then 1 s of closed loop.",
        "A request that is answered 503, as after five conflicts in a row on PostgreSQL, is sent again with its key, and counts once.",
        "CPU is user and system time of all threads of the server, with PostgreSQL also of all its processes, as the kernel's scheduler counts it.",
        "Batched: what waits for SQLite's writer shares a commit, each in a savepoint of its own, as with ours.",
    ];
    let mut notes = notes.map(str::to_owned).to_vec();
    if let Ok(load) = std::fs::read_to_string("/proc/loadavg") {
        let minutes = load.split(' ').nth(2).unwrap_or("?");
        notes.push(format!(
            "Load of the machine over the last 15 minutes, this bench included: {minutes}."
        ));
    }
    notes
}
