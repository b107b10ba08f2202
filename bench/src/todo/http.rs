//! A connection to a server, one request at a time.

use anyhow::Context;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{HeaderMap, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

pub(crate) const TODOS: &str = "/api/todos";
pub(crate) const LIST: &str = "/api/todos?limit=50";

pub(crate) struct Connection {
    send: SendRequest<Full<Bytes>>,
    host: String,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Connection {
    /// To a server at `http://ADDRESS`.
    pub(crate) async fn open(url: &str) -> anyhow::Result<Connection> {
        let host = url
            .strip_prefix("http://")
            .context("the address of a server is no http://")?;
        let host = host.trim_end_matches('/').to_owned();
        let stream = TcpStream::connect(&host).await?;
        stream.set_nodelay(true)?;
        let (send, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Connection { send, host })
    }

    pub(crate) async fn ask(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        self.send.ready().await?;
        let response = self.send.send_request(request).await?;
        let (head, body) = response.into_parts();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
        })
    }

    pub(crate) async fn list(&mut self, token: &str) -> anyhow::Result<Answer> {
        let request = self.request("GET", LIST, Some(token)).body(Full::default())?;
        self.ask(request).await
    }

    pub(crate) async fn add(&mut self, token: &str, key: &str, body: String) -> anyhow::Result<Answer> {
        let request = self
            .request("POST", TODOS, Some(token))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .body(Full::from(body))?;
        self.ask(request).await
    }

    pub(crate) fn request(&self, method: &str, path: &str, token: Option<&str>) -> hyper::http::request::Builder {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.host);
        match token {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }
}

/// A to-do as people write them.
pub(crate) fn to_do(number: u64) -> String {
    let (hour, minute) = (number % 24, number % 60);
    format!(
        r#"{{"title":"Call number {number} of the people on the list","due":"2027-03-04T{hour:02}:{minute:02}:00Z","tags":["errands","phone"]}}"#
    )
}
