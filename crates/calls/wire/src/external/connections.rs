//! Connections to one program: a bounded number, a few of which are kept for the next call.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use tokio::sync::{Semaphore, SemaphorePermit};
use world::{Env, Instant, Lost, Task};

use super::limits::ExternalLimits;
use super::origin::Origin;
use crate::http::{READ_BYTES_MIN, Socket};

pub(super) struct Connections {
    env: Env,
    limits: ExternalLimits,
    room: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    origin: Arc<Origin>,
    connection: Connection,
    since: Instant,
}

/// One connection, which ends when this is dropped.
pub(super) struct Connection {
    requests: SendRequest<Full<Bytes>>,
    task: Task<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.cancel();
    }
}

impl Connections {
    pub(super) fn new(env: &Env, limits: &ExternalLimits) -> Connections {
        Connections {
            env: env.clone(),
            limits: limits.clone(),
            room: Semaphore::new(limits.connections_max),
            idle: Mutex::default(),
        }
    }

    /// Waits until there may be one connection more; `None` would be a semaphore that was closed, and none is.
    pub(super) async fn room(&self) -> Option<SemaphorePermit<'_>> {
        self.room.acquire().await.ok()
    }

    /// A connection to `origin`, and whether it was used before; never, if it is to be fresh.
    pub(super) async fn take(&self, origin: &Arc<Origin>, fresh: bool) -> Result<(Connection, bool), String> {
        if !fresh && let Some(connection) = self.kept(origin) {
            return Ok((connection, true));
        }
        let limits = &self.limits;
        let connected = self.env.timeout(limits.connect_timeout, self.connect(origin)).await;
        let connection = connected.unwrap_or_else(|elapsed| Err(format!("cannot connect to {origin}: {elapsed}")))?;
        Ok((connection, false))
    }

    /// Keeps a connection whose answer was read whole.
    pub(super) fn give_back(&self, origin: Arc<Origin>, connection: Connection) {
        let since = self.env.now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.limits.idle_max && !connection.requests.is_closed() {
            idle.push(Idle {
                origin,
                connection,
                since,
            });
        }
    }

    /// The connection to `origin` that was used last; all that have waited too long are dropped.
    fn kept(&self, origin: &Arc<Origin>) -> Option<Connection> {
        let now = self.env.now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|idle| {
            let waited = now.saturating_duration_since(idle.since);
            Arc::ptr_eq(&idle.origin, origin)
                && waited < self.limits.idle_timeout
                && !idle.connection.requests.is_closed()
        });
        let at = idle.iter().rposition(|idle| idle.connection.requests.is_ready())?;
        Some(idle.swap_remove(at).connection)
    }

    async fn connect(&self, origin: &Origin) -> Result<Connection, String> {
        let limits = &self.limits;
        let stream = self.env.network().connect(&origin.address).await;
        let stream = stream.map_err(|error| error.to_string())?;
        let socket = Socket::new(self.env.clone(), stream, BytesMut::new(), limits.write_timeout);
        let shaken = Builder::new()
            .max_headers(limits.headers_max)
            .max_buf_size(limits.header_bytes_max.max(READ_BYTES_MIN))
            .handshake::<_, Full<Bytes>>(socket)
            .await;
        let (requests, connection) = shaken.map_err(|error| told(&error))?;
        let task = self.env.spawn("connection to an external component", async move {
            // How it ended is told to the call that it was for.
            let _ = connection.await;
        });
        Ok(Connection { requests, task })
    }
}

impl Connection {
    /// Sends `request` and waits for the head of the answer.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Lost> {
        if let Err(error) = self.requests.ready().await {
            return Err(Lost::NotSent(told(&error)));
        }
        let sent = self.requests.try_send_request(request).await;
        sent.map_err(|mut error| match error.take_message() {
            Some(_) => Lost::NotSent(told(error.error())),
            None => Lost::MaybeSent(told(error.error())),
        })
    }
}

/// hyper's errors leave their cause to whoever asks.
pub(super) fn told(error: &hyper::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
