//! A clone of its own with a target directory of its own, removed at the end.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use terrace_bench::usage;

/// A text that each round changes.
pub(crate) struct Edit {
    pub(crate) file: &'static str,
    /// What stands there.
    pub(crate) from: &'static str,
    /// What comes before the round's number.
    pub(crate) to: &'static str,
}

/// One run of cargo.
pub(crate) struct Step {
    pub(crate) wall_s: f64,
    pub(crate) cpu_s: f64,
    /// Packages that were compiled.
    pub(crate) crates: f64,
    /// What was printed on stdout, or answered.
    pub(crate) answer: String,
}

pub(crate) struct Workplace {
    directory: PathBuf,
}

impl Workplace {
    /// Clones the last commit of the workspace in the current directory, and downloads what it needs.
    pub(crate) fn open() -> anyhow::Result<Workplace> {
        let directory = std::env::temp_dir().join(format!("terrace-newcomer-{}", std::process::id()));
        fs::create_dir_all(&directory).with_context(|| format!("cannot make `{}`", directory.display()))?;
        let workplace = Workplace { directory };
        let clone = workplace.clone_directory();
        let status = Command::new("git")
            .args(["clone", "--quiet", "--no-hardlinks", "."])
            .arg(&clone)
            .status()?;
        ensure!(
            status.success(),
            "git cannot clone the current directory; run this at the root of the repository"
        );
        let status = workplace.command(&["fetch", "--locked"]).status()?;
        ensure!(
            status.success(),
            "cargo cannot fetch the dependencies; its own message is above"
        );
        Ok(workplace)
    }

    /// Removes everything that was built.
    pub(crate) fn clean(&self) -> anyhow::Result<()> {
        let target = self.target_directory();
        if target.exists() {
            fs::remove_dir_all(&target).with_context(|| format!("cannot remove `{}`", target.display()))?;
        }
        Ok(())
    }

    /// Runs cargo offline, and measures it with everything it starts.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> anyhow::Result<Step> {
        let (cpu_before, start) = (usage::children()?.cpu_s, Instant::now());
        let output = self
            .command(arguments)
            .args(["--locked", "--offline"])
            .stdin(Stdio::null())
            .output()?;
        let wall_s = start.elapsed().as_secs_f64();
        let messages = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "`cargo {}` failed:\n{messages}",
            arguments.join(" ")
        );
        Ok(Step {
            wall_s,
            cpu_s: usage::children()?.cpu_s - cpu_before,
            crates: compiled(&messages)?,
            answer: String::from_utf8_lossy(&output.stdout).into_owned(),
        })
    }

    /// The same for a program that serves pages, up to what it answers at `path`; then it is killed.
    pub(crate) fn page(&self, arguments: &[&str], path: &str) -> anyhow::Result<Step> {
        let (cpu_before, start) = (usage::children()?.cpu_s, Instant::now());
        let log = self.directory.join("log");
        let data = self.directory.join("data");
        let mut child = self
            .command(arguments)
            .args(["--locked", "--offline", "--", "--data"])
            .arg(&data)
            .args(["up", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log)?)
            .spawn()?;
        let said = child.stdout.take().context("its output is piped")?;
        let answer = asked(BufReader::new(said), path);
        let wall_s = start.elapsed().as_secs_f64();
        // Cargo has become the program.
        child.kill()?;
        child.wait()?;
        let messages = fs::read_to_string(&log)?;
        let answer = answer.with_context(|| format!("`cargo {}` failed:\n{messages}", arguments.join(" ")))?;
        fs::remove_dir_all(&data)?;
        Ok(Step {
            wall_s,
            cpu_s: usage::children()?.cpu_s - cpu_before,
            crates: compiled(&messages)?,
            answer,
        })
    }

    /// Changes a text, differently in each round, measures what `step` does, and puts the text back.
    pub(crate) fn edited(
        &self,
        edit: &Edit,
        round: u32,
        before: &Step,
        step: impl FnOnce() -> anyhow::Result<Step>,
    ) -> anyhow::Result<Step> {
        let changed = format!("{} {round}", edit.to);
        self.replace(edit.file, edit.from, &changed)?;
        let after = step()?;
        self.replace(edit.file, &changed, edit.from)?;
        ensure!(
            after.answer != before.answer,
            "the edit of `{}` did not change the answer `{}`; let it name a text that is answered",
            edit.file,
            before.answer.trim_end(),
        );
        Ok(after)
    }

    fn replace(&self, name: &str, from: &str, to: &str) -> anyhow::Result<()> {
        let file = self.clone_directory().join(name);
        let source = fs::read_to_string(&file).with_context(|| format!("cannot read `{name}`"))?;
        ensure!(
            source.contains(from),
            "`{name}` has no text `{from}`; change the edit in bench/src/newcomer"
        );
        fs::write(&file, source.replace(from, to)).with_context(|| format!("cannot write `{name}`"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("cargo");
        command
            .args(arguments)
            .current_dir(self.clone_directory())
            .env("CARGO_TARGET_DIR", self.target_directory())
            .env("CARGO_TERM_COLOR", "never");
        command
    }

    fn clone_directory(&self) -> PathBuf {
        self.directory.join("clone")
    }

    fn target_directory(&self) -> PathBuf {
        self.directory.join("target")
    }
}

/// Packages of which cargo said that it compiled them.
fn compiled(messages: &str) -> anyhow::Result<f64> {
    let lines = messages.lines();
    let compiled = lines.filter(|line| line.trim_start().starts_with("Compiling ")).count();
    Ok(f64::from(u32::try_from(compiled)?))
}

/// The body that a program answers at `path` once it has said where it listens.
fn asked(mut said: impl BufRead, path: &str) -> anyhow::Result<String> {
    let mut line = String::new();
    said.read_line(&mut line)?;
    let address = line.trim_end().strip_prefix("listening on http://");
    let address = address.with_context(|| format!("it said `{line}`, and not where it listens"))?;
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").context("the answer has no body")?.1;
    Ok(body.to_owned())
}

impl Drop for Workplace {
    fn drop(&mut self) {
        remove(&self.directory);
    }
}

#[expect(
    clippy::print_stderr,
    reason = "what is left behind takes gigabytes, so its place is said"
)]
fn remove(directory: &Path) {
    if let Err(error) = fs::remove_dir_all(directory) {
        eprintln!("cannot remove `{}`: {error}; remove it by hand", directory.display());
    }
}
