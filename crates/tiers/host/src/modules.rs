//! The modules of an application, and how they become an application that is open.

mod choice;

use std::any::{TypeId, type_name};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use component::{Binding, Component, Holds};
use wire::Whereabouts;
use world::{BoxFuture, Env};

use crate::background::{Background, Starter, starter};
use crate::bindings::{Bindings, Slot};
use crate::config::{Config, suggested};
use crate::external;
use crate::opened::{Opened, OpenedModule};
use crate::setup::{Setup, SetupError};

/// What an application may consist of. Nothing is opened yet.
#[derive(Default)]
pub struct Modules {
    provisions: Vec<Provision>,
    used: Vec<fn(&Bindings)>,
    used_names: Vec<String>,
    has_background: bool,
    has_front: bool,
    reached_at: Option<String>,
    started: BTreeMap<String, Whereabouts>,
    #[cfg(feature = "database")]
    owner: Option<database::Owner>,
}

/// One module of one component, or of none: one that runs in the background, or a front.
pub(crate) struct Provision {
    /// The component's wire name, or the module's own name where it is of none.
    pub(crate) component: String,
    /// The trait, if it is a component.
    pub(crate) of: Option<(TypeId, &'static str)>,
    pub(crate) kind: Kind,
    pub(crate) module: String,
    /// Whether it is one of several that the configuration may choose, as opposed to the application's own choice.
    pub(crate) named: bool,
    open: Opening,
}

/// What a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Component,
    Background,
    Front,
}

type Opening = Box<dyn FnOnce(Arc<Bindings>) -> BoxFuture<'static, Result<Option<Starter>, SetupError>> + Send>;

/// An `async fn open(setup: &Setup) -> Result<M, SetupError>` whose `M` is a module of the component `C`.
#[diagnostic::on_unimplemented(
    message = "this does not open a module of `{C}`",
    label = "expected `async fn(&Setup) -> Result<M, SetupError>`, where `M` implements the component's trait"
)]
pub trait Open<'a, C: Component + ?Sized>: Send + Sync + 'static {
    /// The name of the module's type.
    #[doc(hidden)]
    fn module(&self) -> String;

    /// Opens the module and binds it.
    #[doc(hidden)]
    fn open(&'a self, setup: &'a Setup, binding: &'a Binding<C>) -> BoxFuture<'a, Result<(), SetupError>>;
}

impl<'a, C, F, O, M> Open<'a, C> for F
where
    C: Component + Holds<M> + ?Sized + 'static,
    F: Fn(&'a Setup) -> O + Send + Sync + 'static,
    O: Future<Output = Result<M, SetupError>> + Send + 'a,
{
    fn module(&self) -> String {
        short(type_name::<M>())
    }

    fn open(&'a self, setup: &'a Setup, binding: &'a Binding<C>) -> BoxFuture<'a, Result<(), SetupError>> {
        let opening = self(setup);
        Box::pin(async move {
            let module = opening.await?;
            binding.bind_direct(module);
            Ok(())
        })
    }
}

/// The same for a module that also runs in the background.
#[diagnostic::on_unimplemented(
    message = "this does not open a background module of `{C}`",
    label = "expected `async fn(&Setup) -> Result<M, SetupError>`, where `M` implements the component's trait and `Background`"
)]
pub trait OpenRunning<'a, C: Component + ?Sized>: Send + Sync + 'static {
    /// The name of the module's type.
    #[doc(hidden)]
    fn module(&self) -> String;

