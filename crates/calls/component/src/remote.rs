//! The client side: a call of a component at the other end of a channel.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};

use serde::Serialize;
use tokio::sync::Semaphore;
use wire::answer::Answer;
use wire::head::{DESCRIBE, Head};
use wire::hello::{Agreement, MethodAgreement, Offer, agree, offer};
use wire::{CallError, CallErrorKind, Codec, External, ExternalLimits, Hello, Interface, Limits, Shape, Whereabouts};
use world::{Address, ConnectError, Env, Lost, Reply, Session, StartError, Ticket};

use crate::component::{Data, Declared, Failure};
use crate::cx::{Cx, READING};
use crate::limits::CONNECT_MAX;
use crate::retry::{Budget, Retry};
use crate::voted::Vote;

/// A way to one component: of one peer, or of several that vote (see [`Voted`](crate::Voted)).
#[derive(Clone)]
pub struct Channel {
    way: Way,
}

#[derive(Clone)]
enum Way {
    One(Link),
    Several(Arc<Vote>),
}

/// A way to one component of one peer. It connects when it is needed, and again after a loss.
#[derive(Clone)]
pub(crate) struct Link {
    shared: Arc<Shared>,
}

struct Shared {
    env: Env,
    address: Address,
    declared: &'static Declared,
    limits: Limits,
    budget: Budget,
    peer: Mutex<Option<Arc<Peer>>>,
    /// The attempt to connect that is under way, and what became of it.
    connecting: Mutex<Option<Arc<Attempt>>>,
}

type Connected = Result<Arc<Peer>, CallError>;

/// An attempt to connect.
struct Attempt {
    /// Has no permits, and is closed when the attempt has ended. That wakes those who wait in the order in which they
    /// came; tokio's `watch` draws the order at random, and then no two runs of a simulation are alike.
    ended: Semaphore,
    connected: OnceLock<Connected>,
}

/// Ends its attempt when it is dropped, as it also is with its node.
struct Ending(Arc<Attempt>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.ended.close();
    }
}

/// An open session, and how to speak to the component there.
struct Peer {
    session: Arc<dyn Session>,
    agreement: Agreement,
}

/// How a call ended that has no value, with the two kinds of error still apart.
pub(crate) enum Try<E> {
    /// The method's own error.
    User(E),
    /// The call failed.
    Call(CallError),
}

impl Channel {
    /// A channel from `env`'s node to the component `declared` at `address`; nothing is connected yet.
    pub fn new(env: &Env, address: Address, declared: &'static Declared, limits: Limits) -> Channel {
        Channel::to(env, address, declared, limits, None)
    }

    /// A channel to the component `declared` of a program in any language, which serves the HTTP face at `whereabouts`;
    /// nothing is connected yet.
    pub fn external(env: &Env, whereabouts: Whereabouts, declared: &'static Declared, limits: Limits) -> Channel {
        let address = Address::new(whereabouts.name());
        let methods = (0..).take(declared.interface.methods.len()).map(|method| {
            let codec = Codec::Json;
            Some(MethodAgreement { method, codec })
        });
        let agreement = Agreement {
            component: 0,
            methods: methods.collect(),
        };
        let session = External::new(env, &declared.interface, whereabouts, ExternalLimits::default());
        let peer = Peer {
            session: Arc::new(session),
            agreement,
        };
        Channel::to(env, address, declared, limits, Some(Arc::new(peer)))
    }

    fn to(
        env: &Env,
        address: Address,
        declared: &'static Declared,
        limits: Limits,
        peer: Option<Arc<Peer>>,
    ) -> Channel {
        let shared = Shared {
            env: env.clone(),
            address,
            declared,
            limits,
            budget: Budget::new(),
            peer: Mutex::new(peer),
            connecting: Mutex::default(),
        };
        let link = Link {
            shared: Arc::new(shared),
        };
        Channel { way: Way::One(link) }
    }

    /// A channel on which `vote` answers.
    pub(crate) fn voted(vote: Vote) -> Channel {
        Channel {
            way: Way::Several(Arc::new(vote)),
        }
    }

