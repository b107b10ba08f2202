//! Connections whose peers write their frames by hand.

use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use wire::frame::{HelloFrame, Kind, put};
use wire::{Tcp, Token};
use world::memory::World;
use world::{Address, Dispatch, Execution, ReplyKind, Service, Stream, Transport};

/// Writes the preface, a hello that says `said`, and `frames`, all at once.
async fn write(stream: &dyn Stream, said: &'static [u8], frames: &[u8]) {
    let mut bytes = Vec::new();
    let hello = HelloFrame {
        features: 0,
        token: b"token".to_vec(),
        said: Bytes::from_static(said),
    };
    hello.encode(&mut bytes);
    bytes.extend_from_slice(frames);
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let written = poll_fn(|cx| stream.poll_write(cx, &[IoSlice::new(rest)])).await;
        rest = &rest[written.expect("a peer that reads")..];
    }
}

#[test]
fn what_comes_with_the_hello_is_taken_in_without_more() {
    let mut goaway = Vec::new();
    put(Kind::Goaway, 0, b"closing time", &mut goaway);
    for frames in [goaway, b"no frame at all".repeat(2)] {
        let world = World::new(1);
        let (server, client) = (world.node("server"), world.node("client"));
        world.run(async {
            let at: Address = "server:80".into();
            let listener = server.network().listen(&at).await.expect("a listener");
            let peer = server.spawn("peer", async move {
                let stream = listener.accept().await.expect("a stream");
                write(&*stream, b"", &frames).await;
                std::future::pending::<()>().await;
            });
            let session = Tcp::default().connect(&client, &at, Bytes::new()).await;
            let session = session.unwrap_or_else(|error| panic!("{error}"));
            client.sleep(Duration::from_millis(1)).await;
            assert!(!session.is_open(), "a caller would wait for its deadline");
            peer.cancel();
        });
    }
}

/// Which peers' calls were begun, in their order; a peer is what its hello said.
#[derive(Clone, Default)]
struct Begun(Arc<Mutex<Vec<Bytes>>>);

struct Of(Bytes, Begun);

struct Nothing;

impl Service for Begun {
    fn hello(&self) -> Bytes {
        Bytes::new()
    }

    fn admit(&self, _: &Address, hello: &Bytes) -> Result<Arc<dyn Dispatch>, String> {
        Ok(Arc::new(Of(hello.clone(), self.clone())))
    }
}

impl Dispatch for Of {
    fn start(&self, _: &[u8]) -> Pin<Box<dyn Execution>> {
        self.1.0.lock().expect("no test panicked").push(self.0.clone());
        Box::pin(Nothing)
    }
}

impl Execution for Nothing {
    fn poll_reply(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut Vec<u8>) -> Poll<ReplyKind> {
        Poll::Ready(ReplyKind::Reply)
    }
}

#[test]
fn a_peer_with_much_to_say_lets_others_have_their_turn() {
    const CALLS: u64 = 2000;
    let world = World::new(1);
    let (server, client) = (world.node("server"), world.node("client"));
    // Both arrive in one moment.
    world.latency(Duration::ZERO);
    world.run(async {
        let at: Address = "server:80".into();
        let listener = server.network().listen(&at).await.expect("a listener");
        let begun = Begun::default();
        let tcp = Tcp {
            token: Some(Token::new("token").expect("a token")),
            face: None,
        };
        let _door = tcp.serve(&server, listener, Arc::new(begun.clone()));
        let busy = client.network().connect(&at).await.expect("a connection");
        let other = client.network().connect(&at).await.expect("a connection");
        let (mut many, mut one) = (Vec::new(), Vec::new());
        (0..CALLS).for_each(|number| put(Kind::Call, number, b"", &mut many));
        put(Kind::Call, 0, b"", &mut one);
        write(&*busy, b"busy", &many).await;
        write(&*other, b"other", &one).await;
        client.sleep(Duration::from_secs(1)).await;
        let begun = begun.0.lock().expect("no test panicked");
        assert_eq!(begun.len() as u64, CALLS + 1);
        let turn = begun.iter().position(|peer| peer == "other");
        assert!(
            turn.is_some_and(|turn| (turn as u64) < CALLS / 2),
            "its turn was {turn:?}"
        );
    });
}

/// Waits a while on the node's clock, and answers a megabyte.
struct Later(world::Sleep);

impl Execution for Later {
    fn poll_reply(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<ReplyKind> {
        Pin::new(&mut self.0).poll(cx).map(|()| {
            out.resize(out.len() + (1 << 20), 0);
            ReplyKind::Reply
        })
    }
}

struct Large(world::Env);

impl Dispatch for Large {
    fn start(&self, _request: &[u8]) -> Pin<Box<dyn Execution>> {
        Box::pin(Later(self.0.sleep(Duration::from_millis(10))))
    }
}

impl Service for Large {
    fn hello(&self) -> Bytes {
        Bytes::new()
    }

    fn admit(&self, _peer: &Address, _hello: &Bytes) -> Result<Arc<dyn Dispatch>, String> {
        Ok(Arc::new(Large(self.0.clone())))
    }
}

#[test]
fn a_peer_that_takes_no_answers_gets_overloaded_instead_of_all_memory() {
    const CALLS: u64 = 400;
    let world = World::new(1);
    let (server, client) = (world.node("server"), world.node("client"));
    world.run(async {
        let at: Address = "server:80".into();
        let listener = server.network().listen(&at).await.expect("a listener");
        let tcp = Tcp {
            token: Some(Token::new("token").expect("a token")),
            face: None,
        };
        let door = tcp.serve(&server, listener, Arc::new(Large(server.clone())));
        let stream = client.network().connect(&at).await.expect("a stream");
        let mut calls = Vec::new();
        for number in 0..CALLS {
            put(Kind::Call, number, b"", &mut calls);
        }
        write(&*stream, b"", &calls).await;
        // All of them have answered before the first answer is taken.
        client.sleep(Duration::from_secs(1)).await;

        let (mut input, mut assembly) = (bytes::BytesMut::new(), wire::frame::Assembly::default());
        let (mut preface, mut replies, mut refused) = (false, 0, 0);
        while replies + refused < CALLS {
            input.reserve(1 << 16);
            let read = poll_fn(|cx| stream.poll_read(cx, &mut input))
                .await
                .expect("the server is there");
            assert_ne!(read, 0, "the connection stays");
            if !preface && input.len() >= 2 {
                drop(input.split_to(2));
                preface = true;
            }
            while let Some(message) = assembly.next(&mut input).expect("frames") {
                match message.kind {
                    Kind::Reply => replies += 1,
                    Kind::Error => refused += 1,
                    _ => {}
                }
            }
        }
        assert!(
            refused > 200,
            "{refused} of {CALLS} megabytes were not kept, {replies} were"
        );
        assert!(replies >= 64, "{replies} megabytes were kept");
        drop(door);
    });
}
