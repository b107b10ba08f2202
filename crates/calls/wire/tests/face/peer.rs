//! A face served on one node of a world in memory, and a peer that writes its bytes by hand.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use tokio::sync::{Notify, oneshot};
use wire::answer::{Reason, USER_ERROR, VALUE, encode_failure};
use wire::face::{Face, FaceLimits, Trust, serve};
use wire::head::Head;
use wire::shape::{Body, TypeDef, TypeRef};
use wire::{CallError, CallErrorKind, ErrorCode, Interface, Marks, Method, Ran};
use world::memory::World;
use world::{Dispatch, Env, Execution, ReplyKind, Stream, Task};

/// What runs the requests: each method is one way in which a request can end.
#[derive(Default)]
pub(crate) struct Ways {
    /// Requests that were begun.
    pub(crate) begun: AtomicUsize,
    /// Requests that were dropped before they were answered.
    pub(crate) dropped: Arc<AtomicUsize>,
    /// Lets `wait` answer.
    pub(crate) go: Arc<Notify>,
}

/// The methods of `Greeter`, by number.
const METHODS: [&str; 7] = ["echo", "fail", "refuse", "panic", "wait", "head", "large"];

impl Dispatch for Ways {
    fn start(&self, request: &[u8]) -> Pin<Box<dyn Execution>> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let (head, arguments) = Head::decode(request).expect("a head that the face made");
        let mut out = vec![VALUE];
        let kind = match METHODS[head.method as usize] {
            "echo" => {
                out.extend_from_slice(arguments);
                ReplyKind::Reply
            }
            "fail" => {
                out = vec![USER_ERROR, ErrorCode::NotFound.number()];
                out.extend_from_slice(br#"{"Unknown":{"id":7}}"#);
                ReplyKind::Reply
            }
            "refuse" => {
                out.clear();
                let error = CallError::not_run(CallErrorKind::Incompatible, "`name` is missing");
                encode_failure(Reason::InvalidArguments, &error, &mut out)
            }
            "panic" => {
                out.clear();
                encode_failure(
                    Reason::Kind,
                    &CallError::maybe_run(CallErrorKind::Failed, "it panicked"),
                    &mut out,
                )
            }
            "wait" => {
                let (go, dropped) = (self.go.clone(), self.dropped.clone());
                let gone = Some(Gone(dropped));
                return Box::pin(Waiting {
                    going: Box::pin(async move { go.notified().await }),
                    gone,
                });
            }
            "large" => {
                out.resize(4 << 20, b' ');
                ReplyKind::Reply
            }
            _ => {
                let traced = head.trace.map(|(trace, span, _)| format!("{trace:x}/{span:x}"));
                let text = format!("{:?} {:?} {traced:?}", head.remaining_micros, head.call_id);
                out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
                ReplyKind::Reply
            }
        };
        Box::pin(Ready(kind, out))
    }
}

struct Ready(ReplyKind, Vec<u8>);

impl Execution for Ready {
    fn poll_reply(self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<ReplyKind> {
        out.extend_from_slice(&self.1);
        Poll::Ready(self.0)
    }
}

struct Waiting {
    going: Pin<Box<dyn Future<Output = ()> + Send>>,
    gone: Option<Gone>,
}

struct Gone(Arc<AtomicUsize>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Execution for Waiting {
    fn poll_reply(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<ReplyKind> {
        self.going.as_mut().poll(cx).map(|()| {
            // It was answered, so it is not counted.
            std::mem::forget(self.gone.take());
            out.extend_from_slice(&[VALUE, b'1']);
            ReplyKind::Reply
        })
    }
}

fn interface() -> Interface {
    let method = |name: &&str| Method {
        name: (*name).to_string(),
        doc: String::new(),
        marks: Marks::default(),
        arguments: Vec::new(),
        output: TypeRef::Unit,
        error: TypeRef::Named(0),
    };
    let error = TypeDef {
        name: "GreetError".to_string(),
        body: Body::Unit,
    };
    Interface {
        name: "Greeter".to_string(),
        owner: None,
        requires: None,
        doc: String::new(),
        methods: METHODS.iter().map(method).collect(),
        types: vec![error],
    }
}

/// A connection to a face.
pub(crate) struct Peer {
    pub(crate) env: Env,
    pub(crate) stream: Arc<dyn Stream>,
    pub(crate) ways: Arc<Ways>,
    /// Ends when the connection has been served.
    pub(crate) served: Task<()>,
    /// Asks the server to drain.
    pub(crate) drain: Option<oneshot::Sender<()>>,
    unread: BytesMut,
}

/// An answer by HTTP/1.
#[derive(Debug)]
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
}

/// Runs `test` with one connection to a face on loopback with the default limits.
pub(crate) fn run<T>(test: impl AsyncFnOnce(Peer) -> T) -> T {
    run_with(Trust::on_loopback(), FaceLimits::default(), test)
}

/// Runs `test` with one connection to a face.
pub(crate) fn run_with<T>(trust: Trust, limits: FaceLimits, test: impl AsyncFnOnce(Peer) -> T) -> T {
    let world = World::new(7);
    let (server, client) = (world.node("server"), world.node("client"));
    let ways = Arc::new(Ways::default());
    let face = Arc::new(Face {
        interfaces: vec![Arc::new(interface())],
        dispatch: ways.clone(),
        trust,
        limits,
    });
    world.run(async {
        let at = "server:80".into();
        let listener = server.network().listen(&at).await.expect("a listener");
        let (drain, drained) = oneshot::channel();
        let env = server.clone();
        let served = server.spawn("served", async move {
            let stream = listener.accept().await.expect("a stream");
            let drained = async move {
                if drained.await.is_err() {
                    std::future::pending().await
                }
            };
            serve(&env, stream, BytesMut::new(), face, drained).await;
        });
        let stream = client.network().connect(&at).await.expect("a connection");
        let unread = BytesMut::new();
        test(Peer {
            env: client.clone(),
            stream,
            ways,
            served,
            drain: Some(drain),
            unread,
        })
        .await
    })
}

/// A POST of `body` to `path`, with more header lines.
pub(crate) fn post(path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
}

impl Peer {
    pub(crate) async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
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

    /// Whether the server ended the stream and has nothing more to say.
    pub(crate) async fn at_end(&mut self) -> bool {
        self.receive().await.is_empty()
    }

    /// The next answer by HTTP/1.
    pub(crate) async fn answer(&mut self) -> Answered {
        let mut text = Vec::new();
        loop {
            let head_bytes = text.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
            if let Some(head_bytes) = head_bytes {
                let head = String::from_utf8(text[..head_bytes].to_vec()).expect("a head in UTF-8");
                let status = head[9..12].parse().expect("a status");
                let mut answered = Answered {
                    status,
                    head,
                    body: String::new(),
                };
                let length: usize = answered.header("content-length").parse().unwrap_or(0);
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
        self.send(request.as_bytes()).await.expect("a server that reads");
        self.answer().await
    }

    pub(crate) fn begun(&self) -> usize {
        self.ways.begun.load(Ordering::Relaxed)
    }

    pub(crate) fn dropped(&self) -> usize {
        self.ways.dropped.load(Ordering::Relaxed)
    }
}

/// What an error's header says of the callee.
pub(crate) fn ran(ran: Ran) -> &'static str {
    match ran {
        Ran::No => "no",
        Ran::Maybe => "maybe",
    }
}
