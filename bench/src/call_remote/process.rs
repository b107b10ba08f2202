//! The two processes of one measurement, which speak a line of JSON at a time.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use terrace_bench::usage::Usage;

use crate::client::Measured;
use crate::server::Listening;
use crate::side::{Handler, Runtime, Side, argument};

/// One measurement: which side, under which load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    pub(crate) side: Side,
    pub(crate) runtime: Runtime,
    pub(crate) handler: Handler,
    pub(crate) bytes: usize,
    pub(crate) in_flight: usize,
    pub(crate) warming_ms: u64,
    pub(crate) measured_ms: u64,
}

/// What came out of it, client and server together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) calls_per_cpu_s: f64,
    pub(crate) calls_per_s: f64,
    pub(crate) cpu_s: f64,
    pub(crate) wall_s: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) peak_mib: f64,
}

impl Trial {
    /// Starts both processes, measures, and ends them.
    pub(crate) fn run(&self) -> anyhow::Result<Sample> {
        self.measure()
            .with_context(|| format!("cannot measure {} on {}", self.side.name(), self.runtime.name()))
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of calls stays far below 2^52")]
    fn measure(&self) -> anyhow::Result<Sample> {
        let (side, runtime) = (argument(self.side), argument(self.runtime));
        let mut server = Process::start(&[
            "serve",
            &side,
            "--runtime",
            &runtime,
            "--handler",
            &argument(self.handler),
        ])?;
        let Listening { port } = server.hear()?;
        let mut client = Process::start(&[
            "client",
            &side,
            &format!("--runtime={runtime}"),
            &format!("--port={port}"),
            &format!("--bytes={}", self.bytes),
            &format!("--in-flight={}", self.in_flight),
            &format!("--warming-ms={}", self.warming_ms),
            &format!("--measured-ms={}", self.measured_ms),
        ])?;
        let _warm: String = client.hear()?;
        let before: Usage = server.ask()?;
        let measured: Measured = client.ask()?;
        let after: Usage = server.ask()?;
        let cpu_s = measured.cpu_s + after.cpu_s - before.cpu_s;
        Ok(Sample {
            calls_per_cpu_s: measured.calls as f64 / cpu_s,
            calls_per_s: measured.calls as f64 / measured.wall_s,
            cpu_s,
            wall_s: measured.wall_s,
            p50_us: measured.p50_us,
            p99_us: measured.p99_us,
            peak_mib: measured.peak_mib + after.peak_mib,
        })
    }
}

/// Says a line to the process that started this one.
#[expect(
    clippy::print_stdout,
    reason = "stdout is the channel between the processes of a measurement"
)]
pub(crate) fn say(message: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(message)?);
    Ok(())
}

/// A child that is ended with its handle.
struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(arguments: &[&str]) -> anyhow::Result<Process> {
        let program = std::env::current_exe().context("cannot find this program, to start it as a server")?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("the process was started without its pipes");
        };
        Ok(Process {
            child,
            input,
            output: BufReader::new(output),
        })
    }

    fn ask<T: DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        self.input.write_all(b"\n")?;
        self.hear()
    }

    fn hear<T: DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        let mut line = String::new();
        let read = self.output.read_line(&mut line)?;
        if read == 0 {
            bail!("the process ended without an answer; its own error is above");
        }
        serde_json::from_str(&line).with_context(|| format!("`{}` is not what the process should say", line.trim_end()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A client has ended by itself, a server never does; neither holds anything that is worth a farewell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
