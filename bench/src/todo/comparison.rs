//! All cases, all sides, in turn.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use clap::Args;
use servers::Postgres;
use terrace_bench::options::Options;

use crate::client::Route;
use crate::rows;
use crate::server::{Place, Sample, Server, Side, Trial};
use crate::start::{self, Started};

#[derive(Args)]
pub(crate) struct Settings {
    #[command(flatten)]
    options: Options,

    /// Only cases whose engine and name contain this; nothing is written
    #[arg(long)]
    only: Option<String>,

    /// Only the sides by hand; nothing is written
    #[arg(long)]
    by_hand: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// One load that the sides of an engine are put under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Case {
    pub(crate) engine: Engine,
    pub(crate) route: Route,
    pub(crate) in_flight: usize,
}

pub(crate) type Samples = BTreeMap<(Case, Side), Vec<Sample>>;

pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!("terrace-bench-todo-{}", std::process::id()));
    let measured = measure(settings, &folder);
    std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    let (samples, started) = measured?;
    let report = rows::report(&settings.options, &samples, &started);
    match settings.only.is_some() || settings.by_hand {
        false => report.publish(&settings.options.results),
        true => {
            #[expect(clippy::print_stdout, reason = "the table is what the bench is run for")]
            let () = println!("{}", report.page());
            Ok(())
        }
    }
}

fn measure(settings: &Settings, folder: &Path) -> anyhow::Result<(Samples, Vec<Started>)> {
    std::fs::create_dir_all(folder)?;
    let postgres = Postgres::start()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let servers = runtime.block_on(servers(settings, folder, &postgres))?;
    let samples = samples(settings, &servers)?;
    // They would share the machine with what is started next.
    drop(servers);
    let mut started = Vec::new();
    if settings.only.is_none() && !settings.by_hand {
        for round in 0..settings.options.rounds() {
            started.push(start::round(&folder.join(format!("start{round}")))?);
        }
    }
    Ok((samples, started))
}

async fn servers(
    settings: &Settings,
    folder: &Path,
    postgres: &Postgres,
) -> anyhow::Result<BTreeMap<Engine, Vec<Server>>> {
    let mut servers: BTreeMap<Engine, Vec<Server>> = BTreeMap::new();
    for (engine, side, name) in [
        (Engine::Sqlite, Side::Ours, "sqlite_ours"),
        (Engine::Sqlite, Side::ByHand, "sqlite_by_hand"),
        (Engine::Sqlite, Side::Batched, "sqlite_batched"),
        (Engine::Postgres, Side::Ours, "postgres_ours"),
        (Engine::Postgres, Side::ByHand, "postgres_by_hand"),
    ] {
        if side == Side::Ours && settings.by_hand {
            continue;
        }
        let folder = folder.join(name);
        let place = match engine {
            Engine::Sqlite => Place::Folder(folder),
            Engine::Postgres => {
                postgres.create_database(name)?;
                Place::Postgres(postgres.url(name), folder)
            }
        };
        servers
            .entry(engine)
            .or_default()
            .push(Server::start(side, &place).await?);
    }
    Ok(servers)
}

/// All sides of a case in turn, after a round that does not count; case by case, so that they share the machine's mood.
fn samples(settings: &Settings, servers: &BTreeMap<Engine, Vec<Server>>) -> anyhow::Result<Samples> {
    let (warming_ms, measured_ms) = if settings.options.quick { (20, 50) } else { (200, 1_000) };
    let mut samples = Samples::new();
    for case in cases() {
        let name = case.name();
        if settings.only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        for round in 0..=settings.options.rounds() {
            for server in servers.get(&case.engine).into_iter().flatten() {
                if server.side == Side::Batched && !case.has_batches() {
                    continue;
                }
                let trial = Trial {
                    route: case.route,
                    in_flight: case.in_flight,
                    warming_ms,
                    measured_ms,
                };
                let sample = server
                    .measure(trial)
                    .with_context(|| format!("{name}, {}", server.side.name()))?;
                if round > 0 {
                    samples.entry((case, server.side)).or_default().push(sample);
                }
            }
        }
    }
    Ok(samples)
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for engine in [Engine::Sqlite, Engine::Postgres] {
        for route in [Route::List, Route::Add] {
            cases.extend([1, 16, 64].map(|in_flight| Case {
                engine,
                route,
                in_flight,
            }));
        }
    }
    cases
}

impl Case {
    pub(crate) fn name(self) -> String {
        let engine = match self.engine {
            Engine::Sqlite => "SQLite",
            Engine::Postgres => "PostgreSQL",
        };
        let route = match self.route {
            Route::List => "list 50",
            Route::Add => "add",
        };
        format!("{engine}, {route}, {} in flight", self.in_flight)
    }

    fn has_batches(self) -> bool {
        self.route == Route::Add && self.in_flight > 1
    }
}