    /// The way to its one peer, if it has one.
    pub(crate) fn link(&self) -> Option<&Link> {
        match &self.way {
            Way::One(link) => Some(link),
            Way::Several(_) => None,
        }
    }

    /// Connects now, so that a peer that does not fit is known before the first call. Replicas that vote connect when
    /// they are asked: some of them may be away.
    pub async fn connect(&self) -> Result<(), CallError> {
        match &self.way {
            Way::One(link) => link.connect().await,
            Way::Several(_) => Ok(()),
        }
    }

    /// Calls the method with this index in the component's own order, again where that is harmless. The caller bounds
    /// the time.
    pub async fn call<A, T, E>(&self, cx: &Cx, method: usize, arguments: A) -> Result<T, E>
    where
        A: Serialize + Send + Sync,
        T: Data,
        E: Failure,
    {
        let answer = match &self.way {
            Way::One(link) => link.call(cx, method, &arguments).await,
            Way::Several(vote) => vote.call(cx, method, &arguments).await,
        };
        answer.map_err(|error| match error {
            Try::User(error) => error,
            Try::Call(error) => {
                cx.set_failed(error.kind());
                E::from(error)
            }
        })
    }
}

impl Link {
    /// Where the peer is.
    pub(crate) fn address(&self) -> &Address {
        &self.shared.address
    }

    async fn connect(&self) -> Result<(), CallError> {
        match self.open_peer() {
            Some(_) => Ok(()),
            None => self.connected().await.map(drop),
        }
    }

    /// See [`Channel::call`].
    pub(crate) async fn call<A, T, E>(&self, cx: &Cx, method: usize, arguments: &A) -> Result<T, Try<E>>
    where
        A: Serialize + Sync,
        T: Data,
        E: Failure,
    {
        let shared = &*self.shared;
        shared.budget.call();
        let repeatable = shared.declared.methods[method].repeatable;
        let mut retry = Retry::new();
        let mut may_have_run = false;
        loop {
            let mut error = match self.attempt(cx, method, arguments, retry.failed()).await {
                Err(Try::Call(error)) => error,
                answer => return answer,
            };
            may_have_run |= !error.certainly_did_not_run();
            let random = shared.env.random("backoff").fraction();
            match retry.next(&error, repeatable, cx.remaining(), &shared.budget, random) {
                Some(wait) => {
                    shared.env.sleep(wait).await;
                    cx.note_retry();
                }
                None => {
                    if may_have_run {
                        // An earlier attempt's doubt outlives a later one's certainty.
                        error.crossed();
                    }
                    return Err(Try::Call(if retry.failed() > 1 { error.retried() } else { error }));
                }
            }
        }
    }

    async fn attempt<A, T, E>(&self, cx: &Cx, method: usize, arguments: &A, failed: u8) -> Result<T, Try<E>>
    where
        A: Serialize + Sync,
        T: Data,
        E: Failure,
    {
        let shared = &*self.shared;
        let (peer, waited) = match self.open_peer() {
            Some(peer) => (peer, failed > 0),
            None => (self.connected().await.map_err(Try::Call)?, true),
        };
        let agreed = peer.agreement.methods[method].ok_or_else(|| {
            let name = &shared.declared.interface.methods[method].name;
            let message = format!(
                "`{}` at {} has no method `{name}`; release it there first",
                shared.declared.name(),
                shared.address
            );
            Try::Call(CallError::not_run(CallErrorKind::Incompatible, message))
        })?;
        let head = head(cx, peer.agreement.component, agreed, failed, waited);
        let ticket = peer.session.start(&mut |out| {
            head.encode(out);
            // It runs code of their types, while the send buffer is held.
            catch_unwind(AssertUnwindSafe(|| wire::encode(agreed.codec, arguments, out)))
                .map_err(|_| "that panicked; the log says where".to_string())?
                .map_err(|error| error.to_string())
        });
        let pending = Pending {
            session: &*peer.session,
            ticket: ticket.map_err(|error| Try::Call(self.not_started(error)))?,
            done: false,
        };
        let reply = pending.await.map_err(|lost| Try::Call(self.lost(lost)))?;
        let (component, name) = (shared.declared.name(), &shared.declared.interface.methods[method].name);
        let from = format_args!("`{component}.{name}` at {}", shared.address);
        read(&reply, agreed.codec, &shared.limits, &from)
    }

