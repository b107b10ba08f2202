//! What a program without the simulator says when it is asked to simulate: which build has it.

use std::sync::Arc;

use host::Description;

use crate::application::App;
use crate::command_line::Simulation;
use crate::console::Console;
use crate::failure::CommandError;

pub(crate) fn simulate(app: &App, asked: Simulation, _: bool, _: &Arc<Console>) -> Result<u8, CommandError> {
    let scenario = asked
        .scenario
        .map(|scenario| format!(" {scenario}"))
        .unwrap_or_default();
    let model = asked
        .model
        .map(|model| format!(" --model \"{model}\""))
        .unwrap_or_default();
    let seeds = asked.seeds.map(|seeds| format!(" --seeds {seeds}")).unwrap_or_default();
    Err(absent(app.name, &format!("simulate{scenario}{model}{seeds}")))
}

pub(crate) fn models(name: &str) -> Result<String, CommandError> {
    Err(absent(name, "describe --models"))
}

pub(crate) fn weaker(name: &str, _: &Description, model: &str) -> Result<String, CommandError> {
    Err(absent(name, &format!("describe --model \"{model}\"")))
}

/// Only a build with the simulator refuses.
pub(crate) fn refuse_for_real(_: &str) -> Result<(), CommandError> {
    Ok(())
}

fn absent(name: &str, arguments: &str) -> CommandError {
    let command = format!("cargo run --release -p {name} --features simulate -- {arguments}");
    format!("this program was built without the simulator; the one that has it: {command}").into()
}
