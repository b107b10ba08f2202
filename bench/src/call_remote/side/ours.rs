//! Ours: the component served by `serve`, called through `Client::connect`.

use anyhow::bail;
use bytes::Bytes;
use tokio::net::TcpListener;

use super::{Caller, Handler};

/// What was tuned, for the page.
pub(crate) const TUNED: &str = "ours: one connection, defaults.";

/// Whether there is something to measure.
pub(crate) const MEASURED: bool = false;

/// Answers every connection until the process ends.
pub(crate) async fn serve(_: TcpListener, _: Handler) -> anyhow::Result<()> {
    bail!("there is no component to serve yet; measure raw, tonic or tarpc")
}

/// Callers that share one connection.
pub(crate) async fn connect(_: u16, _: usize) -> anyhow::Result<Vec<EchoClient>> {
    bail!("there is no component to call yet; measure raw, tonic or tarpc")
}

pub(crate) struct EchoClient {}

impl Caller for EchoClient {
    async fn call(&mut self, body: &Bytes) -> anyhow::Result<usize> {
        Ok(body.len())
    }
}
