//! [`World`]: what a scenario sets up, works in, and checks.

use std::fmt::Display;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use component::{Channel, Component, Holds, Offered, OfferedService, Ref, Served};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::Limits;
use world::{Address, Door, Env};

use crate::fault::Struck;
use crate::inner::{Boot, Inner, Node, WITNESS};
use crate::model::Model;
use crate::plan::Role;
use crate::source::Source;
use crate::trace::{Trace, What};
use crate::watch::Watch;

/// The port on which a simulated node serves its components.
pub const PORT: u16 = 1;

/// What a disk takes to make bytes durable, as a solid-state disk with a cache does.
const SYNC: Duration = Duration::from_millis(1);

/// How often [`World::settle`] looks.
const SETTLE_STEP: Duration = Duration::from_millis(50);

/// Many nodes, the links between them, and the faults that strike both. A clone is the same world.
///
/// A scenario runs on a node of its own, `scenario`, which nothing strikes; what it sets up runs on others.
#[derive(Clone)]
pub struct World {
    pub(crate) inner: Arc<Inner>,
    env: Env,
}

/// How a run was stopped by a check, so that it is told from a panic.
pub(crate) struct Stopped;

impl World {
    pub(crate) fn new(seed: u64, model: Model, source: Source, recording: bool) -> World {
        let inner = Inner::new(seed, model, source, recording);
        // What SQLite cannot register it cannot open either, and says so then.
        #[cfg(feature = "sqlite")]
        let _ = crate::sqlite::register();
        inner.memory.watch(Arc::new(Watch(Arc::downgrade(&inner))));
        inner.set_clocks();
        inner.memory.sync_latency(SYNC);
        let env = make(&inner, WITNESS, Role::Witness, None);
        World { inner, env }
    }

    /// The scenario's own node.
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// The seed of this run.
    pub fn seed(&self) -> u64 {
        self.inner.seed
    }

    /// The system model of this run.
    pub fn model(&self) -> &Model {
        &self.inner.model
    }

    /// True time since the world began, which no node can see.
    pub fn now(&self) -> Duration {
        self.inner.memory.now()
    }

    /// Adds a server, which does `boot` whenever it starts: now, and after each crash. The [`Env`] that `boot` gets lives
    /// as long as that incarnation.
    pub fn server<F, O>(&self, name: &str, boot: F)
    where
        F: Fn(Env) -> O + Send + Sync + 'static,
        O: Future<Output = ()> + Send + 'static,
    {
        make(&self.inner, name, Role::Server, Some(boxed(boot)));
    }

    /// Adds a client, in the same way: a node that others do not rely on.
    pub fn client<F, O>(&self, name: &str, boot: F)
    where
        F: Fn(Env) -> O + Send + Sync + 'static,
        O: Future<Output = ()> + Send + 'static,
    {
        make(&self.inner, name, Role::Client, Some(boxed(boot)));
    }

    /// Adds a server that serves one component: `open` makes its module whenever the server starts.
    pub fn provide<C, M, F, O>(&self, name: &str, open: F)
    where
        C: Component + Holds<M> + ?Sized + 'static,
        F: Fn(Env) -> O + Send + Sync + 'static,
        O: Future<Output = M> + Send + 'static,
        M: Send + 'static,
    {
        let open = Arc::new(open);
        self.server(name, move |env| {
            let open = open.clone();
            async move {
                let module = Ref::<C>::new(open(env.clone()).await);
                let door = serve(&env, module.served().into_iter().collect()).await;
                drop(door);
            }
        });
    }

    /// Holds this run's model to what `C` requires: where it is weaker, the run says so. [`serve`] does it for what is
    /// served; this is for a component that is used in other ways.
    pub fn require<C: Component + ?Sized>(&self) {
        let interface = &C::declared().interface;
        if let Some(required) = &interface.requires {
            self.inner.require(&interface.name, required);
        }
    }

    /// A handle for `from` to the component `C` that `node` serves.
    pub fn reference<C: Component + ?Sized>(&self, from: &Env, node: &str) -> Ref<C> {
        reference(from, node)
    }

