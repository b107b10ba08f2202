//! The one reader of `terrace.toml`: the tables of the crates that exist, and nothing else. An unknown key is an error
//! that names the nearest known one.
//!
//! ```toml
//! [service]
//! listen = "127.0.0.1:7001"           # where frames and HTTP are answered; default: nowhere
//! token = { env = "TERRACE_TOKEN" }   # the deployment's token; default: none, and only loopback is served
//!
//! [face]                              # HTTP where the service listens; default: off, but on for `serve`
//! on = true
//! hosts = ["todo.example"]            # allowed beside loopback's own names; default: none
//! origins = ["https://todo.example"]  # pages that may call; default: none
//! request_bytes_max = 1_048_576       # bytes of a body; default: 16 MiB
//!
//! [log]
//! format = "json"                     # or "text"; default: text
//! level = "info"                      # off, error, warn, info, debug, trace; default: info
//! targets = { "terrace::wire" = "debug" }
//!
//! [calls]
//! decoded_bytes_max = 67_108_864      # memory of one decoded value; default: 64 MiB
//!
//! [components.Greeter]
//! module = "loud"                     # which of several modules; default: the one without a name of its own
//! config = { volume = 11 }            # what the module reads by `setup.config()`; default: empty
//!
//! [components.Names]
//! at = "10.0.0.7:7001"                # the component runs there; default: here
//! ```

mod nearest;
mod problem;
mod secret;
mod table;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use telemetry::Logs;
use telemetry::logs::{Format, Level};
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use wire::Limits;
use world::Address;

use crate::limits::CONFIG_BYTES_MAX;

use self::nearest::shown;
use self::problem::Problems;
use self::table::{At, Table, table_of, text_of};

pub(crate) use self::nearest::{listed, suggested};
pub(crate) use self::problem::Source;
pub use self::secret::{Secret, SecretError, SecretReference};

/// What `terrace.toml` says. The default is that of an empty file.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `[service]`
    pub service: ServiceConfig,
    /// `[face]`, if the file has it.
    pub face: Option<FaceConfig>,
    /// `[log]`
    pub log: Logs,
    /// `[calls]`: what a reader of calls allows.
    pub calls: Limits,
    /// `[components.NAME]`, by name.
    pub components: BTreeMap<String, ComponentConfig>,
    /// What is better done otherwise, each with its line.
    pub warnings: Vec<String>,
    pub(crate) source: Source,
}

/// `[service]`: this process as others see it.
#[derive(Clone, Debug, Default)]
pub struct ServiceConfig {
    /// Where frames and HTTP are answered. Default: nowhere.
    pub listen: Option<Address>,
    /// The deployment's token. Default: none, and only loopback is served.
    pub token: Option<SecretReference>,
}

/// `[face]`: HTTP where the service listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaceConfig {
    /// Whether HTTP is answered. Default: true, since somebody wrote the table.
    pub on: bool,
    /// Hosts allowed beside loopback's own names. Default: none.
    pub hosts: Vec<String>,
    /// Origins of pages that may call. Default: none.
    pub origins: Vec<String>,
    /// Bytes of a request's body. Default: 16 MiB.
    pub request_bytes_max: Option<usize>,
}

/// `[components.NAME]`: where a component runs, and as what.
#[derive(Clone, Debug, Default)]
pub struct ComponentConfig {
    /// Which of several modules. Default: the one that was provided without a name of its own.
    pub module: Option<String>,
    /// Another process that has the component. Default: it runs here.
    pub at: Option<Address>,
    pub(crate) span: Range<usize>,
}

/// Why a configuration is not read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Something in it is wrong; each is one line that names its place.
    #[error("{}", problems.join("\n"))]
    Invalid {
        /// All that is wrong.
        problems: Vec<String>,
    },
    /// The file cannot be read.
    #[error("configuration `{}` cannot be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an address; write host and port, such as 127.0.0.1:7001")]
pub struct AddressError {
    /// What was given.
    text: String,
}

