//! Processes of a measurement, which say a line of JSON at a time.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What a server says once it serves.
#[derive(Deserialize, Serialize)]
pub(crate) struct Listening {
    pub(crate) listening: String,
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

/// This program, or one that was built beside it.
pub(crate) fn program(name: Option<&str>) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find this program, to start others")?;
    let Some(name) = name else { return Ok(own) };
    let program = own.with_file_name(name);
    match program.exists() {
        true => Ok(program),
        false => bail!(
            "there is no `{}`; start the bench by `./bench/run todo`, which builds it",
            program.display()
        ),
    }
}

/// A child that is ended with its handle.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// What it writes to standard error, its access log, goes where `errors` says.
    pub(crate) fn start(
        program: &OsStr,
        arguments: &[impl AsRef<OsStr>],
        errors: impl Into<Stdio>,
    ) -> anyhow::Result<Process> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
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

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn ask<T: DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        self.input.write_all(b"\n")?;
        self.hear()
    }

    /// The next line that is such a message; others are passed over.
    pub(crate) fn hear<T: DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                bail!("the process ended without an answer; its own error is above, or in its log");
            }
            if let Ok(message) = serde_json::from_str(&line) {
                return Ok(message);
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A client has ended by itself, a server never does; neither holds anything that is worth a farewell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
