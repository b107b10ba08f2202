//! The databases of an application: one for each component that asks for one.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use database::config::Place;
use database::{Config as DatabaseConfig, Database, Error, Migrations, Owner};
use world::Env;

use crate::config::{Config, SecretError};

/// Where databases lie unless `tiers.database` says so.
pub(crate) const FOLDER: &str = "data";

/// What a component's database is asked for with.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The steps of its schema.
    pub migrations: Migrations,
}

/// How far it is with a database that was asked for.
enum Stage {
    /// It is being opened.
    Opening,
    /// It was not opened, and may be asked for again.
    Failed,
    Open(Database),
}

/// The databases that were asked for so far.
#[derive(Default)]
pub(crate) struct Databases {
    asked: Mutex<BTreeMap<String, (Asked, Stage)>>,
    /// Whether they are only asked for, and none is opened.
    looks_on: bool,
    owner: Option<Owner>,
}

impl Databases {
    pub(crate) fn looking_on() -> Databases {
        Databases {
            looks_on: true,
            ..Databases::default()
        }
    }

    pub(crate) fn owned_by(&mut self, owner: Option<Owner>) {
        self.owner = owner;
    }

    /// Opens the database of `component`.
    pub(crate) async fn open(
        &self,
        env: &Env,
        config: &Config,
        component: &str,
        migrations: Migrations,
    ) -> Result<Database, Error> {
        let known = Asked { migrations };
        let begun = self.with(|asked| match asked.get(component) {
            Some((_, Stage::Opening | Stage::Open(_))) => false,
            None | Some((_, Stage::Failed)) => {
                asked.insert(component.to_owned(), (known, Stage::Opening));
                true
            }
        });
        if !begun {
            return Err(Error::Open {
                message: format!("`{component}` asks for its database twice; ask once, and clone what it gets"),
            });
        }
        if self.looks_on {
            return Err(Error::Open {
                message: "the application is only looked at".to_owned(),
            });
        }
        let mut opening = Opening {
            databases: self,
            component,
            known,
            ends: Stage::Failed,
        };
        let configured = configured(config).map_err(|error| Error::Open {
            message: error.to_string(),
        })?;
        let settings = DatabaseConfig {
            owner: self.owner.clone(),
            ..configured
        };
        let database = Database::open(env, component, &settings, &migrations).await?;
        opening.ends = Stage::Open(database.clone());
        Ok(database)
    }

    /// Those that are open, by component.
    pub(crate) fn opened(&self) -> Vec<Database> {
        let open = |(_, stage): &(Asked, Stage)| match stage {
            Stage::Open(database) => Some(database.clone()),
            Stage::Opening | Stage::Failed => None,
        };
        self.with(|asked| asked.values().filter_map(open).collect())
    }

    /// What was asked for, by component.
    pub(crate) fn asked(&self) -> BTreeMap<String, Asked> {
        self.with(|asked| asked.iter().map(|(name, (known, _))| (name.clone(), *known)).collect())
    }

    fn with<T>(&self, change: impl FnOnce(&mut BTreeMap<String, (Asked, Stage)>) -> T) -> T {
        change(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A database that is being opened. Where that fails, or is given up, it may be asked for again.
struct Opening<'d> {
    databases: &'d Databases,
    component: &'d str,
    known: Asked,
    ends: Stage,
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let ends = std::mem::replace(&mut self.ends, Stage::Failed);
        self.databases
            .with(|asked| asked.insert(self.component.to_owned(), (self.known, ends)));
    }
}

/// What `tiers.database` says.
pub fn configured(config: &Config) -> Result<DatabaseConfig, SecretError> {
    let mut settings = DatabaseConfig::default();
    let Some(tier) = &config.tiers.database else {
        return Ok(settings);
    };
    if !tier.url.starts_with(SQLITE) {
        let password = tier
            .password
            .as_ref()
            .map(|password| config.secret(password))
            .transpose()?;
        settings.engine = Place::Postgres {
            url: tier.url.clone(),
            password: password.map(|password| password.reveal().to_owned()),
        };
    }
    settings.readers = tier.readers.unwrap_or(settings.readers);
    settings.connections = tier.connections.unwrap_or(settings.connections);
    settings.slow = tier.slow.unwrap_or(settings.slow);
    settings.once_retention = tier.once_retention.unwrap_or(settings.once_retention);
    settings.migrate = tier.migrate.unwrap_or(settings.migrate);
    Ok(settings)
}

/// How the address of files begins.
const SQLITE: &str = "sqlite:";

/// The folder that is the root of the node's disk: what the command line says, that of `tiers.database`, or `data` beside
/// the configuration.
pub fn folder(config: &Config) -> std::path::PathBuf {
    if let Some(data) = &config.data {
        return data.clone();
    }
    let tier = config.tiers.database.as_ref();
    match tier.and_then(|tier| tier.url.strip_prefix(SQLITE)) {
        Some(folder) if !folder.is_empty() => folder.into(),
        _ => config.folder().join(FOLDER),
    }
}
