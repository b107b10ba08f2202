//! The path of a call inside one process: a short one for almost every call, and a careful one for the rest.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use telemetry::{Outcome, SAMPLE_MASK, Slot, TraceContext};
use tracing::Instrument;
use wire::head::PRINCIPAL_BYTES_MAX;
use wire::{CallError, CallErrorKind, Ran};
use world::{BoxFuture, Env, Instant, Sleep};

use crate::component::{Component, Data, Failure};
use crate::cx::{Cx, Derivation, GUARD, Lent, READING, SAMPLED};
use crate::faults::{after, before};
use crate::limits::{DEADLINE_DEFAULT, DERIVED_CALLS_MAX, HOPS_MAX};
use crate::no_calls;
use crate::reference::{Edge, Ref, Route};
use crate::stop::stopped_error;

/// The short path of a `read` call: what to call, with which context, and when it began if it is timed; `None` if the
/// call needs care.
#[inline(always)]
pub fn lean_read<'a, C: Component + ?Sized>(
    reference: &'a Ref<C>,
    cx: &'a Cx,
    method: usize,
) -> Option<(&'a C::Twin, Lent<'a>, Began)> {
    let (twin, began) = lean(reference.edge(), cx, method, GUARD | SAMPLED)?;
    Some((twin, cx.lend_reading(), began))
}

/// The short path of any other call, which gets an id of its own.
#[inline(always)]
pub fn lean_derived<'a, C: Component + ?Sized>(
    reference: &'a Ref<C>,
    cx: &'a Cx,
    method: usize,
    derivation: Derivation,
) -> Option<(&'a C::Twin, Lent<'a>, Began)> {
    let (twin, began) = lean(reference.edge(), cx, method, GUARD | SAMPLED | READING)?;
    // Past the limit of derived calls the careful path says so.
    Some((twin, cx.lend_derived(derivation)?, began))
}

/// When a call began, if it is one of those that are timed.
pub(crate) type Began = Option<Instant>;

#[inline(always)]
fn lean<'a, C: Component + ?Sized>(
    edge: &'a Edge<C>,
    cx: &Cx,
    method: usize,
    care: u8,
) -> Option<(&'a C::Twin, Began)> {
    let state = &edge.methods[method];
    let plain = state.plain
        & (cx.bits() & care == 0)
        & (cx.hops() < HOPS_MAX)
        & !cx.stop().is_set()
        & !no_calls::are_forbidden();
    if !plain {
        return None;
    }
    let twin = edge.direct()?;
    let timed = state.slot.count() & SAMPLE_MASK == 0;
    Some((twin, if timed { began(cx) } else { None }))
}

#[cold]
fn began(cx: &Cx) -> Began {
    Some(cx.env().now())
}

/// What the id of a call of this method with these arguments derives from.
#[inline]
pub fn derivation<C: Component + ?Sized, A: serde::Serialize + ?Sized>(
    reference: &Ref<C>,
    cx: &Cx,
    method: usize,
    arguments: &A,
) -> Derivation {
    cx.derivation(reference.edge().declared.methods[method].key, arguments)
}

/// Whether what [`Shape::crossed`](wire::Shape::crossed) does matters for the arguments of this method.
#[inline]
pub fn arguments_hold_call_error<C: Component + ?Sized>(reference: &Ref<C>, method: usize) -> bool {
    reference.edge().declared.methods[method].arguments_hold_call_error
}

/// Awaits the callee on the short path: its panic is `Failed`, its error leaves this hop.
#[inline]
pub fn caught<'a, C, T, E>(
    reference: &'a Ref<C>,
    cx: &'a Cx,
    method: usize,
    began: Began,
    future: BoxFuture<'a, Result<T, E>>,
) -> Caught<'a, C, T, E>
where
    C: Component + ?Sized,
{
    Caught {
        future,
        reference,
        cx,
        method,
        began,
    }
}

/// See [`caught`]. A future written by hand, since an `async fn` around the box measures 15 % slower.
pub struct Caught<'a, C: Component + ?Sized, T, E> {
    future: BoxFuture<'a, Result<T, E>>,
    reference: &'a Ref<C>,
    cx: &'a Cx,
    method: usize,
    began: Began,
}

