//! The process that answers: prints its port, then its usage for each line it reads, and ends with its input.

use std::io::BufRead;
use std::net::Ipv4Addr;

use clap::Args;
use serde::{Deserialize, Serialize};
use terrace_bench::usage;
use tokio::net::TcpListener;

use crate::process::say;
use crate::side::{Handler, Runtime, Side, ours, raw, tarpc, tonic};

/// What to serve, and how.
#[derive(Args)]
pub(crate) struct Settings {
    side: Side,
    #[arg(long, default_value = "multi")]
    runtime: Runtime,
    #[arg(long, default_value = "ready")]
    handler: Handler,
}

/// The first line a server prints.
#[derive(Deserialize, Serialize)]
pub(crate) struct Listening {
    pub(crate) port: u16,
}

/// Serves until the process ends.
pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    let runtime = settings.runtime.build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        say(&Listening {
            port: listener.local_addr()?.port(),
        })?;
        std::thread::spawn(report_usage);
        // A task, since on a multi-thread runtime the thread that blocks is not a worker.
        let handler = settings.handler;
        match settings.side {
            Side::Raw => tokio::spawn(raw::serve(listener, handler)).await?,
            Side::Ours => tokio::spawn(ours::serve(listener, handler)).await?,
            Side::Tonic => tokio::spawn(tonic::serve(listener, handler)).await?,
            Side::Tarpc => tokio::spawn(tarpc::serve(listener, handler)).await?,
        }
    })
}

/// Ends the process with its input, so that no server outlives the bench that started it.
fn report_usage() {
    for _ in std::io::stdin().lock().lines() {
        let said = usage::own().and_then(|usage| say(&usage));
        if said.is_err() {
            break;
        }
    }
    std::process::exit(0);
}
