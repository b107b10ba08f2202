//! The caller's side of the HTTP face: a program in any language as the peer of a session.
//!
//! ```text
//! start → asked.read → connections.take → send → answer.read → Reply
//! ```
//!
//! It speaks HTTP/1.1 by the unary rules of the Connect protocol (<https://connectrpc.com/docs/protocol>), one call at a
//! time on each connection, and answers what a Terrace process would: what is above it sees no difference.
//!
//! *Certainly did not run* is said only if no connection could be had, if the request was never begun to be written, or
//! if the program says so by `terrace-ran: no`. A connection that is used again may have been closed by the program a moment
//! before, which leaves a call in doubt; so a call that must not be made twice gets a connection of its own.

mod answer;
mod asked;
mod connections;
mod limits;
mod origin;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use world::{Env, Lost, Reply, Session, StartError, Task, Ticket};

use crate::head::Head;
use crate::interface::{Interface, Method};

use self::asked::Asked;
use self::connections::{Connection, Connections};

pub use self::limits::ExternalLimits;
pub use self::origin::{Origin, OriginError, Whereabouts};

/// Calls of one component of a program that serves the HTTP face.
pub struct External {
    shared: Arc<Shared>,
    /// There is none with HTTP.
    hello: Bytes,
    calls: Mutex<Calls>,
}

struct Shared {
    env: Env,
    interface: &'static Interface,
    whereabouts: Whereabouts,
    limits: ExternalLimits,
    connections: Connections,
}

#[derive(Default)]
struct Calls {
    last: u64,
    running: BTreeMap<u64, Task<Result<Reply, Lost>>>,
}

impl External {
    /// Calls from `env`'s node of the component `interface` at `whereabouts`. Nothing is connected yet.
    pub fn new(env: &Env, interface: &'static Interface, whereabouts: Whereabouts, limits: ExternalLimits) -> External {
        External {
            shared: Arc::new(Shared {
                env: env.clone(),
                interface,
                whereabouts,
                connections: Connections::new(env, &limits),
                limits,
            }),
            hello: Bytes::new(),
            calls: Mutex::default(),
        }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session for External {
    fn hello(&self) -> &Bytes {
        &self.hello
    }

    fn start(&self, encode: &mut dyn FnMut(&mut Vec<u8>) -> Result<(), String>) -> Result<Ticket, StartError> {
        let limits = &self.shared.limits;
        let mut request = Vec::new();
        encode(&mut request).map_err(StartError::Encode)?;
        let (head, arguments) = Head::decode(&request).map_err(|error| StartError::Encode(error.to_string()))?;
        let bytes = arguments.len();
        if bytes > limits.request_bytes_max {
            let message = format!(
                "they have {bytes} bytes, and at most {} are sent",
                limits.request_bytes_max
            );
            return Err(StartError::Encode(message));
        }
        let asked = Asked::read(&head, self.shared.interface, self.shared.env.now()).map_err(StartError::Encode)?;
        let head_bytes = request.len() - bytes;
        let body = Bytes::from(request).slice(head_bytes..);
        let ticket = {
            let mut calls = self.calls();
            if calls.running.len() >= limits.calls_max {
                return Err(StartError::Full(format!(
                    "{} calls are under way, which is as many as may be",
                    limits.calls_max
                )));
            }
            calls.last += 1;
            calls.last
        };
        let shared = self.shared.clone();
        let task = self.shared.env.spawn("call of an external component", async move {
            shared.call(&asked, body).await
        });
        self.calls().running.insert(ticket, task);
        Ok(Ticket(ticket))
    }

    fn poll_reply(&self, ticket: Ticket, cx: &mut Context<'_>) -> Poll<Result<Reply, Lost>> {
        let mut calls = self.calls();
        let Some(task) = calls.running.get_mut(&ticket.0) else {
            return Poll::Ready(Err(Lost::MaybeSent("the call was given up".to_owned())));
        };
        let ended = ready!(Pin::new(task).poll(cx));
        calls.running.remove(&ticket.0);
        Poll::Ready(ended.unwrap_or_else(|lost| Err(Lost::MaybeSent(lost.to_string()))))
    }

    fn abandon(&self, ticket: Ticket) {
        let abandoned = self.calls().running.remove(&ticket.0);
        if let Some(task) = abandoned {
            // With it goes its connection, which is how the program learns of it.
            task.cancel();
        }
    }

    fn is_open(&self) -> bool {
        // Each call finds a connection of its own.
        true
    }
}

impl Shared {
    async fn call(&self, asked: &Asked, body: Bytes) -> Result<Reply, Lost> {
        let _room = self.connections.room().await;
        loop {
            let origin = self.whereabouts.now().map_err(Lost::NotSent)?;
            let taken = self.connections.take(&origin, asked.is_fresh).await;
            let (mut connection, is_used) = taken.map_err(Lost::NotSent)?;
            let Some(request) = asked.request(&origin, self.env.now(), body.clone())? else {
                return Ok(answer::too_late());
            };
            let answered = self.ask(&mut connection, request, asked.method);
            // A call with a deadline ends by it: its caller gives it up.
            let answered = async {
                match asked.deadline {
                    Some(_) => Ok(answered.await),
                    None => self.env.timeout(self.limits.answer_timeout, answered).await,
                }
            };
            match answered.await {
                Ok(Ok(reply)) => {
                    // One that was asked for this call alone would only stand in the way of a server with one thread.
                    if !asked.is_fresh {
                        self.connections.give_back(origin, connection);
                    }
                    return Ok(reply);
                }
                Ok(Err(Lost::NotSent(_))) if is_used => {}
                Ok(Err(lost)) => return Err(lost),
                Err(elapsed) => return Err(Lost::MaybeSent(format!("no answer; {elapsed}"))),
            }
        }
    }

    async fn ask(
        &self,
        connection: &mut Connection,
        request: Request<Full<Bytes>>,
        method: &Method,
    ) -> Result<Reply, Lost> {
        let response = connection.send(request).await?;
        answer::read(response, &self.limits, self.interface, method).await
    }
}

/// Waits for any answer of HTTP at `origin`, which tells that a program serves there. It is not shown the token: that it is the
/// program is not known yet.
pub async fn answers(env: &Env, origin: &Origin, limits: &ExternalLimits) -> Result<(), String> {
    let connections = Connections::new(env, limits);
    let origin = Arc::new(origin.without_token());
    let (mut connection, _) = connections.take(&origin, true).await?;
    let request = origin.request("GET", "/", Bytes::new())?;
    let answered: Response<Incoming> = connection.send(request).await.map_err(|lost| match lost {
        Lost::NotSent(why) | Lost::MaybeSent(why) => why,
    })?;
    drop(answered);
    Ok(())
}
