//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

/// What was asked for.
pub(crate) enum Asked {
    New(New),
    Dev(Dev),
}

/// `terrace new`
pub(crate) struct New {
    pub(crate) name: String,
    /// A checkout of Terrace; without it, and without `git`, the one this program was built from.
    pub(crate) path: Option<PathBuf>,
    /// A repository and its revision.
    pub(crate) git: Option<(String, String)>,
    pub(crate) json: bool,
}

/// `terrace dev`
pub(crate) struct Dev {
    /// Which program, where the package has several.
    pub(crate) bin: Option<String>,
    pub(crate) release: bool,
    /// Further files and folders whose changes are changes of code.
    pub(crate) watch: Vec<PathBuf>,
    /// Given to the program.
    pub(crate) arguments: Vec<OsString>,
}

/// Reads the process's own; a wrong one, or one that asks for help, ends it.
pub(crate) fn read() -> Asked {
    let mut matches = command().get_matches();
    match matches.remove_subcommand() {
        Some((name, matches)) if name == "new" => Asked::New(new(matches)),
        Some((_, matches)) => Asked::Dev(dev(matches)),
        // `subcommand_required` has ended the process.
        None => unreachable!("a command is required"),
    }
}

fn new(mut matches: ArgMatches) -> New {
    let git = matches.remove_one("git").zip(matches.remove_one("rev"));
    New {
        name: matches.remove_one("name").unwrap_or_default(),
        path: matches.remove_one("path"),
        git,
        json: matches.get_flag("json"),
    }
}

fn dev(mut matches: ArgMatches) -> Dev {
    Dev {
        bin: matches.remove_one("bin"),
        release: matches.get_flag("release"),
        watch: matches.remove_many("watch").into_iter().flatten().collect(),
        arguments: matches.remove_many("arguments").into_iter().flatten().collect(),
    }
}

fn command() -> Command {
    Command::new("terrace")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Begins an application, and runs it while it is written")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(new_command())
        .subcommand(dev_command())
}

fn new_command() -> Command {
    let folder = value_parser!(PathBuf);
    Command::new("new")
        .about("Writes a small application that builds and passes its tests: a component with a database, pages, tests")
        .arg(
            Arg::new("name")
                .value_name("NAME")
                .required(true)
                .help("What it is called, as a cargo package: shopping"),
        )
        .arg(
            Arg::new("path")
                .long("path")
                .value_name("DIR")
                .value_parser(folder)
                .conflicts_with("git")
                .help("A checkout of Terrace to depend on [default: the one this program was built from]"),
        )
        .arg(
            Arg::new("git")
                .long("git")
                .value_name("URL")
                .requires("rev")
                .help("A repository of Terrace to depend on"),
        )
        .arg(
            Arg::new("rev")
                .long("rev")
                .value_name("REVISION")
                .requires("git")
                .help("Its revision: a commit or a tag"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Prints what was made as JSON"),
        )
}

fn dev_command() -> Command {
    Command::new("dev")
        .about("Builds and runs the application in this folder, again after each change; its pages reload")
        .arg(Arg::new("bin").long("bin").value_name("NAME").help("Which program, where the package has several"))
        .arg(Arg::new("release").long("release").action(ArgAction::SetTrue).help("Builds it optimised"))
        .arg(
            Arg::new("watch")
                .long("watch")
                .value_name("PATH")
                .value_parser(value_parser!(PathBuf))
                .action(ArgAction::Append)
                .help("A file or folder to watch besides src, static, migrations, build.rs and Cargo.toml; may be repeated"),
        )
        .arg(
            Arg::new("arguments")
                .value_name("ARGUMENTS")
                .value_parser(value_parser!(OsString))
                .num_args(0..)
                .last(true)
                .help("Given to the program, such as `-- up --listen 127.0.0.1:9000`"),
        )
}
