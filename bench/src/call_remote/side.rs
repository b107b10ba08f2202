//! The sides that are compared, and what each of them can do.

pub(crate) mod ours;
pub(crate) mod raw;
pub(crate) mod tarpc;
pub(crate) mod tonic;

use std::future::Future;

use bytes::Bytes;
use clap::ValueEnum;
use tokio::runtime::Builder;

/// Who answers the call.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub(crate) enum Side {
    /// A socket ping-pong of the same bytes: the limit
    Raw,
    /// The component, through its wire
    Ours,
    /// gRPC over HTTP/2
    Tonic,
    /// Bincode over TCP
    Tarpc,
}

/// What runs the tasks of a process. Peers differ in which suits them, so each is measured on both.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub(crate) enum Runtime {
    /// One thread
    Current,
    /// Two worker threads
    Multi,
}

/// What a handler does before it answers with the bytes it got.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub(crate) enum Handler {
    /// Nothing: it is ready when it is first polled
    Ready,
    /// It waits once, as one that asks a database does
    Waits,
}

/// One caller of a load; its calls follow each other.
pub(crate) trait Caller: Send + 'static {
    /// Sends the bytes and gives the length of what came back.
    fn call(&mut self, body: &Bytes) -> impl Future<Output = anyhow::Result<usize>> + Send;
}

impl Side {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Side::Raw => "raw socket",
            Side::Ours => "ours",
            Side::Tonic => "tonic",
            Side::Tarpc => "tarpc",
        }
    }
}

impl Runtime {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Runtime::Current => "current-thread",
            Runtime::Multi => "multi-thread",
        }
    }

    pub(crate) fn build(self) -> std::io::Result<tokio::runtime::Runtime> {
        match self {
            Runtime::Current => Builder::new_current_thread().enable_all().build(),
            Runtime::Multi => Builder::new_multi_thread().worker_threads(2).enable_all().build(),
        }
    }
}

impl Handler {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Handler::Ready => "handler returns at once",
            Handler::Waits => "handler waits once",
        }
    }

    pub(crate) async fn work(self) {
        if self == Handler::Waits {
            tokio::task::yield_now().await;
        }
    }
}

/// Shows the name that the command line takes, so that one process can start another.
pub(crate) fn argument(value: impl ValueEnum) -> String {
    value
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}
