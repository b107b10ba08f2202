//! [`App`]: what a program's `main` writes.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use component::Component;
use host::{Modules, Open, OpenBackground, OpenRunning};

use crate::command::Command;
use crate::console::Console;
use crate::run::run;

/// A program made of components.
pub struct App {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) about: &'static str,
    pub(crate) modules: Modules,
    pub(crate) commands: Vec<Command>,
    pub(crate) default_command: Option<&'static str>,
    #[cfg(feature = "simulate")]
    pub(crate) scenarios: Vec<sim::Scenario>,
}

impl App {
    /// A program called `name`, without components yet.
    pub fn new(name: &'static str) -> App {
        App {
            name,
            version: "(no version)",
            about: "",
            modules: Modules::default(),
            commands: Vec::new(),
            default_command: None,
            #[cfg(feature = "simulate")]
            scenarios: Vec::new(),
        }
    }

    /// What `--version` prints: `env!("CARGO_PKG_VERSION")`, as a rule.
    pub fn version(mut self, version: &'static str) -> App {
        self.version = version;
        self
    }

    /// One sentence for `--help`.
    pub fn about(mut self, about: &'static str) -> App {
        self.about = about;
        self
    }

    /// Adds a module of the component `C`: the one that runs unless `terrace.toml` chooses another. It is named by its
    /// type.
    pub fn provide<C: Component + ?Sized + 'static>(mut self, open: impl for<'a> Open<'a, C>) -> App {
        self.modules.provide::<C>(None, open);
        self
    }

    /// Adds a module that runs if `terrace.toml` chooses it by `name`, or if it is the only one.
    pub fn provide_named<C: Component + ?Sized + 'static>(mut self, name: &str, open: impl for<'a> Open<'a, C>) -> App {
        self.modules.provide::<C>(Some(name), open);
        self
    }

    /// Adds a module of the component `C` that also runs in the background: it implements `Background`.
    pub fn provide_running<C: Component + ?Sized + 'static>(mut self, open: impl for<'a> OpenRunning<'a, C>) -> App {
        self.modules.provide_running::<C>(None, open);
        self
    }

    /// Adds a module that runs in the background and is no component: it implements `Background`.
    pub fn background(mut self, name: &str, open: impl for<'a> OpenBackground<'a>) -> App {
        self.modules.background(name, open);
        self
    }

    /// Adds a front: a component without methods, which serves people. `open` answers its routes; those of several fronts are
    /// served together.
    #[cfg(feature = "front")]
    pub fn front(mut self, name: &str, open: impl for<'a> host::OpenFront<'a, axum::Router>) -> App {
        self.modules.front(name, open);
        self
    }

    /// Says that commands use `C`, which runs elsewhere: `terrace.toml` says where.
    pub fn uses<C: Component + ?Sized + 'static>(mut self) -> App {
        self.modules.uses::<C>();
        self
    }

    /// Adds a command of the program's own, beside `up`, `serve` and `describe`.
    pub fn command(mut self, command: Command) -> App {
        self.commands.push(command);
        self
    }

    /// The command that runs when none is given. Without it that is `up`, where something runs in the background or
    /// `terrace.toml` says where to listen.
    pub fn default_command(mut self, name: &'static str) -> App {
        self.default_command = Some(name);
        self
    }

    /// Adds a scenario that `simulate` runs.
    #[cfg(feature = "simulate")]
    pub fn scenario(mut self, scenario: sim::Scenario) -> App {
        self.scenarios.push(scenario);
        self
    }

    /// Runs the command that the process was started with, to its end.
    pub fn run(self) -> ExitCode {
        #[cfg(feature = "simulate")]
        if let Some(status) = crate::simulate::answer(&self.scenarios) {
            return ExitCode::from(status);
        }
        let arguments: Vec<OsString> = std::env::args_os().collect();
        ExitCode::from(self.run_on(arguments, Console::process()))
    }

    /// Runs the command that `arguments` say, of which the first is the program's own name, and answers its exit status.
    /// For tests; do not call it inside a runtime.
    pub fn run_on(self, arguments: Vec<OsString>, console: Console) -> u8 {
        run(self, arguments, Arc::new(console))
    }
}
