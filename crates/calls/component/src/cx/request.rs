//! What all calls of one request on one node share.

use std::sync::Arc;
use std::sync::atomic::AtomicU8;

use telemetry::TraceContext;
use wire::CallErrorKind;
use world::{Env, Instant};

use crate::call_id::{CallId, Derived};
use crate::stop::Stop;

/// What all calls of one request on this node share.
pub(super) struct Request {
    pub(super) env: Env,
    pub(super) deadline: Option<Instant>,
    pub(super) began: Instant,
    pub(super) stop: Stop,
    pub(super) principal: Option<Arc<str>>,
    pub(super) trace: TraceContext,
    /// The id that a border gave, and the digest of the arguments that came with it.
    pub(super) border: Option<(CallId, u128)>,
    pub(super) derived: Derived,
    /// The request that this one narrows: ids are counted there, and stopping it stops this one.
    pub(super) outer: Option<Arc<Request>>,
    /// Whether somebody runs it, arms its deadline and stops it; nobody does that for a root.
    pub(super) watched: bool,
    /// Whether somebody holds its [`Canceller`](super::Canceller), so that calls have to watch for it.
    pub(super) cancellable: bool,
    /// The kind of the last failure of a remote call made with this context, plus one: its error is the method's type
    /// by the time the edge counts it.
    pub(super) failed: AtomicU8,
    /// Attempts after the first at a remote call made with this context.
    pub(super) retries: AtomicU8,
}

impl Request {
    /// A request of its own for the same caller, with nothing counted yet.
    pub(super) fn child(&self, began: Instant, deadline: Option<Instant>, trace: TraceContext) -> Request {
        Request {
            env: self.env.clone(),
            deadline,
            began,
            stop: Stop::default(),
            principal: self.principal.clone(),
            trace,
            border: None,
            derived: Derived::default(),
            outer: None,
            watched: false,
            cancellable: false,
            failed: AtomicU8::new(0),
            retries: AtomicU8::new(0),
        }
    }

    /// Itself and those it narrows.
    pub(super) fn chain(&self) -> impl Iterator<Item = &Request> {
        std::iter::successors(Some(self), |request| request.outer.as_deref())
    }

    /// The one that all of them narrow.
    pub(super) fn outermost(&self) -> &Request {
        let mut request = self;
        while let Some(outer) = &request.outer {
            request = outer;
        }
        request
    }

    #[inline]
    pub(super) fn derived(&self) -> &Derived {
        &self.outermost().derived
    }

    pub(super) fn stop_reason(&self) -> Option<CallErrorKind> {
        self.chain().find_map(|request| request.stop.reason())
    }
}
