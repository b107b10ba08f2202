//! The command line: what every program has, and its own commands.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command as Clap};
use host::config::{FORMATS, LEVELS};
use telemetry::logs::{Format, Level};
use world::Address;

use crate::application::App;
use crate::command::{Argument, Command, Kind};

/// What was asked for.
pub(crate) struct Asked {
    pub(crate) command: Choice,
    pub(crate) config: Option<PathBuf>,
    pub(crate) log_format: Option<Format>,
    pub(crate) log_level: Option<Level>,
    pub(crate) json: bool,
}

/// Which command.
pub(crate) enum Choice {
    /// None, and the program names no default.
    None,
    Up {
        listen: Option<Address>,
        /// Whether the command asks for the HTTP face.
        face: bool,
        must_listen: bool,
    },
    Describe,
    Own(&'static str, ArgMatches),
}

/// Reads `arguments`; the error knows whether it is help, and its exit status.
pub(crate) fn read(app: &App, mut arguments: Vec<OsString>) -> Result<Asked, clap::Error> {
    let mut matches = clap(app).try_get_matches_from(&arguments)?;
    if let (None, Some(default)) = (matches.subcommand_name(), app.default_command) {
        arguments.push(default.into());
        matches = clap(app).try_get_matches_from(&arguments)?;
    }
    let word = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let asked = Asked {
        command: Choice::None,
        config: matches.get_one::<PathBuf>("config").cloned(),
        log_format: word("log-format").and_then(|word| found(FORMATS, word)),
        log_level: word("log-level").and_then(|word| found(LEVELS, word)),
        json: matches.get_flag("json"),
    };
    let command = match matches.remove_subcommand() {
        None => Choice::None,
        Some((name, given)) => choice(app, &name, given),
    };
    Ok(Asked { command, ..asked })
}

/// The help, for whoever asked for nothing.
pub(crate) fn help(app: &App) -> String {
    clap(app).render_help().to_string()
}

fn choice(app: &App, name: &str, given: ArgMatches) -> Choice {
    if let Some(own) = app.commands.iter().find(|command| command.name == name) {
        return Choice::Own(own.name, given);
    }
    let listen = || given.get_one::<Address>("service-listen").cloned();
    match name {
        "describe" => Choice::Describe,
        "serve" => Choice::Up {
            listen: listen(),
            face: true,
            must_listen: true,
        },
        _ => Choice::Up {
            listen: listen(),
            face: listen().is_some(),
            must_listen: false,
        },
    }
}

fn found<T: Copy>(words: &[(&str, T)], wanted: &str) -> Option<T> {
    words.iter().find(|(word, _)| *word == wanted).map(|(_, value)| *value)
}

fn clap(app: &App) -> Clap {
    let own = |name: &str| app.commands.iter().any(|command| command.name == name);
    let global = [
        Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("The configuration [default: terrace.toml, if it is there]"),
        words("log-format", FORMATS).help("How a line of the log looks"),
        words("log-level", LEVELS).help("The least severe level that is logged"),
        Arg::new("json")
            .long("json")
            .action(ArgAction::SetTrue)
            .help("Writes data as JSON"),
    ];
    let built_in = [
        Clap::new("up")
            .about("Runs the application until Ctrl-C or SIGTERM")
            .arg(service_listen()),
        Clap::new("serve")
            .about("Runs the application and serves its components, on frames and on HTTP")
            .arg(service_listen()),
        Clap::new("describe").about("Prints components, owners, methods, marks, codecs and the call graph"),
    ];
    Clap::new(app.name)
        .version(app.version)
        .about(app.about)
        .args(global.map(|arg| arg.global(true)))
        .subcommands(app.commands.iter().map(subcommand))
        .subcommands(built_in.into_iter().filter(|built_in| !own(built_in.get_name())))
}

fn service_listen() -> Arg {
    Arg::new("service-listen")
        .long("service-listen")
        .value_name("ADDRESS")
        .value_parser(host::config::address)
        .help("Where components are served, such as 127.0.0.1:7001; port 0 picks a free one")
}

fn words<T>(name: &'static str, words: &[(&'static str, T)]) -> Arg {
    let words: Vec<&'static str> = words.iter().map(|(word, _)| *word).collect();
    Arg::new(name)
        .long(name)
        .value_name("WORD")
        .value_parser(PossibleValuesParser::new(words))
}

fn subcommand(command: &Command) -> Clap {
    Clap::new(command.name)
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
