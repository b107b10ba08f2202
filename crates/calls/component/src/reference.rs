//! `Ref`: a handle to a component, wherever it runs.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use telemetry::{EdgeName, Slot};
use wire::{CallError, CallErrorKind};

use crate::component::{Component, Declared, Holds};
use crate::faults::Faults;
use crate::remote::Channel;
use crate::retry::Budget;
use crate::server::Served;

/// A handle to the component `C`, such as `Ref<dyn Todos>`. It implements the component's trait, and is the same type to
/// its user whether the module runs here, elsewhere, or is a fake.
pub struct Ref<C: Component + ?Sized> {
    edge: Arc<Edge<C>>,
}

/// From one caller to one component: where the component is, and what was counted.
pub(crate) struct Edge<C: Component + ?Sized> {
    pub(crate) caller: String,
    pub(crate) declared: &'static Declared,
    pub(crate) methods: Box<[EdgeMethod]>,
    pub(crate) binding: Arc<Binding<C>>,
    pub(crate) faults: Option<Arc<dyn Faults>>,
    /// For the retries that injected faults cause.
    pub(crate) budget: Budget,
}

pub(crate) struct EdgeMethod {
    pub(crate) slot: Slot,
    /// Whether a direct call may take the short path.
    pub(crate) plain: bool,
}

/// Where a component is. It is set after the `Ref`s to it were given out, so that components may refer to each other in
/// circles.
pub struct Binding<C: Component + ?Sized> {
    route: OnceLock<Route<C>>,
    state: AtomicU8,
}

/// What placement means for a call. No other crate matches on it.
pub(crate) enum Route<C: Component + ?Sized> {
    /// The module is in this process.
    Direct(Arc<C::Twin>),
    /// The module is reached over a channel, which the twin calls.
    Remote(Arc<C::Twin>, Channel),
}

const OPENING: u8 = 0;
const DIRECT: u8 = 1;
const REMOTE: u8 = 2;

impl<C: Component + ?Sized> Default for Binding<C> {
    fn default() -> Binding<C> {
        Binding {
            route: OnceLock::new(),
            state: AtomicU8::new(OPENING),
        }
    }
}

impl<C: Component + ?Sized> Binding<C> {
    /// Binds to a module in this process. The first binding stays.
    pub fn bind_direct<M>(&self, module: M)
    where
        C: Holds<M>,
    {
        let _ = self.route.set(Route::Direct(C::hold(module)));
    }

    /// Binds to a peer. The first binding stays.
    pub fn bind_remote(&self, channel: Channel) {
        let _ = self.route.set(Route::Remote(C::client(channel.clone()), channel));
    }

    /// Lets calls through: everything that this one may lead to is open.
    pub fn open(&self) {
        let state = match self.route.get() {
            Some(Route::Direct(_)) => DIRECT,
            Some(Route::Remote(..)) => REMOTE,
            None => OPENING,
        };
        self.state.store(state, Ordering::Release);
    }

    /// The server adapter around what is bound here.
    pub fn served(&self) -> Option<Served> {
        let (twin, forwards) = match self.route.get()? {
            Route::Direct(twin) => (twin, false),
            Route::Remote(twin, _) => (twin, true),
        };
        Some(Served {
            declared: C::declared(),
            server: C::server(twin.clone()),
            forwards,
        })
    }
}

impl<C: Component + ?Sized> Ref<C> {
    /// A handle to a module in this process, for a test or for a program without `App`.
    pub fn new<M>(module: M) -> Ref<C>
    where
        C: Holds<M>,
    {
        let binding = Binding::default();
        binding.bind_direct(module);
        binding.open();
        Ref::bound("main", Arc::new(binding))
    }

    /// A handle to a stand-in for the real module, for a test of what calls it.
    pub fn fake<M>(module: M) -> Ref<C>
    where
        C: Holds<M>,
    {
        Ref::new(module)
    }

    /// A handle for `caller` to what `binding` is, or will be, bound to.
    pub fn bound(caller: &str, binding: Arc<Binding<C>>) -> Ref<C> {
        Ref {
            edge: Arc::new(Edge::new(caller, binding, None)),
        }
    }

    /// A handle to a component at the other end of `channel`.
    pub fn remote(caller: &str, channel: Channel) -> Ref<C> {
        let binding = Binding::default();
        binding.bind_remote(channel);
        binding.open();
        Ref::bound(caller, Arc::new(binding))
    }

    /// The same handle with `faults` injected into its calls.
    pub fn with_faults(&self, faults: Arc<dyn Faults>) -> Ref<C> {
        let edge = Edge::new(&self.edge.caller, self.edge.binding.clone(), Some(faults));
        Ref { edge: Arc::new(edge) }
    }

    /// The component as a server may offer it to others; `None` while nothing is bound.
    pub fn served(&self) -> Option<Served> {
        self.edge.binding.served()
    }

    #[inline]
    pub(crate) fn edge(&self) -> &Edge<C> {
        &self.edge
    }
}

impl<C: Component + ?Sized> Edge<C> {
    fn new(caller: &str, binding: Arc<Binding<C>>, faults: Option<Arc<dyn Faults>>) -> Edge<C> {
        let declared = C::declared();
        let route = match binding.route.get() {
            Some(Route::Remote(..)) => telemetry::Route::Remote,
            _ => telemetry::Route::Direct,
        };
        let methods = declared
            .interface
            .methods
            .iter()
            .zip(&declared.methods)
            .map(|(method, facts)| EdgeMethod {
                slot: Slot::register(EdgeName {
                    caller: caller.to_string().into(),
                    callee: declared.name().to_string().into(),
                    method: method.name.clone().into(),
                    route,
                }),
                plain: facts.is_plain() && faults.is_none(),
            });
        Edge {
            caller: caller.to_string(),
            declared,
            methods: methods.collect(),
            binding,
            faults,
            budget: Budget::new(),
        }
    }

    /// The twin, if it is in this process and everything is open.
    #[inline]
    pub(crate) fn direct(&self) -> Option<&C::Twin> {
        if self.binding.state.load(Ordering::Acquire) != DIRECT {
            return None;
        }
        match self.binding.route.get() {
            Some(Route::Direct(twin)) => Some(twin),
            _ => None,
        }
    }

    /// Where a call goes, or why it cannot go anywhere.
    pub(crate) fn route(&self) -> Result<&Route<C>, CallError> {
        match (self.binding.state.load(Ordering::Acquire), self.binding.route.get()) {
            (OPENING, _) | (_, None) => Err(CallError::not_run(
                CallErrorKind::Unavailable,
                format!(
                    "`{}` called `{}` while modules are being opened; keep the `Ref` in `open` and call it later",
                    self.caller,
                    self.declared.name()
                ),
            )),
            (_, Some(route)) => Ok(route),
        }
    }
}

impl<C: Component + ?Sized> Clone for Ref<C> {
    fn clone(&self) -> Ref<C> {
        Ref {
            edge: self.edge.clone(),
        }
    }
}

impl<C: Component + ?Sized> fmt::Debug for Ref<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ref<dyn {}>", self.edge.declared.name())
    }
}
