//! `Cx`: what a call carries beside its arguments.

mod lend;
mod request;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Poll;
use std::time::Duration;

use telemetry::TraceContext;
use wire::{CallError, CallErrorKind};
use world::{BoxFuture, Env, Instant};

use crate::call_id::{CallId, Derived};
use crate::finishing::Finishing;
use crate::limits::HOPS_MAX;
use crate::stop::Stop;

use self::request::Request;

pub(crate) use self::lend::Lent;

/// The context of a call: deadline, cancellation, trace, principal, call id, attempt and hops. It is explicit and comes
/// first, since a task-local is lost at the first spawn. Clone it to take it into a task.
pub struct Cx {
    request: Arc<Request>,
    id: CallId,
    hops: u8,
    attempt: u8,
    bits: u8,
}

impl Clone for Cx {
    /// The same call for a task of its own: what that calls is not dropped with its caller, so it has to watch.
    fn clone(&self) -> Cx {
        let mut cx = self.copied();
        cx.bits |= GUARD;
        cx
    }
}

/// The id of the first of the equal calls that one request makes.
#[derive(Clone, Copy)]
pub struct Derivation(CallId);

/// Nobody has armed a timer for this deadline, or somebody may cancel: the next call has to watch.
pub(crate) const GUARD: u8 = 1;
/// The trace is sampled: the next call makes a span.
pub(crate) const SAMPLED: u8 = 2;
/// A method marked `read` is running: nothing below it may have an effect that is made once.
pub(crate) const READING: u8 = 4;
/// The id was given by hand: arguments do not enter the ids derived from it.
pub(crate) const NAMED: u8 = 8;

/// How a request begins at a border: a server, a job, a test.
#[derive(Clone, Debug)]
pub struct Root {
    /// When it began on this node's clock; by default now.
    pub began: Option<Instant>,
    /// Which request it is; by default a random id.
    pub id: Option<CallId>,
    /// When it ends on this node's clock; without one each call gets [`DEADLINE_DEFAULT`](crate::limits::DEADLINE_DEFAULT).
    pub deadline: Option<Instant>,
    /// Who asks.
    pub principal: Option<Arc<str>>,
    /// The trace it belongs to; by default a new one that is not sampled.
    pub trace: Option<TraceContext>,
}

impl Cx {
    /// A request of its own on `env`'s node, with a random id and no deadline.
    pub fn root(env: &Env) -> Cx {
        Cx::from_root(
            env,
            Root {
                began: None,
                id: None,
                deadline: None,
                principal: None,
                trace: None,
            },
        )
    }

    /// A request of its own that begins as `root` says.
    pub fn from_root(env: &Env, root: Root) -> Cx {
        // A request of a peer brings both along, and drawing costs more than reading them.
        let mut random = std::cell::LazyCell::new(|| env.random("call ids"));
        let id = root.id.unwrap_or_else(|| CallId(random.u128()));
        let trace = root.trace.unwrap_or_else(|| TraceContext {
            trace_id: random.u128().max(1),
            span_id: random.u64().max(1),
            sampled: false,
        });
        let bits = GUARD | if trace.sampled { SAMPLED } else { 0 };
        let request = Request {
            env: env.clone(),
            deadline: root.deadline,
            began: root.began.unwrap_or_else(|| env.now()),
            stop: Stop::default(),
            principal: root.principal,
            trace,
            border: None,
            derived: if root.id.is_some() {
                Derived::default()
            } else {
                Derived::numbered()
            },
            outer: None,
            watched: false,
            cancellable: false,
            failed: AtomicU8::new(0),
            retries: AtomicU8::new(0),
        };
        Cx {
            request: Arc::new(request),
            id,
            hops: 0,
            attempt: 0,
            bits,
        }
    }

    /// A request for a test: on the production world, with no deadline. Needs a tokio runtime only where something
    /// waits for a clock.
    pub fn for_test() -> Cx {
        Cx::root(&Env::production("test"))
    }

    /// The node on which this call runs.
    pub fn env(&self) -> &Env {
        &self.request.env
    }

    /// When this request ends on this node's clock.
    pub fn deadline(&self) -> Option<Instant> {
        self.request.deadline
    }

    /// How much time is left; zero when it is over.
    pub fn remaining(&self) -> Option<Duration> {
        self.request
            .deadline
            .map(|deadline| deadline.saturating_duration_since(self.request.env.now()))
    }

    /// Which call this is: the same when it is retried or taken over. Under a method marked `read` it is the id of the
    /// call that reads.
    pub fn call_id(&self) -> CallId {
        self.id
    }

