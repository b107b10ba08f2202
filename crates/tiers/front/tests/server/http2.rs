//! HTTP/2 with prior knowledge: the same life, and what is its own.

use axum::http::{Request, StatusCode};
use bytes::{Bytes, BytesMut};
use front::Config;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::rt::{Read, Write};
use wire::http::{Clock, Socket, Tasks};
use world::Env;

use crate::peer::{Place, run};

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
    run(Config::default(), async |place| {
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
