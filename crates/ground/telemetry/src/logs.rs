//! Structured logs on standard error: text for people, JSON for machines, a level for each target.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

/// How a process logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logs {
    /// How a line looks. Default: text.
    pub format: Format,
    /// The least severe level written. Default: info, which is silent for calls that go well.
    pub level: Level,
    /// Levels that differ, by target: a module path, which covers what is below it. Default: none.
    pub targets: BTreeMap<String, Level>,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One line of text.
    #[default]
    Text,
    /// One object of JSON.
    Json,
}

/// How severe a line has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing is written.
    Off,
    /// Only errors.
    Error,
    /// Warnings too.
    Warn,
    /// What an operator wants to know.
    #[default]
    Info,
    /// What a developer wants to know.
    Debug,
    /// Everything.
    Trace,
}

/// Why logs could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// A process has one logger.
    #[error("this process already has a logger; call `logs::init` once, before any other logger")]
    Set(#[from] tracing::subscriber::SetGlobalDefaultError),
}

/// Makes `logs` the logger of this process. An error if it has one.
pub fn init(logs: &Logs) -> Result<(), LogsError> {
    tracing::subscriber::set_global_default(subscriber(logs, io::stderr))?;
    Ok(())
}

/// The same logger over any writer, for a test or for a program that sets its own default.
pub fn subscriber<W>(logs: &Logs, writer: W) -> impl Subscriber + Send + Sync + 'static
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer).with_timer(LineClock::default());
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match logs.format {
        Format::Text => lines.boxed(),
        // The list has every span around a line; the current one alone may be a user's, without a trace id.
        Format::Json => lines.json().with_span_list(true).with_current_span(false).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(filter(logs)))
}

/// The one clock of ours that is not a node's: a line says when the operator's machine wrote it, also in a simulated
/// world, and nothing decides by it.
type LineClock = fmt::time::SystemTime;

impl Default for Logs {
    fn default() -> Logs {
        Logs {
            format: Format::Text,
            level: Level::Info,
            targets: BTreeMap::new(),
        }
    }
}

fn filter(logs: &Logs) -> Targets {
    let targets = logs
        .targets
        .iter()
        .map(|(target, level)| (target.clone(), level.filter()));
    Targets::new().with_default(logs.level.filter()).with_targets(targets)
}

impl Level {
    fn filter(self) -> LevelFilter {
        match self {
            Level::Off => LevelFilter::OFF,
            Level::Error => LevelFilter::ERROR,
            Level::Warn => LevelFilter::WARN,
            Level::Info => LevelFilter::INFO,
            Level::Debug => LevelFilter::DEBUG,
            Level::Trace => LevelFilter::TRACE,
        }
    }
}