    /// A digest of the arguments with which this call was made, by which a reused id is told from a repeated one. Zero but
    /// for an id that was given at a border: a derived one covers the arguments already.
    pub fn arguments_digest(&self) -> u128 {
        self.request
            .outermost()
            .border
            .filter(|(id, _)| *id == self.id)
            .map_or(0, |(_, digest)| digest)
    }

    /// How often this call was attempted before: 0 for the first time.
    pub fn attempt(&self) -> u8 {
        self.attempt
    }

    /// Calls between the root of the request and this one.
    pub fn hops(&self) -> u8 {
        self.hops
    }

    /// Who asks, as far as a border has verified it.
    pub fn principal(&self) -> Option<&str> {
        self.request.principal.as_deref()
    }

    /// The trace this call belongs to.
    pub fn trace(&self) -> TraceContext {
        self.request.trace
    }

    /// The same call with at most `limit` of time left for what is called with the returned context.
    pub fn within(&self, limit: Duration) -> Cx {
        let deadline = self.request.env.deadline(limit);
        self.narrowed(
            Some(self.request.deadline.map_or(deadline, |outer| outer.min(deadline))),
            false,
        )
    }

    /// The same call, and the handle that cancels what is called with the returned context.
    pub fn cancellable(&self) -> (Cx, Canceller) {
        let cx = self.narrowed(self.request.deadline, true);
        let canceller = Canceller {
            request: cx.request.clone(),
        };
        (cx, canceller)
    }

    /// A context for a call whose arguments are not the same when the handler is repeated (a time, a random number):
    /// its id comes from `label` and `key` instead.
    pub fn named<K: serde::Serialize + ?Sized>(&self, label: &str, key: &K) -> Cx {
        let mut cx = self.clone();
        let label_key = xxhash_rust::xxh3::xxh3_128(label.as_bytes());
        cx.id = CallId(wire::digest(self.id.0 ^ label_key, key));
        cx.bits |= NAMED;
        cx
    }

    /// Runs `work` to its end on a task of its own, even if this call is cancelled, and answers what it answers.
    pub async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, CallError> {
        let begun = Finishing::begin();
        let work = async move {
            let answer = work.await;
            drop(begun);
            answer
        };
        self.request.env.spawn("finish", work).await.map_err(|lost| {
            CallError::maybe_run(CallErrorKind::Failed, format!("work to be finished was lost: {lost}"))
        })
    }

    /// Whether a method marked `read` is running: nothing below it may have an effect that is made once.
    pub fn is_reading(&self) -> bool {
        self.bits & READING != 0
    }

    /// Whether this request was cancelled or is past its deadline.
    pub fn is_stopped(&self) -> bool {
        self.request.stop_reason().is_some()
    }

