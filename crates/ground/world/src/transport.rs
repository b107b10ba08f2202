//! Messages between nodes. `wire` implements these traits over [`Stream`](crate::Stream)s; a simulator implements them
//! over an event heap. Whoever builds the [`Env`] injects one. A request and a reply are bytes here: what they mean
//! belongs to the floor above.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::Env;
use crate::network::{Address, BoxFuture, Listener};

/// Carries requests to peers and serves those of peers.
pub trait Transport: Send + Sync {
    /// Opens a session to `to`. `hello` is what this side says of itself; the peer's is [`Session::hello`].
    fn connect<'a>(
        &'a self,
        env: &'a Env,
        to: &'a Address,
        hello: Bytes,
    ) -> BoxFuture<'a, Result<Arc<dyn Session>, ConnectError>>;

    /// Serves `service` on `listener` until the door is closed.
    fn serve(&self, env: &Env, listener: Box<dyn Listener>, service: Arc<dyn Service>) -> Arc<dyn Door>;
}

/// One request in flight on a [`Session`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A connection to one peer, in messages. Many requests share it.
pub trait Session: Send + Sync {
    /// What the peer said of itself.
    fn hello(&self) -> &Bytes;

    /// Starts a request whose body `encode` appends to the send buffer. If `encode` fails, nothing is sent.
    fn start(&self, encode: &mut dyn FnMut(&mut Vec<u8>) -> Result<(), String>) -> Result<Ticket, StartError>;

    /// The reply of `ticket`; after `Ready` the ticket is used up.
    fn poll_reply(&self, ticket: Ticket, cx: &mut Context<'_>) -> Poll<Result<Reply, Lost>>;

    /// Gives up on `ticket` and asks the peer to stop. Does nothing for a ticket that is used up.
    fn abandon(&self, ticket: Ticket);

    /// Whether a new request may be started: false after a loss, or once the peer said it is going away.
    fn is_open(&self) -> bool;
}

/// The answer to one request.
#[derive(Debug)]
pub struct Reply {
    /// What kind of answer it is.
    pub kind: ReplyKind,
    /// Its body.
    pub body: Bytes,
}

/// How an execution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyKind {
    /// The method returned.
    Reply,
    /// The call failed before, around or inside the method.
    Error,
}

/// Why a request got no answer, with what is known of its fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Its bytes were never handed to the network whole: it certainly did not run.
    NotSent(String),
    /// It was sent, and then the connection ended: it may have run.
    MaybeSent(String),
}

/// Why a request could not be started; it certainly did not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartError {
    /// The session is closed or going away: open another.
    Closed(String),
    /// The send buffer or the table of requests in flight is at its limit.
    Full(String),
    /// The body could not be encoded, or is larger than a message may be.
    Encode(String),
}

/// Why a session could not be opened, in a sentence that names the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// Nothing answers there, or what answers does not speak this protocol.
    Unreachable(String),
    /// The peer refused this side: a wrong token, another protocol version.
    Refused(String),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::Unreachable(why) | ConnectError::Refused(why) => f.write_str(why),
        }
    }
}

/// The serving side: what a process says of itself, and what it does with a session's requests.
pub trait Service: Send + Sync {
    /// What this side says of itself.
    fn hello(&self) -> Bytes;

    /// Decides about a peer that said `hello`; the sentence of a refusal is sent to it.
    fn admit(&self, peer: &Address, hello: &Bytes) -> Result<Arc<dyn Dispatch>, String>;
}

/// Starts the requests of one session.
pub trait Dispatch: Send + Sync {
    /// Starts one request. A malformed one is an execution that is ready with an error. `request` is only lent: what is
    /// needed of it is decoded here.
    fn start(&self, request: &[u8]) -> Pin<Box<dyn Execution>>;

    /// Whether `request` may be executed twice, by the marks of its method. A simulator doubles only such: any other
    /// arrives at most once on a session, as over TCP.
    fn may_repeat(&self, request: &[u8]) -> bool {
        let _ = request;
        false
    }

    /// What `request` asks for, in words: `Ledger.transfer`. For whoever draws a picture of it.
    fn name(&self, request: &[u8]) -> String {
        let _ = request;
        "request".to_owned()
    }
}

/// One request being executed. Dropping it cancels it.
pub trait Execution: Send {
    /// Polls it; when it is ready, its reply's body has been appended to `out`.
    fn poll_reply(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<ReplyKind>;
}

/// A listener that is being served.
pub trait Door: Send + Sync {
    /// The address it is bound to.
    fn address(&self) -> Address;

    /// Stops accepting, tells every peer to go away, and waits until the requests that have begun are answered. The
    /// caller bounds the time; dropping the future closes what is left.
    fn drain(&self) -> BoxFuture<'_, ()>;
}
