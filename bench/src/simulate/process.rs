//! The processes that are measured, which say a line of JSON.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use crate::scene::Scene;
use crate::{Cost, beside_this};

/// The peer: how long one of its ticks is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turmoil {
    pub(crate) tick_ms: u64,
}

impl Turmoil {
    /// One run of a scene, without its faults.
    pub(crate) fn run(self, scene: Scene, simulated: Duration, seed: u64) -> anyhow::Result<Cost> {
        let mut command = Command::new(beside_this("bench-turmoil")?);
        let numbers = [
            u128::from(scene.nodes),
            u128::from(scene.servers),
            u128::from(scene.lanes),
            scene.pause.as_millis(),
            u128::from(self.tick_ms),
            simulated.as_millis(),
            u128::from(seed),
        ];
        command.args(numbers.map(|number| number.to_string()));
        hear(command)
    }
}

/// One run of ours.
pub(crate) fn ours(scene: Scene, simulated: Duration, seed: u64) -> anyhow::Result<Cost> {
    let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
    command.args(["one", scene.name, &simulated.as_millis().to_string(), &seed.to_string()]);
    hear(command)
}

/// Says a line to the process that started this one.
#[expect(
    clippy::print_stdout,
    reason = "stdout is the channel between the processes of a bench"
)]
pub(crate) fn say(message: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(message)?);
    Ok(())
}

fn hear(mut command: Command) -> anyhow::Result<Cost> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    anyhow::ensure!(output.status.success(), "{command:?} ended with {}", output.status);
    serde_json::from_slice(&output.stdout).with_context(|| format!("{command:?} does not say what it cost"))
}
