//! The command line of `database`.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command as Clap};

/// What `database` was asked for.
#[derive(Clone, Debug)]
pub(crate) enum Choice {
    Status,
    Migrate,
    Backup {
        folder: PathBuf,
    },
    Restore {
        folder: PathBuf,
        component: Option<String>,
        replaces: bool,
    },
    Move {
        to: String,
    },
}

impl Choice {
    /// Where data is to be moved to.
    pub(crate) fn elsewhere(&self) -> Option<&str> {
        match self {
            Choice::Move { to } => Some(to),
            _ => None,
        }
    }
}

pub(crate) fn clap() -> Clap {
    let folder = |help: &'static str| {
        Arg::new("folder")
            .value_name("FOLDER")
            .value_parser(clap::value_parser!(PathBuf))
            .required(true)
            .help(help)
    };
    Clap::new("database")
        .about("Looks after the databases of the components")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Clap::new("status").about("Prints where each database is, who holds it, and the steps of its schema"),
        )
        .subcommand(Clap::new("migrate").about("Runs the migrations that are missing"))
        .subcommand(
            Clap::new("backup")
                .about("Writes each component's data to a file in a new folder, while the application runs or not")
                .arg(folder("Where the files are to be; it must not hold any yet")),
        )
        .subcommand(
            Clap::new("restore")
                .about("Fills the databases from the files of a backup: each all of it, or nothing")
                .arg(folder("Where the files of the backup are"))
                .arg(
                    Arg::new("component")
                        .long("component")
                        .value_name("NAME")
                        .help("Only this component"),
                )
                .arg(
                    Arg::new("replace")
                        .long("replace")
                        .action(ArgAction::SetTrue)
                        .help("Removes what is there; without it a database must be empty"),
                ),
        )
        .subcommand(
            Clap::new("move")
                .about("Moves all data elsewhere, proven by counts and checksums; meanwhile it can be read")
                .arg(
                    Arg::new("to")
                        .long("to")
                        .value_name("URL")
                        .required(true)
                        .help("Where to, such as postgres://app@host/db; as tiers.database is written"),
                ),
        )
}

pub(crate) fn choice(given: &ArgMatches) -> Option<Choice> {
    let (name, given) = given.subcommand()?;
    let folder = || given.get_one::<PathBuf>("folder").cloned().unwrap_or_default();
    let text = |name: &str| given.get_one::<String>(name).cloned();
    Some(match name {
        "status" => Choice::Status,
        "migrate" => Choice::Migrate,
        "backup" => Choice::Backup { folder: folder() },
        "restore" => Choice::Restore {
            folder: folder(),
            component: text("component"),
            replaces: given.get_flag("replace"),
        },
        "move" => Choice::Move {
            to: text("to").unwrap_or_default(),
        },
        _ => return None,
    })
}
