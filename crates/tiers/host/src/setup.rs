//! [`Setup`]: what a module's `open` gets.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use component::{Component, Ref};
use serde::de::DeserializeOwned;
use wire::release::StoredSession;
use wire::shape::{Shape, Types};
use world::Env;

use crate::bindings::Bindings;
use crate::config::{AddressRange, ConfigError, Secret, SecretError, SecretReference};

/// Where people reach an application of which nothing says where it listens.
const URL_DEFAULT: &str = "http://127.0.0.1:8080";

/// What a module's `open` gets: the node, other components, its own configuration. Ask here for whatever the module
/// needs, and keep it.
pub struct Setup {
    bindings: Arc<Bindings>,
    component: String,
}

impl Setup {
    pub(crate) fn new(bindings: Arc<Bindings>, component: &str) -> Setup {
        Setup {
            bindings,
            component: component.to_owned(),
        }
    }

    /// The node: clock, randomness, network, disk, tasks.
    pub fn env(&self) -> &Env {
        &self.bindings.env
    }

    /// The name of the component, or of the background module, that is being opened.
    pub fn component(&self) -> &str {
        &self.component
    }

    /// A handle to another component. It binds later, so that components may refer to each other in circles: keep it,
    /// and call it once everything is open. A component that nobody provides stops the start by its name.
    pub fn reference<C: Component + ?Sized + 'static>(&self) -> Ref<C> {
        self.bindings.reference(&self.component)
    }

    /// What `config` in `[components.NAME]` says; `T`'s defaults where it is missing. Put
    /// `#[serde(deny_unknown_fields)]` on `T`, so that a slip is an error.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        self.bindings.config.of_component(&self.component)
    }

    /// The component's own database, with its schema brought to what `migrations` say:
    /// `setup.database(terrace::migrations!("migrations"))`. No other component can read it.
    #[cfg(feature = "database")]
    pub async fn database(&self, migrations: database::Migrations) -> Result<database::Database, database::Error> {
        let bindings = &self.bindings;
        let databases = &bindings.databases;
        databases
            .open(&bindings.env, &bindings.config, &self.component, migrations)
            .await
    }

    /// The component's jobs, which lie in its own database: declare their kinds here. They run once everything is open,
    /// until the application stops.
    #[cfg(feature = "database")]
    pub async fn jobs(&self, database: &database::Database) -> Result<jobs::Jobs, jobs::Error> {
        let bindings = &self.bindings;
        bindings.working.open(&bindings.env, &bindings.config, database).await
    }

    /// The component's mail, which is sent by its jobs, to where `tiers.mail` says: a mail server, or the mailbox in its own
    /// database. A wrong setting stops the start.
    #[cfg(feature = "database")]
    pub async fn mail(&self, jobs: &jobs::Jobs) -> Result<jobs::mail::Mail, SetupError> {
        let mail = crate::mailing::open(&self.bindings.config, jobs).await?;
        self.bindings.working.keep_mail(&self.component, &mail);
        Ok(mail)
    }

    /// Where people reach the application, without a slash at its end: `url` in `[front]`, or where its front listens. For
    /// links in mails.
    pub fn public_url(&self) -> String {
        let configured = self.bindings.config.front.url.as_deref();
        let url = configured.or(self.bindings.reached_at.as_deref());
        url.unwrap_or(URL_DEFAULT).trim_end_matches('/').to_owned()
    }

    /// Makes known that this front keeps a `T` in the sessions of people, so that `describe` and `check` know it. Whatever
    /// keeps sessions calls it.
    pub fn keeps_in_sessions<T: Shape>(&self) {
        let mut types = Types::new();
        let data = T::shape(&mut types);
        self.bindings.keep_session(StoredSession {
            front: self.component.clone(),
            data,
            types: types.into_defs(),
        });
    }

    /// What signs the sessions of a front, if `session_key` in `[front]` says it; replicas share one.
    pub fn session_key(&self) -> Result<Option<Secret>, SecretError> {
        let key = self.bindings.config.front.session_key.as_ref();
        key.map(|key| self.secret(key)).transpose()
    }

    /// Which addresses may be asked on behalf of people although they are not public: `allow` in `[feeds]`.
    pub fn feeds_allowed(&self) -> &[AddressRange] {
        &self.bindings.config.feeds.allow
    }

    /// The folder whose templates are used instead of the built-in ones, and read again when they change: `templates` in
    /// `[front]`.
    pub fn templates(&self) -> Option<&std::path::Path> {
        self.bindings.config.front.templates.as_deref()
    }

    /// The secret that the module's configuration refers to.
    pub fn secret(&self, reference: &SecretReference) -> Result<Secret, SecretError> {
        if let SecretReference::Literal(_) = reference {
            tracing::warn!(
                target: "terrace::host",
                component = %self.component,
                "a secret is written in the configuration; keep it outside, as {{ env = \"..\" }} or {{ file = \"..\" }}"
            );
        }
        reference.resolve(self.bindings.config.folder())
    }
}

/// Why a module could not be opened: any error, or a text.
pub struct SetupError(Box<dyn Error + Send + Sync>);

impl SetupError {
    /// The error itself.
    pub fn into_inner(self) -> Box<dyn Error + Send + Sync> {
        self.0
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for SetupError {
    fn from(error: E) -> SetupError {
        SetupError(error.into())
    }
}

impl fmt::Debug for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
