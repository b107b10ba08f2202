//! HTTP/2 with prior knowledge: the same life, and what is its own.

use std::time::Duration;

use axum::http::{HeaderValue, Request, StatusCode};
use bytes::{Bytes, BytesMut};
use front::Config;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::rt::{Read, Write};
use wire::http::{Clock, Socket, Tasks};
use world::Env;

use crate::peer::{Peer, Place, run};

/// A client over `io`.
pub(crate) async fn client(env: &Env, io: impl Read + Write + Unpin + Send + 'static) -> SendRequest<Full<Bytes>> {
    let mut builder = http2::Builder::new(Tasks(env.clone()));
    builder.timer(Clock::new(env.clone()));
    let (client, connection) = builder.handshake(io).await.expect("a handshake");
    drop(env.spawn("client", connection));
    client
}

async fn connect(place: &Place) -> SendRequest<Full<Bytes>> {
    let stream = place.connect().await.stream;
    let write_timeout = Config::default().write_timeout;
    let socket = Socket::new(place.client.clone(), stream, BytesMut::new(), write_timeout);
    client(&place.client, socket).await
}

pub(crate) fn get(address: &str) -> Request<Full<Bytes>> {
    Request::get(address).body(Full::default()).expect("a request")
}

pub(crate) async fn ask(
    client: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> (StatusCode, axum::http::HeaderMap, String) {
    let response = client.send_request(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let body = String::from_utf8(body.to_vec()).expect("UTF-8");
    (parts.status, parts.headers, body)
}

#[test]
fn many_requests_share_a_connection_and_each_has_its_host() {
    run(Config::default(), async |place| {
        let mut client = connect(&place).await;
        let waiting = client.send_request(get("http://a/wait"));
        let (status, headers, body) = ask(&mut client, get("http://a:80/hello")).await;
        assert_eq!((status.as_u16(), body.as_str()), (200, "hello client"));
        assert_eq!(headers["x-request-id"].len(), 32);
        ask(&mut client, get("http://todo.example/seen")).await;
        assert!(
            place.told.seen()[1].contains("\"host\": \"todo.example\""),
            "{:?}",
            place.told.seen()
        );
        place.told.go.notify_one();
        assert_eq!(waiting.await.expect("an answer").status(), 200);
        let mut other = get("http://a/hello");
        other.headers_mut().insert("host", "b".parse().expect("a value"));
        let (status, _, body) = ask(&mut client, other).await;
        assert_eq!(status, 400, "{body}");
    });
}

#[test]
fn a_body_above_the_limit_is_answered_before_its_stream_is_reset() {
    run(Config::default(), async |place| {
        let mut client = connect(&place).await;
        for bytes in [(1 << 20) + 1, 4 << 20] {
            let body = Full::from(vec![b'b'; bytes]);
            let request = Request::post("http://a/echo").body(body).expect("a request");
            let (status, headers, body) = ask(&mut client, request).await;
            assert_eq!(status, 413, "{body}");
            assert_eq!(headers["content-type"], "application/problem+json");
        }
        assert_eq!(ask(&mut client, get("http://a/hello")).await.0, 200);
    });
}

#[test]
fn a_head_above_the_limit_is_refused() {
    run(Config::default(), async |place| {
        let mut client = connect(&place).await;
        let mut request = get("http://a/hello");
        let value = "b".repeat(20 << 10).parse().expect("a value");
        request.headers_mut().insert("a", value);
        let (status, headers, body) = ask(&mut client, request).await;
        assert_eq!(status, 431, "{body}");
        assert_eq!(headers["content-type"], "application/problem+json");
        assert_eq!(ask(&mut client, get("http://a/hello")).await.0, 200);
    });
}

#[test]
fn a_head_counts_each_field_and_what_is_asked_with_32_bytes_more() {
    run(Config::default(), async |place| {
        let mut client = connect(&place).await;
        // `:method` GET, `:scheme` http, `:authority` a, `:path` /hello, and `b`.
        let others = (7 + 3) + (7 + 4) + (10 + 1) + (5 + 6) + 1 + 5 * 32;
        let most = Config::default().header_bytes_max - others;
        for (bytes, status) in [(most, 200), (most + 1, 431)] {
            let mut request = get("http://a/hello");
            let value = "b".repeat(bytes).parse().expect("a value");
            request.headers_mut().insert("b", value);
            assert_eq!(ask(&mut client, request).await.0, status, "{bytes}");
        }
        for (fields, status) in [(64, 200), (65, 431)] {
            let mut request = get("http://a/hello");
            for _ in 0..fields {
                request.headers_mut().append("b", HeaderValue::from_static("b"));
            }
            assert_eq!(ask(&mut client, request).await.0, status, "{fields}");
        }
    });
}

#[test]
fn a_handler_has_its_time_and_its_panics_here_too() {
    run(Config::default(), async |place| {
        let mut client = connect(&place).await;
        assert_eq!(ask(&mut client, get("http://a/panic")).await.0, 500);
        assert_eq!(ask(&mut client, get("http://a/wait")).await.0, 503);
        assert_eq!(place.told.seen(), ["begun", "dropped"]);
    });
}

#[test]
fn a_drain_says_so_and_answers_what_has_begun() {
    run(Config::default(), async |place| {
        let mut client = connect(&place).await;
        let waiting = client.send_request(get("http://a/wait"));
        place.pass(1).await;
        let handle = place.handle.clone();
        let drained = place.server.spawn("drain", async move { handle.drain().await });
        place.pass(1).await;
        let late = client.send_request(get("http://a/hello")).await;
        assert!(late.is_err(), "it was told to go away");
        place.told.go.notify_one();
        assert_eq!(waiting.await.expect("an answer").status(), 200);
        drained.await.expect("drained");
    });
}

#[test]
fn a_peer_that_takes_nothing_of_one_answer_is_given_up() {
    let config = Config {
        // It is not for being idle.
        idle_timeout: Duration::from_secs(600),
        ..Config::default()
    };
    run(config, async |place| {
        let mut client = connect(&place).await;
        let answered = client.send_request(get("http://a/big")).await.expect("an answer");
        // It answers pings all the time.
        place.pass(65).await;
        assert!(client.send_request(get("http://a/hello")).await.is_err());
        assert!(answered.into_body().collect().await.is_err());
    });
}

#[test]
fn an_answer_that_has_nothing_to_say_for_long_is_not_cut() {
    run(Config::default(), async |place| {
        let mut client = connect(&place).await;
        assert_eq!(ask(&mut client, get("http://a/later")).await.2, "later");
        let mut peer = place.connect().await;
        peer.send(crate::peer::get_of("/later", "")).await.expect("sent");
        place.pass(201).await;
        peer.shut_down().await;
        assert!(peer.rest().await.contains("\r\n5\r\nlater\r\n"));
    });
}

#[test]
fn an_idle_connection_ends_in_its_time() {
    run(Config::default(), async |place| {
        let mut client = connect(&place).await;
        assert_eq!(ask(&mut client, get("http://a/hello")).await.0, 200);
        place.pass(59).await;
        assert_eq!(ask(&mut client, get("http://a/hello")).await.0, 200);
        place.pass(61).await;
        assert!(client.ready().await.is_err());
    });
}

/// A frame of RFC 9113, 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a small frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

/// The ping with which h2 asks whether a peer has heard that it is to go.
const HEARD: [u8; 8] = [0x0b, 0x7b, 0xa2, 0xf0, 0x8b, 0x9b, 0xfe, 0x54];

/// A peer that writes its frames by hand. It answers pings, but not whether it has heard that it is to go.
struct Handmade {
    peer: Peer,
    unread: Vec<u8>,
}

impl Handmade {
    async fn connect(place: &Place) -> Handmade {
        let peer = place.connect().await;
        let hello = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &frame(SETTINGS, 0, 0, &[])[..]].concat();
        peer.send(hello).await.expect("sent");
        let unread = Vec::new();
        Handmade { peer, unread }
    }

    async fn send(&self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let sent = self.peer.send(frame(kind, flags, stream, payload)).await;
        sent.expect("a server that reads");
    }

    /// The payload of the next frame of `kind`; none at the end.
    async fn next(&mut self, kind: u8) -> Option<Vec<u8>> {
        loop {
            let length = self.unread.get(..3).map(|head| {
                let bytes = head.iter().fold(0, |all, byte| all << 8 | usize::from(*byte));
                9 + bytes
            });
            if let Some(length) = length.filter(|length| self.unread.len() >= *length) {
                let frame: Vec<u8> = self.unread.drain(..length).collect();
                let payload = frame[9..].to_vec();
                if frame[3] == kind {
                    return Some(payload);
                }
                if frame[3] == PING && payload != HEARD {
                    self.send(PING, 1, 0, &payload).await;
                }
                continue;
            }
            let more = self.peer.receive().await;
            if more.is_empty() {
                return None;
            }
            self.unread.extend_from_slice(&more);
        }
    }
}

#[test]
fn whoever_is_idle_is_told_to_go_and_what_crossed_that_is_answered() {
    run(Config::default(), async |place| {
        let mut peer = Handmade::connect(&place).await;
        let began = place.client.now();
        let told = peer.next(GOAWAY).await.expect("it is told");
        assert_eq!(told[..4], 0x7fff_ffff_u32.to_be_bytes(), "streams are still taken");
        let waited = place.client.now().saturating_duration_since(began).as_secs();
        assert_eq!(waited, Config::default().idle_timeout.as_secs());
        // GET http://a/hello, as RFC 7541 has it, in a frame that ends the stream.
        peer.send(HEADERS, 5, 1, b"\x82\x86\x04\x06/hello\x01\x01a").await;
        let answered = peer.next(HEADERS).await.expect("an answer");
        assert_eq!(answered[0], 0x88, "200");
        peer.send(PING, 1, 0, &HEARD).await;
        let told = peer.next(GOAWAY).await.expect("it is told which was the last");
        assert_eq!(told[..4], [0, 0, 0, 1]);
        assert_eq!(peer.next(GOAWAY).await, None);
    });
}

#[test]
fn whoever_is_told_to_go_and_does_not_is_closed() {
    run(Config::default(), async |place| {
        let mut peer = Handmade::connect(&place).await;
        peer.next(GOAWAY).await.expect("it is told");
        let told = place.client.now();
        assert_eq!(peer.next(GOAWAY).await, None);
        let waited = place.client.now().saturating_duration_since(told).as_secs();
        assert_eq!(waited, Config::default().header_timeout.as_secs());
    });
}
