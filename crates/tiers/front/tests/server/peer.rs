//! A server on one node of a world in memory, and a peer that writes its bytes by hand.

use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{any, get, post};
use bytes::{Bytes, BytesMut};
use front::{Call, Config, Event, EventSender, Events, Handle, Problem, Tls, Web, serve};
use hyper::body::Frame;
use tokio::sync::Notify;
use world::memory::World;
use world::{Env, Sleep, Stream};

/// What the handlers tell a test, and wait for.
#[derive(Clone, Default)]
pub(crate) struct Told {
    /// Lets `/wait` answer.
    pub(crate) go: Arc<Notify>,
    /// What handlers were dropped or saw.
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
}

impl Told {
    pub(crate) fn say(&self, what: impl Into<String>) {
        self.seen.lock().expect("no test panics with it").push(what.into());
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no test panics with it").clone()
    }
}

/// Says so if it is dropped before it is disarmed.
struct Gone(Told, bool);

impl Drop for Gone {
    fn drop(&mut self) {
        if !self.1 {
            self.0.say("dropped");
        }
    }
}

/// Routes that show each way in which a request can go.
pub(crate) fn router(told: &Told) -> Router {
    let (waiting, seeing) = (told.clone(), told.clone());
    Router::new()
        .route(
            "/hello",
            get(|call: Call| async move { format!("hello {}", call.peer()) }),
        )
        .route("/echo", post(|body: Bytes| async move { body }))
        .route("/unread", post(|| async { "not read" }))
        .route(
            "/large",
            post(async |call: Call, request: axum::extract::Request| {
                call.allow(4 << 20, Duration::from_secs(120));
                let read = axum::body::to_bytes(request.into_body(), usize::MAX).await;
                read.map(|bytes| bytes.len().to_string())
                    .map_err(|_| StatusCode::IM_A_TEAPOT)
            }),
        )
        .route(
            "/wait",
            get(async move || {
                let mut gone = Gone(waiting.clone(), false);
                waiting.say("begun");
                waiting.go.notified().await;
                gone.1 = true;
                "waited"
            }),
        )
        .route("/panic", get(panics))
        .route("/fault", get(|| async { Problem::internal("the disk is full") }))
        .route("/big", get(|| async { Body::from(vec![b'x'; 8 << 20]) }))
        // More than a stream holds, and little enough that what is left is given away at once.
        .route("/medium", get(|| async { "x".repeat(100 << 10) }))
        .route(
            "/later",
            get(async |call: Call| Body::new(Later(call.env().sleep(Duration::from_secs(200)), false))),
        )
        .route(
            "/events",
            get(async |call: Call| {
                // More than a stream holds, so that some wait.
                Events::new(&call, async |events: EventSender| {
                    for _ in 0..10 {
                        let _ = events.send(Event::new("x".repeat(1 << 20))).await;
                    }
                    std::future::pending::<()>().await;
                })
            }),
        )
        .route(
            "/own",
            get(|| async { ([("content-security-policy", "default-src 'none'")], "own") }),
        )
        .route(
            "/seen",
            any(async move |headers: HeaderMap| {
                seeing.say(format!("{headers:?}"));
                "seen"
            }),
        )
}

/// A body that says one word after a long time, as one of events may.
struct Later(Sleep, bool);

impl hyper::body::Body for Later {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::convert::Infallible>>> {
        if self.1 {
            return Poll::Ready(None);
        }
        ready!(Pin::new(&mut self.0).poll(cx));
        self.1 = true;
        Poll::Ready(Some(Ok(Frame::data("later".into()))))
    }
}

async fn panics() -> &'static str {
    panic!("a handler's fault")
}

/// A server and whoever asks it.
pub(crate) struct Place {
    pub(crate) world: World,
    pub(crate) client: Env,
    pub(crate) server: Env,
    pub(crate) handle: Arc<Handle>,
    pub(crate) told: Told,
}

/// Runs `test` with a server within `config`.
pub(crate) fn run<T>(config: Config, test: impl AsyncFnOnce(Place) -> T) -> T {
    run_from("client", config, test)
}

/// The same with another name for the node that asks.
pub(crate) fn run_from<T>(client: &str, config: Config, test: impl AsyncFnOnce(Place) -> T) -> T {
    let world = World::new(11);
    let (server, client) = (world.node("server"), world.node(client));
    let told = Told::default();
    world.clone().run(async move {
        let handle = started(&server, config, &told, None).await;
        let place = Place {
            world,
            client,
            server,
            handle: Arc::new(handle),
            told,
        };
        test(place).await
    })
}

