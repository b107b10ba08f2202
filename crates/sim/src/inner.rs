//! What a simulated world holds beside its nodes' memory: who serves where, which faults are to strike, what was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use wire::limits::SILENCE_MAX;
use world::memory;
use world::{Address, BoxFuture, ConnectError, Env, Reply, ReplyKind, Service};

use crate::chaos::{Active, Leader};
use crate::fault::{Fault, Struck};
use crate::liar::Liars;
use crate::model::Model;
use crate::network::{Link, Message};
use crate::plan::{self, Role};
use crate::recorder::Recorder;
use crate::session::{Asked, Connecting, Line, Opening, Parcel};
use crate::source::Source;
use crate::trace::{Kind, What};

/// The scenario's own node, which nothing strikes.
pub(crate) const WITNESS: &str = "scenario";

pub(crate) struct Inner {
    pub(crate) memory: memory::World,
    pub(crate) seed: u64,
    pub(crate) model: Model,
    core: Mutex<Core>,
}

/// What is behind one lock, which is never held while code of a task runs.
pub(crate) struct Core {
    pub(crate) nodes: Vec<Node>,
    pub(crate) links: BTreeMap<(u32, u32), Link>,
    pub(crate) doors: BTreeMap<(u32, u16), Opened>,
    pub(crate) lines: Vec<Weak<Line>>,
    pub(crate) message_next: u64,
    pub(crate) source: Source,
    pub(crate) liars: Liars,
    pub(crate) partitions: Vec<Active>,
    pub(crate) partition_next: u64,
    pub(crate) leader: Option<Leader>,
    /// Whether the chaos is over, and when it ends.
    pub(crate) healed: bool,
    pub(crate) chaos_ends: Duration,
    pub(crate) trace: Recorder,
    pub(crate) seen: Seen,
}

/// What a run has shown so far.
#[derive(Default)]
pub(crate) struct Seen {
    /// Faults that struck.
    pub(crate) faults: Vec<Struck>,
    /// What the scenario counted.
    pub(crate) counts: BTreeMap<String, u64>,
    /// What was looked at by `sometimes!`, and whether it ever held.
    pub(crate) sometimes: BTreeMap<String, bool>,
    /// What is wrong, first to last.
    pub(crate) violations: Vec<String>,
    /// Progress that did not come in time, where the model claims it.
    pub(crate) no_progress: Vec<String>,
    /// Components whose required model is stronger than this one, with the axes.
    pub(crate) unmet: BTreeSet<String>,
    /// How often each name was offered to `buggify!` on each node.
    pub(crate) offered: BTreeMap<(String, &'static str), u64>,
}

pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) incarnation: u32,
    pub(crate) up: bool,
    /// Whether it is down without anybody refusing connections for it: the machine, and not only the process.
    pub(crate) silent: bool,
    /// Whether it stands still.
    pub(crate) paused: bool,
    /// Whether it never comes back.
    pub(crate) for_good: bool,
    /// What it does whenever it starts.
    pub(crate) boot: Option<Boot>,
}

pub(crate) type Boot = Arc<dyn Fn(Env) -> BoxFuture<'static, ()> + Send + Sync>;

/// A door that is open for peers.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) env: Env,
    pub(crate) incarnation: u32,
    pub(crate) service: Arc<dyn Service>,
}

impl Inner {
    pub(crate) fn new(seed: u64, model: Model, source: Source, recording: bool) -> Arc<Inner> {
        let core = Core {
            nodes: Vec::new(),
            links: BTreeMap::new(),
            doors: BTreeMap::new(),
            lines: Vec::new(),
            message_next: 0,
            source,
            liars: Liars::default(),
            partitions: Vec::new(),
            partition_next: 0,
            leader: None,
            healed: false,
            chaos_ends: Duration::ZERO,
            trace: Recorder::new(recording),
            seen: Seen::default(),
        };
        Arc::new(Inner {
            memory: memory::World::new(seed),
            seed,
            model,
            core: Mutex::new(core),
        })
    }

    /// Lets go of everything that holds this world.
    pub(crate) fn end(&self) {
        self.memory.end();
        let (doors, nodes, leader, liars) = {
            let mut core = self.core();
            core.links.clear();
            let doors = std::mem::take(&mut core.doors);
            let boots: Vec<Option<Boot>> = core.nodes.iter_mut().map(|node| node.boot.take()).collect();
            (doors, boots, core.leader.take(), std::mem::take(&mut core.liars))
        };
        drop((doors, nodes, leader, liars));
    }

    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a node crashes once the step that is going on is over. What it does until then reaches nobody.
    pub(crate) fn is_struck(&self, node: u32) -> bool {
        let core = self.core();
        self.memory.is_struck(&core.nodes[node as usize].name)
    }

    /// Whether somebody reads the labels of requests.
    pub(crate) fn wants_labels(&self) -> bool {
        let core = self.core();
        core.trace.recording || core.liars.is_active()
    }

    /// Puts an event into the trace.
    pub(crate) fn note(&self, node: Option<u32>, what: What) {
        let now = self.memory.now();
        let mut core = self.core();
        core.trace.mark(&self.memory, 3, u64::from(node.unwrap_or(u32::MAX)), 0);
        core.trace.keep(now, node, what);
    }

