//! The command line: what every program has, and its own commands.

mod describe;
mod own;
mod pages;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command as Clap};
use host::config::{FORMATS, LEVELS, concealed};
use telemetry::logs::{Format, Level};
use world::Address;

use crate::application::App;
use crate::simulate;

pub(crate) use self::describe::Describe;
pub(crate) use self::pages::Pages;

/// What was asked for.
pub(crate) struct Asked {
    pub(crate) command: Choice,
    pub(crate) config: Option<PathBuf>,
    /// The `KEY=VALUE` of each `--set`.
    pub(crate) set: Vec<OsString>,
    pub(crate) log_format: Option<Format>,
    pub(crate) log_level: Option<Level>,
    pub(crate) json: bool,
    /// The folder of all data.
    pub(crate) data: Option<PathBuf>,
    /// All of it after the program, as a person would type it, but for what may be a secret.
    pub(crate) given: String,
}

/// A command line that asks for nothing that runs: what to print instead.
pub(crate) enum Unread {
    /// It is wrong.
    Wrong(String),
    /// It asks for help, or for the version.
    Help(String),
}

/// Which command.
pub(crate) enum Choice {
    /// None, and the program names no default.
    None,
    Up {
        pages: Pages,
        listen: Option<Address>,
        /// Whether the command asks for the HTTP face.
        face: bool,
        must_listen: bool,
    },
    Describe(Describe),
    /// Compares this release with another one.
    Check {
        /// What `describe --json` of the other one printed, or its program.
        against: PathBuf,
    },
    /// Looks at what the application needs.
    Doctor,
    /// Prints a new address of the operator's pages.
    #[cfg(all(feature = "front", feature = "database"))]
    Admin,
    Simulate(Simulation),
    #[cfg(feature = "database")]
    Database(crate::database::command_line::Choice),
    #[cfg(feature = "database")]
    Jobs(crate::jobs::command_line::Choice),
    Own(&'static str, ArgMatches),
}

/// What `simulate` was asked for.
#[cfg_attr(
    not(feature = "simulate"),
    expect(dead_code, reason = "a build without the simulator only says which has it")
)]
#[derive(Clone, Debug)]
pub(crate) struct Simulation {
    /// How the program was started.
    pub(crate) program: String,
    /// Whether the report is to be JSON.
    pub(crate) json: bool,
    pub(crate) scenario: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) seeds: Option<u64>,
    pub(crate) seed: Option<u64>,
    pub(crate) minutes: Option<f64>,
    pub(crate) jobs: usize,
    pub(crate) beyond: bool,
    pub(crate) replay: Option<PathBuf>,
    pub(crate) failures: PathBuf,
}

/// Where failures are saved unless the command line says so.
pub(crate) const FAILURES: &str = "failures";

/// An argument as a shell takes it.
pub(crate) fn word(argument: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+".contains(letter);
    match !argument.is_empty() && argument.chars().all(plain) {
        true => argument.to_owned(),
        false => format!("'{}'", argument.replace('\'', "'\\''")),
    }
}

/// Reads `arguments`.
pub(crate) fn read(app: &App, mut arguments: Vec<OsString>) -> Result<Asked, Unread> {
    let unread = |error: clap::Error, arguments: &[OsString]| {
        let text = error.render().to_string();
        match error.use_stderr() {
            true => Unread::Wrong(without_secrets(text, arguments)),
            false => Unread::Help(text),
        }
    };
    let read = |arguments: &[OsString]| clap(app).try_get_matches_from(arguments);
    let mut matches = read(&arguments).map_err(|error| unread(error, &arguments))?;
    if let (None, Some(default)) = (matches.subcommand_name(), app.default_command) {
        arguments.push(default.into());
        matches = read(&arguments).map_err(|error| unread(error, &arguments))?;
    }
    let mut given = shown(&arguments).into_iter().map(|(_, shown)| word(&shown));
    let program = given.next().unwrap_or_else(|| app.name.to_owned());
    let given = given.collect::<Vec<_>>().join(" ");
    let named = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let asked = Asked {
        command: Choice::None,
        config: matches.get_one::<PathBuf>("config").cloned(),
        set: set(&matches),
        log_format: named("log-format").and_then(|word| found(FORMATS, word)),
        log_level: named("log-level").and_then(|word| found(LEVELS, word)),
        json: matches.get_flag("json"),
        data: matches.get_one::<PathBuf>("data").cloned(),
        given,
    };
    let outer = Pages::of(&matches);
    let command = match matches.remove_subcommand() {
        None if outer.is_given() => Choice::Up {
            pages: outer,
            listen: None,
            face: false,
            must_listen: false,
        },
        None => Choice::None,
        Some((name, matches)) => match choice(app, &name, matches, program) {
            Choice::Up {
                pages,
                listen,
                face,
                must_listen,
            } => Choice::Up {
                pages: pages.or(outer),
                listen,
                face,
                must_listen,
            },
            _ if outer.is_given() => {
                let wrong = format!("error: {} go with `up` and `serve`, not with `{name}`\n", pages::NAMES);
                return Err(Unread::Wrong(wrong));
            }
            other => other,
        },
    };
    Ok(Asked { command, ..asked })
}

