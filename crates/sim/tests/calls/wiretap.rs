//! A transport that lets everything through, writes down what a node sends, and stamps each attempt with a number of its
//! own in place of the caller's span, so that a handler knows which attempt it runs for.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use wire::answer::Answer;
use wire::head::{DESCRIBE, Head};
use world::{
    Address, BoxFuture, ConnectError, Door, Env, Listener, Lost, Reply, Service, Session, StartError, Ticket, Transport,
};

use crate::book::{Book, Replied};

/// `env` with a tap on its transport.
pub(crate) fn tapped(env: &Env, book: &Arc<Book>, boot: usize) -> Env {
    env.with_transport(Arc::new(Wiretap {
        inner: env.transport(),
        book: book.clone(),
        boot,
    }))
}

struct Wiretap {
    inner: Arc<dyn Transport>,
    book: Arc<Book>,
    boot: usize,
}

impl Transport for Wiretap {
    fn connect<'a>(
        &'a self,
        env: &'a Env,
        to: &'a Address,
        hello: Bytes,
    ) -> BoxFuture<'a, Result<Arc<dyn Session>, ConnectError>> {
        Box::pin(async move {
            let at = (self.boot, crate::scenario::server_of(to.as_str()));
            self.book.state().connects.entry(at).or_default().0 += 1;
            let inner = self.inner.connect(env, to, hello).await?;
            self.book.state().connects.entry(at).or_default().1 += 1;
            let session = Tapped {
                inner,
                book: self.book.clone(),
                env: env.clone(),
                tickets: Mutex::default(),
            };
            Ok(Arc::new(session) as Arc<dyn Session>)
        })
    }

    fn serve(&self, env: &Env, listener: Box<dyn Listener>, service: Arc<dyn Service>) -> Arc<dyn Door> {
        self.inner.serve(env, listener, service)
    }
}

struct Tapped {
    inner: Arc<dyn Session>,
    book: Arc<Book>,
    env: Env,
    /// Which attempt each ticket is.
    tickets: Mutex<BTreeMap<Ticket, usize>>,
}

impl Tapped {
    fn replied(&self, ticket: Ticket, reply: &Result<Reply, Lost>) {
        let start = self
            .tickets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&ticket);
        let Some(start) = start else { return };
        let replied = match reply {
            Ok(reply) => match Answer::decode(reply.kind, &reply.body) {
                Answer::Value(_) | Answer::UserError(..) => Replied::Answer,
                Answer::Failed(_, error) => Replied::Failed(error),
            },
            Err(_) => Replied::Lost,
        };
        self.book.state().starts[start].reply = Some(replied);
    }
}

impl Session for Tapped {
    fn hello(&self) -> &Bytes {
        self.inner.hello()
    }

    fn start(&self, encode: &mut dyn FnMut(&mut Vec<u8>) -> Result<(), String>) -> Result<Ticket, StartError> {
        let mut start = None;
        let ticket = self.inner.start(&mut |out| {
            let begins = out.len();
            encode(out)?;
            let body = out.split_off(begins);
            let (mut head, arguments) = Head::decode(&body).map_err(|error| error.to_string())?;
            if head.component != DESCRIBE {
                start = self.book.start(&head, self.env.now());
                let trace = head.trace.map_or(1, |trace| trace.0);
                let stamp = start.map_or(u64::MAX, |start| start as u64 + 1);
                head.trace = Some((trace, stamp, false));
            }
            head.encode(out);
            out.extend_from_slice(arguments);
            Ok(())
        })?;
        if let Some(start) = start {
            let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
            tickets.insert(ticket, start);
        }
        Ok(ticket)
    }

    fn poll_reply(&self, ticket: Ticket, cx: &mut Context<'_>) -> Poll<Result<Reply, Lost>> {
        let polled = self.inner.poll_reply(ticket, cx);
        if let Poll::Ready(reply) = &polled {
            self.replied(ticket, reply);
        }
        polled
    }

    fn abandon(&self, ticket: Ticket) {
        self.inner.abandon(ticket);
    }

    fn is_open(&self) -> bool {
        self.inner.is_open()
    }
}