    /// Opens the module and binds it.
    #[doc(hidden)]
    fn open(&'a self, setup: &'a Setup, binding: &'a Binding<C>) -> BoxFuture<'a, Result<Running, SetupError>>;
}

/// What starts a module that was opened.
#[doc(hidden)]
pub struct Running(Starter);

impl<'a, C, F, O, M> OpenRunning<'a, C> for F
where
    C: Component + Holds<Arc<M>> + ?Sized + 'static,
    F: Fn(&'a Setup) -> O + Send + Sync + 'static,
    O: Future<Output = Result<M, SetupError>> + Send + 'a,
    M: Background,
{
    fn module(&self) -> String {
        short(type_name::<M>())
    }

    fn open(&'a self, setup: &'a Setup, binding: &'a Binding<C>) -> BoxFuture<'a, Result<Running, SetupError>> {
        let opening = self(setup);
        Box::pin(async move {
            let module = Arc::new(opening.await?);
            binding.bind_direct(module.clone());
            Ok(Running(starter(module)))
        })
    }
}

/// The same for a background module that is no component.
#[diagnostic::on_unimplemented(
    message = "this does not open a background module",
    label = "expected `async fn(&Setup) -> Result<M, SetupError>`, where `M` implements `Background`"
)]
pub trait OpenBackground<'a>: Send + Sync + 'static {
    /// The name of the module's type.
    #[doc(hidden)]
    fn module(&self) -> String;

    /// Opens the module.
    #[doc(hidden)]
    fn open(&'a self, setup: &'a Setup) -> BoxFuture<'a, Result<Running, SetupError>>;
}

impl<'a, F, O, M> OpenBackground<'a> for F
where
    F: Fn(&'a Setup) -> O + Send + Sync + 'static,
    O: Future<Output = Result<M, SetupError>> + Send + 'a,
    M: Background,
{
    fn module(&self) -> String {
        short(type_name::<M>())
    }

    fn open(&'a self, setup: &'a Setup) -> BoxFuture<'a, Result<Running, SetupError>> {
        let opening = self(setup);
        Box::pin(async move { Ok(Running(starter(Arc::new(opening.await?)))) })
    }
}

/// The same for a front, whose `open` answers what it serves: routes of the web tier, of which this crate knows nothing.
#[diagnostic::on_unimplemented(
    message = "this does not open a front",
    label = "expected `async fn(&Setup) -> Result<{T}, SetupError>`"
)]
pub trait OpenFront<'a, T>: Send + Sync + 'static {
    /// Opens the front.
    #[doc(hidden)]
    fn open(&'a self, setup: &'a Setup) -> BoxFuture<'a, Result<T, SetupError>>;
}

impl<'a, F, O, T> OpenFront<'a, T> for F
where
    F: Fn(&'a Setup) -> O + Send + Sync + 'static,
    O: Future<Output = Result<T, SetupError>> + Send + 'a,
{
    fn open(&'a self, setup: &'a Setup) -> BoxFuture<'a, Result<T, SetupError>> {
        Box::pin(self(setup))
    }
}

