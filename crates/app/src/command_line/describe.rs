//! The arguments of `describe` and `check`.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command as Clap};

/// What `describe` is to print.
pub(crate) enum Describe {
    /// The application, as tables or JSON; with a model, also who requires a stronger one.
    Application { model: Option<String> },
    /// Its components as OpenAPI.
    OpenApi,
    /// Its call graph for Graphviz.
    Dot,
    /// Pages about its components, into this folder.
    Docs { folder: PathBuf },
    /// What is configured.
    Configuration,
    /// The system models.
    Models,
}

/// The switches that each print something else.
const FORMS: [&str; 5] = ["openapi", "dot", "docs", "configuration", "models"];

impl Describe {
    pub(crate) fn of(given: &ArgMatches) -> Describe {
        let flag = |name| given.get_flag(name);
        if let Some(folder) = given.get_one::<PathBuf>("docs") {
            return Describe::Docs { folder: folder.clone() };
        }
        match () {
            () if flag("openapi") => Describe::OpenApi,
            () if flag("dot") => Describe::Dot,
            () if flag("configuration") => Describe::Configuration,
            () if flag("models") => Describe::Models,
            () => Describe::Application {
                model: given.get_one::<String>("model").cloned(),
            },
        }
    }
}

pub(super) fn clap() -> Clap {
    let form = |name: &'static str, help: &'static str| {
        let others = FORMS.into_iter().filter(move |other| *other != name);
        Arg::new(name)
            .long(name)
            .action(ArgAction::SetTrue)
            .conflicts_with_all(others.chain(["model"]))
            .help(help)
    };
    Clap::new("describe")
        .about("Prints components, owners, methods, marks, codecs and the call graph")
        .arg(form(
            "openapi",
            "Prints the components' HTTP face as OpenAPI 3.1 instead",
        ))
        .arg(form("dot", "Prints the call graph for Graphviz instead"))
        .arg(
            form(
                "docs",
                "Writes a page of HTML for each component instead, from its doc comments",
            )
            .action(ArgAction::Set)
            .value_name("FOLDER")
            .value_parser(clap::value_parser!(PathBuf)),
        )
        .arg(form(
            "configuration",
            "Prints what is configured instead, and where each value was written",
        ))
        .arg(form(
            "models",
            "Prints the system models instead, and what each axis is",
        ))
        .arg(
            Arg::new("model")
                .long("model")
                .value_name("MODEL")
                .help("Warns of components that require a stronger model than this"),
        )
}

pub(super) fn check() -> Clap {
    Clap::new("check")
        .about("Says whether this release and another one can run side by side, and which is rolled out first")
        .after_help(
            "Ends with 0 where they can, with 1 where they cannot, and with 2 where they could not be compared.",
        )
        .arg(
            Arg::new("against")
                .long("against")
                .value_name("FILE|PROGRAM")
                .required(true)
                .value_parser(clap::value_parser!(PathBuf))
                .help("What `describe --json` of the other release printed, or its program"),
        )
}