impl Config {
    /// What the file at `path` says.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        let bytes = world::production::read_file(path, CONFIG_BYTES_MAX).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Config::parse(text, path),
            Err(error) => Err(ConfigError::Invalid {
                problems: vec![format!(
                    "{}: byte {} is not UTF-8; save the file as UTF-8",
                    path.display(),
                    error.valid_up_to()
                )],
            }),
        }
    }

    /// What `text` says, which came from the file at `path`.
    pub fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
        let source = Source::new(path.to_owned(), text);
        let mut problems = Problems::new(&source);
        let mut config = Config::default();
        match DeTable::parse(text) {
            Ok(root) => config.read_root(root.get_ref(), &mut problems),
            Err(error) => problems.add(&error.span().unwrap_or_default(), first_line(error.message())),
        }
        match problems.into_found() {
            found if found.is_empty() => Ok(Config { source, ..config }),
            problems => Err(ConfigError::Invalid { problems }),
        }
    }

    /// The folder in which relative paths begin.
    pub(crate) fn folder(&self) -> &Path {
        self.source.path.parent().unwrap_or(Path::new(""))
    }

    /// The deployment's token, if one is configured.
    pub fn token(&self) -> Result<Option<Secret>, SecretError> {
        let resolve = |reference: &SecretReference| reference.resolve(self.folder());
        self.service.token.as_ref().map(resolve).transpose()
    }

    /// What `[components.NAME] config` says; an empty table where it is missing.
    pub(crate) fn of_component<T: DeserializeOwned>(&self, name: &str) -> Result<T, ConfigError> {
        let text = &self.source.text;
        let invalid = |span: Range<usize>, message: &str| {
            let place = self.source.place(&span);
            let problem = format!("{place}: `config` in [components.{name}]: {}", first_line(message));
            ConfigError::Invalid {
                problems: vec![problem],
            }
        };
        // It was read before, so this does not fail; what it borrows from the text cannot be kept.
        let root = DeTable::parse(text).map_err(|error| invalid(error.span().unwrap_or_default(), error.message()))?;
        let components = root.get_ref().get("components");
        let component = components.and_then(|components| components.get_ref().get(name));
        let empty = Spanned::new(0..0, DeValue::Table(DeTable::new()));
        let config = component
            .and_then(|component| component.get_ref().get("config"))
            .unwrap_or(&empty);
        let span = config.span();
        T::deserialize(ValueDeserializer::from(config.clone()))
            .map_err(|error| invalid(error.span().unwrap_or(span), error.message()))
    }

    fn read_root(&mut self, root: &DeTable<'_>, problems: &mut Problems<'_>) {
        let mut tables = Table::new("the file", root);
        if let Some(At { value: table, .. }) = tables.table("service", problems) {
            self.read_service(table, problems);
        }
        if let Some(At { value: table, .. }) = tables.table("face", problems) {
            self.face = Some(read_face(table, problems));
        }
        if let Some(At { value: table, .. }) = tables.table("log", problems) {
            self.read_log(table, problems);
        }
        if let Some(At { value: table, .. }) = tables.table("calls", problems) {
            let mut calls = Table::new("[calls]", table);
            if let Some(bytes) = calls.bytes("decoded_bytes_max", problems) {
                self.calls.decoded_bytes_max = bytes.value;
            }
            calls.finish(problems);
        }
        if let Some(At { value: components, .. }) = tables.table("components", problems) {
            for (name, value) in components {
                let place = format!("[components.{}]", shown(name.get_ref()));
                let Some(table) = table_of(value, &place, problems) else {
                    continue;
                };
                let component = read_component(&place, table, problems);
                self.components.insert(name.get_ref().to_string(), component);
            }
        }
        tables.finish(problems);
    }

    fn read_service(&mut self, table: &DeTable<'_>, problems: &mut Problems<'_>) {
        let mut service = Table::new("[service]", table);
        let listen = service.text("listen", problems);
        self.service.listen = listen.and_then(|text| address_at(text, problems));
        if let Some(value) = service.value("token") {
            self.service.token = deserialized(value, "`token` in [service]", problems);
            if let Some(SecretReference::Literal(_)) = self.service.token {
                self.warnings.push(format!(
                    "{}: a secret is written in the file; keep it outside: token = {{ env = \"TERRACE_TOKEN\" }}",
                    problems.source.place(&value.span())
                ));
            }
        }
        service.finish(problems);
    }

    fn read_log(&mut self, table: &DeTable<'_>, problems: &mut Problems<'_>) {
        let mut log = Table::new("[log]", table);
        if let Some(text) = log.text("format", problems) {
            self.log.format = word(text, "`format` in [log]", FORMATS, problems).unwrap_or_default();
        }
        if let Some(text) = log.text("level", problems) {
            self.log.level = word(text, "`level` in [log]", LEVELS, problems).unwrap_or_default();
        }
        if let Some(targets) = log
            .value("targets")
            .and_then(|value| table_of(value, "[log.targets]", problems))
        {
            for (target, value) in targets.value {
                let place = format!("`{}` in [log.targets]", shown(target.get_ref()));
                let text = text_of(value, &place, problems);
                if let Some(level) = text.and_then(|text| word(text, &place, LEVELS, problems)) {
                    self.log.targets.insert(target.get_ref().to_string(), level);
                }
            }
        }
        log.finish(problems);
    }
}

