//! The serving side: requests of peers into calls of modules in this process.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use pin_project_lite::pin_project;
use serde::Serialize;
use serde::de::DeserializeOwned;
use telemetry::{EdgeName, Outcome, Slot, TraceContext};
use tracing::Span;
use wire::answer::{Reason, USER_ERROR, VALUE, encode_failure};
use wire::head::{DESCRIBE, Head};
use wire::hello::{INTERFACES_MAX, NAME_BYTES_MAX};
use wire::{CallError, CallErrorKind, Codec, Hello, Interface, Limits, ServeError};
use world::{Address, Dispatch, Env, Execution, Instant, ReplyKind, Service, Sleep};

use crate::call_id::CallId;
use crate::component::{Data, Declared, Failure};
use crate::cx::{Cx, READING, Root, SAMPLED};
use crate::limits::{DEADLINE_DEFAULT, HOPS_MAX};
use crate::local::{outcome, panic_error, traced};
use crate::stop::stopped_error;

/// The server adapter of a component: decodes the arguments of a method and starts it.
pub trait Server: Send + Sync {
    /// Starts the method with this index in the component's own order.
    fn start(&self, method: usize, request: Incoming<'_>) -> Result<Pin<Box<dyn Execution>>, Refusal>;
}

/// A component that this process offers to others.
#[derive(Clone)]
pub struct Served {
    /// Its interface.
    pub declared: &'static Declared,
    /// Its server adapter.
    pub server: Arc<dyn Server>,
    /// Whether it hands requests on to another process, which is a hop of its own.
    pub forwards: bool,
}

/// A request that was refused before its method ran.
#[derive(Debug)]
pub struct Refusal(Reason, CallError);

/// A request whose head is read and whose arguments are not.
pub struct Incoming<'a> {
    cx: Cx,
    codec: Codec,
    arguments: &'a [u8],
    declared: &'static Declared,
    method: usize,
    limits: &'a Limits,
    slot: Slot,
    span: Option<Span>,
    /// Whether the id was given at a border, so that it does not cover the arguments.
    named: bool,
    digest: Cell<u128>,
}

impl Incoming<'_> {
    /// The arguments, read in the request's codec.
    pub fn arguments<A: Serialize + DeserializeOwned>(&self) -> Result<A, Refusal> {
        let arguments = wire::decode(self.codec, self.arguments, self.limits).map_err(|error| {
            let component = self.declared.name();
            let method = &self.declared.interface.methods[self.method].name;
            let message = format!("the arguments of `{component}.{method}` cannot be read: {error}");
            Refusal(
                Reason::InvalidArguments,
                CallError::not_run(CallErrorKind::Incompatible, message),
            )
        })?;
        if self.named {
            self.digest.set(wire::digest(0, &arguments).max(1));
        }
        Ok(arguments)
    }

    /// The refusal of a method number that the adapter does not know.
    pub fn no_such_method(&self) -> Refusal {
        let message = format!("`{}` has no method {}", self.declared.name(), self.method);
        Refusal(
            Reason::Unimplemented,
            CallError::not_run(CallErrorKind::Incompatible, message),
        )
    }

    /// Executes `method`, which gets the call's context.
    pub fn execute<F, T, E>(self, method: impl FnOnce(Cx) -> F) -> Pin<Box<dyn Execution>>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Data,
        E: Failure,
    {
        let mut cx = self.cx;
        if self.named {
            cx.set_digest(self.digest.get());
        }
        let future = method(cx.copied());
        let codec = self.codec;
        let (declared, method, slot, span) = (self.declared, self.method, self.slot, self.span);
        Box::pin(Executing {
            future,
            cx,
            codec,
            declared,
            method,
            slot,
            span,
            timer: None,
            answered: false,
        })
    }
}