/// Why an application could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// What was provided, referred to and configured does not fit together; each is one line.
    #[error("{}", problems.join("\n"))]
    Unfit {
        /// All that does not fit.
        problems: Vec<String>,
    },
    /// A module's own `open` failed.
    #[error("component `{component}` could not be opened by its module `{module}`")]
    Failed {
        /// The component.
        component: String,
        /// Its module.
        module: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Modules {
    /// Adds a module of `C`. Without `name` it is the one that runs unless the configuration chooses another.
    pub fn provide<C: Component + ?Sized + 'static>(&mut self, name: Option<&str>, open: impl for<'a> Open<'a, C>) {
        let module = name.map_or_else(|| open.module(), str::to_owned);
        self.add::<C>(name, module, move |bindings| {
            Box::pin(async move {
                let setup = Setup::new(bindings.clone(), C::declared().name());
                open.open(&setup, &bindings.binding::<C>()).await?;
                Ok(None)
            })
        });
    }

    /// Adds a module of `C` that also runs in the background.
    pub fn provide_running<C: Component + ?Sized + 'static>(
        &mut self,
        name: Option<&str>,
        open: impl for<'a> OpenRunning<'a, C>,
    ) {
        self.has_background = true;
        let module = name.map_or_else(|| open.module(), str::to_owned);
        self.add::<C>(name, module, move |bindings| {
            Box::pin(async move {
                let setup = Setup::new(bindings.clone(), C::declared().name());
                let Running(starter) = open.open(&setup, &bindings.binding::<C>()).await?;
                Ok(Some(starter))
            })
        });
    }

    /// Adds a background module that is no component.
    pub fn background(&mut self, name: &str, open: impl for<'a> OpenBackground<'a>) {
        self.has_background = true;
        let component = name.to_owned();
        self.provisions.push(Provision {
            component: component.clone(),
            of: None,
            kind: Kind::Background,
            module: open.module(),
            named: false,
            open: Box::new(move |bindings| {
                Box::pin(async move {
                    let Running(starter) = open.open(&Setup::new(bindings, &component)).await?;
                    Ok(Some(starter))
                })
            }),
        });
    }

    /// Adds a front: a component without methods, which serves whoever comes from outside. What it opens as is kept for
    /// [`Opened::take_fronts`].
    pub fn front<T: Send + 'static>(&mut self, name: &str, open: impl for<'a> OpenFront<'a, T>) {
        self.has_front = true;
        let component = name.to_owned();
        self.provisions.push(Provision {
            component: component.clone(),
            of: None,
            kind: Kind::Front,
            module: component.clone(),
            named: false,
            open: Box::new(move |bindings| {
                Box::pin(async move {
                    let served = open.open(&Setup::new(bindings.clone(), &component)).await?;
                    bindings.keep_front(component, Box::new(served));
                    Ok(None)
                })
            }),
        });
    }

    /// Says that `C` is used though no module may refer to it, so that the configuration may name it.
    pub fn uses<C: Component + ?Sized + 'static>(&mut self) {
        self.used.push(|bindings| drop(bindings.binding::<C>()));
        self.used_names.push(C::declared().name().to_owned());
    }

    /// Whether a module was provided for the component `name`.
    pub fn provides(&self, name: &str) -> bool {
        self.provisions.iter().any(|provision| provision.component == name)
    }

    /// The names that the configuration may give to `[components.NAME]`, as far as they are known before anything opens.
    pub fn names(&self) -> Vec<String> {
        let provided = self.provisions.iter().map(|provision| provision.component.clone());
        provided.chain(self.used_names.iter().cloned()).collect()
    }

    /// Says where this process takes commands on the data that it holds.
    #[cfg(feature = "database")]
    pub fn owned_by(mut self, owner: database::Owner) -> Modules {
        self.owner = Some(owner);
        self
    }

    /// Says where people reach this application: what [`Setup::public_url`] answers unless the configuration says it.
    pub fn reached_at(mut self, url: String) -> Modules {
        self.reached_at = Some(url);
        self
    }

    /// Says where the programs of external components are that this process has started.
    pub fn started(mut self, programs: BTreeMap<String, Whereabouts>) -> Modules {
        self.started = programs;
        self
    }

    /// Whether there is a front.
    pub fn has_front(&self) -> bool {
        self.has_front
    }

    /// Whether something would run in the background.
    pub fn has_background(&self) -> bool {
        self.has_background
    }

    /// Which databases the chosen modules ask for. Each `open` runs until it asks, and no database is opened.
    #[cfg(feature = "database")]
    pub async fn asked_databases(
        self,
        env: &Env,
        config: Arc<Config>,
    ) -> Result<BTreeMap<String, crate::databases::Asked>, OpenError> {
        let chosen = choice::choose(self.provisions, &config).map_err(|problems| OpenError::Unfit { problems })?;
        let mut bindings = Bindings::new(env, config);
        bindings.databases = crate::databases::Databases::looking_on();
        let bindings = Arc::new(bindings);
        for provision in chosen {
            // Whatever it comes to: what it asked for is known.
            drop(env.spawn("look", (provision.open)(bindings.clone())).await);
        }
        Ok(bindings.databases.asked())
    }

    fn add<C: Component + ?Sized + 'static>(
        &mut self,
        name: Option<&str>,
        module: String,
        open: impl FnOnce(Arc<Bindings>) -> BoxFuture<'static, Result<Option<Starter>, SetupError>> + Send + 'static,
    ) {
        self.provisions.push(Provision {
            component: C::declared().name().to_owned(),
            of: Some((TypeId::of::<C>(), type_name::<C>())),
            kind: Kind::Component,
            module,
            named: name.is_some(),
            open: Box::new(open),
        });
    }

    /// Opens the chosen module of each component, one after the other as they were provided, and binds them. `env`'s
    /// transport reaches the components that are elsewhere.
    pub async fn open(self, env: &Env, config: Arc<Config>) -> Result<Opened, OpenError> {
        let provided = choice::provided(&self.provisions);
        let chosen = choice::choose(self.provisions, &config).map_err(|problems| OpenError::Unfit { problems })?;
        let external = external::whereabouts(&config, &self.started);
        let mut bindings = Bindings::new(env, config);
        bindings.external = external.map_err(|problems| OpenError::Unfit { problems })?;
        bindings.reached_at = self.reached_at;
        #[cfg(feature = "database")]
        bindings.databases.owned_by(self.owner);
        let bindings = Arc::new(bindings);
        for used in self.used {
            used(&bindings);
        }
        let mut modules: Vec<OpenedModule> = Vec::new();
        for provision in chosen {
            let Provision {
                component,
                module,
                kind,
                ..
            } = provision;
            tracing::debug!(target: "terrace::host", %component, %module, "opening");
            // On a task of its own: a panic in it is an error that names the component.
            let opened = match env.spawn("open", (provision.open)(bindings.clone())).await {
                Ok(opened) => opened.map_err(SetupError::into_inner),
                Err(lost) => Err(lost.into()),
            };
            let starter = opened.map_err(|source| OpenError::Failed {
                component: component.clone(),
                module: module.clone(),
                source,
            })?;
            modules.push(OpenedModule {
                name: component,
                module,
                kind,
                starter,
            });
        }
        let problems = unfit(&bindings, &modules, &provided);
        if !problems.is_empty() {
            return Err(OpenError::Unfit { problems });
        }
        bindings.slots().values().for_each(Slot::open);
        Ok(Opened::new(bindings, modules, provided))
    }
}

