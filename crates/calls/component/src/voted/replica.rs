//! One replica of a vote, and how it is asked.

use std::future::poll_fn;
use std::sync::Arc;

use serde::Serialize;
use wire::hello::MethodAgreement;
use wire::{CallError, CallErrorKind, Codec, Limits};
use world::{BoxFuture, Reply};

use super::VotedError;
use crate::component::{Component, Data, Declared, Failure};
use crate::cx::Cx;
use crate::faults::Faults;
use crate::reference::{Ref, Route};
use crate::remote::{Link, Try, head, read};
use crate::server::{Offered, Served};

pub(super) struct Replica {
    /// Where it is, for people.
    pub(super) name: String,
    place: Place,
    /// Those of the `Ref` it was given by.
    faults: Option<Arc<dyn Faults>>,
}

enum Place {
    Remote(Link),
    /// In this process: its server adapter, and by what it is told from another.
    Here {
        served: Served,
        module: usize,
    },
}

impl Replica {
    pub(super) fn new<C: Component + ?Sized>(reference: &Ref<C>, index: usize) -> Result<Replica, VotedError> {
        let edge = reference.edge();
        let (name, place) = match edge.route().map_err(|_| VotedError::NotOpen { index })? {
            Route::Remote(_, channel) => {
                let link = channel.link().ok_or(VotedError::Nested { index })?.clone();
                (link.address().to_string(), Place::Remote(link))
            }
            Route::Direct(twin) => {
                let served = reference.served().ok_or(VotedError::NotOpen { index })?;
                let module = Arc::as_ptr(twin).cast::<()>().addr();
                (
                    format!("replica {index}, in this process"),
                    Place::Here { served, module },
                )
            }
        };
        Ok(Replica {
            name,
            place,
            faults: edge.faults.clone(),
        })
    }

    pub(super) fn is_same(&self, other: &Replica) -> bool {
        match (&self.place, &other.place) {
            (Place::Remote(one), Place::Remote(other)) => one.address() == other.address(),
            (Place::Here { module: one, .. }, Place::Here { module: other, .. }) => one == other,
            _ => false,
        }
    }

    /// Calls the method there.
    pub(super) fn ask<'a, A, T, E>(
        &'a self,
        declared: &'static Declared,
        cx: &'a Cx,
        method: usize,
        arguments: &'a A,
    ) -> BoxFuture<'a, Result<T, Try<E>>>
    where
        A: Serialize + Sync,
        T: Data + 'a,
        E: Failure + 'a,
    {
        Box::pin(async move {
            let (component, name) = (declared.name(), &declared.interface.methods[method].name);
            let faults = self.faults.as_deref();
            if let Some(error) = faults.and_then(|faults| faults.before(cx, component, name)) {
                return Err(Try::Call(error));
            }
            let answer = match &self.place {
                Place::Remote(link) => link.call(cx, method, arguments).await,
                Place::Here { served, .. } => self.here(served, cx, method, arguments).await,
            };
            match faults.and_then(|faults| faults.after(cx, component, name)) {
                Some(error) => Err(Try::Call(ran(error))),
                None => answer,
            }
        })
    }

    /// Asks a module in this process as a peer would: arguments that cannot be copied reach several modules only through
    /// a codec, and a vote over answers is the same wherever its replicas are.
    async fn here<A, T, E>(&self, served: &Served, cx: &Cx, method: usize, arguments: &A) -> Result<T, Try<E>>
    where
        A: Serialize + Sync,
        T: Data,
        E: Failure,
    {
        let (codec, limits) = (Codec::Tagged, Limits::default());
        let agreed = MethodAgreement {
            method: u32::try_from(method).unwrap_or(u32::MAX),
            codec,
        };
        let mut request = Vec::new();
        head(cx, 0, agreed, 0, true).encode(&mut request);
        wire::encode(codec, arguments, &mut request).map_err(|error| {
            let message = format!("the arguments cannot be written: {error}");
            Try::Call(CallError::not_run(CallErrorKind::Incompatible, message))
        })?;
        // Made for each call, since it belongs to the caller's node, and a node may fall and come back.
        let offered = Offered::new(cx.env(), vec![served.clone()], limits);
        let mut execution = offered.dispatch().start(&request);
        let mut body = Vec::new();
        let kind = poll_fn(|task| execution.as_mut().poll_reply(task, &mut body)).await;
        let reply = Reply {
            kind,
            body: body.into(),
        };
        read(&reply, codec, &limits, &self.name)
    }
}

/// The same error of a callee that was called.
fn ran(error: CallError) -> CallError {
    let kind = error.kind();
    CallError::maybe_run(kind, error.message())
}