    /// Says what a lie about the answers of a method looks like, such as `Register.read`: another value made of the true
    /// one. The number is 0 for the lie that all are told, and tells the hearers apart where each is told another.
    pub fn lie<T>(&self, method: &str, lie: impl Fn(T, u64) -> T + Send + Sync + 'static)
    where
        T: Serialize + DeserializeOwned,
    {
        self.inner.core().liars.teach(method, lie);
    }

    /// Says how to find out who leads, for partitions that isolate the leader.
    pub fn leader(&self, leader: impl Fn() -> Option<String> + Send + Sync + 'static) {
        self.inner.core().leader = Some(Arc::new(leader));
    }

    /// Lets the faults of this run strike for so long, and then heals what they did: nodes come back and go on, links are
    /// mended, disks take bytes again. What stays: clocks are wrong as they are, bits that changed stay so, and who
    /// stopped for good is gone. What was set up before is the warm-up: in it, and in a world without a call to this,
    /// nothing goes wrong but for clocks, which are wrong from the beginning.
    pub async fn chaos(&self, lasts: Duration) {
        self.phase("chaos");
        self.inner.begin_chaos(lasts);
        self.env.sleep(lasts).await;
        self.inner.heal();
        self.phase("settle");
    }

    /// Waits until `reached`, at most `within` after the healing, and answers whether it was. Where the model claims
    /// progress, not reaching it is the verdict *no progress*; under an asynchronous model it is not.
    pub async fn settle(&self, what: &str, within: Duration, mut reached: impl FnMut() -> bool) -> bool {
        let deadline = self.env.deadline(within);
        while !reached() {
            if self.env.now() >= deadline {
                if self.inner.model.claims_progress() {
                    let why = format!("{what} was not reached within {} s of healing", within.as_secs_f64());
                    self.inner.note(None, What::Violated(why.clone()));
                    self.inner.core().seen.no_progress.push(why);
                }
                return false;
            }
            self.env.sleep(SETTLE_STEP).await;
        }
        true
    }

    /// A check: an error is a wrong answer, and ends the run.
    pub fn check<T, E: Display>(&self, checked: Result<T, E>) -> T {
        match checked {
            Ok(value) => value,
            Err(error) => self.fail(error),
        }
    }

    /// Something is wrong on a node, here and now. The run is a wrong answer, and goes on; for code of nodes, whose panics
    /// are answers to their callers. Of a node that [is struck](World::is_struck) it is not true.
    pub fn violated(&self, env: &Env, why: impl Display) {
        if !self.is_struck(env) {
            self.inner.violated(Some(env.node()), why.to_string());
        }
    }

    /// Whether the node of `env` crashes as soon as the step of its task that is going on is over: a crash may strike in
    /// the midst of what a task does without awaiting, at a change of its disk. Until the step ends the node's code goes
    /// on, though its disk fails, its messages vanish and its panics do not count. What it notes in memory that it shares
    /// with the scenario cannot be caught so: look here first if that follows a change of the disk in the same step, and
    /// better note on a client what it was told.
    pub fn is_struck(&self, env: &Env) -> bool {
        self.inner.memory.is_struck(env.node())
    }

    /// Ends the run: something is wrong.
    pub fn fail(&self, why: impl Display) -> ! {
        self.inner.violated(None, why.to_string());
        resume_unwind(Box::new(Stopped))
    }

    /// Marks something in the trace of the run.
    pub fn note(&self, text: impl Display) {
        self.inner.note(None, What::Note(text.to_string()));
    }

    /// The faults that struck so far, first to last.
    pub fn struck(&self) -> Vec<Struck> {
        self.inner.core().seen.faults.clone()
    }

    /// Counts something that the report of a campaign shows, summed up over its seeds.
    pub fn count(&self, name: &str, times: u64) {
        let mut core = self.inner.core();
        *core.seen.counts.entry(name.to_owned()).or_default() += times;
    }

    /// Names what the scenario does from now on.
    pub fn phase(&self, name: &str) {
        self.inner.note(None, What::Phase(name.to_owned()));
    }

    /// Crashes a node by hand, with what it had synced.
    pub fn crash(&self, name: &str) {
        self.inner.crash(name, false, true);
    }

    /// Starts a node that is down.
    pub fn restart(&self, name: &str) {
        self.inner.restart(name);
    }

    /// Cuts links by hand, each in the direction given; the number is what [`World::mend`] takes.
    pub fn cut(&self, cuts: &[(&str, &str)]) -> u64 {
        let cuts: Vec<(String, String)> = cuts
            .iter()
            .map(|(from, to)| ((*from).to_owned(), (*to).to_owned()))
            .collect();
        self.inner.cut(&cuts)
    }

    /// Mends what was cut under this number.
    pub fn mend(&self, number: u64) {
        self.inner.mend(number);
    }

    /// What has happened so far; empty where the run is not recorded.
    pub fn trace(&self) -> Trace {
        let core = self.inner.core();
        let nodes = core.nodes.iter().map(|node| node.name.clone()).collect();
        core.trace.trace(nodes, self.inner.memory.fingerprint())
    }
}

/// Serves components on `env`'s node, for [`reference()`].
pub async fn serve(env: &Env, served: Vec<Served>) -> Arc<dyn Door> {
    if let Some(probe) = env.probe() {
        for interface in served.iter().map(|served| &served.declared.interface) {
            if let Some(required) = &interface.requires {
                probe.requires(env.node(), &interface.name, required);
            }
        }
    }
    let offered = Offered::new(env, served, Limits::default());
    let address = Address::new(format!("{}:{PORT}", env.node()));
    let listener = env.network().listen(&address).await;
    // The scenario serves twice on one node: an error of the test.
    let listener = listener.unwrap_or_else(|error| panic!("{error}"));
    env.transport().serve(env, listener, Arc::new(OfferedService(offered)))
}

/// A handle for `from` to the component `C` that `node` serves.
pub fn reference<C: Component + ?Sized>(from: &Env, node: &str) -> Ref<C> {
    let address = Address::new(format!("{node}:{PORT}"));
    Ref::remote(
        from.node(),
        Channel::new(from, address, C::declared(), Limits::default()),
    )
}

fn boxed<F, O>(boot: F) -> Boot
where
    F: Fn(Env) -> O + Send + Sync + 'static,
    O: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |env| Box::pin(boot(env)))
}

fn make(inner: &Arc<Inner>, name: &str, role: Role, boot: Option<Boot>) -> Env {
    let number = {
        let mut core = inner.core();
        assert!(
            core.find(name).is_none(),
            "there is a node `{name}` already; give each its own name"
        );
        core.nodes.push(Node {
            name: name.to_owned(),
            role,
            incarnation: 1,
            up: true,
            silent: false,
            paused: false,
            for_good: false,
            boot,
        });
        core.nodes.len() as u32 - 1
    };
    let env = inner.memory.node(name);
    if role != Role::Witness {
        inner.skew(number, name);
    }
    inner.boot(number, env)
}
