//! Queries, transactions, `once` and jobs: ours beside the same by hand, on SQLite and on PostgreSQL.
//!
//! Run it by `./bench/run database`. It starts a PostgreSQL of its own, and keeps the files of SQLite beside that one's,
//! among the temporary files. All sides run in this process, on one runtime, in turn.
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures the machine's own clock, and the sides by hand use what any program does"
)]

mod case;
mod commits;
mod queue;
mod rows;
mod sample;
mod server;
mod side;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use servers::Postgres as Server;
use terrace_bench::options::Options;
use terrace_bench::report::Report;

use case::{CASES, Case, Operation};
use rows::{OURS, Syncs};
use sample::{Sample, measure};
use side::Side;
use side::ours::Ours;
use side::postgres::Postgres;
use side::sqlite::Sqlite;

/// How long one side is measured in one round.
const TIME: Duration = Duration::from_millis(600);
const TIME_QUICK: Duration = Duration::from_millis(30);
/// Until PostgreSQL's processes have said what they did: they do so at most once a second.
const STATISTICS: Duration = Duration::from_millis(1_500);

const BY_HAND: &str = "by hand";
const BATCHED: &str = "by hand, batched";

#[derive(Parser)]
#[command(about = "Queries, transactions, once and jobs, beside the same by hand")]
struct Arguments {
    #[command(flatten)]
    options: Options,

    /// Only cases whose engine and name contain this; nothing is written
    #[arg(long)]
    only: Option<String>,

    /// With --only: only sides whose name is this
    #[arg(long, requires = "only")]
    side: Option<String>,
}

/// An engine with its sides.
pub(crate) struct Engine {
    pub(crate) name: &'static str,
    sides: Vec<Named>,
}

/// A side, and how far its operations are numbered.
struct Named {
    name: &'static str,
    side: Arc<Side>,
    numbers: Arc<AtomicU64>,
}

/// What is measured: an engine, a case, and a side.
pub(crate) type Key = (&'static str, Case, &'static str);

pub(crate) type Samples = BTreeMap<Key, Vec<Sample>>;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    commits::listen()?;
    let server = Server::start()?;
    let folder = std::env::temp_dir().join(format!("terrace-bench-database-{}", std::process::id()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(run(&arguments, &server, folder.clone()));
    drop(runtime);
    std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    let report = report?;
    match arguments.only {
        None => report.publish(&arguments.options.results),
        Some(_) => {
            #[expect(clippy::print_stdout, reason = "the table is what the bench is run for")]
            let () = println!("{}", report.page());
            Ok(())
        }
    }
}

async fn run(arguments: &Arguments, server: &Server, folder: PathBuf) -> anyhow::Result<Report> {
    let engines = engines(server, folder).await?;
    let samples = samples(arguments, &engines).await?;
    let syncs = match arguments.only {
        None => syncs(arguments, &engines).await?,
        Some(_) => Syncs::new(),
    };
    rows::report(&arguments.options, &samples, &syncs)
}

async fn engines(server: &Server, folder: PathBuf) -> anyhow::Result<Vec<Engine>> {
    let named = |name, side| Named {
        name,
        side: Arc::new(side),
        numbers: Arc::default(),
    };
    let sqlite = Engine {
        name: "SQLite",
        sides: vec![
            named(OURS, Side::Ours(Ours::on_sqlite(folder.join("ours")).await?)),
            named(BY_HAND, Side::Sqlite(Sqlite::open(&folder.join("one"), false)?)),
            named(BATCHED, Side::Sqlite(Sqlite::open(&folder.join("batched"), true)?)),
        ],
    };
    let by_hand = Postgres::open(&server.url("postgres")).await?;
    let ours = Ours::on_postgres(server.url("postgres")).await?;
    by_hand.analyze().await?;
    let postgres = Engine {
        name: "PostgreSQL",
        sides: vec![named(OURS, Side::Ours(ours)), named(BY_HAND, Side::Postgres(by_hand))],
    };
    Ok(vec![sqlite, postgres])
}

/// Which sides have a case: batches matter where there are many to share one.
fn has(side: &Named, case: Case) -> bool {
    side.name != BATCHED || (matches!(case.operation, Operation::Insert | Operation::Job) && case.clients > 1)
}

/// All sides of a case in turn, after a round that does not count; case by case, so that they share the machine's mood.
async fn samples(arguments: &Arguments, engines: &[Engine]) -> anyhow::Result<Samples> {
    let mut samples = Samples::new();
    let time = time(arguments);
    for engine in engines {
        for case in CASES {
            let name = format!("{}, {}", engine.name, case.name());
            if arguments
                .only
                .as_ref()
                .is_some_and(|only| !name.contains(only.as_str()))
            {
                continue;
            }
            for round in 0..=arguments.options.rounds() {
                for side in engine.sides.iter().filter(|side| has(side, case)) {
                    if arguments.side.as_ref().is_some_and(|only| only != side.name) {
                        continue;
                    }
                    let sample = measure(&side.side, case, time, &side.numbers).await;
                    let sample = sample.with_context(|| format!("{name}, {}", side.name))?;
                    if round > 0 {
                        samples.entry((engine.name, case, side.name)).or_default().push(sample);
                    }
                }
            }
        }
    }
    Ok(samples)
}

fn time(arguments: &Arguments) -> Duration {
    match arguments.options.quick {
        true => TIME_QUICK,
        false => TIME,
    }
}

/// How many one-insert transactions share a sync, counted in runs of their own.
async fn syncs(arguments: &Arguments, engines: &[Engine]) -> anyhow::Result<Syncs> {
    let mut found = Syncs::new();
    let server = engines
        .iter()
        .flat_map(|engine| &engine.sides)
        .find_map(|side| match &*side.side {
            Side::Postgres(postgres) => Some(postgres),
            _ => None,
        });
    let server = server.context("there is no side that asks the server")?;
    let inserts = CASES.into_iter().filter(|case| case.operation == Operation::Insert);
    for (engine, case) in engines
        .iter()
        .flat_map(|engine| inserts.clone().map(move |case| (engine, case)))
    {
        for side in engine.sides.iter().filter(|side| has(side, case)) {
            let is_ours_on_sqlite = engine.name == "SQLite" && side.name == OURS;
            let before = match &*side.side {
                Side::Sqlite(sqlite) => sqlite.commits(),
                _ if is_ours_on_sqlite => commits::count(true),
                _ => {
                    tokio::time::sleep(STATISTICS).await;
                    server.syncs().await?
                }
            };
            let sample = measure(&side.side, case, time(arguments), &side.numbers).await?;
            let syncs = match &*side.side {
                Side::Sqlite(sqlite) => sqlite.commits() - before,
                _ if is_ours_on_sqlite => commits::count(false),
                _ => {
                    tokio::time::sleep(STATISTICS).await;
                    server.syncs().await? - before
                }
            };
            #[expect(clippy::cast_precision_loss, reason = "a count of syncs stays far below 2^52")]
            found.insert((engine.name, case, side.name), sample.operations / syncs.max(1) as f64);
        }
    }
    Ok(found)
}
