//! A program's own commands.

use std::fmt::Display;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use clap::ArgMatches;
use component::{Channel, Component, Cx, Ref};
use deploy::Supervisor;
use host::{Config, Modules, Opened};
use serde::Serialize;
use tokio::sync::OnceCell;
use world::Env;

use crate::console::Console;
#[cfg(feature = "database")]
use crate::database::held::{any_holder, connect};
use crate::failure::CommandError;

/// A command of a program.
pub struct Command {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) handler: Handler,
}

pub(crate) type Handler = Box<dyn FnOnce(Invocation) -> Pin<Box<dyn Future<Output = Result<(), CommandError>>>>>;

/// An argument of a command.
pub struct Argument {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) default: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Positional,
    Option,
    Flag,
}

impl Command {
    /// A command that is run by `handler`, an `async fn(Invocation) -> Result<(), CommandError>`. A name of two
    /// words, such as `user add`, stands in a group.
    pub fn new<F, O>(name: &'static str, about: &'static str, handler: F) -> Command
    where
        F: FnOnce(Invocation) -> O + 'static,
        O: Future<Output = Result<(), CommandError>> + 'static,
    {
        Command {
            name,
            about,
            arguments: Vec::new(),
            handler: Box::new(move |invocation| Box::pin(handler(invocation))),
        }
    }

    /// Adds an argument.
    pub fn argument(mut self, argument: Argument) -> Command {
        self.arguments.push(argument);
        self
    }
}

impl Argument {
    /// A value by its place: `hello call Ada`.
    pub fn positional(name: &'static str, help: &'static str) -> Argument {
        Argument::new(name, help, Kind::Positional)
    }

    /// A value by its name: `--at 127.0.0.1:7001`.
    pub fn option(name: &'static str, help: &'static str) -> Argument {
        Argument::new(name, help, Kind::Option)
    }

    /// A switch: `--loud`.
    pub fn flag(name: &'static str, help: &'static str) -> Argument {
        Argument::new(name, help, Kind::Flag)
    }

    /// Without it the command is not run.
    pub fn required(mut self) -> Argument {
        self.required = true;
        self
    }

    /// Its value where none is given.
    pub fn default(mut self, value: &'static str) -> Argument {
        self.default = Some(value);
        self
    }

    fn new(name: &'static str, help: &'static str, kind: Kind) -> Argument {
        Argument {
            name,
            help,
            kind,
            required: false,
            default: None,
        }
    }
}

/// One run of a command: what it was given, and a way to the components.
pub struct Invocation {
    cx: Cx,
    application: &'static str,
    matches: ArgMatches,
    json: bool,
    console: Arc<Console>,
    config: Arc<Config>,
    modules: Mutex<Option<Modules>>,
    opened: OnceCell<Opened>,
    /// External components, which end after the command.
    pub(crate) programs: Arc<OnceCell<Supervisor>>,
}

impl Invocation {
    pub(crate) fn new(
        env: &Env,
        application: &'static str,
        matches: ArgMatches,
        json: bool,
        console: Arc<Console>,
        config: Arc<Config>,
        modules: Modules,
    ) -> Invocation {
        Invocation {
            cx: Cx::root(env),
            application,
            matches,
            json,
            console,
            config,
            modules: Mutex::new(Some(modules)),
            opened: OnceCell::new(),
            programs: Arc::default(),
        }
    }

    /// A context for its calls: a request of its own, with no deadline and no principal.
    pub fn cx(&self) -> &Cx {
        &self.cx
    }

    /// The value of an argument, given or by default; empty where there is none.
    pub fn text(&self, argument: &str) -> &str {
        self.get(argument).unwrap_or_default()
    }

    /// The value of an argument, if there is one.
    pub fn get(&self, argument: &str) -> Option<&str> {
        let value = self.matches.try_get_one::<String>(argument).ok().flatten();
        value.map(String::as_str)
    }

    /// Whether a switch was given.
    pub fn flag(&self, argument: &str) -> bool {
        let value = self.matches.try_get_one::<bool>(argument).ok().flatten();
        value.copied().unwrap_or_default()
    }

    /// A handle to a component of this application: where a process holds the data already, to its component; otherwise the
    /// first call opens the modules, so that a command which needs none opens none. Nothing is started in the background.
    pub async fn reference<C: Component + ?Sized + 'static>(&self) -> Result<Ref<C>, CommandError> {
        #[cfg(feature = "database")]
        if !self.opened.initialized() {
            let names = {
                let modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
                modules.as_ref().map(Modules::names).unwrap_or_default()
            };
            let settings = host::databases::configured(&self.config)?;
            if let Some((component, holder)) = any_holder(self.cx.env(), &names, &settings)? {
                return connect(self.cx.env(), &component, &holder).await;
            }
        }
        let opened = self.opened.get_or_try_init(|| self.open()).await?;
        Ok(opened.reference(self.application)?)
    }

    /// A handle to a component of another process. It connects now; a token is taken from `[service]`.
    pub async fn connect<C: Component + ?Sized>(&self, address: &str) -> Result<Ref<C>, CommandError> {
        let address = host::config::address(address)?;
        let channel = Channel::new(self.cx.env(), address, C::declared(), self.config.calls);
        channel.connect().await?;
        Ok(Ref::remote(self.application, channel))
    }

    /// Writes a line of data to standard output: as text, or with `--json` as JSON.
    pub fn print<T: Display + Serialize + ?Sized>(&self, value: &T) -> Result<(), CommandError> {
        Ok(self.console.line(value, self.json)?)
    }

    async fn open(&self) -> Result<Opened, CommandError> {
        let modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner).take();
        let modules = modules.ok_or("the application could not be opened before, and is not opened again")?;
        let (env, config) = (self.cx.env(), &self.config);
        let start = || crate::external::start(env, config);
        let programs = self.programs.get_or_try_init(start).await?;
        Ok(modules
            .started(programs.whereabouts())
            .open(env, config.clone())
            .await?)
    }
}