    /// Waits until this request is cancelled or past its deadline, and says which.
    pub async fn stopped(&self) -> CallErrorKind {
        let mut waits: Vec<BoxFuture<'_, CallErrorKind>> = self
            .request
            .chain()
            .map(|request| Box::pin(request.stop.wait()) as BoxFuture<'_, _>)
            .collect();
        poll_fn(|cx| {
            let ready = waits.iter_mut().find_map(|wait| match wait.as_mut().poll(cx) {
                Poll::Ready(reason) => Some(reason),
                Poll::Pending => None,
            });
            ready.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// Whether somebody may stop this request while a call of it runs.
    pub(crate) fn may_be_stopped(&self) -> bool {
        self.request.outermost().watched || self.request.chain().any(|request| request.cancellable)
    }

    /// Whether a call with this deadline has to arm it: nobody above does.
    pub(crate) fn arms(&self, deadline: Option<Instant>) -> bool {
        let outermost = self.request.outermost();
        !outermost.watched || outermost.deadline != deadline
    }

    /// Whether the call is over, so that nobody watches for what its tasks still do.
    pub(crate) fn is_released(&self) -> bool {
        self.request.outermost().stop.is_released()
    }

    /// Says that whoever made this context runs the call, and stops it.
    pub(crate) fn set_watched(&mut self) {
        if let Some(request) = Arc::get_mut(&mut self.request) {
            request.watched = true;
        }
    }

    /// The same for the same task.
    pub(crate) fn copied(&self) -> Cx {
        Cx {
            request: self.request.clone(),
            ..*self
        }
    }

    pub(crate) fn stop_reason(&self) -> Option<CallErrorKind> {
        self.request.stop_reason()
    }

    fn narrowed(&self, deadline: Option<Instant>, cancellable: bool) -> Cx {
        let mut cx = self.clone();
        let mut request = self.request.child(self.request.began, deadline, self.request.trace);
        request.outer = Some(self.request.clone());
        request.cancellable = cancellable;
        cx.request = Arc::new(request);
        cx.bits |= GUARD;
        cx
    }

    #[inline]
    pub(crate) fn bits(&self) -> u8 {
        self.bits
    }

    pub(crate) fn set_bits(&mut self, bits: u8) {
        self.bits = bits;
    }

    pub(crate) fn set_hops(&mut self, hops: u8) {
        self.hops = hops;
    }

    pub(crate) fn set_attempt(&mut self, attempt: u8) {
        self.attempt = attempt;
    }

    /// Takes note of the arguments of a call whose id was given at a border, before anybody else holds its context.
    pub(crate) fn set_digest(&mut self, digest: u128) {
        if let Some(request) = Arc::get_mut(&mut self.request) {
            request.border = Some((self.id, digest));
        }
    }

    pub(crate) fn stop(&self) -> &Stop {
        &self.request.stop
    }

    /// Says that the call is over and was answered, to whoever still holds its context.
    pub(crate) fn release(&self) {
        if Arc::strong_count(&self.request) > 1 {
            self.request.stop.release();
        }
    }

    /// The time left when this request began, which on a path without a wait is the time left now.
    pub(crate) fn remaining_at_begin(&self) -> Option<Duration> {
        self.request
            .deadline
            .map(|deadline| deadline.saturating_duration_since(self.request.began))
    }

    pub(crate) fn set_failed(&self, kind: CallErrorKind) {
        self.request.failed.store(kind as u8 + 1, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) -> Option<CallErrorKind> {
        let failed = self.request.failed.load(Ordering::Relaxed);
        CallErrorKind::ALL.get(usize::from(failed).checked_sub(1)?).copied()
    }

    pub(crate) fn note_retry(&self) {
        self.request.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn retries(&self) -> u8 {
        self.request.retries.load(Ordering::Relaxed)
    }

    /// This context for the callee of a call marked `read`: the same id, one hop further.
    #[inline]
    pub(crate) fn lend_reading(&self) -> Lent<'_> {
        self.lend(self.id, (self.bits | READING) & !NAMED)
    }

    /// What the id of a call with these arguments derives from.
    #[inline]
    pub(crate) fn derivation<A: serde::Serialize + ?Sized>(&self, callee: u128, arguments: &A) -> Derivation {
        // One hash over parent, callee and arguments. Both of the former are spread over all bits already.
        let parent = self.id.0 ^ callee;
        Derivation(CallId(if self.bits & NAMED == 0 {
            wire::digest(parent, arguments)
        } else {
            wire::digest(parent, &())
        }))
    }

    /// This context for the callee of a call with an id of its own; `None` past [`DERIVED_CALLS_MAX`]. Under a `read`
    /// equal calls have one id: a `read` shares its caller's id, so a count would tell whether it shares its process too.
    #[inline]
    pub(crate) fn lend_derived(&self, from: Derivation) -> Option<Lent<'_>> {
        // Below a `read` nothing is recorded by its id, and the calls of one reader are not counted across processes.
        let nth = if self.bits & READING == 0 {
            self.request.derived().next(from.0)?
        } else {
            // Never that of a call which the reader's own caller makes.
            u64::MAX
        };
        Some(self.lend(from.0.nth(nth), self.bits & !NAMED))
    }

    /// Past [`HOPS_MAX`] the caller gets an error before this is called.
    #[inline]
    fn lend(&self, id: CallId, bits: u8) -> Lent<'_> {
        debug_assert!(self.hops < HOPS_MAX);
        Lent::new(self, id, bits)
    }

    /// The same as a lent one, with a request of its own that its owner stops.
    pub(crate) fn owned_child(lent: &Lent<'_>, began: Instant, deadline: Option<Instant>, trace: TraceContext) -> Cx {
        let mut request = lent.request.child(began, deadline, trace);
        request.watched = true;
        Cx {
            request: Arc::new(request),
            bits: lent.bits & !GUARD,
            ..**lent
        }
    }
}

impl std::fmt::Debug for Cx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cx")
            .field("call_id", &self.id)
            .field("deadline", &self.request.deadline)
            .field("hops", &self.hops)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// Cancels the calls made with the context it came with. Dropping it cancels nothing.
#[derive(Clone)]
pub struct Canceller {
    request: Arc<Request>,
}

impl Canceller {
    /// The caller gets `Cancelled` (*may have run*) at once; the callee is dropped at its next await.
    pub fn cancel(&self) {
        self.request.stop.set(CallErrorKind::Cancelled);
    }
}
