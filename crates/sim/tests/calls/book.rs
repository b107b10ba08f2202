//! What is written down while a run goes on: calls that were issued, attempts that were sent, handlers that ran.

mod ends;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use component::Cx;
use sim::World;
use terrace::CallError;
use world::Instant;

use crate::program::{Mark, Program};
use crate::worker::Trouble;

pub(crate) use ends::{Booted, Issued, Running};

/// The whole account of a run. Times called `at` are true; those called `clock` are the node's own.
pub(crate) struct Book {
    pub(crate) world: World,
    pub(crate) program: Program,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    /// Each start of each node.
    pub(crate) boots: Vec<Boot>,
    pub(crate) issues: Vec<Issue>,
    pub(crate) starts: Vec<Start>,
    pub(crate) runs: Vec<Run>,
    /// Connections that a boot began to open to a server, and those that it got.
    pub(crate) connects: BTreeMap<(usize, usize), (u64, u64)>,
    /// What each server keeps through its crashes.
    pub(crate) records: BTreeMap<(usize, u128), Bytes>,
    /// Effects that happened, as the runs that made them.
    pub(crate) effects: Vec<usize>,
    /// The next request of each client.
    pub(crate) next_request: BTreeMap<usize, usize>,
    pub(crate) requests: u64,
    pub(crate) phase: Phase,
    /// The clients that have made their last calls.
    pub(crate) finished: usize,
    /// What runs to its end although nobody may wait for it.
    pub(crate) effects_running: i64,
    /// The run is over: what its end drops is no longer written down.
    closed: bool,
    /// The issue that is being polled.
    current: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    Chaos,
    Settling,
    Healed,
}

pub(crate) struct Boot {
    pub(crate) node: String,
    pub(crate) server: Option<usize>,
    pub(crate) up: bool,
}

/// One call as its caller made it, over all of its attempts.
pub(crate) struct Issue {
    pub(crate) boot: usize,
    /// Which call of the program it is, from its request down: the same when a handler is repeated.
    pub(crate) path: Vec<(u64, u8)>,
    pub(crate) step: usize,
    pub(crate) mark: Mark,
    /// Whether a `read` makes it.
    pub(crate) reading: bool,
    pub(crate) named: bool,
    /// The run of the handler that makes it.
    pub(crate) parent: Option<usize>,
    /// The id of the call that makes it.
    pub(crate) parent_id: u128,
    pub(crate) server: usize,
    pub(crate) at: Duration,
    /// When it has to end, on its node's clock.
    pub(crate) deadline: Instant,
    pub(crate) cancelled: Option<(Duration, Instant)>,
    pub(crate) ended: Option<Ended>,
    /// When its caller dropped it.
    pub(crate) dropped: Option<Duration>,
    /// It was made in a healed world.
    pub(crate) last: bool,
}

pub(crate) struct Ended {
    pub(crate) at: Duration,
    pub(crate) clock: Instant,
    pub(crate) result: Result<u64, Trouble>,
}

/// One attempt that was handed to the network.
pub(crate) struct Start {
    pub(crate) issue: usize,
    pub(crate) id: u128,
    pub(crate) attempt: u8,
    pub(crate) remaining: Option<Duration>,
    /// What its caller had left in that moment.
    pub(crate) left: Duration,
    pub(crate) reply: Option<Replied>,
}

pub(crate) enum Replied {
    /// The method answered.
    Answer,
    Failed(CallError),
    Lost,
}

/// One execution of a handler.
pub(crate) struct Run {
    pub(crate) boot: usize,
    /// The attempt that caused it.
    pub(crate) start: usize,
    pub(crate) id: u128,
    pub(crate) attempt: u8,
    pub(crate) step: usize,
    pub(crate) mark: Mark,
    pub(crate) remaining: Option<Duration>,
    /// When it has to end, on its node's clock.
    pub(crate) deadline: Option<Instant>,
    pub(crate) answered: Option<Result<u64, Trouble>>,
    /// When it ended in either way.
    pub(crate) over: Option<(Duration, Instant)>,
    /// Whether it answered with what another run had recorded.
    pub(crate) recorded: bool,
}

impl Book {
    pub(crate) fn new(world: World, program: Program) -> Arc<Book> {
        Arc::new(Book {
            world,
            program,
            state: Mutex::default(),
        })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is written down from now on.
    pub(crate) fn close(&self) {
        self.state().closed = true;
    }

    /// The account, for whoever notes that something is dropped; `None` once it is closed.
    pub(crate) fn open(&self) -> Option<MutexGuard<'_, State>> {
        Some(self.state()).filter(|state| !state.closed)
    }

    pub(crate) fn phase(&self) -> Phase {
        self.state().phase
    }

    /// A node has started.
    pub(crate) fn boot(self: &Arc<Book>, node: &str, server: Option<usize>) -> Booted {
        let mut state = self.state();
        state.boots.push(Boot {
            node: node.to_owned(),
            server,
            up: true,
        });
        Booted {
            book: self.clone(),
            number: state.boots.len() - 1,
        }
    }

    /// A call is about to be made.
    pub(crate) fn issue(&self, issue: Issue) -> usize {
        let mut state = self.state();
        state.issues.push(issue);
        state.issues.len() - 1
    }

    /// An attempt at the call that is being polled goes to the network; `None` if none is.
    pub(crate) fn start(&self, head: &wire::head::Head<'_>, now: Instant) -> Option<usize> {
        let mut state = self.state();
        let issue = state.current?;
        let left = state.issues[issue].deadline.saturating_duration_since(now);
        state.starts.push(Start {
            issue,
            id: head.call_id.unwrap_or_default(),
            attempt: head.attempt,
            remaining: head.remaining_micros.map(Duration::from_micros),
            left,
            reply: None,
        });
        Some(state.starts.len() - 1)
    }

    /// Somebody calls a call off.
    pub(crate) fn cancelled(&self, issue: usize, clock: Instant) {
        let at = self.world.now();
        let mut state = self.state();
        let issue = &mut state.issues[issue];
        if issue.ended.is_none() && issue.dropped.is_none() {
            issue.cancelled = Some((at, clock));
        }
    }

    /// A handler begins.
    pub(crate) fn run(self: &Arc<Book>, boot: usize, cx: &Cx, step: usize, mark: Mark) -> Running {
        let run = Run {
            boot,
            start: cx.trace().span_id as usize - 1,
            id: cx.call_id().0,
            attempt: cx.attempt(),
            step,
            mark,
            remaining: cx.remaining(),
            deadline: cx.deadline(),
            answered: None,
            over: None,
            recorded: false,
        };
        let mut state = self.state();
        state.runs.push(run);
        Running {
            book: self.clone(),
            env: cx.env().clone(),
            number: state.runs.len() - 1,
        }
    }
}
