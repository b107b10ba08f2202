//! From a command line to an exit status.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

use host::config::{ConfigError, Layers};
use host::{Config, Description};
use wire::{Tcp, Token};
use world::production::{Options, shutdown_signal};
use world::{Env, First, first};

use crate::application::App;
use crate::check;
use crate::command::Invocation;
use crate::command_line::{self, Asked, Choice, Describe, Pages, Unread};
use crate::console::Console;
use crate::describe;
use crate::failure::CommandError;
use crate::scratch::Scratch;
use crate::simulate;
use crate::up::{NOTHING, Up, up};

/// Where the configuration is, unless the command line says so.
const CONFIG_FILE: &str = "terrace.toml";

/// The exit status of a wrong command line.
const USAGE: u8 = 2;

pub(crate) fn run(app: App, arguments: Vec<OsString>, console: Arc<Console>) -> u8 {
    let asked = match command_line::read(&app, arguments) {
        Ok(asked) => asked,
        Err(Unread::Wrong(text)) => {
            console.note(&text);
            return USAGE;
        }
        Err(Unread::Help(text)) => {
            // Whoever reads it may be gone, which is no error of help.
            let _ = console.text(&text);
            return 0;
        }
    };
    let is_check = matches!(asked.command, Choice::Check { .. });
    start(app, asked, &console).unwrap_or_else(|error| match error.report(&console) {
        // 1 would say that the one breaks the other.
        1 if is_check => check::NOT_COMPARED,
        status => status,
    })
}