    /// A new session.
    async fn connected(&self) -> Connected {
        let attempt = self.connecting();
        drop(attempt.ended.acquire().await);
        attempt.connected.get().cloned().unwrap_or_else(|| {
            Err(CallError::not_run(
                CallErrorKind::Unavailable,
                format!("{}: this side was stopped while it connected", self.shared.address),
            ))
        })
    }

    /// The attempt under way, or a new one. It is a task of its own, which no caller's deadline ends: callers with little
    /// time would else never get a connection. All who wait share what becomes of it, so that a dead peer is not tried
    /// once per caller.
    fn connecting(&self) -> Arc<Attempt> {
        let shared = &*self.shared;
        let mut connecting = shared.connecting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(attempt) = &*connecting
            && !attempt.ended.is_closed()
        {
            return attempt.clone();
        }
        let attempt = Arc::new(Attempt {
            ended: Semaphore::new(0),
            connected: OnceLock::new(),
        });
        *connecting = Some(attempt.clone());
        let ending = Ending(attempt.clone());
        drop(connecting);
        let channel = self.clone();
        let connect = async move {
            let connected = channel.open_in_time().await;
            if let Ok(peer) = &connected {
                *channel.shared.peer.lock().unwrap_or_else(PoisonError::into_inner) = Some(peer.clone());
            }
            drop(ending.0.connected.set(connected));
            drop(ending);
        };
        drop(shared.env.spawn("attempt to connect", connect));
        attempt
    }

    async fn open_in_time(&self) -> Connected {
        let shared = &*self.shared;
        match shared.env.timeout(CONNECT_MAX, self.open()).await {
            Ok(opened) => opened.map(Arc::new),
            Err(_) => Err(CallError::not_run(
                CallErrorKind::Unavailable,
                format!(
                    "{} did not answer the hello within {} s; is it a Terrace process?",
                    shared.address,
                    CONNECT_MAX.as_secs()
                ),
            )),
        }
    }

    fn open_peer(&self) -> Option<Arc<Peer>> {
        let peer = self.shared.peer.lock().unwrap_or_else(PoisonError::into_inner);
        peer.as_ref().filter(|peer| peer.session.is_open()).cloned()
    }

    async fn open(&self) -> Result<Peer, CallError> {
        let shared = &*self.shared;
        let declared = shared.declared;
        let hello = Hello {
            interfaces: vec![(declared.name().to_string(), declared.hash)],
        };
        let session = shared
            .env
            .transport()
            .connect(&shared.env, &shared.address, hello.encode())
            .await;
        let session = session.map_err(|error| match error {
            ConnectError::Unreachable(why) => {
                CallError::not_run(CallErrorKind::Unavailable, format!("{why}; is it serving there?"))
            }
            ConnectError::Refused(why) => CallError::not_run(CallErrorKind::Denied, why),
        })?;
        let incompatible = |why: String| {
            let message = format!("`{}` at {} does not fit: {why}", declared.name(), shared.address);
            CallError::not_run(CallErrorKind::Incompatible, message)
        };
        let theirs = Hello::decode(session.hello()).map_err(|error| incompatible(error.to_string()))?;
        let agreement = match offer(&declared.interface, declared.hash, &theirs) {
            Offer::Equal(agreement) => agreement,
            Offer::Missing(why) => return Err(incompatible(why)),
            Offer::Different { component } => {
                let theirs = self.describe(&*session, component).await?;
                agree(&declared.interface, &theirs, component).map_err(incompatible)?
            }
        };
        Ok(Peer { session, agreement })
    }

