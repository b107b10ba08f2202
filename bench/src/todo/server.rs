//! A side that serves, with people who have accounts there.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::client::{Measured, Route};
use crate::cpu;
use crate::http::{Connection, to_do};
use crate::process::{Listening, Process, program};
use crate::promises;

/// Who adds: one for each connection, as it is with people.
const WRITERS: usize = 64;

/// To-dos of the one who lists.
const TODOS: u64 = 300;

/// The others have some too: in an empty table of PostgreSQL everybody is in conflict with everybody.
const FILL: Trial = Trial {
    route: Route::Add,
    in_flight: 4,
    warming_ms: 0,
    measured_ms: 3_000,
};

/// Who serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Ours,
    ByHand,
    /// On SQLite, what waits for the writer shares a commit, as it does with ours.
    Batched,
}

/// Where it keeps its data.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Folder(PathBuf),
    /// The address of a database that is empty, and a folder for what else there is.
    Postgres(String, PathBuf),
}

pub(crate) struct Server {
    pub(crate) side: Side,
    process: Process,
    url: String,
    reader: String,
    writers: Vec<String>,
    has_postgres: bool,
}

/// One load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    pub(crate) route: Route,
    pub(crate) in_flight: usize,
    pub(crate) warming_ms: u64,
    pub(crate) measured_ms: u64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Sample {
    pub(crate) cpu_us: f64,
    pub(crate) per_second: f64,
    /// Answers 503 for each thousand requests.
    pub(crate) unavailable: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

impl Side {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Side::Ours => "ours",
            Side::ByHand => "by hand",
            Side::Batched => "by hand, batched",
        }
    }
}

impl Place {
    fn folder(&self) -> &Path {
        match self {
            Place::Folder(folder) | Place::Postgres(_, folder) => folder,
        }
    }

    /// How our program is told of it.
    pub(crate) fn flags(&self) -> Vec<OsString> {
        let mut flags = vec!["--data".into(), self.folder().into()];
        if let Place::Postgres(url, _) = self {
            flags.extend(["--set".into(), format!("tiers.database={url}").into()]);
        }
        flags
    }
}

impl Server {
    pub(crate) async fn start(side: Side, place: &Place) -> anyhow::Result<Server> {
        let started = match side {
            Side::Ours => ours(place),
            Side::ByHand => by_hand(place, false),
            Side::Batched => by_hand(place, true),
        };
        let (process, url, mut tokens) = started.with_context(|| format!("cannot start {}", side.name()))?;
        let reader = tokens.pop().context("there is nobody")?;
        let server = Server {
            side,
            process,
            url,
            reader,
            writers: tokens,
            has_postgres: matches!(place, Place::Postgres(..)),
        };
        let mut connection = Connection::open(&server.url).await?;
        for number in 0..TODOS {
            let added = connection
                .add(&server.reader, &format!("fill-{number}"), to_do(number))
                .await?;
            ensure!(added.status == 201, "{} was answered to the first to-dos", added.status);
        }
        let kept = promises::check(&mut connection, &server.reader).await;
        kept.with_context(|| format!("{} does not promise the same", side.name()))?;
        server.measure(FILL)?;
        if let Place::Postgres(url, _) = place {
            analyze(url).await?;
        }
        Ok(server)
    }

    /// Puts it under a load, by a process of its own.
    #[expect(clippy::cast_precision_loss, reason = "a count of requests stays far below 2^52")]
    pub(crate) fn measure(&self, trial: Trial) -> anyhow::Result<Sample> {
        let (route, tokens) = match trial.route {
            Route::List => ("list", self.reader.clone()),
            Route::Add => ("add", self.writers.join(",")),
        };
        let arguments = [
            "client",
            route,
            &format!("--url={}", self.url),
            &format!("--tokens={tokens}"),
            &format!("--in-flight={}", trial.in_flight),
            &format!("--warming-ms={}", trial.warming_ms),
            &format!("--measured-ms={}", trial.measured_ms),
        ];
        let mut client = Process::start(program(None)?.as_os_str(), &arguments, Stdio::inherit())?;
        let _warm: String = client.hear()?;
        let before = cpu::count(self.process.id(), self.has_postgres)?;
        let measured: Measured = client.ask()?;
        let after = cpu::count(self.process.id(), self.has_postgres)?;
        let requests = measured.requests as f64;
        Ok(Sample {
            cpu_us: after.since_s(&before) * 1e6 / requests,
            per_second: requests / measured.wall_s,
            unavailable: measured.unavailable as f64 * 1e3 / requests,
            p50_us: measured.p50_us,
            p99_us: measured.p99_us,
        })
    }
}

/// Has the server count rows and values, as it does by itself after a while.
async fn analyze(url: &str) -> anyhow::Result<()> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client.batch_execute("analyze").await?)
}

/// Starts our program with what it needs to say where it listens; its log goes to a file.
pub(crate) fn start_ours(place: &Place) -> anyhow::Result<(Process, String)> {
    let mut arguments = place.flags();
    arguments.extend(["--listen", "127.0.0.1:0", "--json"].map(OsString::from));
    let todo = program(Some("todo"))?;
    let mut process = Process::start(todo.as_os_str(), &arguments, log(place)?)?;
    let Listening { listening } = process.hear()?;
    Ok((process, listening))
}

fn ours(place: &Place) -> anyhow::Result<(Process, String, Vec<String>)> {
    let (process, url) = start_ours(place)?;
    let mut tokens = Vec::new();
    for number in 0..=WRITERS {
        let output = Command::new(program(Some("todo"))?)
            .args(["user", "add", &format!("person{number}@example.org")])
            .args(place.flags())
            .stdin(Stdio::null())
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`todo user add` failed: {said}");
        tokens.push(String::from_utf8(output.stdout)?.trim().to_owned());
    }
    Ok((process, url, tokens))
}

fn by_hand(place: &Place, batches: bool) -> anyhow::Result<(Process, String, Vec<String>)> {
    let mut arguments: Vec<OsString> = vec!["serve".into(), format!("--people={}", WRITERS + 1).into()];
    match place {
        Place::Folder(folder) => arguments.extend(["--folder".into(), folder.into()]),
        Place::Postgres(url, _) => arguments.extend(["--postgres".into(), url.into()]),
    }
    if batches {
        arguments.push("--batches".into());
    }
    let mut process = Process::start(program(None)?.as_os_str(), &arguments, log(place)?)?;
    let Listening { listening } = process.hear()?;
    let tokens = process.hear()?;
    Ok((process, listening, tokens))
}

/// The file of an access log, beside the data.
fn log(place: &Place) -> anyhow::Result<File> {
    let path = place.folder().with_extension("log");
    std::fs::create_dir_all(place.folder())?;
    File::create(&path).with_context(|| format!("cannot write {}", path.display()))
}
