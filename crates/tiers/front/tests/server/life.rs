//! The life of one request.

use axum::http::{HeaderMap, Request};
use front::{Call, Config, redirect_to_https};
use tower::ServiceExt as _;
use world::memory::World;

use crate::peer::{get_of, post_of, run};

#[test]
fn an_answer_has_an_id_a_date_and_security_headers_and_the_connection_serves_the_next() {
    run(Config::default(), async |place| {
        let mut peer = place.connect().await;
        let first = peer.ask(&get_of("/hello", "")).await;
        assert_eq!((first.status, first.body.as_str()), (200, "hello client"));
        assert_eq!(first.header("x-request-id").len(), 32, "{first:?}");
        assert_eq!(first.header("date"), "Thu, 01 Jan 2026 00:00:00 GMT");
        assert!(first.header("content-security-policy").contains("default-src 'self'"));
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("x-frame-options", "DENY"),
            ("strict-transport-security", ""),
        ] {
            assert_eq!(first.header(name), value, "{name}");
        }
        let second = peer.ask(&post_of("/echo", "again")).await;
        assert_eq!((second.status, second.body.as_str()), (200, "again"));
        assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
        let own = peer.ask(&get_of("/own", "")).await;
        assert_eq!(own.header("content-security-policy"), "default-src 'none'");
    });
}

#[test]
fn an_id_that_looks_like_one_is_kept_and_another_is_not() {
    run(Config::default(), async |place| {
        let mut peer = place.connect().await;
        let kept = peer.ask(&get_of("/hello", "x-request-id: abc-12345\r\n")).await;
        assert_eq!(kept.header("x-request-id"), "abc-12345");
        let made = peer.ask(&get_of("/hello", "x-request-id: a b; secret\r\n")).await;
        assert_eq!(made.header("x-request-id").len(), 32);
    });
}

#[test]
fn a_handler_that_panics_answers_500_and_the_server_lives() {
    run(Config::default(), async |place| {
        let mut peer = place.connect().await;
        let answered = peer.ask(&get_of("/panic", "")).await;
        assert_eq!(answered.status, 500);
        assert!(answered.detail().contains("fault in this program"));
        assert!(!answered.body.contains("a handler's fault"), "{answered:?}");
        assert_eq!(peer.ask(&get_of("/hello", "")).await.status, 200);
    });
}

#[test]
fn a_request_that_is_head_has_no_body() {
    run(Config::default(), async |place| {
        let mut peer = place.connect().await;
        for path in ["/hello", "/healthz", "/nothing"] {
            let request = format!("HEAD {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
            peer.send(request).await.expect("sent");
            peer.answer_to(false).await;
        }
        assert_eq!(peer.ask(&get_of("/hello", "")).await.body, "hello client");
    });
}

#[test]
fn a_context_has_the_time_the_trace_and_for_one_key_one_id() {
    let world = World::new(3);
    let env = world.node("server");
    let call = Call::new(&env);
    let (one, other) = (call.cx(Some("ada")), call.cx(None));
    assert_eq!(one.principal(), Some("ada"));
    assert_eq!(one.remaining(), Some(Config::default().request_timeout));
    assert_ne!(one.call_id(), other.call_id());
    let keyed = |key| Call::new(&env).keyed("ada", "POST /api/todos", key).call_id();
    assert_eq!(keyed("a"), keyed("a"));
    assert_ne!(keyed("a"), keyed("b"));
}

#[test]
fn plain_http_leads_to_the_same_address_by_https() {
    let world = World::new(3);
    world.run(async {
        for (port, host, to) in [
            (443, "todo.example", Some("https://todo.example/a%20b?c=d")),
            (8443, "todo.example:8080", Some("https://todo.example:8443/a%20b?c=d")),
            (8443, "[::1]:8080", Some("https://[::1]:8443/a%20b?c=d")),
            (443, "evil.example/x", None),
        ] {
            let request = Request::get("/a%20b?c=d").header("host", host);
            let request = request.body(axum::body::Body::empty()).expect("a request");
            let answered = redirect_to_https(port).oneshot(request).await.expect("an answer");
            let headers: &HeaderMap = answered.headers();
            let location = headers.get("location").map(|value| value.to_str().expect("text"));
            assert_eq!(
                (answered.status().as_u16(), location),
                (if to.is_some() { 308 } else { 400 }, to),
                "{host}"
            );
        }
    });
}
