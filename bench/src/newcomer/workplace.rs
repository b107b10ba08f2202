//! A clone of its own with a target directory of its own, removed at the end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use terrace_bench::usage;

/// The text of a component that each round changes: file, what stands there, what comes before the round's number.
const EDIT: (&str, &str, &str) = ("examples/hello/src/greeter.rs", "Hello", "Good day");

/// One run of cargo.
pub(crate) struct Step {
    pub(crate) wall_s: f64,
    pub(crate) cpu_s: f64,
    /// Packages that were compiled.
    pub(crate) crates: f64,
    /// What was printed on stdout.
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
        let compiled = messages
            .lines()
            .filter(|line| line.trim_start().starts_with("Compiling "))
            .count();
        Ok(Step {
            wall_s,
            cpu_s: usage::children()?.cpu_s - cpu_before,
            crates: f64::from(u32::try_from(compiled)?),
            answer: String::from_utf8_lossy(&output.stdout).into_owned(),
        })
    }

    /// Changes a text inside a component, differently in each round.
    pub(crate) fn edit(&self, round: u32) -> anyhow::Result<()> {
        let (_, from, to) = EDIT;
        self.replace(from, &format!("{to} {round}"))
    }

    /// Puts the text back.
    pub(crate) fn undo_edit(&self, round: u32) -> anyhow::Result<()> {
        let (_, from, to) = EDIT;
        self.replace(&format!("{to} {round}"), from)
    }

    fn replace(&self, from: &str, to: &str) -> anyhow::Result<()> {
        let file = self.clone_directory().join(EDIT.0);
        let source = fs::read_to_string(&file).with_context(|| format!("cannot read `{}`", EDIT.0))?;
        ensure!(
            source.contains(from),
            "`{}` has no text `{from}`; change `EDIT` in bench/src/newcomer",
            EDIT.0
        );
        fs::write(&file, source.replace(from, to)).with_context(|| format!("cannot write `{}`", EDIT.0))
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
