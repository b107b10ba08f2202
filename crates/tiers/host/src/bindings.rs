//! Who is bound to what: one binding for each component that somebody provides or refers to.

use std::any::{Any, TypeId, type_name};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use component::{Binding, Channel, Component, Declared, Ref, Served};
use wire::Whereabouts;
use wire::release::StoredSession;
use world::{Address, Env};

use crate::config::Config;

/// The bindings of one application.
pub(crate) struct Bindings {
    pub(crate) env: Env,
    pub(crate) config: Arc<Config>,
    /// Where the programs of external components are.
    pub(crate) external: BTreeMap<String, Whereabouts>,
    #[cfg(feature = "database")]
    pub(crate) databases: crate::databases::Databases,
    #[cfg(feature = "database")]
    pub(crate) working: crate::working::Working,
    /// Where people reach the application, unless the configuration says it.
    pub(crate) reached_at: Option<String>,
    fronts: Mutex<Vec<(String, Box<dyn Any + Send>)>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    slots: BTreeMap<String, Slot>,
    /// Who asked for a reference to whom.
    edges: BTreeSet<(String, String)>,
    /// Sentences about two traits of one name.
    conflicts: BTreeSet<String>,
    /// What is kept in the sessions of people, by the front that keeps it.
    sessions: BTreeMap<String, StoredSession>,
}

/// One component, as far as anybody has named it.
#[derive(Clone)]
pub(crate) struct Slot {
    pub(crate) declared: &'static Declared,
    /// The process where it runs instead of this one.
    pub(crate) at: Option<Address>,
    /// The program that is the component, in words.
    pub(crate) external: Option<String>,
    type_id: TypeId,
    type_name: &'static str,
    binding: Arc<dyn Any + Send + Sync>,
    bound: Arc<dyn Bound>,
}

/// What is done with a binding whatever its component.
trait Bound: Send + Sync {
    fn open(&self);
    fn served(&self) -> Option<Served>;
}

impl<C: Component + ?Sized + 'static> Bound for Binding<C> {
    fn open(&self) {
        Binding::open(self);
    }

    fn served(&self) -> Option<Served> {
        Binding::served(self)
    }
}

impl Bindings {
    pub(crate) fn new(env: &Env, config: Arc<Config>) -> Bindings {
        Bindings {
            env: env.clone(),
            config,
            external: BTreeMap::new(),
            #[cfg(feature = "database")]
            databases: crate::databases::Databases::default(),
            #[cfg(feature = "database")]
            working: crate::working::Working::default(),
            reached_at: None,
            fronts: Mutex::default(),
            state: Mutex::default(),
        }
    }

    /// The binding of `C`. Where another trait has its wire name, one that never opens, and a conflict is noted.
    pub(crate) fn binding<C: Component + ?Sized + 'static>(&self) -> Arc<Binding<C>> {
        let declared = C::declared();
        let mut state = self.state();
        let slot = match state.slots.get(declared.name()) {
            Some(slot) => slot.clone(),
            None => {
                let slot = self.slot::<C>(declared);
                state.slots.insert(declared.name().to_owned(), slot.clone());
                slot
            }
        };
        match slot.binding.downcast::<Binding<C>>() {
            Ok(binding) if slot.type_id == TypeId::of::<C>() => binding,
            _ => {
                let conflict = two_traits(declared.name(), slot.type_name, type_name::<C>());
                state.conflicts.insert(conflict);
                Arc::default()
            }
        }
    }

    /// A handle for `caller`, which becomes an edge of the call graph.
    pub(crate) fn reference<C: Component + ?Sized + 'static>(&self, caller: &str) -> Ref<C> {
        let edge = (caller.to_owned(), C::declared().name().to_owned());
        self.state().edges.insert(edge);
        Ref::bound(caller, self.binding::<C>())
    }

    /// Keeps what a front serves.
    pub(crate) fn keep_front(&self, name: String, served: Box<dyn Any + Send>) {
        self.fronts().push((name, served));
    }

    /// Takes what fronts serve that is a `T`.
    pub(crate) fn take_fronts<T: 'static>(&self) -> Vec<(String, T)> {
        let mut fronts = self.fronts();
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        for (name, served) in fronts.drain(..) {
            match served.downcast::<T>() {
                Ok(served) => taken.push((name, *served)),
                Err(other) => left.push((name, other)),
            }
        }
        *fronts = left;
        taken
    }

    fn fronts(&self) -> MutexGuard<'_, Vec<(String, Box<dyn Any + Send>)>> {
        self.fronts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn slots(&self) -> BTreeMap<String, Slot> {
        self.state().slots.clone()
    }

    pub(crate) fn edges(&self) -> BTreeSet<(String, String)> {
        self.state().edges.clone()
    }

    /// The jobs of each component that has some, sorted by its name.
    pub(crate) fn stored_jobs(&self) -> Vec<wire::release::StoredJobs> {
        #[cfg(feature = "database")]
        {
            let mut all: Vec<_> = self.working.opened().iter().map(jobs::Jobs::describe).collect();
            all.sort_by(|one, other| one.component.cmp(&other.component));
            all
        }
        #[cfg(not(feature = "database"))]
        Vec::new()
    }

    /// What each front keeps in the sessions of people, sorted by its name.
    pub(crate) fn sessions(&self) -> Vec<StoredSession> {
        self.state().sessions.values().cloned().collect()
    }

    pub(crate) fn keep_session(&self, session: StoredSession) {
        self.state().sessions.insert(session.front.clone(), session);
    }

    pub(crate) fn conflicts(&self) -> Vec<String> {
        self.state().conflicts.iter().cloned().collect()
    }

    fn slot<C: Component + ?Sized + 'static>(&self, declared: &'static Declared) -> Slot {
        let binding = Arc::new(Binding::<C>::default());
        let at = self
            .config
            .components
            .get(declared.name())
            .and_then(|component| component.at.clone());
        let calls = self.config.calls;
        if let Some(at) = &at {
            binding.bind_remote(Channel::new(&self.env, at.clone(), declared, calls));
        }
        let external = self.external.get(declared.name());
        if let Some(whereabouts) = external {
            binding.bind_remote(Channel::external(&self.env, whereabouts.clone(), declared, calls));
        }
        Slot {
            declared,
            at,
            external: external.map(|whereabouts| whereabouts.name().to_owned()),
            type_id: TypeId::of::<C>(),
            type_name: type_name::<C>(),
            binding: binding.clone(),
            bound: binding,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Lets calls through.
    pub(crate) fn open(&self) {
        self.bound.open();
    }

    /// The component as a server offers it; `None` while nothing is bound.
    pub(crate) fn served(&self) -> Option<Served> {
        self.bound.served()
    }
}

/// The sentence about two traits that have one wire name.
pub(crate) fn two_traits(name: &str, one: &str, other: &str) -> String {
    format!(
        "two components have the wire name `{name}`: {one} and {other}; give one of them another by \
         `#[terrace::component(name = \"..\")]`"
    )
}
