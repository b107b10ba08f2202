//! [`Opened`]: an application whose modules are open, until it has stopped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use component::{Canceller, Component, Cx, Ref, Served};
use world::{BoxFuture, Env, Task, TaskLost};

use crate::background::Starter;
use crate::bindings::Bindings;
use crate::description::Description;
use crate::limits::STOP_MAX;
use crate::modules::Kind;

/// An application that is open: calls reach their components.
pub struct Opened {
    bindings: Arc<Bindings>,
    /// In the order in which they were opened.
    modules: Vec<OpenedModule>,
    /// Every module that was provided for each component.
    provided: BTreeMap<String, Vec<String>>,
    running: Vec<Running>,
    #[cfg(feature = "database")]
    workers: Vec<jobs::Worker>,
}

pub(crate) struct OpenedModule {
    pub(crate) name: String,
    pub(crate) module: String,
    pub(crate) kind: Kind,
    pub(crate) starter: Option<Starter>,
}

/// A background module that was started.
struct Running {
    name: String,
    canceller: Canceller,
    task: Task<()>,
}

/// A component that is neither here nor known to be elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no module provides component `{name}`; add `.provide::<dyn {name}>(..)` to `App`, or `.uses::<dyn {name}>()` and \
     `at = \"host:port\"` in [components.{name}]"
)]
pub struct NotHere {
    /// The component.
    pub name: String,
}

impl Opened {
    pub(crate) fn new(
        bindings: Arc<Bindings>,
        modules: Vec<OpenedModule>,
        provided: BTreeMap<String, Vec<String>>,
    ) -> Opened {
        Opened {
            bindings,
            modules,
            provided,
            running: Vec::new(),
            #[cfg(feature = "database")]
            workers: Vec::new(),
        }
    }

    /// The node it runs on.
    pub fn env(&self) -> &Env {
        &self.bindings.env
    }

    /// A handle to a component for `caller`, such as a command.
    pub fn reference<C: Component + ?Sized + 'static>(&self, caller: &str) -> Result<Ref<C>, NotHere> {
        let binding = self.bindings.binding::<C>();
        if binding.served().is_none() {
            return Err(NotHere {
                name: C::declared().name().to_owned(),
            });
        }
        binding.open();
        Ok(Ref::bound(caller, binding))
    }

    /// The components whose modules are in this process, sorted by name.
    pub fn served(&self) -> Vec<Served> {
        let slots = self.bindings.slots();
        let here = slots.values().filter(|slot| slot.at.is_none());
        here.filter_map(|slot| slot.served()).collect()
    }

    /// The databases of its components.
    #[cfg(feature = "database")]
    pub fn databases(&self) -> Vec<database::Database> {
        self.bindings.databases.opened()
    }

    /// The jobs of its components.
    #[cfg(feature = "database")]
    pub fn jobs(&self) -> Vec<jobs::Jobs> {
        self.bindings.working.opened()
    }

    /// The mail of its components, each with the component's name.
    #[cfg(feature = "database")]
    pub fn mails(&self) -> Vec<(String, jobs::mail::Mail)> {
        self.bindings.working.mails()
    }

    /// Begins to run jobs.
    #[cfg(feature = "database")]
    pub async fn start_jobs(&mut self) -> Result<(), jobs::Error> {
        let workers = self.bindings.working.start().await?;
        self.workers.extend(workers);
        Ok(())
    }

    /// What the fronts serve that opened as a `T`, each with its name, in the order in which they were provided. They are taken
    /// out: whoever serves them asks once.
    pub fn take_fronts<T: 'static>(&self) -> Vec<(String, T)> {
        self.bindings.take_fronts()
    }

    /// What it consists of.
    pub fn describe(&self) -> Description {
        Description::new(&self.bindings, &self.modules, &self.provided)
    }

    /// Whether something runs without being called: background modules, or jobs.
    pub fn has_work(&self) -> bool {
        #[cfg(feature = "database")]
        let jobs = !self.bindings.working.opened().is_empty();
        #[cfg(not(feature = "database"))]
        let jobs = false;
        jobs || !self.running.is_empty() || self.modules.iter().any(|module| module.starter.is_some())
    }

    /// Starts every background module that does not run yet.
    pub fn start(&mut self) {
        let env = self.bindings.env.clone();
        for module in &mut self.modules {
            let Some(starter) = module.starter.take() else { continue };
            tracing::info!(target: "terrace::host", module = %module.name, "background module started");
            let (cx, canceller) = Cx::root(&env).cancellable();
            let name = module.name.clone();
            let task = env.spawn("background module", watched(name.clone(), cx.clone(), starter(cx)));
            self.running.push(Running { name, canceller, task });
        }
    }

    /// Stops the background modules, the last opened first, each before the one that was opened before it. Whoever has
    /// not returned when [`STOP_MAX`] is over is dropped at its next await. Before them, no more jobs are begun.
    pub async fn stop(&mut self) {
        #[cfg(feature = "database")]
        {
            let env = self.bindings.env.clone();
            let stopping: Vec<Task<()>> = self
                .workers
                .drain(..)
                .map(|worker| env.spawn("stop jobs", worker.stop()))
                .collect();
            for stopped in stopping {
                // Whoever panics in it has given nothing back, and is taken over when its lease is over.
                let _ = stopped.await;
            }
        }
        let env = self.bindings.env.clone();
        let end = env.deadline(STOP_MAX);
        while let Some(running) = self.running.pop() {
            let left = end.saturating_duration_since(env.now());
            running.stop(&env, left).await;
        }
    }
}

/// Runs a background module, and tells the log at once when it ends before it was told to.
async fn watched(module: String, cx: Cx, running: BoxFuture<'static, ()>) {
    let noticed = PanicNoticed(&module);
    running.await;
    drop(noticed);
    if !cx.is_stopped() {
        tracing::warn!(target: "terrace::host", %module, "background module returned before it was told to stop");
    }
}

/// Stands where a panic passes by.
struct PanicNoticed<'a>(&'a str);

impl Drop for PanicNoticed<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let module = self.0;
            tracing::error!(target: "terrace::host", module, "background module panicked, and does not run any more");
        }
    }
}

impl Running {
    async fn stop(mut self, env: &Env, within: Duration) {
        let module = &self.name;
        tracing::debug!(target: "terrace::host", %module, "stopping background module");
        self.canceller.cancel();
        match env.timeout(within, &mut self.task).await {
            Ok(Ok(())) => tracing::info!(target: "terrace::host", %module, "background module stopped"),
            Ok(Err(TaskLost::Panicked(panic))) => {
                tracing::error!(target: "terrace::host", %module, %panic, "background module had panicked");
            }
            Ok(Err(TaskLost::Cancelled)) => {
                tracing::warn!(target: "terrace::host", %module, "background module was lost");
            }
            Err(_) => {
                self.task.cancel();
                tracing::warn!(
                    target: "terrace::host", %module,
                    "background module did not return within {} s of being told to stop, and was dropped",
                    STOP_MAX.as_secs()
                );
            }
        }
    }
}
