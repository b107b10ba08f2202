//! Ours: the component served by `serve`, called through `Client::connect`.

use bytes::Bytes;
use terrace::{CallError, Client, Cx, Ref};
use tokio::net::TcpListener;

use super::{Caller, Handler};

/// What was tuned, for the page.
pub(crate) const TUNED: &str = "ours: one connection, defaults; everything on (deadline, cancellation, trace ids, call ids, counters, retry budget).";

/// Whether there is something to measure.
pub(crate) const MEASURED: bool = true;

/// The error of the component.
#[terrace::data]
pub(crate) enum EchoError {
    /// The call failed.
    Call(CallError),
}

impl From<CallError> for EchoError {
    fn from(error: CallError) -> EchoError {
        EchoError::Call(error)
    }
}

/// Answers what it is given.
#[terrace::component]
pub(crate) trait Echo {
    #[call(read)]
    async fn echo(&self, cx: &Cx, body: Bytes) -> Result<Bytes, EchoError>;
}

struct EchoModule {
    handler: Handler,
}

impl Echo for EchoModule {
    async fn echo(&self, _: &Cx, body: Bytes) -> Result<Bytes, EchoError> {
        self.handler.work().await;
        Ok(body)
    }
}

/// Answers every connection until the process ends.
pub(crate) async fn serve(listener: TcpListener, handler: Handler) -> anyhow::Result<()> {
    let echo: Ref<dyn Echo> = Ref::new(EchoModule { handler });
    let _serving = terrace::serve(&echo, listener)?;
    std::future::pending().await
}

/// Callers that share one connection.
pub(crate) async fn connect(port: u16, callers: usize) -> anyhow::Result<Vec<EchoClient>> {
    let echo = Client::<dyn Echo>::connect(format!("127.0.0.1:{port}")).await?;
    Ok((0..callers)
        .map(|_| EchoClient {
            echo: echo.clone(),
            cx: Cx::for_test(),
        })
        .collect())
}

pub(crate) struct EchoClient {
    echo: Ref<dyn Echo>,
    cx: Cx,
}

impl Caller for EchoClient {
    async fn call(&mut self, body: &Bytes) -> anyhow::Result<usize> {
        match self.echo.echo(&self.cx, body.clone()).await {
            Ok(body) => Ok(body.len()),
            Err(EchoError::Call(error)) => Err(error.into()),
        }
    }
}
