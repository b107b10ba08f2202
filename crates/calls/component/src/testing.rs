//! For tests of components: the same module behind the wire's codecs in one process, and with every call that may be
//! repeated executed twice.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use wire::Limits;
use world::{
    Address, BoxFuture, ConnectError, Dispatch, Door, Env, Execution, Listener, Lost, Reply, ReplyKind, Service,
    Session, StartError, Ticket, Transport,
};

use crate::component::Component;
use crate::reference::Ref;
use crate::remote::Channel;
use crate::server::{Offered, OfferedService, Served};

/// How often a call that may be repeated is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executed {
    /// As in production.
    Once,
    /// Calls marked `read`, `idempotent` or `once` run twice, one after the other; the second answer counts.
    Twice,
}

/// `component` as a caller at the other end of a connection sees it: every argument and answer crosses the codecs.
pub fn looped<C: Component + ?Sized>(env: &Env, component: &Ref<C>, executed: Executed) -> Ref<C> {
    let env = env.with_transport(Arc::new(Loop {
        service: service(env, component, executed),
    }));
    Ref::remote(
        "test",
        Channel::new(&env, Address::new("loop:0"), C::declared(), Limits::default()),
    )
}

/// Serves `component` on `listener`, over frames only.
pub fn serve_executed<C: Component + ?Sized>(
    env: &Env,
    component: &Ref<C>,
    listener: Box<dyn Listener>,
    executed: Executed,
) -> Arc<dyn Door> {
    wire::Tcp::default().serve(env, listener, service(env, component, executed))
}

fn service<C: Component + ?Sized>(env: &Env, component: &Ref<C>, executed: Executed) -> Arc<dyn Service> {
    let served: Vec<Served> = component.served().into_iter().collect();
    let service = OfferedService(Offered::new(env, served, Limits::default()));
    match executed {
        Executed::Once => Arc::new(service),
        Executed::Twice => Arc::new(Repeated { service }),
    }
}

/// A service whose repeatable requests are executed twice.
struct Repeated {
    service: OfferedService,
}

impl Service for Repeated {
    fn hello(&self) -> Bytes {
        self.service.hello()
    }

    fn admit(&self, peer: &Address, hello: &Bytes) -> Result<Arc<dyn Dispatch>, String> {
        Ok(Arc::new(RepeatedDispatch {
            dispatch: self.service.admit(peer, hello)?,
        }))
    }
}

struct RepeatedDispatch {
    dispatch: Arc<dyn Dispatch>,
}

impl Dispatch for RepeatedDispatch {
    fn start(&self, request: &[u8]) -> Pin<Box<dyn Execution>> {
        let first = self.dispatch.start(request);
        if !self.dispatch.may_repeat(request) {
            return first;
        }
        Box::pin(RepeatedExecution {
            execution: first,
            again: Some((self.dispatch.clone(), request.to_vec())),
        })
    }
}

/// The first answer is thrown away.
struct RepeatedExecution {
    execution: Pin<Box<dyn Execution>>,
    again: Option<(Arc<dyn Dispatch>, Vec<u8>)>,
}

impl Execution for RepeatedExecution {
    fn poll_reply(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<ReplyKind> {
        loop {
            let began = out.len();
            let kind = ready!(self.execution.as_mut().poll_reply(cx, out));
            let Some((dispatch, request)) = self.again.take() else {
                return Poll::Ready(kind);
            };
            out.truncate(began);
            self.execution = dispatch.start(&request);
        }
    }
}

/// A transport that hands each request to a service in the same process.
struct Loop {
    service: Arc<dyn Service>,
}

impl Transport for Loop {
    fn connect<'a>(
        &'a self,
        _env: &'a Env,
        to: &'a Address,
        hello: Bytes,
    ) -> BoxFuture<'a, Result<Arc<dyn Session>, ConnectError>> {
        Box::pin(async move {
            let dispatch = self.service.admit(to, &hello).map_err(ConnectError::Refused)?;
            let session = LoopSession {
                hello: self.service.hello(),
                dispatch,
                running: Mutex::default(),
            };
            Ok(Arc::new(session) as Arc<dyn Session>)
        })
    }

    fn serve(&self, env: &Env, listener: Box<dyn Listener>, service: Arc<dyn Service>) -> Arc<dyn Door> {
        wire::Tcp::default().serve(env, listener, service)
    }
}

struct LoopSession {
    hello: Bytes,
    dispatch: Arc<dyn Dispatch>,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    next: u64,
    executions: BTreeMap<u64, Pin<Box<dyn Execution>>>,
}

impl Session for LoopSession {
    fn hello(&self) -> &Bytes {
        &self.hello
    }

    fn start(&self, encode: &mut dyn FnMut(&mut Vec<u8>) -> Result<(), String>) -> Result<Ticket, StartError> {
        let mut request = Vec::new();
        encode(&mut request).map_err(StartError::Encode)?;
        let execution = self.dispatch.start(&request);
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.next += 1;
        let ticket = running.next;
        running.executions.insert(ticket, execution);
        Ok(Ticket(ticket))
    }

    fn poll_reply(&self, ticket: Ticket, cx: &mut Context<'_>) -> Poll<Result<Reply, Lost>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut execution) = running.executions.remove(&ticket.0) else {
            return Poll::Ready(Err(Lost::MaybeSent("this request was given up".to_string())));
        };
        // The handler may call through this session itself.
        drop(running);
        let mut body = Vec::new();
        match execution.as_mut().poll_reply(cx, &mut body) {
            Poll::Ready(kind) => Poll::Ready(Ok(Reply {
                kind,
                body: body.into(),
            })),
            Poll::Pending => {
                let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
                running.executions.insert(ticket.0, execution);
                Poll::Pending
            }
        }
    }

    fn abandon(&self, ticket: Ticket) {
        let abandoned = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .executions
            .remove(&ticket.0);
        drop(abandoned);
    }

    fn is_open(&self) -> bool {
        true
    }
}