impl<C: Component + ?Sized, T, E: Failure> Future for Caught<'_, C, T, E> {
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        let this = self.get_mut();
        // Handed on as it is: taking an answer apart and putting it together again costs a failed store-to-load forward.
        match catch_unwind(AssertUnwindSafe(|| this.future.as_mut().poll(cx))) {
            Ok(poll) if poll.is_pending() | (matches!(poll, Poll::Ready(Ok(_))) & this.began.is_none()) => poll,
            rest => this.ended(rest),
        }
    }
}

impl<C: Component + ?Sized, T, E: Failure> Caught<'_, C, T, E> {
    /// A timed call, an error or a panic.
    #[cold]
    fn ended(&self, polled: std::thread::Result<Poll<Result<T, E>>>) -> Poll<Result<T, E>> {
        self.timed();
        match polled {
            Ok(Poll::Ready(Err(error))) => Poll::Ready(Err(user_error(self.slot(), error))),
            Ok(answer) => answer,
            Err(panic) => {
                let panic = panicked(self.reference.edge(), self.method, panic);
                Poll::Ready(Err(fail(self.slot(), panic)))
            }
        }
    }
}

impl<C: Component + ?Sized, T, E> Caught<'_, C, T, E> {
    fn slot(&self) -> Slot {
        self.reference.edge().methods[self.method].slot
    }

    #[cold]
    fn timed(&self) {
        if let Some(began) = self.began {
            self.slot()
                .latency(self.cx.env().now().saturating_duration_since(began));
        }
    }
}

#[cold]
fn user_error<E: Data>(slot: Slot, mut error: E) -> E {
    slot.outcome(Outcome::UserError);
    error.crossed();
    error
}

#[cold]
fn fail<E: Failure>(slot: Slot, error: CallError) -> E {
    slot.outcome(outcome(error.kind()));
    E::from(error)
}

/// The counter of a kind of failure.
pub(crate) fn outcome(kind: CallErrorKind) -> Outcome {
    match kind {
        CallErrorKind::Unavailable => Outcome::Unavailable,
        CallErrorKind::DeadlineExceeded => Outcome::DeadlineExceeded,
        CallErrorKind::Cancelled => Outcome::Cancelled,
        CallErrorKind::Overloaded => Outcome::Overloaded,
        CallErrorKind::Denied => Outcome::Denied,
        CallErrorKind::Incompatible => Outcome::Incompatible,
        CallErrorKind::Failed => Outcome::Failed,
    }
}

fn panicked<C: Component + ?Sized>(edge: &Edge<C>, method: usize, panic: Box<dyn Any + Send>) -> CallError {
    let method = &edge.declared.interface.methods[method].name;
    panic_error(edge.declared.name(), method, &*panic)
}

/// What a caller learns of a panic; what was said in it stays in the callee's log.
pub(crate) fn panic_error(component: &str, method: &str, panic: &(dyn Any + Send)) -> CallError {
    let said = world::panic_message(panic);
    tracing::error!(target: "terrace::calls", component, method, panic = %said, "a method panicked");
    CallError::maybe_run(
        CallErrorKind::Failed,
        format!("`{component}.{method}` panicked; its log says where"),
    )
}

/// What [`careful`] calls once it has decided to: the twin's method with the arguments already inside.
pub trait Callee<C: Component + ?Sized, T, E>:
    for<'x> FnOnce(&'x C::Twin, &'x Cx) -> BoxFuture<'x, Result<T, E>> + Send
{
}

impl<C: Component + ?Sized, T, E, F> Callee<C, T, E> for F where
    F: for<'x> FnOnce(&'x C::Twin, &'x Cx) -> BoxFuture<'x, Result<T, E>> + Send
{
}

/// Every call that the short path does not take: a remote one, a timed or traced one, one whose deadline nobody has
/// armed, one that cannot go ahead.
#[cold]
pub fn careful<'a, C, T, E, F>(
    reference: &'a Ref<C>,
    cx: &'a Cx,
    method: usize,
    derivation: Option<Derivation>,
    call: F,
) -> BoxFuture<'a, Result<T, E>>
where
    C: Component + ?Sized,
    T: Data,
    E: Failure,
    F: Callee<C, T, E> + 'a,
{
    Box::pin(async move {
        let edge = reference.edge();
        let slot = edge.methods[method].slot;
        match watched(edge, cx, method, derivation, call).await {
            Ok(Answered {
                answer: Ok(mut value), ..
            }) => {
                if edge.declared.methods[method].output_holds_call_error {
                    value.crossed();
                }
                Ok(value)
            }
            Ok(Answered {
                answer: Err(error),
                failed: Some(kind),
            }) => {
                slot.outcome(outcome(kind));
                Err(error)
            }
            Ok(Answered {
                answer: Err(error),
                failed: None,
            }) => Err(user_error(slot, error)),
            Err(error) => Err(fail(slot, error)),
        }
    })
}

