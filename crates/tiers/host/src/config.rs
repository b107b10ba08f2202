//! The one reader of configuration: the tables of the crates that exist, and nothing else. An unknown key is an error
//! that names the nearest known one, and every error names where its value was written.
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
//! [front]                             # the web tier, where the application has one
//! listen = "127.0.0.1:8080"           # pages by HTTP; default: this
//! listen_tls = "0.0.0.0:443"          # pages by HTTPS; default: nowhere. With it, `listen` only redirects
//! certificate = "tls/chain.pem"       # and `key`; default: a development certificate, made on first use
//! key = "tls/key.pem"
//! url = "https://todo.example"        # where people reach it, for links in mails; default: where it listens
//! session_key = { env = "SESSION" }   # what signs sessions; default: made on first use, kept beside the data
//! templates = "templates"             # used instead of the built-in ones, read again when they change; default: none
//! reload = false                      # pages load themselves anew after each start; `terrace dev` says so
//! admin = "127.0.0.1:0"               # the operator's pages, on loopback only; default: this, a free port
//!
//! [feeds]                             # addresses that people supply, and this application asks
//! allow = ["10.1.0.0/16"]             # which of them need not be public; default: none
//!
//! [log]
//! format = "json"                     # or "text"; default: text
//! level = "info"                      # off, error, warn, info, debug, trace; default: info
//! targets = { "terrace::wire" = "debug" }
//!
//! [calls]
//! decoded_bytes_max = 67_108_864      # memory of one decoded value; default: 64 MiB
//!
//! [tiers]                             # each a URL, or a table with `url`; absent: the tier decides
//! database = "sqlite:data"            # or postgres://..; a relative folder begins at that of this file
//! mail = { url = "smtps://mail.example:465", user = "shop", password = { env = "MAIL" }, from = "shop@example" }
//! jobs = { poll = "100ms", lease = "30s", concurrency = 8, keep = "7d" }
//!
//! [components.Greeter]
//! module = "loud"                     # which of several modules; default: the one without a name of its own
//! config = { volume = 11 }            # what the module reads by `setup.config()`; default: empty
//!
//! [components.Names]
//! at = "10.0.0.7:7001"                # the component runs there; default: here
//!
//! [external.Names]                    # a program in any language is the component, by the HTTP face
//! url = "http://127.0.0.1:9000"       # it runs already; what [components.Names] says of a module here waits
//! token = { env = "NAMES_TOKEN" }     # what it is shown; default: nothing
//!
//! [external.Prices]
//! command = ["python3", "prices.py"]  # it is started in this file's folder, started again when it ends, and stopped
//! ```
//!
//! # Three origins
//!
//! The file is weaker than the environment, and that is weaker than `--set`. A later origin replaces single values and
//! lists; tables merge key by key. A secret is replaced as a whole, and so is a tier by its URL alone:
//! `TERRACE_TIERS__DATABASE=sqlite:other` keeps nothing of a table `database` in the file.
//!
//! ```sh
//! TERRACE_TIERS__DATABASE__PASSWORD='{ file = "password" }' shop serve --set tiers.database.slow=200ms
//! ```
//!
//! A value is TOML where it can be read as such, and its own text where not; where a text is wanted, a number, `true` or a
//! date that is the whole value is its letters. A text in quotes loses them.
//!
//! A variable is configuration if it is `TERRACE_` and a table's name, or has two underscores, which stand between levels;
//! any other, such as `TERRACE_TOKEN`, is not read here. A level is the key that it is but for case: one that is known here,
//! or is in the file, or the name of one of the application's components; where there is none, it is itself in lower case,
//! which is how a component's own keys are written. A key of `--set` is a key as TOML writes it, and case counts.

mod duration;
mod external;
mod feeds;
mod front;
mod known;
mod layers;
mod lenient;
mod listing;
mod nearest;
mod problem;
mod secret;
mod sections;
mod source;
mod table;
mod tiers;
mod url;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use telemetry::Logs;
use telemetry::logs::{Format, Level};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use wire::Limits;
use world::Address;

use crate::limits::CONFIG_BYTES_MAX;

use self::known::{Known, ROOT};
use self::nearest::shown;
use self::problem::Problems;
use self::source::NOWHERE;

pub use self::external::{ExternalConfig, ExternalProgram};
pub use self::feeds::{FeedsConfig, Range as AddressRange};
pub use self::front::FrontConfig;
pub use self::layers::{Layers, concealed};
pub use self::listing::Configured;
pub(crate) use self::nearest::{listed, suggested};
pub use self::secret::{Secret, SecretError, SecretReference};
pub use self::source::Origin;
pub(crate) use self::source::Source;
pub use self::tiers::{DatabaseTier, JobsTier, MailTier, TiersConfig};

/// What is configured. The default is that of an empty file.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `[service]`
    pub service: ServiceConfig,
    /// `[face]`, if the file has it.
    pub face: Option<FaceConfig>,
    /// `[feeds]`
    pub feeds: FeedsConfig,
    /// `[front]`
    pub front: FrontConfig,
    /// `[log]`
    pub log: Logs,
    /// `[calls]`: what a reader of calls allows.
    pub calls: Limits,
    /// `[tiers]`
    pub tiers: TiersConfig,
    /// `[components.NAME]`, by name.
    pub components: BTreeMap<String, ComponentConfig>,
    /// `[external.NAME]`, by name.
    pub external: BTreeMap<String, ExternalConfig>,
    /// What is better done otherwise, each with its place.
    pub warnings: Vec<String>,
    /// The folder of all data, where the command line says it.
    pub data: Option<PathBuf>,
    /// Components that run here only to be looked at.
    pub(crate) brought: BTreeSet<String>,
    pub(crate) source: Source,
}

