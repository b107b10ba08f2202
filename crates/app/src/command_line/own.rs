//! A program's own commands on the command line. One whose name is two words, such as `user add`, stands in a group.

use clap::{Arg, ArgAction, ArgMatches, Command as Clap};

use crate::command::{Argument, Command, Kind};

/// Whether a command or a group is called `name`.
pub(super) fn has(commands: &[Command], name: &str) -> bool {
    commands.iter().any(|command| words(command).0 == name)
}

/// The command that was given under `name`, with what it was given.
pub(super) fn find(commands: &[Command], name: &str, given: &ArgMatches) -> Option<(&'static str, ArgMatches)> {
    commands.iter().find_map(|command| {
        let (first, second) = words(command);
        let matches = match second {
            None => given.clone(),
            Some(second) => given.subcommand().filter(|(below, _)| *below == second)?.1.clone(),
        };
        (first == name).then_some((command.name, matches))
    })
}

/// All of them; `last` is an argument that each takes.
pub(super) fn commands(commands: &[Command], last: fn() -> Arg) -> Vec<Clap> {
    let mut all: Vec<Clap> = Vec::new();
    for command in commands {
        let (first, second) = words(command);
        let Some(second) = second else {
            all.push(subcommand(first, command).arg(last()));
            continue;
        };
        let below = subcommand(second, command).arg(last());
        match all.iter().position(|known| known.get_name() == first) {
            Some(known) => all[known] = all[known].clone().subcommand(below),
            None => all.push(
                Clap::new(first)
                    .about(format!("Commands on {first}s"))
                    .subcommand_required(true)
                    .arg_required_else_help(true)
                    .arg(last())
                    .subcommand(below),
            ),
        }
    }
    all
}

fn words(command: &Command) -> (&'static str, Option<&'static str>) {
    match command.name.split_once(' ') {
        Some((first, second)) => (first, Some(second)),
        None => (command.name, None),
    }
}

fn subcommand(name: &'static str, command: &Command) -> Clap {
    Clap::new(name)
        .about(command.about)
        .args(command.arguments.iter().map(argument))
}

fn argument(argument: &Argument) -> Arg {
    let arg = Arg::new(argument.name).help(argument.help).required(argument.required);
    let arg = match argument.kind {
        Kind::Positional => arg,
        Kind::Option => arg.long(argument.name),
        Kind::Flag => arg.long(argument.name).action(ArgAction::SetTrue),
    };
    match argument.default {
        Some(default) => arg.default_value(default),
        None => arg,
    }
}
