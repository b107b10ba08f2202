//! tarpc over TCP with bincode, as its manual sets it up.

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tarpc::serde_transport::Transport;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::{client, context};
use tokio::net::{TcpListener, TcpStream};

use super::{Caller, Handler};

/// What was tuned, for the page.
pub(crate) const TUNED: &str = "tarpc 0.38: its TCP transport with bincode over one connection, TCP_NODELAY on both sides, a task for each request as in its manual, bodies as `bytes::Bytes` (copied whole, not number by number).";

#[tarpc::service]
pub(crate) trait Echo {
    async fn echo(body: Bytes) -> Bytes;
}

/// Answers every connection until the process ends.
pub(crate) async fn serve(listener: TcpListener, handler: Handler) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let channel = BaseChannel::with_defaults(Transport::from((stream, Bincode::default())));
        tokio::spawn(answer(channel.execute(EchoServer { handler }.serve())));
    }
}

/// Callers that share one connection.
pub(crate) async fn connect(port: u16, callers: usize) -> anyhow::Result<Vec<EchoClient>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let client = EchoClient::new(client::Config::default(), Transport::from((stream, Bincode::default()))).spawn();
    Ok(vec![client; callers])
}

impl Caller for EchoClient {
    async fn call(&mut self, body: &Bytes) -> anyhow::Result<usize> {
        Ok(self.echo(context::current(), body.clone()).await?.len())
    }
}

#[derive(Clone)]
struct EchoServer {
    handler: Handler,
}

impl Echo for EchoServer {
    async fn echo(self, _: context::Context, body: Bytes) -> Bytes {
        self.handler.work().await;
        body
    }
}

async fn answer(requests: impl Stream<Item = impl Future<Output = ()> + Send + 'static>) {
    requests
        .for_each(|request| async {
            tokio::spawn(request);
        })
        .await;
}
