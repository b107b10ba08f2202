//! One request on a connection of its own, to an address that was checked before.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::http::{self, Response, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{IpAddr as TlsIp, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use terrace::{Address, ByteStream, Env};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use super::target::{Host, Target};
use super::{Outgoing, Refusal, Request};

/// Addresses of one host that are tried.
const TRIED_MAX: usize = 3;

/// How long one of them may take before the next one is tried.
const CONNECT_MAX: Duration = Duration::from_secs(4);

/// Bytes of the head of an answer.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// TLS by the roots of the web.
pub(super) fn tls(env: &Env) -> Result<TlsConnector, rustls::Error> {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let config = ClientConfig::builder_with_details(Arc::new(ring::default_provider()), Arc::new(Clock(env.clone())))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The node's clock, by which certificates are valid.
struct Clock(Env);

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.wall().as_micros() / 1_000_000).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// The answer to `request`, whose body is still to be read.
pub(super) async fn ask(
    outgoing: &Outgoing,
    target: &Target,
    places: &[IpAddr],
    request: &Request,
) -> Result<Response<Incoming>, Refusal> {
    let stream = connected(&outgoing.env, target.port, places).await?;
    if !target.is_tls {
        return spoken(&outgoing.env, stream, target, request).await;
    }
    let name = match &target.host {
        Host::Name(name) => {
            ServerName::try_from(name.clone()).map_err(|_| unreachable("its name is no name of a host"))?
        }
        Host::Ip(address) => ServerName::IpAddress(TlsIp::from(*address)),
    };
    let secured = outgoing.tls.connect(name, stream).await;
    let secured = secured.map_err(|error| unreachable(format!("HTTPS: {error}")))?;
    spoken(&outgoing.env, secured, target, request).await
}

/// A connection to one of the addresses, and to none else: no name is resolved any more.
async fn connected(env: &Env, port: u16, places: &[IpAddr]) -> Result<ByteStream, Refusal> {
    let mut last = unreachable("it has no address");
    for place in places.iter().take(TRIED_MAX) {
        let at = Address::new(SocketAddr::new(*place, port).to_string());
        match env.timeout(CONNECT_MAX, env.network().connect(&at)).await {
            Ok(Ok(stream)) => return Ok(ByteStream::new(stream, Bytes::new())),
            Ok(Err(error)) => last = unreachable(error.to_string()),
            Err(_) => last = unreachable(format!("{at} does not answer")),
        }
    }
    Err(last)
}

async fn spoken<S>(env: &Env, stream: S, target: &Target, request: &Request) -> Result<Response<Incoming>, Refusal>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| unreachable(error.to_string()))?;
    // It ends with its sender and its answer.
    drop(env.spawn("outgoing", async move {
        let _ = connection.await;
    }));
    let mut head = http::Request::builder()
        .method(request.method.clone())
        .uri(&target.path)
        .header(header::HOST, target.authority())
        .header(header::USER_AGENT, concat!("terrace-todo/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT_ENCODING, "gzip, identity")
        .header(header::CONNECTION, "close");
    for (name, value) in &request.headers {
        head = head.header(name, value);
    }
    let request = head
        .body(Full::new(request.body.clone()))
        .map_err(|error| super::address(format!("this address cannot be asked: {error}")))?;
    let answer = sender.send_request(request).await;
    answer.map_err(|error| unreachable(format!("it breaks off: {error}")))
}

pub(super) fn unreachable(why: impl Into<String>) -> Refusal {
    Refusal::Unreachable(why.into())
}