/// Where a component is that does not run here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// In the process at that address.
    At(Address),
    /// It is a program: its URL, or its command.
    Program(String),
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
        let file = Some(path.to_owned());
        Config::layered(&Layers {
            file,
            ..Layers::default()
        })
    }

    /// What `text` says, which came from the file at `path`.
    pub fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
        Config::of(Some((path, text)), &Layers::default())
    }

    /// What the file, the environment and the command line say together.
    pub fn layered(layers: &Layers) -> Result<Config, ConfigError> {
        let Some(path) = &layers.file else {
            return Config::of(None, layers);
        };
        let bytes = world::production::read_file(path, CONFIG_BYTES_MAX).map_err(|source| ConfigError::Unreadable {
            path: path.clone(),
            source,
        })?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Config::of(Some((path, text)), layers),
            Err(error) => Err(invalid(format!(
                "{}: byte {} is not UTF-8; save the file as UTF-8",
                path.display(),
                error.valid_up_to()
            ))),
        }
    }

    fn of(file: Option<(&Path, &str)>, layers: &Layers) -> Result<Config, ConfigError> {
        let mut source = Source::default();
        let mut config = Config::default();
        if let Some((path, text)) = file {
            source.add_file(path, text);
        }
        let mut problems = Vec::new();
        let of_file = source.clone();
        let file = of_file.merged().map_err(invalid)?;
        layers::add_environment(&mut source, layers, &file, &mut problems, &mut config.warnings);
        layers::add_set(&mut source, layers, &mut problems);
        let mut problems = Problems::new(&source, problems);
        config.read_root(&source.merged().map_err(invalid)?, &mut problems);
        match problems.into_found() {
            found if found.is_empty() => {
                config.front = config.front.within(source.folder());
                Ok(Config { source, ..config })
            }
            problems => Err(ConfigError::Invalid { problems }),
        }
    }

    /// Every configured value with its origin, in the order of the keys. What is or may be a secret is `***`.
    pub fn origins(&self) -> Vec<Configured> {
        let mut listed = Vec::new();
        if let Ok(root) = self.source.merged() {
            let root = Spanned::new(NOWHERE, DeValue::Table(root));
            listing::list(Known::Keys(ROOT), "", &root, &self.source, &mut listed);
        }
        listed
    }

    /// The folder in which relative paths begin.
    pub fn folder(&self) -> &Path {
        self.source.folder()
    }

    /// The secret that `reference` refers to; the path of a file begins at the configuration's folder.
    pub fn secret(&self, reference: &SecretReference) -> Result<Secret, SecretError> {
        reference.resolve(self.folder())
    }

    /// The deployment's token, if one is configured.
    pub fn token(&self) -> Result<Option<Secret>, SecretError> {
        self.service.token.as_ref().map(|token| self.secret(token)).transpose()
    }

    /// Has each component that `is_provided` here run here, whatever is configured, so that all of the application can be looked
    /// at; answers where each of them really is.
    pub fn brought_here(&mut self, is_provided: impl Fn(&str) -> bool) -> BTreeMap<String, Elsewhere> {
        let mut elsewhere = BTreeMap::new();
        for (name, component) in &mut self.components {
            if let Some(at) = component.at.take_if(|_| is_provided(name)) {
                elsewhere.insert(name.clone(), Elsewhere::At(at));
            }
        }
        let programs = std::mem::take(&mut self.external);
        for (name, program) in programs {
            if is_provided(&name) {
                elsewhere.insert(name, Elsewhere::Program(program.name()));
            } else {
                self.external.insert(name, program);
            }
        }
        self.brought.extend(elsewhere.keys().cloned());
        elsewhere
    }

    /// The environment variables that hold the secrets of this configuration: each that an `{ env = ".." }` names.
    pub fn secret_variables(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        if let Ok(root) = self.source.merged() {
            secret::variables(&DeValue::Table(root), &mut found);
        }
        found
    }

    /// What `[components.NAME] config` says; an empty table where it is missing.
    pub(crate) fn of_component<T: DeserializeOwned>(&self, name: &str) -> Result<T, ConfigError> {
        // It was read before, so this does not fail; what it borrows from the texts cannot be kept.
        let root = self.source.merged().map_err(invalid)?;
        let components = root.get("components");
        let component = components.and_then(|components| components.get_ref().get(name));
        let nothing = component.map_or(NOWHERE, Spanned::span);
        let empty = Spanned::new(nothing, DeValue::Table(DeTable::new()));
        let config = component
            .and_then(|component| component.get_ref().get("config"))
            .unwrap_or(&empty);
        lenient::read(config, &self.source).map_err(|error| {
            let place = self.source.place(&error.span().unwrap_or_else(|| config.span()));
            let message = first_line(error.message());
            invalid(format!("{place}: `config` in [components.{name}]: {message}"))
        })
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

fn invalid(problem: String) -> ConfigError {
    ConfigError::Invalid {
        problems: vec![problem],
    }
}

/// The reader of TOML adds pictures of the line to some of its messages.
pub(crate) fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}
