//! Sessions between simulated nodes: what requests, executions and replies do once their fate is known.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use wire::head::Head;
use wire::limits::{CALLS_IN_FLIGHT_MAX, MESSAGE_BYTES_MAX};
use world::{ConnectError, Dispatch, Env, Lost, Reply, ReplyKind, Session, StartError, Task, Ticket};

use crate::inner::Inner;
use crate::network::Message;
use crate::trace::Kind;

/// Requests of a session that are remembered: more than are sent in the time after which a doubled one may still come.
const ARRIVED_MAX: usize = 1 << 17;

/// What a message is for.
#[derive(Clone)]
pub(crate) enum Parcel {
    Hello(Arc<Connecting>),
    Welcome(Arc<Connecting>, Opening),
    Request(Arc<Line>, Asked),
    Reply(Arc<Line>, Asked, ReplyKind),
}

/// One attempt to open a session.
pub(crate) struct Connecting {
    pub(crate) from: u32,
    pub(crate) from_incarnation: u32,
    pub(crate) to: u32,
    pub(crate) port: u16,
    outcome: Mutex<(Option<Opened>, Option<Waker>)>,
}

/// What the callee decides.
pub(crate) type Opening = Result<Arc<Line>, ConnectError>;

/// What the caller learns: the session, and the callee's hello as it arrived.
type Opened = Result<(Arc<Line>, Bytes), ConnectError>;

/// A request, as its messages refer to it.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) ticket: u64,
    /// `Ledger.transfer 3fa9`, the same on every attempt; empty where nobody looks at it.
    pub(crate) label: Arc<str>,
    pub(crate) attempt: u8,
    /// The time its caller had left, in microseconds.
    pub(crate) remaining_us: Option<u64>,
}

/// An open session between two incarnations.
pub(crate) struct Line {
    pub(crate) from: u32,
    pub(crate) from_incarnation: u32,
    pub(crate) to: u32,
    pub(crate) to_incarnation: u32,
    pub(crate) port: u16,
    /// The callee's node, whose tasks execute.
    pub(crate) there: Env,
    pub(crate) dispatch: Arc<dyn Dispatch>,
    state: Mutex<LineState>,
}

#[derive(Default)]
struct LineState {
    /// Why no more requests may be started.
    closed: Option<String>,
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
    /// Requests that have arrived, so that a doubled one is seen; the latest [`ARRIVED_MAX`].
    arrived: BTreeSet<u64>,
    /// What runs for it, by ticket and copy.
    executing: BTreeMap<(u64, u64), Task<()>>,
}

struct Waiting {
    label: Arc<str>,
    outcome: Option<Result<Reply, Lost>>,
    waker: Option<Waker>,
}

impl Parcel {
    /// Which request it belongs to, in words.
    pub(crate) fn label(&self) -> String {
        match self {
            Parcel::Hello(_) => "hello".to_owned(),
            Parcel::Welcome(_, Ok(_)) => "welcome".to_owned(),
            Parcel::Welcome(_, Err(_)) => "refused".to_owned(),
            Parcel::Request(_, asked) | Parcel::Reply(_, asked, _) => asked.label.to_string(),
        }
    }
}

impl Connecting {
    pub(crate) fn new(from: (u32, u32), to: (u32, u16)) -> Arc<Connecting> {
        Arc::new(Connecting {
            from: from.0,
            from_incarnation: from.1,
            to: to.0,
            port: to.1,
            outcome: Mutex::default(),
        })
    }

    /// The first outcome counts.
    pub(crate) fn settle(&self, outcome: Opened) {
        let mut settled = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        if settled.0.is_none() {
            settled.0 = Some(outcome);
            if let Some(waker) = settled.1.take() {
                waker.wake();
            }
        }
    }

