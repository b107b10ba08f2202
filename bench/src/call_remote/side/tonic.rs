//! gRPC by tonic: messages by prost's derive, the service written out as its generator would write it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::anyhow;
use bytes::Bytes;
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::{NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::{Caller, Handler};

/// What was tuned, for the page.
pub(crate) const TUNED: &str = "tonic 0.14: one HTTP/2 connection, TCP_NODELAY on both sides, windows of 1 MiB a stream and 8 MiB a connection, bodies as `bytes::Bytes` (no copy out of the frame), no compression.";

const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;

/// The request, and the answer.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Echo {
    #[prost(bytes = "bytes", tag = "1")]
    body: Bytes,
}

/// Answers every connection until the process ends.
pub(crate) async fn serve(listener: TcpListener, handler: Handler) -> anyhow::Result<()> {
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .add_service(EchoServer { handler })
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await?;
    Ok(())
}

/// Callers that share one channel.
pub(crate) async fn connect(port: u16, callers: usize) -> anyhow::Result<Vec<EchoClient>> {
    let channel = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .connect()
        .await?;
    Ok((0..callers)
        .map(|_| EchoClient {
            grpc: tonic::client::Grpc::new(channel.clone()),
        })
        .collect())
}

pub(crate) struct EchoClient {
    grpc: tonic::client::Grpc<Channel>,
}

impl Caller for EchoClient {
    async fn call(&mut self, body: &Bytes) -> anyhow::Result<usize> {
        self.grpc
            .ready()
            .await
            .map_err(|error| anyhow!("tonic's channel is not ready: {error}"))?;
        let path = http::uri::PathAndQuery::from_static("/bench.Echo/Echo");
        let codec = ProstCodec::<Echo, Echo>::default();
        let answer = self
            .grpc
            .unary(Request::new(Echo { body: body.clone() }), path, codec)
            .await?;
        Ok(answer.into_inner().body.len())
    }
}

#[derive(Clone)]
struct EchoServer {
    handler: Handler,
}

impl NamedService for EchoServer {
    const NAME: &'static str = "bench.Echo";
}

impl Service<http::Request<Body>> for EchoServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = EchoMethod { handler: self.handler };
        let known = request.uri().path() == "/bench.Echo/Echo";
        Box::pin(async move {
            if !known {
                return Ok(Status::unimplemented("the bench has one method").into_http());
            }
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<Echo, Echo>::default());
            Ok(grpc.unary(method, request).await)
        })
    }
}

struct EchoMethod {
    handler: Handler,
}

impl UnaryService<Echo> for EchoMethod {
    type Response = Echo;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Echo>, Status>> + Send>>;

    fn call(&mut self, request: Request<Echo>) -> Self::Future {
        let handler = self.handler;
        Box::pin(async move {
            handler.work().await;
            Ok(Response::new(request.into_inner()))
        })
    }
}