    /// A message has reached its node.
    pub(crate) fn arrive(self: &Arc<Inner>, number: u64, parcel: Parcel, body: Bytes) {
        match parcel {
            Parcel::Hello(connecting) => self.greet(number, connecting, body),
            Parcel::Welcome(connecting, outcome) => {
                if self.delivered(number, connecting.from, connecting.from_incarnation) {
                    connecting.settle(outcome.map(|line| (line, body)));
                }
            }
            Parcel::Request(line, asked) => {
                if !self.delivered(number, line.to, line.to_incarnation) {
                    self.undeliverable(&line);
                } else if let Some(copy) = line.admit(asked.ticket, &body) {
                    line.execute(self, asked, copy, body);
                }
            }
            Parcel::Reply(line, asked, kind) => {
                if self.delivered(number, line.from, line.from_incarnation) {
                    line.answer(asked.ticket, Reply { kind, body });
                }
            }
        }
    }

    /// Whether the message found the incarnation it was for.
    fn delivered(&self, number: u64, to: u32, incarnation: u32) -> bool {
        let now = self.memory.now();
        let mut core = self.core();
        let there = core.is_up(to, incarnation);
        core.trace.mark(&self.memory, 4, number, u64::from(there));
        let what = match there {
            true => What::Delivered { message: number },
            false => What::Lost {
                message: number,
                why: "the receiver is down".to_owned(),
            },
        };
        core.trace.keep(now, Some(to), what);
        there
    }

    /// A peer wants to open a session, and has said `hello`. Whoever serves decides as a task of its node, so that one
    /// which stands still does not.
    fn greet(self: &Arc<Inner>, number: u64, connecting: Arc<Connecting>, hello: Bytes) {
        let (to, port) = (connecting.to, connecting.port);
        let (incarnation, opened, silent) = {
            let core = self.core();
            let node = &core.nodes[to as usize];
            let opened = core.doors.get(&(to, port)).cloned();
            (node.incarnation, opened, !node.up && node.silent)
        };
        self.delivered(number, to, incarnation);
        match opened {
            Some(opened) => {
                let inner = self.clone();
                drop(opened.env.clone().spawn("greet", async move {
                    let (outcome, own) = inner.admitted(&opened, &connecting, &hello);
                    inner.welcome(connecting, outcome, own);
                }));
            }
            None if silent => {}
            None => {
                let why = format!(
                    "cannot connect to {}:{port}: nobody accepts there",
                    self.core().name(to)
                );
                self.welcome(connecting, Err(ConnectError::Unreachable(why)), Bytes::new());
            }
        }
    }

    /// The session that is opened, and what this side says of itself.
    fn admitted(&self, opened: &Opened, connecting: &Connecting, hello: &Bytes) -> (Opening, Bytes) {
        let peer = Address::new(format!("{}:0", self.core().name(connecting.from)));
        match opened.service.admit(&peer, hello) {
            Err(why) => (Err(ConnectError::Refused(why)), Bytes::new()),
            Ok(dispatch) => {
                let line = Arc::new(Line::new(connecting, (&opened.env, opened.incarnation), dispatch));
                let mut core = self.core();
                core.lines.retain(|line| line.strong_count() > 0);
                core.lines.push(Arc::downgrade(&line));
                (Ok(line), opened.service.hello())
            }
        }
    }

    fn welcome(self: &Arc<Inner>, connecting: Arc<Connecting>, outcome: Opening, hello: Bytes) {
        self.send(Message {
            from: connecting.to,
            to: connecting.from,
            kind: Kind::Hello,
            attempt: 0,
            parcel: Parcel::Welcome(connecting, outcome),
            body: hello,
        });
    }

    /// An execution has ended.
    pub(crate) fn reply(self: &Arc<Inner>, line: &Arc<Line>, asked: Asked, kind: ReplyKind, body: Vec<u8>) {
        if self.is_struck(line.to) {
            // Its crash ends the session.
            return;
        }
        let Some((late, body)) = self.lied(line, &asked, kind, body) else {
            return self.vanished(Parcel::Reply(line.clone(), asked, kind));
        };
        let message = Message {
            from: line.to,
            to: line.from,
            kind: Kind::Reply,
            attempt: asked.attempt,
            parcel: Parcel::Reply(line.clone(), asked, kind),
            body: body.into(),
        };
        match late.is_zero() {
            true => self.send(message),
            false => {
                let (inner, line) = (self.clone(), line.clone());
                self.memory.after(late, move |_| {
                    // It may have crashed meanwhile.
                    if inner.core().is_up(line.to, line.to_incarnation) {
                        inner.send(message);
                    }
                });
            }
        }
    }

    /// The caller gave a request up, and tells the callee.
    pub(crate) fn cancel(self: &Arc<Inner>, line: &Arc<Line>, ticket: u64) {
        if !self.is_struck(line.from) && self.core().link(line.from, line.to).cuts == 0 {
            // It follows its request on the same connection.
            let after = self.news(line.from, line.to);
            let after = self.in_order(line.from, line.to, after);
            self.stop_executing(line, after, Some(ticket));
        }
    }