/// Each `--set`, those before the command first. It is an argument of the program and one of each command, since of one that
/// is global only the last place it stands in would count.
fn set(matches: &ArgMatches) -> Vec<OsString> {
    let places = std::iter::successors(Some(matches), |matches| matches.subcommand().map(|(_, deeper)| deeper));
    let given = places.filter_map(|matches| matches.try_get_many::<OsString>(SET).ok()?);
    given.flatten().cloned().collect()
}

/// Each argument, and what may be shown of it.
fn shown(arguments: &[OsString]) -> Vec<(String, String)> {
    let mut is_set = false;
    let mut shown = Vec::new();
    for argument in arguments {
        let argument = argument.to_string_lossy().into_owned();
        let concealed = match is_set {
            true => concealed(&format!("--set={argument}")).replacen("--set=", "", 1),
            false => concealed(&argument),
        };
        is_set = argument == "--set";
        shown.push((argument, concealed));
    }
    shown
}

/// The message about a wrong command line, which quotes it.
fn without_secrets(mut message: String, arguments: &[OsString]) -> String {
    for (argument, shown) in shown(arguments) {
        if argument == shown {
            continue;
        }
        message = match argument.contains('=') {
            true => message.replace(&argument, &shown),
            // A short one could be a part of any word.
            false => message.replace(&format!("'{argument}'"), &format!("'{shown}'")),
        };
        // What stands behind `--json=` is quoted by itself.
        if let (Some((_, value)), Some((_, shown))) = (argument.split_once('='), shown.split_once('='))
            && value.contains('=')
        {
            message = message.replace(value, shown);
        }
    }
    message
}

/// The help, for whoever asked for nothing.
pub(crate) fn help(app: &App) -> String {
    clap(app).render_help().to_string()
}

fn choice(app: &App, name: &str, given: ArgMatches, program: String) -> Choice {
    if let Some((own, given)) = own::find(&app.commands, name, &given) {
        return Choice::Own(own, given);
    }
    let listen = || given.get_one::<Address>("service-listen").cloned();
    match name {
        "describe" => Choice::Describe(Describe::of(&given)),
        "check" => Choice::Check {
            against: given.get_one::<PathBuf>("against").cloned().unwrap_or_default(),
        },
        "simulate" => Choice::Simulate(simulation(&given, program)),
        #[cfg(feature = "database")]
        "jobs" => match crate::jobs::command_line::choice(&given) {
            Some(choice) => Choice::Jobs(choice),
            None => Choice::None,
        },
        #[cfg(feature = "database")]
        "database" => match crate::database::command_line::choice(&given) {
            Some(choice) => Choice::Database(choice),
            None => Choice::None,
        },
        "doctor" => Choice::Doctor,
        #[cfg(all(feature = "front", feature = "database"))]
        "admin" => Choice::Admin,
        "serve" => Choice::Up {
            pages: Pages::of(&given),
            listen: listen(),
            face: true,
            must_listen: true,
        },
        _ => Choice::Up {
            pages: Pages::of(&given),
            listen: listen(),
            face: listen().is_some(),
            must_listen: false,
        },
    }
}

fn found<T: Copy>(words: &[(&str, T)], wanted: &str) -> Option<T> {
    words.iter().find(|(word, _)| *word == wanted).map(|(_, value)| *value)
}

/// The name of the argument `--set`.
const SET: &str = "set";

/// What every command has stands after what it has of its own.
const GLOBAL_LAST: usize = 100;

fn clap(app: &App) -> Clap {
    let own = |name: &str| own::has(&app.commands, name);
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
        Arg::new("data")
            .long("data")
            .value_name("FOLDER")
            .value_parser(clap::value_parser!(PathBuf))
            .help("Where all data lies [default: data, beside the configuration]"),
    ];
    let front = app.modules.has_front();
    let built_in = [
        Clap::new("up")
            .about("Runs the application until Ctrl-C or SIGTERM")
            .arg(service_listen())
            .args(pages::arguments(front)),
        Clap::new("serve")
            .about("Runs the application and serves its components, on frames and on HTTP")
            .arg(service_listen())
            .args(pages::arguments(front)),
        describe::clap(),
        describe::check(),
        Clap::new("doctor").about("Looks at data, configuration, engines, clock and certificates, and says what to do"),
        #[cfg(all(feature = "front", feature = "database"))]
        Clap::new("admin")
            .about("Prints a new address of the operator's pages of the application that runs")
            .hide(!front),
        simulate(app),
        #[cfg(feature = "database")]
        crate::database::command_line::clap(),
        #[cfg(feature = "database")]
        crate::jobs::command_line::clap(),
    ];
    Clap::new(app.name)
        .version(app.version)
        .about(app.about)
        .args(global.map(|arg| arg.global(true).display_order(GLOBAL_LAST)))
        .arg(set_argument())
        .args(pages::arguments(front))
        .subcommands(own::commands(&app.commands, set_argument))
        .subcommands(
            built_in
                .into_iter()
                .filter(|built_in| !own(built_in.get_name()))
                .map(|command| {
                    command
                        .arg(set_argument())
                        .mut_subcommands(|command| command.arg(set_argument()))
                }),
        )
}