    /// Asks a peer of another shape for its interface. Whatever comes of it, the method itself did not run.
    async fn describe(&self, session: &dyn Session, component: u32) -> Result<Interface, CallError> {
        let not_run = |error: &CallError| CallError::not_run(error.kind(), error.message());
        let head = Head {
            codec: Codec::Tagged,
            component: DESCRIBE,
            method: component,
            ..Head::default()
        };
        let ticket = session.start(&mut |out| {
            head.encode(out);
            Ok(())
        });
        let ticket = ticket.map_err(|error| self.not_started(error))?;
        let reply = Pending {
            session,
            ticket,
            done: false,
        }
        .await
        .map_err(|lost| not_run(&self.lost(lost)))?;
        let unreadable = |why: String| {
            let message = format!("{} does not describe its interface: {why}", self.shared.address);
            CallError::not_run(CallErrorKind::Incompatible, message)
        };
        match Answer::decode(reply.kind, &reply.body) {
            Answer::Value(value) => Interface::decode(value).map_err(|error| unreadable(error.to_string())),
            Answer::UserError(..) => Err(unreadable("it answered with an error".to_string())),
            Answer::Failed(_, error) => Err(not_run(&error)),
        }
    }

    fn not_started(&self, error: StartError) -> CallError {
        let address = &self.shared.address;
        match error {
            StartError::Closed(why) => CallError::not_run(CallErrorKind::Unavailable, format!("{address}: {why}")),
            StartError::Full(why) => CallError::not_run(CallErrorKind::Overloaded, format!("{address}: {why}")),
            StartError::Encode(why) => CallError::not_run(
                CallErrorKind::Incompatible,
                format!("the arguments cannot be written: {why}"),
            ),
        }
    }

    fn lost(&self, lost: Lost) -> CallError {
        let address = &self.shared.address;
        match lost {
            Lost::NotSent(why) => CallError::not_run(CallErrorKind::Unavailable, format!("{address}: {why}")),
            Lost::MaybeSent(why) => CallError::maybe_run(CallErrorKind::Unavailable, format!("{address}: {why}")),
        }
    }
}

/// A caller may take it for an error like any other; whoever runs the other side wants to know.
#[cold]
fn unreadable(from: &dyn fmt::Display, error: &wire::CodecError) -> CallError {
    tracing::warn!(target: "terrace::calls", %from, %error, "an answer cannot be read");
    let message = format!("the answer of {from} cannot be read: {error}");
    CallError::maybe_run(CallErrorKind::Incompatible, message)
}

/// What `reply` says.
pub(crate) fn read<T, E>(reply: &Reply, codec: Codec, limits: &Limits, from: &dyn fmt::Display) -> Result<T, Try<E>>
where
    T: Data,
    E: Failure,
{
    let unreadable = |error: wire::CodecError| Try::Call(unreadable(from, &error));
    match Answer::decode(reply.kind, &reply.body) {
        Answer::Value(value) => wire::decode(codec, value, limits).map_err(unreadable),
        Answer::UserError(_, error) => {
            let error = wire::decode(codec, error, limits).map_err(unreadable)?;
            Err(Try::User(error))
        }
        Answer::Failed(_, error) => Err(Try::Call(error)),
    }
}

/// The head of a request to the component with this number at the peer.
pub(crate) fn head<'a>(cx: &'a Cx, component: u32, agreed: MethodAgreement, failed: u8, waited: bool) -> Head<'a> {
    let trace = cx.trace();
    // A clock reading costs a tenth of a small call.
    let remaining = if waited {
        cx.remaining()
    } else {
        cx.remaining_at_begin()
    };
    Head {
        codec: agreed.codec,
        component,
        method: agreed.method,
        hops: cx.hops(),
        attempt: cx.attempt().saturating_add(failed),
        reading: cx.bits() & READING != 0,
        remaining_micros: remaining.map(|left| u64::try_from(left.as_micros()).unwrap_or(u64::MAX)),
        call_id: Some(cx.call_id().0),
        trace: Some((trace.trace_id, trace.span_id, trace.sampled)),
        principal: cx.principal(),
    }
}

/// Waits for a reply; dropped before it, it tells the peer to stop.
struct Pending<'a> {
    session: &'a dyn Session,
    ticket: Ticket,
    done: bool,
}

impl Future for Pending<'_> {
    type Output = Result<Reply, Lost>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Reply, Lost>> {
        let reply = self.session.poll_reply(self.ticket, cx);
        self.done = reply.is_ready();
        reply
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.session.abandon(self.ticket);
        }
    }
}
