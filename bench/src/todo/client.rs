//! The process that asks: warms up, waits for the word, asks for a while in a closed loop, prints what it took.

use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::{Args, ValueEnum};
use hdrhistogram::Histogram;
use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use crate::http::{Answer, Connection, to_do};
use crate::process::say;

/// A request that takes longer is recorded as this long.
const LATENCY_MAX_NS: u64 = 60_000_000_000;

/// A request that is answered 503, as after conflicts in a row, is sent again, with its key; it fails after so often.
const ATTEMPTS_MAX: u32 = 10;

/// Threads of the client: the server is to have the rest of the machine.
const THREADS: usize = 2;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
pub(crate) enum Route {
    /// `GET /api/todos?limit=50`
    List,
    /// `POST /api/todos` with a key that is used once
    Add,
}

/// Whom to ask, and how.
#[derive(Args)]
pub(crate) struct Settings {
    route: Route,
    /// Where the server listens, as `http://127.0.0.1:40123`
    #[arg(long)]
    url: String,
    /// Of the people in whose name it is asked; connection after connection takes the next one
    #[arg(long, value_delimiter = ',', required = true)]
    tokens: Vec<String>,
    /// Connections, each with one request in flight
    #[arg(long, default_value_t = 1)]
    in_flight: usize,
    #[arg(long, default_value_t = 300)]
    warming_ms: u64,
    #[arg(long, default_value_t = 1_000)]
    measured_ms: u64,
}

/// What a client prints last.
#[derive(Deserialize, Serialize)]
pub(crate) struct Measured {
    pub(crate) requests: u64,
    /// Answers 503, after which a request was sent again.
    pub(crate) unavailable: u64,
    pub(crate) wall_s: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// One connection and its person.
struct Caller {
    connection: Connection,
    route: Route,
    token: String,
    /// Keys of no other process begin so.
    prefix: String,
    number: u64,
    unavailable: u64,
}

pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut callers = Vec::new();
        for (number, token) in (0..settings.in_flight).zip(settings.tokens.iter().cycle()) {
            callers.push(Caller {
                connection: Connection::open(&settings.url).await?,
                route: settings.route,
                token: token.clone(),
                prefix: format!("{}-{number}", uuid::Uuid::new_v4()),
                number: 0,
                unavailable: 0,
            });
        }
        let (callers, _) = load(callers, Duration::from_millis(settings.warming_ms)).await?;
        say(&"warm")?;
        std::io::stdin().read_line(&mut String::new())?;
        let unavailable = |callers: &[Caller]| callers.iter().map(|caller| caller.unavailable).sum::<u64>();
        let (before, start) = (unavailable(&callers), Instant::now());
        let (callers, latency_ns) = load(callers, Duration::from_millis(settings.measured_ms)).await?;
        say(&Measured {
            requests: latency_ns.len(),
            unavailable: unavailable(&callers) - before,
            wall_s: start.elapsed().as_secs_f64(),
            p50_us: us(latency_ns.value_at_quantile(0.5)),
            p99_us: us(latency_ns.value_at_quantile(0.99)),
        })
    })
}

async fn load(callers: Vec<Caller>, period: Duration) -> anyhow::Result<(Vec<Caller>, Histogram<u64>)> {
    let end = Instant::now() + period;
    let tasks: Vec<_> = callers
        .into_iter()
        .map(|caller| tokio::spawn(ask_until(end, caller)))
        .collect();
    let (mut callers, mut latency_ns) = (Vec::with_capacity(tasks.len()), histogram()?);
    for task in tasks {
        let (caller, more_ns) = task.await??;
        callers.push(caller);
        latency_ns.add(more_ns)?;
    }
    Ok((callers, latency_ns))
}

async fn ask_until(end: Instant, mut caller: Caller) -> anyhow::Result<(Caller, Histogram<u64>)> {
    let mut latency_ns = histogram()?;
    let mut started = Instant::now();
    while started < end {
        let answer = caller.ask().await?;
        ensure!(
            answer.status == caller.expected(),
            "{} was answered: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        // One clock reading a request: where one ends the next one starts.
        let now = Instant::now();
        latency_ns.saturating_record(u64::try_from((now - started).as_nanos())?);
        started = now;
    }
    Ok((caller, latency_ns))
}

impl Caller {
    async fn ask(&mut self) -> anyhow::Result<Answer> {
        self.number += 1;
        for _ in 1..ATTEMPTS_MAX {
            let answer = self.attempt().await?;
            if answer.status != StatusCode::SERVICE_UNAVAILABLE {
                return Ok(answer);
            }
            self.unavailable += 1;
        }
        self.attempt().await
    }

    async fn attempt(&mut self) -> anyhow::Result<Answer> {
        match self.route {
            Route::List => self.connection.list(&self.token).await,
            Route::Add => {
                let key = format!("{}-{}", self.prefix, self.number);
                self.connection.add(&self.token, &key, to_do(self.number)).await
            }
        }
    }

    fn expected(&self) -> StatusCode {
        match self.route {
            Route::List => StatusCode::OK,
            Route::Add => StatusCode::CREATED,
        }
    }
}

fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, LATENCY_MAX_NS, 2)?)
}

#[expect(clippy::cast_precision_loss, reason = "at most a minute of nanoseconds")]
fn us(ns: u64) -> f64 {
    ns as f64 / 1000.0
}
