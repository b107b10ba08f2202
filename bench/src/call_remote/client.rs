//! The process that calls: warms up, waits for the word, calls for a while in a closed loop, prints what it took.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use clap::Args;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use terrace_bench::usage;

use crate::process::say;
use crate::side::{Caller, Runtime, Side, ours, raw, tarpc, tonic};

/// A call that takes longer is recorded as this long.
const LATENCY_MAX_NS: u64 = 60_000_000_000;

/// Whom to call, and how.
#[derive(Args)]
pub(crate) struct Settings {
    side: Side,
    #[arg(long, default_value = "multi")]
    runtime: Runtime,
    /// Port of the server on the loopback address
    #[arg(long)]
    port: u16,
    /// Length of each body
    #[arg(long, default_value_t = 64)]
    bytes: usize,
    /// Callers, each with one call in flight
    #[arg(long, default_value_t = 1)]
    in_flight: usize,
    #[arg(long, default_value_t = 150)]
    warming_ms: u64,
    #[arg(long, default_value_t = 600)]
    measured_ms: u64,
}

/// What a client prints last; its CPU seconds are of this process alone.
#[derive(Deserialize, Serialize)]
pub(crate) struct Measured {
    pub(crate) calls: u64,
    pub(crate) wall_s: f64,
    pub(crate) cpu_s: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) peak_mib: f64,
}

/// Measures one side.
pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    let (port, callers) = (settings.port, settings.in_flight);
    match settings.side {
        Side::Raw => measure(settings, raw::connect(port, callers)),
        Side::Ours => measure(settings, ours::connect(port, callers)),
        Side::Tonic => measure(settings, tonic::connect(port, callers)),
        Side::Tarpc => measure(settings, tarpc::connect(port, callers)),
    }
}

fn measure<C: Caller>(
    settings: &Settings,
    connect: impl Future<Output = anyhow::Result<Vec<C>>>,
) -> anyhow::Result<()> {
    let runtime = settings.runtime.build()?;
    let body = Bytes::from(vec![0x5a; settings.bytes]);
    let callers = runtime.block_on(async {
        let callers = connect.await.context("cannot connect to the server")?;
        load(callers, &body, Duration::from_millis(settings.warming_ms)).await
    })?;
    say(&"warm")?;
    std::io::stdin().read_line(&mut String::new())?;

    let (cpu_before, start) = (usage::own()?.cpu_s, Instant::now());
    let callers = runtime.block_on(load(
        callers.callers,
        &body,
        Duration::from_millis(settings.measured_ms),
    ))?;
    let (wall_s, used) = (start.elapsed().as_secs_f64(), usage::own()?);
    let latency_us = |quantile| us(callers.latency_ns.value_at_quantile(quantile));
    say(&Measured {
        calls: callers.latency_ns.len(),
        wall_s,
        cpu_s: used.cpu_s - cpu_before,
        p50_us: latency_us(0.5),
        p99_us: latency_us(0.99),
        peak_mib: used.peak_mib,
    })
}

/// The callers, to be used again, and how long their calls took.
struct Load<C> {
    callers: Vec<C>,
    latency_ns: Histogram<u64>,
}

async fn load<C: Caller>(callers: Vec<C>, body: &Bytes, period: Duration) -> anyhow::Result<Load<C>> {
    let end = Instant::now() + period;
    let tasks: Vec<_> = callers
        .into_iter()
        .map(|caller| tokio::spawn(call_until(end, caller, body.clone())))
        .collect();
    let mut load = Load {
        callers: Vec::with_capacity(tasks.len()),
        latency_ns: histogram()?,
    };
    for task in tasks {
        let (caller, latency_ns) = task.await??;
        load.callers.push(caller);
        load.latency_ns.add(latency_ns)?;
    }
    Ok(load)
}

async fn call_until<C: Caller>(end: Instant, mut caller: C, body: Bytes) -> anyhow::Result<(C, Histogram<u64>)> {
    let mut latency_ns = histogram()?;
    let mut started = Instant::now();
    while started < end {
        let answered_bytes = caller.call(&body).await?;
        ensure!(
            answered_bytes == body.len(),
            "sent {} bytes, {answered_bytes} came back",
            body.len()
        );
        // One clock reading a call: where one ends the next one starts.
        let now = Instant::now();
        latency_ns.saturating_record(u64::try_from((now - started).as_nanos())?);
        started = now;
    }
    Ok((caller, latency_ns))
}

fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, LATENCY_MAX_NS, 2)?)
}

#[expect(clippy::cast_precision_loss, reason = "at most a minute of nanoseconds")]
fn us(ns: u64) -> f64 {
    ns as f64 / 1000.0
}