    pub(crate) async fn settled(&self) -> Opened {
        poll_fn(|cx| {
            let mut settled = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
            match settled.0.take() {
                Some(outcome) => Poll::Ready(outcome),
                None => {
                    settled.1 = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Line {
    pub(crate) fn new(connecting: &Connecting, there: (&Env, u32), dispatch: Arc<dyn Dispatch>) -> Line {
        Line {
            from: connecting.from,
            from_incarnation: connecting.from_incarnation,
            to: connecting.to,
            to_incarnation: there.1,
            port: connecting.port,
            there: there.0.clone(),
            dispatch,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, LineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something runs for it.
    pub(crate) fn is_executing(&self) -> bool {
        !self.state().executing.is_empty()
    }

    /// Lets no more requests through; those under way go on.
    pub(crate) fn go_away(&self) {
        let mut state = self.state();
        let why = "the peer is going away".to_owned();
        state.closed.get_or_insert(why);
    }

    /// Gives the caller's side `why` for every request that was not answered, and returns their labels.
    pub(crate) fn close(&self, why: &str) -> Vec<Arc<str>> {
        let mut state = self.state();
        state.closed.get_or_insert_with(|| why.to_owned());
        let tickets: Vec<u64> = state.waiting.keys().copied().collect();
        let lost = tickets
            .into_iter()
            .filter_map(|ticket| state.settle(ticket, Err(Lost::MaybeSent(why.to_owned()))));
        lost.collect()
    }

    /// Gives one request up.
    pub(crate) fn give_up(&self, ticket: u64, why: &str) -> Option<Arc<str>> {
        self.state().settle(ticket, Err(Lost::MaybeSent(why.to_owned())))
    }

    /// Drops what runs for a caller that is gone, or that gave one request up.
    pub(crate) fn stop_executing(&self, ticket: Option<u64>) {
        let stopped: Vec<Task<()>> = {
            let mut state = self.state();
            let of_ticket = |at: &(u64, u64)| ticket.is_none_or(|ticket| at.0 == ticket);
            let stopped = state.executing.extract_if(.., |at, _| of_ticket(at));
            stopped.map(|(_, task)| task).collect()
        };
        stopped.iter().for_each(Task::cancel);
    }

    /// An answer has arrived; the first counts.
    pub(crate) fn answer(&self, ticket: u64, reply: Reply) {
        self.state().settle(ticket, Ok(reply));
    }

    /// Whether a request that arrives is executed, and as which copy.
    pub(crate) fn admit(&self, ticket: u64, request: &[u8]) -> Option<u64> {
        let mut state = self.state();
        let first = state.arrived.insert(ticket);
        if state.arrived.len() > ARRIVED_MAX {
            state.arrived.pop_first();
        }
        match first {
            true => Some(0),
            // Over TCP a doubled segment is dropped; what may be repeated is repeated by callers and balancers.
            false => self.dispatch.may_repeat(request).then_some(1),
        }
    }

    /// Executes a request as a task of the callee's node.
    pub(crate) fn execute(self: &Arc<Line>, inner: &Arc<Inner>, asked: Asked, copy: u64, request: Bytes) {
        let at = (asked.ticket, copy);
        let (line, inner) = (self.clone(), inner.clone());
        let task = self.there.spawn("execution", async move {
            let mut execution = line.dispatch.start(&request);
            let mut body = Vec::new();
            let kind = poll_fn(|cx| execution.as_mut().poll_reply(cx, &mut body)).await;
            drop(execution);
            let finished = line.state().executing.remove(&at);
            drop(finished);
            inner.reply(&line, asked, kind, body);
        });
        let replaced = self.state().executing.insert(at, task);
        drop(replaced);
    }
}

impl LineState {
    fn settle(&mut self, ticket: u64, outcome: Result<Reply, Lost>) -> Option<Arc<str>> {
        let waiting = self
            .waiting
            .get_mut(&ticket)
            .filter(|waiting| waiting.outcome.is_none())?;
        waiting.outcome = Some(outcome);
        if let Some(waker) = waiting.waker.take() {
            waker.wake();
        }
        Some(waiting.label.clone())
    }
}

/// The caller's side of a session.
pub(crate) struct SimulatedSession {
    pub(crate) inner: Arc<Inner>,
    pub(crate) line: Arc<Line>,
    /// The callee's, as it arrived.
    pub(crate) hello: Bytes,
}

impl Session for SimulatedSession {
    fn hello(&self) -> &Bytes {
        &self.hello
    }

    fn start(&self, encode: &mut dyn FnMut(&mut Vec<u8>) -> Result<(), String>) -> Result<Ticket, StartError> {
        let full = self.line.state().waiting.len() >= CALLS_IN_FLIGHT_MAX;
        if let Some(why) = &self.line.state().closed {
            return Err(StartError::Closed(why.clone()));
        }
        if full {
            let why = format!("{CALLS_IN_FLIGHT_MAX} requests are in flight; wait for some of them");
            return Err(StartError::Full(why));
        }
        let mut body = Vec::new();
        encode(&mut body).map_err(StartError::Encode)?;
        if body.len() > MESSAGE_BYTES_MAX {
            let why = format!("it has {} bytes, and a message at most {MESSAGE_BYTES_MAX}", body.len());
            return Err(StartError::Encode(why));
        }
        let asked = self.ask(&body);
        let ticket = asked.ticket;
        self.inner.send(Message {
            from: self.line.from,
            to: self.line.to,
            kind: Kind::Request,
            attempt: asked.attempt,
            parcel: Parcel::Request(self.line.clone(), asked),
            body: body.into(),
        });
        Ok(Ticket(ticket))
    }

    fn poll_reply(&self, ticket: Ticket, cx: &mut Context<'_>) -> Poll<Result<Reply, Lost>> {
        let mut state = self.line.state();
        let Some(waiting) = state.waiting.get_mut(&ticket.0) else {
            return Poll::Ready(Err(Lost::MaybeSent("this request was given up".to_owned())));
        };
        match waiting.outcome.take() {
            Some(outcome) => {
                state.waiting.remove(&ticket.0);
                Poll::Ready(outcome)
            }
            None => {
                waiting.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn abandon(&self, ticket: Ticket) {
        let abandoned = self.line.state().waiting.remove(&ticket.0);
        if abandoned.is_some_and(|waiting| waiting.outcome.is_none()) {
            self.inner.cancel(&self.line, ticket.0);
        }
    }

    fn is_open(&self) -> bool {
        self.line.state().closed.is_none()
    }
}

impl SimulatedSession {
    /// Takes note of a request that is about to be sent.
    fn ask(&self, body: &[u8]) -> Asked {
        let head = Head::decode(body).ok().map(|(head, _)| head);
        let label: Arc<str> = match self.inner.wants_labels() {
            true => {
                let id = head.as_ref().and_then(|head| head.call_id).unwrap_or_default();
                let name = self.line.dispatch.name(body);
                format!("{name} {:04x}", id as u16).into()
            }
            false => Arc::default(),
        };
        let mut state = self.line.state();
        state.next += 1;
        let ticket = state.next;
        let waiting = Waiting {
            label: label.clone(),
            outcome: None,
            waker: None,
        };
        state.waiting.insert(ticket, waiting);
        Asked {
            ticket,
            label,
            attempt: head.as_ref().map_or(0, |head| head.attempt),
            remaining_us: head.and_then(|head| head.remaining_micros),
        }
    }
}