fn set_argument() -> Arg {
    Arg::new(SET)
        .long("set")
        .value_name("KEY=VALUE")
        .value_parser(clap::value_parser!(OsString))
        .allow_hyphen_values(true)
        .action(ArgAction::Append)
        .display_order(GLOBAL_LAST)
        .help("A value of the configuration, such as tiers.database=sqlite:data; it may be given several times")
}

fn service_listen() -> Arg {
    Arg::new("service-listen")
        .long("service-listen")
        .value_name("ADDRESS")
        .value_parser(host::config::address)
        .help("Where components are served, such as 127.0.0.1:7001; port 0 picks a free one")
}

fn simulate(app: &App) -> Clap {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name(value)
            .allow_negative_numbers(true)
            .help(help)
    };
    Clap::new("simulate")
        .about("Runs the application's scenarios in worlds where things go wrong, one process for each seed")
        .arg(scenario(app))
        .arg(option(
            "model",
            "MODEL",
            "The system model, such as `asynchronous + byzantine(1)`",
        ))
        .arg(option("seeds", "N", "How many seeds").value_parser(seeds))
        .arg(option("seed", "N", "The first seed; without --seeds the only one").value_parser(clap::value_parser!(u64)))
        .arg(option("minutes", "T", "Ends after so many minutes, whatever --seeds says").value_parser(minutes))
        .arg(
            option(
                "jobs",
                "N",
                "How many runs at once; as many as there are processors without it",
            )
            .value_parser(clap::value_parser!(u16).range(1..)),
        )
        .arg(
            Arg::new("beyond")
                .long("beyond")
                .action(ArgAction::SetTrue)
                .help("Runs also where a component requires a stronger model, to see what happens"),
        )
        .arg(
            option("replay", "FILE", "Runs one saved failure again")
                .value_parser(clap::value_parser!(PathBuf))
                .conflicts_with_all(["scenario", "model", "seeds", "seed", "minutes", "beyond", "json"]),
        )
        .arg(
            option(
                "failures",
                "FOLDER",
                "Where failures are saved, with their pictures, and read from first",
            )
            .value_parser(clap::value_parser!(PathBuf))
            .default_value(FAILURES),
        )
}

/// Which scenario; where they are known, one of them.
fn scenario(app: &App) -> Arg {
    let known = simulate::scenarios(app);
    let arg = Arg::new("scenario")
        .value_name("SCENARIO")
        .help("Which; all of them without it");
    match known.is_empty() {
        true => arg,
        false => arg.value_parser(PossibleValuesParser::new(known)),
    }
}

fn simulation(given: &ArgMatches, program: String) -> Simulation {
    let number = |name: &str| given.get_one::<u64>(name).copied();
    let path = |name: &str| given.get_one::<PathBuf>(name).cloned();
    Simulation {
        program,
        json: given.get_flag("json"),
        scenario: given.get_one::<String>("scenario").cloned(),
        model: given.get_one::<String>("model").cloned(),
        seeds: number("seeds"),
        seed: number("seed"),
        minutes: given.get_one::<f64>("minutes").copied(),
        jobs: given.get_one::<u16>("jobs").copied().unwrap_or_default().into(),
        beyond: given.get_flag("beyond"),
        replay: path("replay"),
        failures: path("failures").unwrap_or_default(),
    }
}

fn seeds(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(seeds @ 1..) => Ok(seeds),
        _ => Err("give a whole number of seeds, 1 or more, such as 500".to_owned()),
    }
}

fn minutes(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(minutes) if minutes > 0.0 && minutes.is_finite() => Ok(minutes),
        _ => Err("give a number of minutes above 0, such as 2 or 0.5".to_owned()),
    }
}

fn words<T>(name: &'static str, words: &[(&'static str, T)]) -> Arg {
    let words: Vec<&'static str> = words.iter().map(|(word, _)| *word).collect();
    Arg::new(name)
        .long(name)
        .value_name("WORD")
        .value_parser(PossibleValuesParser::new(words))
}