fn start(app: App, asked: Asked, console: &Arc<Console>) -> Result<u8, CommandError> {
    let config = Arc::new(configured(&app, &asked)?);
    // A program that set up a logger of its own keeps it.
    let _ = telemetry::logs::init(&config.log);
    for warning in &config.warnings {
        tracing::warn!(target: "terrace::app", "{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let status = runtime.block_on(command(app, asked, config, console));
    // Work that blocks may go on for ever; the process does not.
    runtime.shutdown_background();
    status
}

fn configured(app: &App, asked: &Asked) -> Result<Config, ConfigError> {
    let mut config = layered(app, asked.config.as_deref(), asked.set.clone())?;
    config.log.format = asked.log_format.unwrap_or(config.log.format);
    config.log.level = asked.log_level.unwrap_or(config.log.level);
    config.data = asked.data.clone();
    Ok(config)
}

/// The file, the environment of the process, and `--set`. Only a file that nobody named may be absent.
fn layered(app: &App, file: Option<&Path>, set: Vec<OsString>) -> Result<Config, ConfigError> {
    let mut layers = Layers {
        file: Some(file.unwrap_or(Path::new(CONFIG_FILE)).to_owned()),
        environment: std::env::vars_os().collect(),
        set,
        components: app.modules.names(),
    };
    match Config::layered(&layers) {
        Err(ConfigError::Unreadable { source, .. }) if file.is_none() && source.kind() == io::ErrorKind::NotFound => {
            layers.file = None;
            Config::layered(&layers)
        }
        read => read,
    }
}

/// The node that the process is; with databases it has a disk.
fn node(name: &str, config: &Config, tcp: &Tcp) -> Env {
    #[cfg(feature = "database")]
    let data = Some(host::databases::folder(config));
    #[cfg(not(feature = "database"))]
    let (data, _) = (None, config);
    let options = Options {
        data,
        ..Options::default()
    };
    Env::production_with(name, options).with_transport(Arc::new(tcp.clone()))
}

/// What the application is, without a touch of its data, which may be of another release or another process's.
async fn looked_at(app: App, file: Option<&Path>, set: Vec<OsString>, tcp: &Tcp) -> Result<Description, CommandError> {
    let scratch = Scratch::new()?;
    let mut config = layered(&app, file, scratch.set(set))?;
    // Also what runs elsewhere calls others.
    let elsewhere = config.brought_here(|name| app.modules.provides(name));
    let env = node(app.name, &config, tcp);
    let opened = app.modules.open(&env, Arc::new(config)).await?;
    Ok(opened.describe().with(&elsewhere))
}

async fn command(mut app: App, asked: Asked, config: Arc<Config>, console: &Arc<Console>) -> Result<u8, CommandError> {
    let token = config.token()?.map(|secret| Token::new(secret.reveal())).transpose()?;
    let tcp = Tcp { token, face: None };
    let env = node(app.name, &config, &tcp);
    let json = asked.json;
    let (listen, face, must_listen, pages) = match asked.command {
        Choice::Own(name, matches) => {
            simulate::refuse_for_real(app.name, &asked.given)?;
            let own = app.commands.iter().position(|command| command.name == name);
            let own = app.commands.swap_remove(own.ok_or("the command is gone")?);
            let invocation = Invocation::new(&env, app.name, matches, json, console.clone(), config, app.modules);
            let programs = invocation.programs.clone();
            // Asked to end it leaves no program behind.
            let ran = match first((own.handler)(invocation), shutdown_signal()).await {
                First::One(ran) => ran,
                First::Other(_) => Err("it was asked to end before it was done".into()),
            };
            if let Some(programs) = programs.get() {
                programs.stop().await;
            }
            return ran.map(|()| 0);
        }
        #[cfg(feature = "database")]
        Choice::Database(choice) => {
            simulate::refuse_for_real(app.name, &asked.given)?;
            let elsewhere = match choice.elsewhere() {
                None => None,
                Some(url) => {
                    let mut set = asked.set.clone();
                    set.push(format!("tiers.database={url}").into());
                    let config = Arc::new(layered(&app, asked.config.as_deref(), set)?);
                    Some((node(app.name, &config, &tcp), config))
                }
            };
            let target = crate::database::Target {
                name: app.name,
                env,
                config,
                modules: app.modules,
                json,
                console: console.clone(),
                elsewhere,
            };
            return crate::database::run(target, choice).await;
        }
        #[cfg(feature = "database")]
        Choice::Jobs(choice) => {
            simulate::refuse_for_real(app.name, &asked.given)?;
            return crate::jobs::run(&env, app.modules, config, choice, json, console).await;
        }
        Choice::Doctor => {
            let patient = crate::doctor::Patient {
                env,
                config,
                modules: app.modules,
                console: console.clone(),
                json,
            };
            return crate::doctor::run(patient).await;
        }
        #[cfg(all(feature = "front", feature = "database"))]
        Choice::Admin => return crate::admin::invite(&env, app.modules, &config, console, json).await,
        Choice::Simulate(simulation) => return simulate::simulate(&app, simulation, &asked.given, console, &env),
        Choice::Describe(Describe::Models) => {
            console.text(&simulate::models(app.name)?)?;
            return Ok(0);
        }
        Choice::Describe(Describe::Configuration) => {
            console.text(&describe::configuration(&config.origins(), json)?)?;
            return Ok(0);
        }
        Choice::Describe(what) => {
            let (config, set) = (asked.config.as_deref(), asked.set.clone());
            let (name, version) = (app.name, app.version);
            let looked_at = looked_at(app, config, set, &tcp).await?;
            describe::run((name, version), &looked_at, what, json, console)?;
            return Ok(0);
        }
        Choice::Check { against } => {
            let (config, set) = (asked.config.as_deref(), asked.set.clone());
            let (name, version) = (app.name, app.version);
            let compared = async {
                let old = check::other(&env, name, &against, config, &set).await?;
                let new = check::release(name, version, &looked_at(app, config, set, &tcp).await?)?;
                check::run(&old, &new, json, console)
            };
            // What was made to look at the two is not left behind.
            return match first(compared, shutdown_signal()).await {
                First::One(compared) => compared,
                First::Other(_) => Err("it was asked to end before it was done".into()),
            };
        }
        Choice::None
            if config.service.listen.is_none() && !app.modules.has_background() && !app.modules.has_front() =>
        {
            console.note(&command_line::help(&app));
            let name = app.name;
            console.note(&format!(
                "\nNothing says what to do. `{name} up` runs the application's jobs, and `{name} serve --service-listen \
                 127.0.0.1:7001` its components too\n"
            ));
            return Ok(USAGE);
        }
        Choice::None => (None, false, false, Pages::default()),
        Choice::Up {
            pages,
            listen,
            face,
            must_listen,
        } => (listen, face, must_listen, pages),
    };
    #[cfg(not(feature = "front"))]
    let _ = pages;
    simulate::refuse_for_real(app.name, &asked.given)?;
    let listen = listen.or_else(|| config.service.listen.clone());
    if listen.is_none() && must_listen && !app.modules.has_front() {
        return Err(NOTHING.into());
    }
    let face = config.face.as_ref().map_or(face, |table| table.on);
    up(Up {
        env,
        tcp,
        modules: app.modules,
        config,
        listen,
        face,
        json,
        console: console.clone(),
        #[cfg(feature = "front")]
        application: (app.name, app.version),
        #[cfg(feature = "front")]
        pages: Some(pages),
    })
    .await
}