    /// Lets the callee drop what it executes for a session, as a task of its node.
    fn stop_executing(self: &Arc<Inner>, line: &Arc<Line>, after: Duration, ticket: Option<u64>) {
        let (inner, line) = (self.clone(), line.clone());
        self.memory.after(after, move |_| {
            let alive = inner.core().is_up(line.to, line.to_incarnation);
            if alive && line.is_executing() {
                let there = line.there.clone();
                drop(there.spawn("end of a request", async move { line.stop_executing(ticket) }));
            }
        });
    }

    /// A message vanished, and nobody is told: whoever waits finds out by the silence.
    pub(crate) fn vanished(self: &Arc<Inner>, parcel: Parcel) {
        let (Parcel::Request(line, asked) | Parcel::Reply(line, asked, _)) = parcel else {
            return;
        };
        let inner = self.clone();
        self.memory.after(SILENCE_MAX, move |_| {
            let why = format!("nothing was heard for {} s", SILENCE_MAX.as_secs());
            if let Some(label) = line.give_up(asked.ticket, &why) {
                inner.told(&line, &label, &why);
            }
        });
    }

    /// The connection a message was sent on is reset: both ends are told.
    pub(crate) fn reset(self: &Arc<Inner>, parcel: Parcel) {
        match parcel {
            Parcel::Hello(connecting) | Parcel::Welcome(connecting, _) => {
                let after = self.news(connecting.to, connecting.from);
                self.memory.after(after, move |_| {
                    let why = "the connection was reset by the peer".to_owned();
                    connecting.settle(Err(ConnectError::Unreachable(why)));
                });
            }
            Parcel::Request(line, _) | Parcel::Reply(line, ..) => {
                self.hang_up(&line, Duration::ZERO, "the connection was reset by the peer")
            }
        }
    }

    /// A request reached an incarnation that is gone.
    fn undeliverable(self: &Arc<Inner>, line: &Arc<Line>) {
        let silent = {
            let core = self.core();
            let node = &core.nodes[line.to as usize];
            !node.up && node.silent
        };
        match silent {
            true => self.hang_up(line, SILENCE_MAX, "nothing was heard of the peer"),
            false => self.hang_up(line, Duration::ZERO, "the connection was reset by the peer"),
        }
    }

    /// Ends a session after a while, for both of its ends.
    pub(crate) fn hang_up(self: &Arc<Inner>, line: &Arc<Line>, after: Duration, why: &'static str) {
        let (here, there) = (self.news(line.to, line.from), self.news(line.from, line.to));
        let (inner, closing) = (self.clone(), line.clone());
        self.memory.after(after + here, move |_| {
            for label in closing.close(why) {
                inner.told(&closing, &label, why);
            }
        });
        self.stop_executing(line, after + there, None);
    }

    /// A caller learns that no answer will come.
    fn told(&self, line: &Line, label: &str, why: &str) {
        let what = What::Reset {
            label: label.to_owned(),
            why: why.to_owned(),
        };
        self.note(Some(line.from), what);
    }
}

impl Node {
    pub(crate) fn planned(&self) -> plan::Node {
        plan::Node {
            name: self.name.clone(),
            role: self.role,
        }
    }

    /// Whether it is down for a while only.
    pub(crate) fn comes_back(&self) -> bool {
        !self.up && !self.for_good
    }
}

impl Core {
    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        let found = self.nodes.iter().position(|node| node.name == name);
        found.map(|node| node as u32)
    }

    /// Says whether a node stands still, and answers whether it did.
    pub(crate) fn set_paused(&mut self, name: &str, paused: bool) -> bool {
        let node = self.nodes.iter_mut().find(|node| node.name == name);
        node.is_some_and(|node| std::mem::replace(&mut node.paused, paused))
    }

    /// The numbers of the two nodes that are cut from each other, if they exist.
    pub(crate) fn cut_of(&self, (from, to): &(String, String)) -> Option<(u32, u32)> {
        Some((self.find(from)?, self.find(to)?))
    }

    /// Whether any of these cuts lies between two nodes.
    pub(crate) fn can_cut(&self, cuts: &[(String, String)]) -> bool {
        cuts.iter().any(|cut| self.cut_of(cut).is_some())
    }

    pub(crate) fn name(&self, node: u32) -> String {
        self.nodes[node as usize].name.clone()
    }

    pub(crate) fn is_up(&self, node: u32, incarnation: u32) -> bool {
        let node = &self.nodes[node as usize];
        node.up && node.incarnation == incarnation
    }

    /// Whether faults strike this node and the messages from and to it.
    pub(crate) fn strikes(&self, node: u32) -> bool {
        self.nodes[node as usize].role != Role::Witness
    }

    /// A fault has struck.
    pub(crate) fn occurred(&mut self, inner: &Inner, node: Option<u32>, fault: Fault) {
        let at = inner.memory.now();
        if self.trace.recording {
            let text = fault.to_string();
            self.trace.keep(at, node, What::Fault { text });
        }
        self.seen.faults.push(Struck { at, fault });
    }
}
