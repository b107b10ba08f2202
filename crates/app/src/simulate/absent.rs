//! What a program without the simulator says when it is asked to simulate: which build has it.

use std::sync::Arc;

use clap::builder::PossibleValue;
use host::Description;
use world::Env;

use crate::application::App;
use crate::command_line::{Simulation, word};
use crate::console::Console;
use crate::failure::CommandError;

/// Only a build with the simulator knows them.
pub(crate) fn scenarios(_: &App) -> Vec<PossibleValue> {
    Vec::new()
}

pub(crate) fn simulate(app: &App, _: Simulation, given: &str, _: &Arc<Console>, _: &Env) -> Result<u8, CommandError> {
    Err(absent(app.name, given))
}

pub(crate) fn models(name: &str) -> Result<String, CommandError> {
    Err(absent(name, "describe --models"))
}

pub(crate) fn weaker(name: &str, _: &Description, model: &str) -> Result<String, CommandError> {
    Err(absent(name, &format!("describe --model {}", word(model))))
}

/// Only a build with the simulator refuses.
pub(crate) fn refuse_for_real(_: &str, _: &str) -> Result<(), CommandError> {
    Ok(())
}

fn absent(name: &str, arguments: &str) -> CommandError {
    let command = format!("cargo run --release -p {name} --features simulate -- {arguments}");
    format!("this program was built without the simulator; the one that has it: {command}").into()
}
