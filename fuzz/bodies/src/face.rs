//! The HTTP face: bytes as requests of HTTP/1 and HTTP/2.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use terrace::{CallError, CallErrorKind, ErrorCode};
use tokio::sync::oneshot;
use wire::answer::{Reason, USER_ERROR, VALUE, encode_failure};
use wire::head::Head;
use wire::{Codec, Face, FaceLimits, Token, Trust};
use world::memory::World;
use world::{Address, Dispatch, Env, Execution, ReplyKind, Sleep};

use crate::component::interface;
use crate::connection::TOKEN;
use crate::cursor::{Cursor, pieces};
use crate::talk::{ADDRESS, NODE, over, talk};

const RAW: u8 = 0;

/// The first byte chooses: the bytes as they are, or HTTP/2 with frames made from them; whether there is a token. The
/// second says in what pieces they arrive.
pub(crate) fn face(data: &[u8]) -> usize {
    let mut cursor = Cursor(data);
    let (choice, piece_bytes) = (cursor.byte(), cursor.byte());
    let bytes = match choice & 1 {
        RAW => cursor.rest().to_vec(),
        _ => http2(cursor),
    };
    let trust = Trust {
        token: (choice & 2 != 0).then(|| Token::new(TOKEN).expect("a token")),
        hosts: vec!["todo.example".to_string()],
        origins: vec!["https://todo.example".to_string()],
        ..Trust::on_loopback()
    };
    let world = World::new(1);
    let env = world.node(NODE);
    let face = Arc::new(Face {
        interfaces: vec![Arc::new(interface().clone())],
        dispatch: Arc::new(Ways(env.clone())),
        trust,
        limits: FaceLimits {
            request_bytes_max: 2_000,
            arriving_bytes_max: 3_000,
            ..FaceLimits::default()
        },
    });
    let said = world.run(served(&env, face, &bytes, piece_bytes));
    if !bytes.starts_with(b"PRI ") && !said.is_empty() {
        assert!(said.starts_with(b"HTTP/1."), "it answers otherwise than it was asked");
    }
    bytes.len()
}

async fn served(env: &Env, face: Arc<Face>, bytes: &[u8], piece_bytes: u8) -> Vec<u8> {
    let listener = env.network().listen(&Address::new(ADDRESS)).await.expect("a listener");
    let (drain, drained) = oneshot::channel::<()>();
    let server = env.clone();
    let serving = env.spawn("served", async move {
        let stream = listener.accept().await.expect("a stream");
        let drained = async move { drop(drained.await) };
        wire::face::serve(&server, stream, BytesMut::new(), face, drained).await;
    });
    let said = talk(env, pieces(bytes, piece_bytes)).await;
    drop(drain);
    over(env, "the connection", async {
        serving.await.expect("serving is all it does");
    })
    .await;
    said
}

/// Runs requests without arguments' types, so that only the face's own work is looked at.
struct Ways(Env);

impl Dispatch for Ways {
    fn start(&self, request: &[u8]) -> Pin<Box<dyn Execution>> {
        let (head, arguments) = Head::decode(request).expect("a head that the face made");
        assert_eq!((head.codec, head.component), (Codec::Json, 0));
        let mut out = Vec::new();
        let (kind, wait) = match head.method {
            0 | 1 => {
                out.push(VALUE);
                out.extend_from_slice(arguments);
                (ReplyKind::Reply, None)
            }
            2 => {
                let error = CallError::not_run(CallErrorKind::Incompatible, "`name` is missing");
                (encode_failure(Reason::InvalidArguments, &error, &mut out), None)
            }
            3 => {
                let error = CallError::maybe_run(CallErrorKind::Failed, "it failed");
                (encode_failure(Reason::Kind, &error, &mut out), None)
            }
            4 => {
                out.extend_from_slice(&[USER_ERROR, ErrorCode::NotFound.number()]);
                out.extend_from_slice(br#"{"Unknown":{"id":7}}"#);
                (ReplyKind::Reply, None)
            }
            5 => {
                out.extend_from_slice(&[VALUE, b'1']);
                (ReplyKind::Reply, Some(self.0.sleep(Duration::from_millis(50))))
            }
            _ => {
                out.resize(100_000, b' ');
                out[0] = VALUE;
                (ReplyKind::Reply, None)
            }
        };
        Box::pin(Way { kind, wait, out })
    }
}

struct Way {
    kind: ReplyKind,
    wait: Option<Sleep>,
    out: Vec<u8>,
}

impl Execution for Way {
    fn poll_reply(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<ReplyKind> {
        if let Some(wait) = &mut self.wait {
            std::task::ready!(Pin::new(wait).poll(cx));
        }
        out.extend_from_slice(&self.out);
        Poll::Ready(self.kind)
    }
}

/// Preface and settings, then frames of which every field is the input's choice.
fn http2(mut cursor: Cursor<'_>) -> Vec<u8> {
    let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    http2_frame(SETTINGS, 0, 0, b"", &mut out);
    while !cursor.is_empty() {
        let (kind, flags, stream, length) = (cursor.byte(), cursor.byte(), cursor.byte(), cursor.byte());
        let mut body = Vec::new();
        if kind & HEADED != 0 {
            headers(cursor.byte(), &mut body);
        }
        if kind & LONG != 0 {
            body.resize(body.len() + usize::from(length) * 64, b' ');
        } else {
            body.extend_from_slice(cursor.take(length.into()));
        }
        http2_frame(kind & 15, flags, stream.into(), &body, &mut out);
    }
    out
}

const SETTINGS: u8 = 4;
/// In a frame's kind: the header fields of a request come first.
const HEADED: u8 = 16;
/// In a frame's kind: the body is long.
const LONG: u8 = 32;

pub(crate) fn http2_frame(kind: u8, flags: u8, stream: u32, body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(body);
}

/// The fields of a request for one of the methods, as literals without indexing.
pub(crate) fn headers(choice: u8, out: &mut Vec<u8>) {
    let methods = &interface().methods;
    let method = &methods[usize::from(choice) % methods.len()].name;
    let path = format!("/{}/{method}", interface().name);
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", &path),
        (":authority", "localhost"),
        ("content-type", "application/json"),
        ("authorization", "Bearer secret"),
    ];
    for (name, value) in fields {
        out.push(0);
        for text in [name, value] {
            out.push(text.len() as u8);
            out.extend_from_slice(text.as_bytes());
        }
    }
}
