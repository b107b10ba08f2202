//! What a site is built with, behind a server.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use front::{Call, Event, EventSender, Events, Files, Json, Web, compressed, serve};
use world::Env;
use world::memory::World;

use crate::peer::{Peer, get_of};

fn run(router: Router, test: impl AsyncFnOnce(&mut Peer, Arc<front::Handle>, Env)) {
    run_web(Web::new(router), test);
}

fn run_web(web: Web, test: impl AsyncFnOnce(&mut Peer, Arc<front::Handle>, Env)) {
    let world = World::new(11);
    let (server, client) = (world.node("server"), world.node("client"));
    world.clone().run(async move {
        let listener = server
            .network()
            .listen(&"127.0.0.1:0".into())
            .await
            .expect("a listener");
        let handle = Arc::new(serve(&server, listener, Arc::new(web), None).await);
        let stream = client.network().connect(&handle.address()).await.expect("a connection");
        test(&mut Peer::new(stream), handle, server).await;
    });
}

#[test]
fn a_stream_of_events_ends_when_the_server_drains() {
    let events = |call: Call| async move {
        Events::new(&call, async move |events: EventSender| {
            let _ = events.send(Event::new("hello")).await;
            std::future::pending::<()>().await;
        })
    };
    let router = compressed(Router::new().route("/events", get(events)));
    run(router, async |peer, handle, env| {
        let asked = get_of("/events", "accept-encoding: gzip\r\n");
        peer.send(asked).await.expect("sent");
        let mut said = String::new();
        while !said.contains("data: hello\n\n") {
            said.push_str(&String::from_utf8_lossy(&peer.receive().await));
        }
        assert!(said.contains("content-type: text/event-stream"), "{said}");
        let began = env.now();
        handle.drain().await;
        assert!(peer.rest().await.ends_with("0\r\n\r\n"), "the stream was cut");
        assert_eq!(env.now().saturating_duration_since(began).as_secs(), 0);
    });
}

#[test]
fn a_body_above_the_limit_is_told_so_by_every_extractor() {
    let router = Router::new().route("/json", post(async |Json(_): Json<serde_json::Value>| "read"));
    run(router, async |peer, _, _| {
        let body = format!("\"{}\"", "a".repeat(2 << 20));
        let head = "content-type: application/json\r\ntransfer-encoding: chunked\r\n";
        let request = format!(
            "POST /json HTTP/1.1\r\nhost: localhost\r\n{head}\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        );
        let answered = peer.ask(&request).await;
        assert_eq!(answered.status, 413);
        assert!(answered.detail().contains("larger than 1048576 bytes"), "{answered:?}");
    });
}

#[test]
fn a_head_of_a_file_says_its_length_and_the_connection_goes_on() {
    let files = Files::embedded(&[front::File {
        name: "a.txt",
        bytes: b"0123456789",
    }]);
    run(files.router(), async |peer, _, _| {
        let request = "HEAD /static/a.txt HTTP/1.1\r\nhost: localhost\r\n\r\n";
        peer.send(request).await.expect("sent");
        assert_eq!(peer.answer_to(false).await.header("content-length"), "10");
        assert_eq!(
            peer.ask(&get_of("/static/a.txt", "range: bytes=-2\r\n")).await.body,
            "89"
        );
    });
}

#[test]
fn a_head_of_what_is_packed_says_no_length_and_the_connection_goes_on() {
    let router = compressed(Router::new().route("/text", get(async || "a".repeat(4096))));
    run(router, async |peer, _, _| {
        let packed = "accept-encoding: gzip\r\n";
        peer.send(format!("HEAD /text HTTP/1.1\r\nhost: localhost\r\n{packed}\r\n"))
            .await
            .expect("sent");
        let head = peer.answer_to(false).await;
        assert_eq!(
            (head.header("content-encoding"), head.header("content-length")),
            ("gzip", "")
        );
        assert_eq!(peer.ask(&get_of("/text", "")).await.body, "a".repeat(4096));
    });
}

#[test]
fn behind_proxies_a_request_is_whose_they_say_and_without_them_nobody_is_believed() {
    let asked = get_of(
        "/",
        "x-forwarded-for: 6.6.6.6, 203.0.113.7\r\nx-forwarded-proto: https\r\n",
    );
    // What this test's client is called.
    const OWN: &str = "client";
    for (proxies, who, scheme) in [
        (0, OWN, "false"),
        (1, "203.0.113.7", "true"),
        (2, "6.6.6.6", "true"),
        (3, OWN, "true"),
    ] {
        let route = async |call: Call| format!("{} {}", call.peer(), call.is_tls());
        let mut web = Web::new(Router::new().route("/", get(route)));
        web.config.proxies = proxies;
        let asked = asked.clone();
        run_web(web, async |peer, _, _| {
            peer.send(asked).await.expect("sent");
            let mut answer = String::new();
            while !answer.contains(" true") && !answer.contains(" false") {
                answer.push_str(&String::from_utf8_lossy(&peer.receive().await));
            }
            assert!(answer.ends_with(&format!("\r\n{who} {scheme}")), "{proxies}: {answer}");
        });
    }
}
