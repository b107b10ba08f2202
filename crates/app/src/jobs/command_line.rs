//! The command line of `jobs`.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command as Clap};
use jobs::{Filter, State};
use uuid::Uuid;

/// Jobs that are listed of each component, unless the command line says so.
const LIMIT: &str = "50";

/// What `jobs` was asked for.
#[derive(Clone, Debug)]
pub(crate) enum Choice {
    List {
        component: Option<String>,
        filter: Filter,
        limit: u32,
    },
    Show {
        id: Uuid,
    },
    Retry {
        id: Uuid,
        may_repeat: bool,
    },
    Cancel {
        id: Uuid,
    },
}

const STATES: [State; 5] = [
    State::Waiting,
    State::Running,
    State::Parked,
    State::Done,
    State::Cancelled,
];

pub(crate) fn clap() -> Clap {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let id = || {
        Arg::new("id")
            .value_name("ID")
            .required(true)
            .value_parser(clap::value_parser!(Uuid))
            .help("The job, as `jobs list` prints it")
    };
    Clap::new("jobs")
        .about("Shows what is to be done later, and what became of it")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Clap::new("list")
                .about("Prints the newest jobs of each component")
                .arg(option("component", "NAME", "Only those of this component"))
                .arg(
                    option("state", "STATE", "Only those in this state")
                        .value_parser(PossibleValuesParser::new(STATES.map(State::word))),
                )
                .arg(option("kind", "KIND", "Only those of this kind"))
                .arg(option("key", "KEY", "Only those with this key"))
                .arg(
                    option("limit", "N", "At most so many of each component")
                        .value_parser(clap::value_parser!(u32).range(1..))
                        .default_value(LIMIT),
                ),
        )
        .subcommand(Clap::new("show").about("Prints all that is known of a job").arg(id()))
        .subcommand(
            Clap::new("retry")
                .about("Replays a parked job, from the part that failed")
                .arg(id())
                .arg(
                    Arg::new("may-repeat")
                        .long("may-repeat")
                        .action(ArgAction::SetTrue)
                        .help("Also when its effects are not remembered any more, and may happen a second time"),
                ),
        )
        .subcommand(
            Clap::new("cancel")
                .about("Cancels a job; what its steps have done is taken back")
                .arg(id()),
        )
}

pub(crate) fn choice(given: &ArgMatches) -> Option<Choice> {
    let (name, given) = given.subcommand()?;
    let text = |name: &str| given.get_one::<String>(name).cloned();
    let id = || given.get_one::<Uuid>("id").copied().unwrap_or_default();
    Some(match name {
        "list" => Choice::List {
            component: text("component"),
            filter: Filter {
                state: text("state").and_then(|word| State::from_word(&word)),
                kind: text("kind"),
                key: text("key"),
            },
            limit: given.get_one::<u32>("limit").copied().unwrap_or_default(),
        },
        "show" => Choice::Show { id: id() },
        "retry" => Choice::Retry {
            id: id(),
            may_repeat: given.get_flag("may-repeat"),
        },
        "cancel" => Choice::Cancel { id: id() },
        _ => return None,
    })
}