/// What came back from the twin, and whether an error in it is the client adapter's own.
struct Answered<T, E> {
    answer: Result<T, E>,
    failed: Option<CallErrorKind>,
}

/// The outer error is the call's own failure, the inner one the method's.
async fn watched<C, T, E, F>(
    edge: &Edge<C>,
    cx: &Cx,
    method: usize,
    derivation: Option<Derivation>,
    call: F,
) -> Result<Answered<T, E>, CallError>
where
    C: Component + ?Sized,
    T: Data,
    E: Failure,
    F: Callee<C, T, E>,
{
    let facts = &edge.declared.methods[method];
    let slot = edge.methods[method].slot;
    let timed = slot.count() & SAMPLE_MASK == 0;
    admit(edge, cx, method)?;
    let route = edge.route()?;
    let child = match derivation {
        None => cx.lend_reading(),
        Some(derivation) => cx.lend_derived(derivation).ok_or_else(|| {
            let message = format!("one request made {DERIVED_CALLS_MAX} different calls; split it into several jobs");
            CallError::not_run(CallErrorKind::Overloaded, message)
        })?,
    };
    let began = cx.env().now();
    let deadline = deadline(cx, facts.deadline, began);
    if deadline.is_some_and(|deadline| deadline <= began) {
        return Err(stopped_error(CallErrorKind::DeadlineExceeded, Ran::No));
    }
    before(edge, cx, method, deadline).await?;
    let (trace, span) = traced(cx.env(), slot, cx.trace());
    // A callee in this process sees the stop flag of its own call; a remote one has its own node's.
    let owned = Cx::owned_child(&child, began, deadline, trace);
    let twin = match route {
        Route::Direct(twin) | Route::Remote(twin, _) => twin,
    };
    let future = call(twin, &owned);
    let raced = Raced {
        future,
        caller: cx,
        owned: &owned,
        edge,
        method,
        deadline,
        watches: cx.arms(deadline),
        timer: None,
        stop: None,
        answered: false,
    };
    let answer = match span {
        Some(span) => {
            let answer = raced.instrument(span.clone()).await;
            let ended = match &answer {
                Ok(Ok(_)) => None,
                Ok(Err(_)) => Some(Outcome::UserError),
                Err(error) => Some(outcome(error.kind())),
            };
            telemetry::span::record_outcome(&span, ended);
            answer
        }
        None => raced.await,
    };
    if timed {
        let took = cx.env().now().saturating_duration_since(began);
        slot.latency(took);
    }
    if let Some(error) = after(edge, cx, method) {
        return Err(error);
    }
    let failed = owned.failed();
    answer.map(|answer| Answered { answer, failed })
}

/// The trace that the callee belongs to: a span of its own where `trace` is sampled.
pub(crate) fn traced(env: &Env, slot: Slot, trace: TraceContext) -> (TraceContext, Option<tracing::Span>) {
    if !trace.sampled {
        return (trace, None);
    }
    let child = trace.child(env.random("spans").u64().max(1));
    let span = telemetry::span::call(&slot.name(), child, Some(trace.span_id));
    (child, Some(span))
}