pin_project! {
    /// One method that runs for a peer: it ends at the deadline, a panic in it is `Failed`, dropping it cancels it.
    struct Executing<F> {
        #[pin]
        future: F,
        cx: Cx,
        codec: Codec,
        declared: &'static Declared,
        method: usize,
        slot: Slot,
        span: Option<Span>,
        timer: Option<Sleep>,
        answered: bool,
    }

    impl<F> PinnedDrop for Executing<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if *this.answered {
                this.cx.release();
            } else if this.cx.remaining().is_some_and(|left| left.is_zero()) {
                this.cx.stop().set(CallErrorKind::DeadlineExceeded);
            } else {
                this.cx.stop().set(CallErrorKind::Cancelled);
            }
        }
    }
}

impl<F, T, E> Execution for Executing<F>
where
    F: Future<Output = Result<T, E>> + Send,
    T: Data,
    E: Failure,
{
    fn poll_reply(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<ReplyKind> {
        let this = self.project();
        let future = this.future;
        let name = || {
            (
                this.declared.name(),
                this.declared.interface.methods[*this.method].name.as_str(),
            )
        };
        // What it logs belongs to the caller's trace, in this process as in the caller's own.
        let entered = this.span.as_ref().map(Span::enter);
        let polled = catch_unwind(AssertUnwindSafe(|| future.poll(cx)));
        drop(entered);
        let answer = match polled {
            Ok(Poll::Ready(answer)) => answer,
            Ok(Poll::Pending) => {
                let Some(deadline) = this.cx.deadline() else {
                    return Poll::Pending;
                };
                let env = this.cx.env();
                let timer = this.timer.get_or_insert_with(|| env.sleep_until(deadline));
                ready!(Pin::new(timer).poll(cx));
                this.cx.stop().set(CallErrorKind::DeadlineExceeded);
                let error = stopped_error(CallErrorKind::DeadlineExceeded, wire::Ran::Maybe);
                ended(this.span.as_ref(), Some(Outcome::DeadlineExceeded));
                return Poll::Ready(fail(*this.slot, Reason::Kind, &error, out));
            }
            Err(panic) => {
                ended(this.span.as_ref(), Some(Outcome::Failed));
                let (component, method) = name();
                return Poll::Ready(fail(
                    *this.slot,
                    Reason::Kind,
                    &panic_error(component, method, &*panic),
                    out,
                ));
            }
        };
        *this.answered = true;
        ended(this.span.as_ref(), answer.is_err().then_some(Outcome::UserError));
        let began = out.len();
        let write = || match &answer {
            Ok(value) => {
                out.push(VALUE);
                wire::encode(*this.codec, value, out)
            }
            Err(error) => {
                this.slot.outcome(Outcome::UserError);
                out.extend_from_slice(&[USER_ERROR, error.code().number()]);
                wire::encode(*this.codec, error, out)
            }
        };
        // It runs code of the answer's type, on the task that all requests of the connection share.
        let written = catch_unwind(AssertUnwindSafe(write))
            .map_err(|_| "that panicked; the log says where".to_string())
            .and_then(|written| written.map_err(|error| error.to_string()));
        if let Err(error) = written {
            out.truncate(began);
            let (component, method) = name();
            let error = CallError::maybe_run(
                CallErrorKind::Failed,
                format!("the answer of `{component}.{method}` cannot be written: {error}"),
            );
            return Poll::Ready(fail(*this.slot, Reason::Kind, &error, out));
        }
        Poll::Ready(ReplyKind::Reply)
    }
}

fn ended(span: Option<&Span>, outcome: Option<Outcome>) {
    if let Some(span) = span {
        telemetry::span::record_outcome(span, outcome);
    }
}

fn fail(slot: Slot, reason: Reason, error: &CallError, out: &mut Vec<u8>) -> ReplyKind {
    slot.outcome(outcome(error.kind()));
    encode_failure(reason, error, out)
}

/// What this process offers to its peers.
pub struct Offered {
    env: Env,
    served: Vec<Served>,
    slots: Vec<Vec<Slot>>,
    limits: Limits,
}

impl Offered {
    /// Offers `served`, whose order is that of the component numbers in requests.
    pub fn new(env: &Env, served: Vec<Served>, limits: Limits) -> Arc<Offered> {
        let slots = served.iter().map(|served| {
            let declared = served.declared;
            let slot = |method: &wire::Method| {
                Slot::register(EdgeName {
                    caller: "(network)".into(),
                    callee: declared.name().to_string().into(),
                    method: method.name.clone().into(),
                    route: telemetry::Route::Remote,
                })
            };
            declared.interface.methods.iter().map(slot).collect()
        });
        Arc::new(Offered {
            env: env.clone(),
            slots: slots.collect(),
            served,
            limits,
        })
    }

    /// The interfaces, by component number.
    pub fn interfaces(&self) -> Vec<Arc<Interface>> {
        self.served
            .iter()
            .map(|served| Arc::new(served.declared.interface.clone()))
            .collect()
    }

    /// Whether a hello can say all of it.
    pub(crate) fn check(&self) -> Result<(), ServeError> {
        let fits = |served: &Served| served.declared.name().len() <= NAME_BYTES_MAX;
        if self.served.len() <= INTERFACES_MAX && self.served.iter().all(fits) {
            Ok(())
        } else {
            Err(ServeError::Hello)
        }
    }

    /// A dispatch for requests of peers that state no interfaces, such as those of the HTTP face.
    pub fn dispatch(self: &Arc<Self>) -> Arc<dyn Dispatch> {
        Arc::new(SessionOf {
            offered: self.clone(),
            equal: vec![false; self.served.len()],
        })
    }

    fn hello_of(&self) -> Hello {
        let entry = |served: &Served| (served.declared.name().to_string(), served.declared.hash);
        Hello {
            interfaces: self.served.iter().map(entry).collect(),
        }
    }
}

/// What [`Offered`] is to a transport.
pub struct OfferedService(pub Arc<Offered>);

impl Service for OfferedService {
    fn hello(&self) -> Bytes {
        self.0.hello_of().encode()
    }

    fn admit(&self, _peer: &Address, hello: &Bytes) -> Result<Arc<dyn Dispatch>, String> {
        let theirs = Hello::decode(hello).map_err(|error| error.to_string())?;
        let equal = |served: &Served| {
            theirs
                .find(served.declared.name())
                .is_some_and(|(_, hash)| hash == served.declared.hash)
        };
        let equal = self.0.served.iter().map(equal).collect();
        Ok(Arc::new(SessionOf {
            offered: self.0.clone(),
            equal,
        }))
    }
}

/// One peer's session with what is offered.
struct SessionOf {
    offered: Arc<Offered>,
    /// Components whose shape the peer shares, so that it may speak positionally.
    equal: Vec<bool>,
}

impl Dispatch for SessionOf {
    fn start(&self, request: &[u8]) -> Pin<Box<dyn Execution>> {
        // Reading the arguments may run code of their types.
        let begun = catch_unwind(AssertUnwindSafe(|| self.begin(request))).unwrap_or_else(|_| {
            let error = CallError::not_run(
                CallErrorKind::Failed,
                "reading the request panicked; the log says where",
            );
            Err(Refusal(Reason::Kind, error))
        });
        match begun {
            Ok(execution) => execution,
            Err(Refusal(reason, error)) => {
                let mut body = Vec::new();
                let kind = encode_failure(reason, &error, &mut body);
                Box::pin(Ready { kind, body })
            }
        }
    }

    fn may_repeat(&self, request: &[u8]) -> bool {
        let facts = self.asked(request).map(|(declared, method)| &declared.methods[method]);
        facts.is_some_and(|facts| facts.repeatable)
    }

    fn name(&self, request: &[u8]) -> String {
        match self.asked(request) {
            Some((declared, method)) => format!("{}.{}", declared.name(), declared.interface.methods[method].name),
            None => "describe".to_owned(),
        }
    }
}

impl SessionOf {
    /// The component and the number of the method that `request` asks for, if they exist.
    fn asked(&self, request: &[u8]) -> Option<(&'static Declared, usize)> {
        let (head, _) = Head::decode(request).ok()?;
        let declared = self.offered.served.get(head.component as usize)?.declared;
        let method = head.method as usize;
        (method < declared.methods.len()).then_some((declared, method))
    }

    fn begin(&self, request: &[u8]) -> Result<Pin<Box<dyn Execution>>, Refusal> {
        let refuse = |kind, message: String| Refusal(Reason::Kind, CallError::not_run(kind, message));
        let (head, arguments) =
            Head::decode(request).map_err(|error| refuse(CallErrorKind::Incompatible, error.to_string()))?;
        let unknown = || {
            let message = format!("there is no component {} with a method {}", head.component, head.method);
            Refusal(
                Reason::Unimplemented,
                CallError::not_run(CallErrorKind::Incompatible, message),
            )
        };
        if head.component == DESCRIBE {
            let served = self.offered.served.get(head.method as usize).ok_or_else(unknown)?;
            let mut body = vec![VALUE];
            let encoded = served.declared.interface.encode(&mut body);
            encoded.map_err(|error| refuse(CallErrorKind::Incompatible, error.to_string()))?;
            return Ok(Box::pin(Ready {
                kind: ReplyKind::Reply,
                body,
            }));
        }
        let component = head.component as usize;
        let served = self.offered.served.get(component).ok_or_else(unknown)?;
        let method = head.method as usize;
        let facts = served.declared.methods.get(method).ok_or_else(unknown)?;
        if head.codec == Codec::Positional && !(self.equal[component] && facts.positional) {
            let message = format!(
                "`{}` has another shape at the caller, which must not call it positionally",
                served.declared.name()
            );
            return Err(refuse(CallErrorKind::Incompatible, message));
        }
        let hops = head.hops.saturating_add(u8::from(served.forwards));
        if hops > HOPS_MAX {
            let message = format!(
                "`{}` is more than {HOPS_MAX} calls away from the request; a circle of components?",
                served.declared.name()
            );
            return Err(refuse(CallErrorKind::Overloaded, message));
        }
        let now = self.offered.env.now();
        let slot = self.offered.slots[component][method];
        slot.count();
        let asked = head.trace.map(|(trace_id, span_id, sampled)| TraceContext {
            trace_id,
            span_id,
            sampled,
        });
        let (trace, span) = asked.map(|asked| traced(&self.offered.env, slot, asked)).unzip();
        let cx = context(&self.offered.env, &head, hops, facts.deadline, trace, now);
        if cx.deadline().is_some_and(|deadline| deadline <= now) {
            return Err(Refusal(
                Reason::Kind,
                stopped_error(CallErrorKind::DeadlineExceeded, wire::Ran::No),
            ));
        }
        let incoming = Incoming {
            cx,
            codec: head.codec,
            arguments,
            declared: served.declared,
            method,
            limits: &self.offered.limits,
            slot,
            span: span.flatten(),
            named: facts.once && head.codec == Codec::Json && head.call_id.is_some(),
            digest: Cell::new(0),
        };
        served.server.start(method, incoming)
    }
}

/// The context with which a peer's request runs here.
fn context(
    env: &Env,
    head: &Head<'_>,
    hops: u8,
    of_method: Option<Duration>,
    trace: Option<TraceContext>,
    now: Instant,
) -> Cx {
    let remaining = head.remaining_micros.map_or(DEADLINE_DEFAULT, Duration::from_micros);
    let deadline = now + of_method.map_or(remaining, |limit| limit.min(remaining));
    let root = Root {
        began: Some(now),
        id: head.call_id.map(CallId),
        deadline: Some(deadline),
        principal: head.principal.map(Into::into),
        trace,
    };
    let mut cx = Cx::from_root(env, root);
    // The execution arms the deadline.
    cx.set_watched();
    let sampled = if trace.is_some_and(|trace| trace.sampled) {
        SAMPLED
    } else {
        0
    };
    cx.set_bits(sampled | if head.reading { READING } else { 0 });
    cx.set_hops(hops);
    cx.set_attempt(head.attempt);
    cx
}

/// An answer that is there from the start.
struct Ready {
    kind: ReplyKind,
    body: Vec<u8>,
}

impl Execution for Ready {
    fn poll_reply(self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<ReplyKind> {
        out.extend_from_slice(&self.body);
        Poll::Ready(self.kind)
    }
}