/// A server on a free port of `env`.
pub(crate) async fn started(env: &Env, config: Config, told: &Told, tls: Option<Tls>) -> Handle {
    let at = "127.0.0.1:0".into();
    let listener = env.network().listen(&at).await.expect("a listener");
    let web = Arc::new(Web {
        config,
        ..Web::new(router(told))
    });
    serve(env, listener, web, tls).await
}

impl Place {
    pub(crate) async fn connect(&self) -> Peer {
        let to = self.handle.address();
        let stream = self.client.network().connect(&to).await.expect("a connection");
        Peer::new(stream)
    }

    /// Lets virtual time pass.
    pub(crate) async fn pass(&self, seconds: u64) {
        self.client.sleep(Duration::from_secs(seconds)).await;
    }

    /// One request on a connection of its own.
    pub(crate) async fn ask(&self, request: &str) -> Answered {
        let mut peer = self.connect().await;
        peer.ask(request).await
    }
}

/// A connection, written by hand.
pub(crate) struct Peer {
    pub(crate) stream: Arc<dyn Stream>,
    unread: BytesMut,
}

/// An answer by HTTP/1.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answered {
    /// The header `name`, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    }

    /// What the problem says, where it is one.
    pub(crate) fn detail(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem: serde_json::Value = serde_json::from_str(&self.body).expect("JSON");
        assert_eq!(problem["status"], self.status, "{self:?}");
        problem["detail"].as_str().expect("a detail").to_string()
    }
}

impl Peer {
    pub(crate) fn new(stream: Arc<dyn Stream>) -> Peer {
        Peer {
            stream,
            unread: BytesMut::new(),
        }
    }

    pub(crate) async fn send(&self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        let mut rest = bytes.as_ref();
        while !rest.is_empty() {
            let written = poll_fn(|cx| self.stream.poll_write(cx, &[IoSlice::new(rest)])).await?;
            rest = &rest[written..];
        }
        Ok(())
    }

    pub(crate) async fn shut_down(&self) {
        poll_fn(|cx| self.stream.poll_shutdown(cx)).await.expect("a shutdown");
    }

    /// What arrives next; nothing at the end, or when the other side has reset the stream.
    pub(crate) async fn receive(&mut self) -> Bytes {
        if self.unread.is_empty() {
            self.unread.reserve(64 << 10);
            let _ = poll_fn(|cx| self.stream.poll_read(cx, &mut self.unread)).await;
        }
        self.unread.split().freeze()
    }

    /// What arrives next, and no more than `bytes` of it.
    pub(crate) async fn take(&mut self, bytes: usize) -> Bytes {
        let mut taken = BytesMut::with_capacity(bytes);
        let _ = poll_fn(|cx| self.stream.poll_read(cx, &mut taken)).await;
        taken.freeze()
    }

    /// Whether the server ended the stream and has nothing more to say.
    pub(crate) async fn at_end(&mut self) -> bool {
        self.receive().await.is_empty()
    }

    /// Everything until the end.
    pub(crate) async fn rest(&mut self) -> String {
        let mut all = Vec::new();
        loop {
            let more = self.receive().await;
            if more.is_empty() {
                return String::from_utf8_lossy(&all).into_owned();
            }
            all.extend_from_slice(&more);
        }
    }

    /// The next answer by HTTP/1.
    pub(crate) async fn answer(&mut self) -> Answered {
        self.answer_to(true).await
    }

    /// The next answer by HTTP/1, whose length a body follows only if `has_body`.
    pub(crate) async fn answer_to(&mut self, has_body: bool) -> Answered {
        let mut text = Vec::new();
        loop {
            let head_bytes = text.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
            if let Some(head_bytes) = head_bytes {
                let head = String::from_utf8(text[..head_bytes].to_vec()).expect("a head in UTF-8");
                let mut answered = Answered {
                    status: head[9..12].parse().expect("a status"),
                    head,
                    body: String::new(),
                };
                let length: usize = answered.header("content-length").parse().unwrap_or(0);
                let length = if has_body { length } else { 0 };
                if text.len() >= head_bytes + length {
                    let body = text[head_bytes..head_bytes + length].to_vec();
                    answered.body = String::from_utf8(body).expect("a body in UTF-8");
                    self.unread.extend_from_slice(&text[head_bytes + length..]);
                    return answered;
                }
            }
            let more = self.receive().await;
            assert!(
                !more.is_empty(),
                "the stream ended after {:?}",
                String::from_utf8_lossy(&text)
            );
            text.extend_from_slice(&more);
        }
    }

    /// Sends `request` and reads its answer.
    pub(crate) async fn ask(&mut self, request: &str) -> Answered {
        self.send(request).await.expect("a server that reads");
        self.answer().await
    }
}

/// A GET of `path`, with more header lines.
pub(crate) fn get_of(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n")
}

/// A POST of `body` to `path`.
pub(crate) fn post_of(path: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}")
}