/// Whether this call may be made at all.
fn admit<C: Component + ?Sized>(edge: &Edge<C>, cx: &Cx, method: usize) -> Result<(), CallError> {
    if let Some(reason) = cx.stop_reason() {
        return Err(stopped_error(reason, Ran::No));
    }
    if no_calls::are_forbidden() {
        let message = format!(
            "`{}` is called inside a transaction, and the database would wait for it; call it before or after, or let a \
             job do it",
            edge.declared.name()
        );
        return Err(CallError::not_run(CallErrorKind::Denied, message));
    }
    if cx.hops() >= HOPS_MAX {
        return Err(CallError::not_run(
            CallErrorKind::Overloaded,
            format!(
                "`{}` is more than {HOPS_MAX} calls away from the request; a circle of components?",
                edge.declared.name()
            ),
        ));
    }
    if cx.principal().is_some_and(|name| name.len() > PRINCIPAL_BYTES_MAX) {
        return Err(CallError::not_run(
            CallErrorKind::Denied,
            format!(
                "the principal's name has more than {PRINCIPAL_BYTES_MAX} bytes; give it a shorter one at the border"
            ),
        ));
    }
    if edge.declared.methods[method].once && cx.bits() & READING != 0 {
        let name = &edge.declared.interface.methods[method].name;
        return Err(CallError::not_run(
            CallErrorKind::Denied,
            format!(
                "`{}.{name}` is marked `once`, and a method marked `read` is calling it; a `read` changes nothing: take that mark away",
                edge.declared.name()
            ),
        ));
    }
    Ok(())
}

/// The earliest of the request's deadline, the method's, and the default where there is none.
fn deadline(cx: &Cx, method: Option<Duration>, now: Instant) -> Option<Instant> {
    let of_request = match cx.deadline() {
        Some(deadline) => Some(deadline),
        None if cx.bits() & GUARD != 0 || cx.is_released() => Some(now + DEADLINE_DEFAULT),
        None => None,
    };
    let of_method = method.map(|limit| now + limit);
    of_request.into_iter().chain(of_method).min()
}

/// The callee against its deadline and its caller's wish to stop. Timers are armed only once it waits, and only for a
/// deadline that nobody above watches: whoever does drops this call with its caller, so that no handler sees its own
/// time end, wherever its callees are.
struct Raced<'a, C: Component + ?Sized, T, E> {
    future: BoxFuture<'a, Result<T, E>>,
    caller: &'a Cx,
    owned: &'a Cx,
    edge: &'a Edge<C>,
    method: usize,
    deadline: Option<Instant>,
    watches: bool,
    timer: Option<Sleep>,
    stop: Option<BoxFuture<'a, CallErrorKind>>,
    answered: bool,
}

impl<C: Component + ?Sized, T, E> Future for Raced<'_, C, T, E> {
    type Output = Result<Result<T, E>, CallError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        match catch_unwind(AssertUnwindSafe(|| this.future.as_mut().poll(cx))) {
            Ok(Poll::Ready(answer)) => {
                this.answered = true;
                return Poll::Ready(Ok(answer));
            }
            Ok(Poll::Pending) => {}
            Err(panic) => return Poll::Ready(Err(panicked(this.edge, this.method, panic))),
        }
        let caller = this.caller;
        // Nobody stops a root that nobody can cancel: its calls are spared the watching.
        if caller.may_be_stopped() {
            let stop = this.stop.get_or_insert_with(|| Box::pin(caller.stopped()));
            if let Poll::Ready(reason) = stop.as_mut().poll(cx) {
                return Poll::Ready(Err(this.stopped(reason)));
            }
        }
        // After the flag, which wakes this when nobody watches any more.
        if let Some(deadline) = this.deadline
            && (this.watches || caller.is_released())
        {
            let timer = this.timer.get_or_insert_with(|| caller.env().sleep_until(deadline));
            if Pin::new(timer).poll(cx).is_ready() {
                return Poll::Ready(Err(this.stopped(CallErrorKind::DeadlineExceeded)));
            }
        }
        Poll::Pending
    }
}

impl<C: Component + ?Sized, T, E> Raced<'_, C, T, E> {
    fn stopped(&self, reason: CallErrorKind) -> CallError {
        self.owned.stop().set(reason);
        stopped_error(reason, Ran::Maybe)
    }
}

impl<C: Component + ?Sized, T, E> Drop for Raced<'_, C, T, E> {
    fn drop(&mut self) {
        for _ in 0..self.owned.retries() {
            self.edge.methods[self.method].slot.retried();
        }
        // Tasks that the callee spawned with a clone of its context notice at their next call.
        if self.answered {
            self.owned.release();
        } else {
            let reason = self.caller.stop_reason().unwrap_or(CallErrorKind::Cancelled);
            self.owned.stop().set(reason);
        }
    }
}