/// What is known only after every `open` has said what it needs.
fn unfit(bindings: &Bindings, modules: &[OpenedModule], provided: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let slots = bindings.slots();
    let edges = bindings.edges();
    let mut problems = bindings.conflicts();
    for (name, slot) in &slots {
        if slot.served().is_some() {
            continue;
        }
        let needed_by: BTreeSet<&str> = edges
            .iter()
            .filter(|(_, callee)| callee == name)
            .map(|(caller, _)| caller.as_str())
            .collect();
        if !needed_by.is_empty() {
            let needed_by = crate::config::listed(needed_by.iter().copied());
            problems.push(format!(
                "component `{name}` is needed by {needed_by} and no module provides it; add \
                 `.provide::<dyn {name}>(..)` to `App`, or say where it runs: `at = \"host:port\"` in [components.{name}]"
            ));
        }
    }
    let known = || {
        let modules = modules.iter().map(|module| module.name.as_str());
        // One that was provided and runs elsewhere is known, even if nobody here calls it.
        let provided = provided.keys().map(String::as_str);
        modules.chain(slots.keys().map(String::as_str)).chain(provided)
    };
    let config = &bindings.config;
    let components = config
        .components
        .iter()
        .map(|(name, component)| (name, &component.span));
    let external = config.external.iter().map(|(name, external)| (name, &external.span));
    for (name, span) in components.chain(external) {
        if !known().any(|known| known == name) {
            let known: Vec<&str> = known().collect::<BTreeSet<_>>().into_iter().collect();
            let place = config.source.place(span);
            let suggested = suggested(name, known);
            problems.push(format!("{place}: no component is called {suggested}"));
        }
    }
    problems
}

/// `hello::greeter::Polite` is `Polite`.
fn short(type_name: &str) -> String {
    let plain = type_name.split('<').next().unwrap_or(type_name);
    plain.rsplit("::").next().unwrap_or(plain).to_owned()
}