/// The formats of log lines, by the words for them.
pub const FORMATS: &[(&str, Format)] = &[("text", Format::Text), ("json", Format::Json)];

/// The levels of log lines, by the words for them.
pub const LEVELS: &[(&str, Level)] = &[
    ("off", Level::Off),
    ("error", Level::Error),
    ("warn", Level::Warn),
    ("info", Level::Info),
    ("debug", Level::Debug),
    ("trace", Level::Trace),
];

/// `text` as an address: host and port, which is resolved when it is used.
pub fn address(text: &str) -> Result<Address, AddressError> {
    let plain = !text.contains(|character: char| character.is_whitespace() || character.is_control());
    match text.rsplit_once(':') {
        Some((host, port)) if plain && is_host(host) && port.parse::<u16>().is_ok() => Ok(Address::new(text)),
        _ => Err(AddressError { text: shown(text) }),
    }
}

/// A name or an address; brackets hold an address of IPv6.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => {
            let (address, _zone) = address.split_once('%').unwrap_or((address, ""));
            address.parse::<std::net::Ipv6Addr>().is_ok()
        }
        None => !host.is_empty() && !host.contains(['[', ']', '/', '@']),
    }
}

fn read_face(table: &DeTable<'_>, problems: &mut Problems<'_>) -> FaceConfig {
    let mut face = Table::new("[face]", table);
    let config = FaceConfig {
        on: face.boolean("on", problems).is_none_or(|on| on.value),
        hosts: face
            .texts("hosts", problems)
            .map(|hosts| hosts.value)
            .unwrap_or_default(),
        origins: face
            .texts("origins", problems)
            .map(|origins| origins.value)
            .unwrap_or_default(),
        request_bytes_max: face.bytes("request_bytes_max", problems).map(|bytes| bytes.value),
    };
    face.finish(problems);
    config
}

fn read_component(place: &str, table: At<&DeTable<'_>>, problems: &mut Problems<'_>) -> ComponentConfig {
    let mut component = Table::new(place, table.value);
    let module = component.text("module", problems);
    let at = component.text("at", problems);
    let config = component.value("config");
    component.finish(problems);
    if let Some(at) = &at {
        let module = module.as_ref().map(|module| (module.span.clone(), "module"));
        let config = config.map(|config| (config.span(), "config"));
        for (span, key) in module.into_iter().chain(config) {
            let message = format!(
                "`{key}` in {place} is of a module here, but `at` says that the component runs at `{}`; remove one",
                shown(&at.value)
            );
            problems.add(&span, message);
        }
    }
    if let Some(value) = config {
        let _ = table_of(value, &format!("`config` in {place}"), problems);
    }
    ComponentConfig {
        module: module.map(|module| module.value),
        at: at.and_then(|text| address_at(text, problems)),
        span: table.span,
    }
}

fn address_at(text: At<String>, problems: &mut Problems<'_>) -> Option<Address> {
    let read = address(&text.value);
    read.map_err(|error| problems.add(&text.span, error)).ok()
}

fn word<T: Copy>(text: At<String>, place: &str, words: &[(&str, T)], problems: &mut Problems<'_>) -> Option<T> {
    let found = words.iter().find(|(word, _)| *word == text.value);
    if found.is_none() {
        let suggested = suggested(&text.value, words.iter().map(|(word, _)| *word));
        problems.add(&text.span, format!("{place}: unknown {suggested}"));
    }
    found.map(|(_, value)| *value)
}

fn deserialized<T: DeserializeOwned>(
    value: &Spanned<DeValue<'_>>,
    place: &str,
    problems: &mut Problems<'_>,
) -> Option<T> {
    let read = T::deserialize(ValueDeserializer::from(value.clone()));
    read.map_err(|error| {
        let span = error.span().unwrap_or_else(|| value.span());
        problems.add(&span, format!("{place}: {}", first_line(error.message())));
    })
    .ok()
}

/// The reader of TOML adds pictures of the line to some of its messages.
pub(crate) fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}
