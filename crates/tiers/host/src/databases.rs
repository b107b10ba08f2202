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

/// The databases that were asked for so far.
#[derive(Default)]
pub(crate) struct Databases {
    asked: Mutex<BTreeMap<String, (Asked, Option<Database>)>>,
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
        if self.with(|asked| asked.contains_key(component)) {
            return Err(Error::Open {
                message: format!("`{component}` asks for its database twice; ask once, and clone what it gets"),
            });
        }
        let known = Asked { migrations };
        self.with(|asked| asked.insert(component.to_owned(), (known, None)));
        if self.looks_on {
            return Err(Error::Open {
                message: "the application is only looked at".to_owned(),
            });
        }
        let configured = configured(config).map_err(|error| Error::Open {
            message: error.to_string(),
        })?;
        let settings = DatabaseConfig {
            owner: self.owner.clone(),
            ..configured
        };
        let database = Database::open(env, component, &settings, &migrations).await?;
        self.with(|asked| asked.insert(component.to_owned(), (known, Some(database.clone()))));
        Ok(database)
    }

    /// Those that are open, by component.
    pub(crate) fn opened(&self) -> Vec<Database> {
        self.with(|asked| asked.values().filter_map(|(_, database)| database.clone()).collect())
    }

    /// What was asked for, by component.
    pub(crate) fn asked(&self) -> BTreeMap<String, Asked> {
        self.with(|asked| asked.iter().map(|(name, (known, _))| (name.clone(), *known)).collect())
    }

    fn with<T>(&self, change: impl FnOnce(&mut BTreeMap<String, (Asked, Option<Database>)>) -> T) -> T {
        change(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
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
