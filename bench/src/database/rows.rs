//! What the page says.

use std::collections::BTreeMap;

use terrace_bench::figure::Figure;
use terrace_bench::options::Options;
use terrace_bench::report::{Details, Goal, Report, Row, number, with_spread};
use terrace_bench::usage;

use crate::case::{CASES, Operation};
use crate::sample::Sample;
use crate::{Key, Samples};

pub(crate) const OURS: &str = "ours";

/// Ours costs at most so many times what the same costs by hand.
const OVERHEAD: Goal = Goal::AtMost(1.10);

/// Transactions that share a sync.
pub(crate) type Syncs = BTreeMap<Key, f64>;

type Of = fn(&Sample) -> f64;

pub(crate) fn report(options: &Options, samples: &Samples, syncs: &Syncs) -> anyhow::Result<Report> {
    let mut report = Report::new("database", options);
    for (engine, case) in ["SQLite", "PostgreSQL"]
        .into_iter()
        .flat_map(|engine| CASES.map(|case| (engine, case)))
    {
        let sides = samples
            .keys()
            .filter(|key| (key.0, key.1) == (engine, case) && key.2 != OURS);
        let sides: Vec<&'static str> = sides.map(|key| key.2).collect();
        for side in sides {
            report.rows.extend(rows(samples, syncs, (engine, case, side)));
        }
    }
    report.details = Some(details(samples));
    report.notes = notes();
    let peak = number(usage::own()?.peak_mib);
    report.notes.push(format!(
        "Peak memory of this process, all its sides together: {peak} MiB."
    ));
    Ok(report)
}

/// Ours beside one other.
fn rows(samples: &Samples, syncs: &Syncs, theirs: Key) -> Vec<Row> {
    let (engine, case, side) = theirs;
    let ours = (engine, case, OURS);
    let name = format!("{engine}, {}", case.name());
    let figure = |key: Key, of: Of| Figure::of(samples.get(&key).into_iter().flatten().map(of));
    let row = |unit: &str, of: Of, goal| {
        let theirs = figure(theirs, of)?;
        Some(Row::beside(
            name.clone(),
            unit,
            figure(ours, of),
            (side, theirs),
            None,
            goal,
        ))
    };
    let goal = case.has_goal().then_some(OVERHEAD);
    let mut rows: Vec<Row> = row("CPU µs", Sample::cpu_us, goal).into_iter().collect();
    let per_second = match case.operation {
        Operation::Insert => "commits/s",
        Operation::Job => "jobs/s",
        _ => return rows,
    };
    rows.extend(row(per_second, Sample::per_second, None));
    if let (Some(ours), Some(theirs)) = (syncs.get(&ours), syncs.get(&theirs)) {
        let [ours, theirs] = [ours, theirs].map(|value| Figure::of([*value]));
        rows.extend(theirs.map(|theirs| Row::beside(name, "transactions a sync", ours, (side, theirs), None, None)));
    }
    rows
}

/// Every side by itself.
fn details(samples: &Samples) -> Details {
    let header = [
        "engine",
        "case",
        "side",
        "CPU µs",
        "server's CPU µs",
        "operations/s",
        "failed of 1,000",
    ];
    let mut lines = Vec::new();
    for ((engine, case, side), samples) in samples {
        let show = |of: Of| Figure::of(samples.iter().map(of)).map(with_spread).unwrap_or_default();
        let server = match *engine {
            "PostgreSQL" => show(Sample::server_us),
            _ => "–".to_owned(),
        };
        let names = [(*engine).to_owned(), case.name(), (*side).to_owned()];
        lines.push(
            [
                names.to_vec(),
                vec![
                    show(Sample::cpu_us),
                    server,
                    show(Sample::per_second),
                    show(Sample::failed_of_1000),
                ],
            ]
            .concat(),
        );
    }
    Details {
        header: header.map(str::to_owned).to_vec(),
        names: 3,
        lines,
    }
}

fn notes() -> Vec<String> {
    [
        "Profile `dist`. All sides in one process, on one tokio runtime with a thread for each core, in turn, 600 ms each, case by case, each case after a round that does not count. `in flight` is how many tasks repeat the operation.",
        "CPU is that of this process for one operation, user and system time of all its threads. With PostgreSQL that is the client alone; the server's own, of all its processes, is beside it in the second table, from `/proc`, in steps of 10 ms.",
        "The same statements, tables, indexes and rows on all sides; every answer is made into the same struct. Durable: SQLite with a write-ahead log and `synchronous = full`, PostgreSQL as it is installed, `fsync` on. 10,000 accounts; operations that run at the same time meet different ones.",
        "SQLite by hand: one thread that writes, fed by a channel, a commit for each transaction; 4 connections that read, on tokio's threads for blocking work; cached statements. `batched` commits all that waits together, at most 128, without savepoints: one that fails takes the others with it. Ours has a savepoint for each.",
        "PostgreSQL by hand: tokio-postgres and deadpool on the clients' runtime, 8 connections (as ours), statements prepared once for each connection, serializable transactions, tried again after a conflict. A single insert is one statement without `begin`.",
        "`once` by hand: looked up by its id first, then the effect, then id, digest and answer in the same transaction. The digest of the arguments and the context of the call are the call's, and made on neither side.",
        "Ours does more than is asked for here, in the same figures: limits on rows and bytes, statements that are slow are traced, one that nobody waits for is stopped, a transaction that waits for something else is refused.",
        "Transactions a sync are counted in runs of their own: ours on SQLite by its traces, by hand by its commits, PostgreSQL by `pg_stat_wal.wal_sync`, which counts all of its processes; its server groups commits by itself.",
        "A transaction that was in conflict five times in a row has failed, with ours and by hand alike; it is counted in the second table, and what it cost is in the others' figures. `once` begins with 100,000 records of earlier calls on every side.",
        "Jobs: enqueued one by one, each in a transaction of its own, while the worker of the same process runs them, 16 at a time; the figures hold from the first enqueuing to the last completion. By hand: a table, `for update skip locked` on PostgreSQL, a lease and a fence for each claim, claims of up to 16, a statement that completes each job, waked by whoever enqueues. Ours has in addition retries, priorities, schedules, limits for each kind, cancellation by key.",
    ]
    .map(str::to_owned)
    .to_vec()
}
