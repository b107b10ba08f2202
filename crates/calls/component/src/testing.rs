//! For tests of components: the same module behind the wire's codecs in one process, and with every call that may be
//! repeated executed twice.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use wire::Limits;
use wire::head::Head;
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
    let served: Vec<Served> = component.served().into_iter().collect();
    let repeatable = served
        .iter()
        .map(|served| served.declared.methods.iter().map(|facts| facts.repeatable).collect());
    let repeatable = match executed {
        Executed::Once => Vec::new(),
        Executed::Twice => repeatable.collect(),
    };
    let service = OfferedService(Offered::new(env, served, Limits::default()));
    let env = env.with_transport(Arc::new(Loop {
        service: Arc::new(service),
        repeatable,
    }));
    Ref::remote(
        "test",
        Channel::new(&env, Address::new("loop:0"), C::declared(), Limits::default()),
    )
}

/// A transport that hands each request to a service in the same process.
struct Loop {
    service: Arc<dyn Service>,
    /// By component and method.
    repeatable: Vec<Vec<bool>>,
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
                repeatable: self.repeatable.clone(),
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
    repeatable: Vec<Vec<bool>>,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    next: u64,
    executions: BTreeMap<u64, Request>,
}

struct Request {
    execution: Pin<Box<dyn Execution>>,
    body: Vec<u8>,
    /// The request, if it is to be executed once more.
    again: Option<Vec<u8>>,
}

impl LoopSession {
    fn is_repeatable(&self, request: &[u8]) -> bool {
        Head::decode(request).is_ok_and(|(head, _)| {
            let methods = self.repeatable.get(head.component as usize);
            methods
                .and_then(|methods| methods.get(head.method as usize))
                .copied()
                .unwrap_or_default()
        })
    }
}

impl Session for LoopSession {
    fn hello(&self) -> &Bytes {
        &self.hello
    }

    fn start(&self, encode: &mut dyn FnMut(&mut Vec<u8>) -> Result<(), String>) -> Result<Ticket, StartError> {
        let mut request = Vec::new();
        encode(&mut request).map_err(StartError::Encode)?;
        let execution = self.dispatch.start(&request);
        let again = self.is_repeatable(&request).then_some(request);
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.next += 1;
        let ticket = running.next;
        running.executions.insert(
            ticket,
            Request {
                execution,
                body: Vec::new(),
                again,
            },
        );
        Ok(Ticket(ticket))
    }

    fn poll_reply(&self, ticket: Ticket, cx: &mut Context<'_>) -> Poll<Result<Reply, Lost>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut request) = running.executions.remove(&ticket.0) else {
            return Poll::Ready(Err(Lost::MaybeSent("this request was given up".to_string())));
        };
        // The handler may call through this session itself.
        drop(running);
        match request.poll(&*self.dispatch, cx) {
            Poll::Ready(kind) => Poll::Ready(Ok(Reply {
                kind,
                body: request.body.into(),
            })),
            Poll::Pending => {
                let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
                running.executions.insert(ticket.0, request);
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

impl Request {
    fn poll(&mut self, dispatch: &dyn Dispatch, cx: &mut Context<'_>) -> Poll<ReplyKind> {
        loop {
            let kind = ready!(self.execution.as_mut().poll_reply(cx, &mut self.body));
            let Some(request) = self.again.take() else {
                return Poll::Ready(kind);
            };
            self.body.clear();
            self.execution = dispatch.start(&request);
        }
    }
}
