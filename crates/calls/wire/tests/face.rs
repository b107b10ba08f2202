//! The HTTP face, byte by byte, on virtual time.

#[path = "face/http2.rs"]
mod http2;
#[path = "face/peer.rs"]
mod peer;

use std::time::Duration;

use peer::{post, ran, run, run_with};
use proptest::prelude::{Strategy, any, prop_oneof, proptest};
use wire::Ran;
use wire::face::{FaceLimits, Token, Trust};

#[test]
fn a_call_answers_in_json_and_the_connection_serves_the_next() {
    run(async |mut peer| {
        for body in [r#"{"name":"Ada"}"#, "{}", ""] {
            let answered = peer.ask(&post("/Greeter/echo", "", body)).await;
            assert_eq!(answered.status, 200, "{answered:?}");
            assert_eq!(answered.header("content-type"), "application/json");
            assert_eq!(answered.header("terrace-ran"), "");
            assert_eq!(answered.body, if body.is_empty() { "{}" } else { body });
        }
    });
}

#[test]
fn a_body_in_chunks_is_a_body() {
    run(async |mut peer| {
        let head = "POST /Greeter/echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
        let answered = peer
            .ask(&format!(
                "{head}transfer-encoding: chunked\r\n\r\n3\r\n{{\"a\r\n5\r\n\":12}}\r\n0\r\n\r\n"
            ))
            .await;
        assert_eq!((answered.status, answered.body.as_str()), (200, r#"{"a":12}"#));
    });
}

#[test]
fn a_users_error_crosses_whole() {
    run(async |mut peer| {
        let answered = peer.ask(&post("/Greeter/fail", "", "{}")).await;
        assert_eq!(answered.status, 404);
        assert_eq!(answered.header("terrace-ran"), "maybe");
        let body: serde_json::Value = serde_json::from_str(&answered.body).expect("JSON");
        assert_eq!(body["code"], "not_found");
        assert_eq!(body["details"][0]["type"], "GreetError");
        assert_eq!(body["details"][0]["value"], "eyJVbmtub3duIjp7ImlkIjo3fX0");
        assert_eq!(body["details"][0]["debug"]["Unknown"]["id"], 7);
    });
}

#[test]
fn a_call_that_fails_says_why_and_whether_it_ran() {
    for (method, status, code, may_have_run, says) in [
        ("refuse", 400, "invalid_argument", Ran::No, "`name` is missing"),
        ("panic", 500, "internal", Ran::Maybe, "it panicked"),
    ] {
        run(async |mut peer| {
            let answered = peer.ask(&post(&format!("/Greeter/{method}"), "", "{}")).await;
            assert_eq!(
                (answered.status, answered.header("terrace-ran")),
                (status, ran(may_have_run))
            );
            assert_eq!(answered.body, format!(r#"{{"code":"{code}","message":"{says}"}}"#));
        });
    }
}

#[test]
fn deadline_key_and_trace_reach_the_callee() {
    run(async |mut peer| {
        let trace = "traceparent: 00-0000000000000000000000000000000a-000000000000000b-01\r\n";
        let bare = peer.ask(&post("/Greeter/head", "", "{}")).await;
        assert_eq!(bare.body, r#""None None None""#);
        let timed = peer
            .ask(&post(
                "/Greeter/head",
                &format!("connect-timeout-ms: 250\r\n{trace}"),
                "{}",
            ))
            .await;
        assert_eq!(timed.body, r#""Some(250000) None Some(\"a/b\")""#);
        let key = "idempotency-key: order-7\r\n";
        let first = peer.ask(&post("/Greeter/head", key, "{}")).await;
        let again = peer.ask(&post("/Greeter/head", key, r#"{"other":1}"#)).await;
        let other = peer
            .ask(&post("/Greeter/head", "idempotency-key: order-8\r\n", "{}"))
            .await;
        assert_eq!(first.body, again.body);
        assert_ne!(first.body, other.body);
        assert_ne!(first.body, bare.body);
    });
}

#[test]
fn whoever_is_refused_is_told_the_next_step_and_that_nothing_ran() {
    let request = |verb: &str, path: &str, host: &str, more: &str| {
        format!("{verb} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 2\r\n{more}\r\n{{}}")
    };
    let json = "content-type: application/json\r\n";
    let origin = format!("{json}origin: http://evil.example\r\n");
    let version = format!("{json}connect-protocol-version: 2\r\n");
    let timeout = format!("{json}connect-timeout-ms: soon\r\n");
    let late = format!("{json}connect-timeout-ms: 0\r\n");
    let gzip = format!("{json}content-encoding: gzip\r\n");
    for (request, status, code, says) in [
        (
            request("POST", "/Greeter/ech", "localhost", json),
            501,
            "unimplemented",
            "did you mean `echo`?",
        ),
        (
            request("POST", "/Greter/echo", "localhost", json),
            501,
            "unimplemented",
            "did you mean `Greeter`?",
        ),
        (request("GET", "/", "localhost", ""), 404, "unimplemented", "send POST"),
        (
            request("GET", "/Greeter/echo", "localhost", ""),
            405,
            "unimplemented",
            "send POST",
        ),
        (
            request("POST", "/Greeter/echo?a=b", "localhost", json),
            400,
            "invalid_argument",
            "JSON body",
        ),
        (
            request("POST", "/Greeter/echo", "localhost", ""),
            415,
            "invalid_argument",
            "application/json",
        ),
        (
            request("POST", "/Greeter/echo", "localhost", &gzip),
            501,
            "unimplemented",
            "identity",
        ),
        (
            request("POST", "/Greeter/echo", "evil.example", json),
            403,
            "permission_denied",
            "`hosts`",
        ),
        (
            request("POST", "/Greeter/echo", "localhost", &origin),
            403,
            "permission_denied",
            "`origins`",
        ),
        (
            request("POST", "/Greeter/echo", "localhost", &version),
            400,
            "invalid_argument",
            "send 1",
        ),
        (
            request("POST", "/Greeter/echo", "localhost", &timeout),
            400,
            "invalid_argument",
            "ten digits",
        ),
        (
            request("POST", "/Greeter/echo", "localhost", &late),
            504,
            "deadline_exceeded",
            "before the call began",
        ),
    ] {
        run(async |mut peer| {
            let answered = peer.ask(&request).await;
            assert_eq!(answered.status, status, "{request}{answered:?}");
            assert_eq!(answered.header("terrace-ran"), "no", "{request}");
            assert_eq!(answered.header("content-type"), "application/json", "{request}");
            assert_eq!(answered.header("access-control-allow-origin"), "", "{request}");
            let body: serde_json::Value = serde_json::from_str(&answered.body).expect("JSON");
            assert_eq!(body["code"], code, "{request}");
            assert!(
                body["message"].as_str().is_some_and(|message| message.contains(says)),
                "{request}{body}"
            );
            assert_eq!(peer.begun(), 0, "{request}");
        });
    }
}

#[test]
fn away_from_loopback_only_the_token_lets_in() {
    let token = Some(Token::new("s3cret").expect("a token"));
    let trust = Trust {
        hosts: vec!["localhost".to_string()],
        token,
        ..Trust::default()
    };
    run_with(trust, FaceLimits::default(), async |mut peer| {
        let let_in = peer
            .ask(&post("/Greeter/echo", "authorization: Bearer s3cret\r\n", "{}"))
            .await;
        assert_eq!(let_in.status, 200);
        let refused = peer
            .ask(&post("/Greeter/echo", "authorization: Bearer wrong\r\n", "{}"))
            .await;
        assert_eq!((refused.status, refused.header("www-authenticate")), (401, "Bearer"));
        assert_eq!(peer.begun(), 1);
    });
}

#[test]
fn a_body_over_the_limit_is_refused_while_it_is_still_being_sent() {
    let limits = || FaceLimits {
        request_bytes_max: 100_000,
        ..FaceLimits::default()
    };
    let head = "POST /Greeter/echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let body = " ".repeat(150_000);
    let announced = format!("{head}content-length: 150000\r\n\r\n{body}");
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n249f0\r\n{body}\r\n0\r\n\r\n");
    for request in [announced, chunked] {
        run_with(Trust::on_loopback(), limits(), async |mut peer| {
            // More than the stream holds, so it can only be sent whole if somebody reads it.
            let answered = peer.ask(&request).await;
            assert_eq!(answered.status, 413, "{answered:?}");
            assert_eq!(answered.header("connection"), "close");
            assert!(
                answered.body.contains("resource_exhausted") && answered.body.contains("100000 bytes"),
                "{answered:?}"
            );
            assert!(peer.at_end().await);
            assert_eq!(peer.begun(), 0);
        });
    }
}

#[test]
fn a_head_over_its_limits_is_refused() {
    let long = format!("x: {}\r\n", "x".repeat(20 << 10));
    let many: String = (0..100).map(|number| format!("x-{number}: 1\r\n")).collect();
    for headers in [long, many] {
        run(async |mut peer| {
            let answered = peer.ask(&post("/Greeter/echo", &headers, "{}")).await;
            assert_eq!(answered.status, 431, "{answered:?}");
            assert!(peer.at_end().await);
        });
    }
}

#[test]
fn a_slow_head_ends_with_the_connection() {
    for slow in ["", "PRI", "POST /Greeter/echo HTTP/1.1\r\nhost: local"] {
        run(async |mut peer| {
            let began = peer.env.now();
            peer.send(slow.as_bytes()).await.expect("a server that reads");
            assert!(peer.at_end().await, "{slow}");
            let waited = peer.env.now().saturating_duration_since(began);
            let limits = FaceLimits::default();
            assert!(
                waited <= limits.header_timeout * 2 + Duration::from_secs(1),
                "{slow} {waited:?}"
            );
        });
    }
}

#[test]
fn a_slow_body_is_answered_and_ends_with_the_connection() {
    run(async |mut peer| {
        let request = "POST /Greeter/echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
        let answered = peer.ask(request).await;
        assert_eq!((answered.status, answered.header("terrace-ran")), (408, "no"));
        assert!(answered.body.contains("send it faster"), "{answered:?}");
        assert!(peer.at_end().await);
        assert_eq!(peer.begun(), 0);
    });
}

#[test]
fn a_peer_that_takes_no_answer_is_given_up() {
    run(async |peer| {
        peer.send(post("/Greeter/large", "", "{}").as_bytes())
            .await
            .expect("a server that reads");
        // No byte of the answer is read, yet the serving ends; else nothing could ever happen again.
        assert_eq!(peer.served.await, Ok(()));
    });
}

#[test]
fn a_peer_that_goes_away_cancels_its_request() {
    run(async |peer| {
        peer.send(post("/Greeter/wait", "", "{}").as_bytes())
            .await
            .expect("a server that reads");
        peer.env.sleep(Duration::from_millis(10)).await;
        assert_eq!((peer.begun(), peer.dropped()), (1, 0));
        let ways = peer.ways.clone();
        drop(peer.stream);
        assert_eq!(peer.served.await, Ok(()));
        assert_eq!(ways.dropped.load(std::sync::atomic::Ordering::Relaxed), 1);
    });
}

#[test]
fn draining_answers_what_has_begun_and_then_closes() {
    run(async |mut peer| {
        peer.send(post("/Greeter/wait", "", "{}").as_bytes())
            .await
            .expect("a server that reads");
        peer.env.sleep(Duration::from_millis(10)).await;
        peer.drain
            .take()
            .expect("not drained")
            .send(())
            .expect("a server that listens");
        peer.env.sleep(Duration::from_millis(10)).await;
        peer.ways.go.notify_one();
        let answered = peer.answer().await;
        assert_eq!((answered.status, answered.body.as_str()), (200, "1"));
        assert!(peer.at_end().await);
        assert_eq!((peer.begun(), peer.dropped()), (1, 0));
    });
}

#[test]
fn draining_closes_an_idle_connection_at_once() {
    run(async |mut peer| {
        peer.ask(&post("/Greeter/echo", "", "{}")).await;
        let began = peer.env.now();
        peer.drain
            .take()
            .expect("not drained")
            .send(())
            .expect("a server that listens");
        assert!(peer.at_end().await);
        assert!(peer.env.now().saturating_duration_since(began) < Duration::from_secs(1));
    });
}

/// Bytes that are no request, or nearly one.
fn odd_bytes() -> impl Strategy<Value = Vec<u8>> {
    let valid = post("/Greeter/echo", "connect-timeout-ms: 5\r\nidempotency-key: k\r\n", "{}").into_bytes();
    let mut http2 = http2::PREFACE.to_vec();
    http2.extend_from_slice(&http2::request(1, "/Greeter/echo", "localhost", b"{}"));
    let changed = |original: Vec<u8>| {
        let at = 0..original.len();
        proptest::collection::vec((at, any::<u8>()), 1..6).prop_map(move |changes| {
            let mut bytes = original.clone();
            changes.into_iter().for_each(|(at, byte)| bytes[at] = byte);
            bytes
        })
    };
    let token = "[!#-'*+.^_`|~0-9A-Za-z-]{1,12}";
    let header = (token, "[ -~\\PC]{0,40}").prop_map(|(name, value)| format!("{name}: {value}\r\n"));
    let shaped = (token, "\\PC{0,40}", proptest::collection::vec(header, 0..5)).prop_map(|(verb, path, headers)| {
        format!("{verb} /{path} HTTP/1.1\r\nhost: localhost\r\n{}\r\n", headers.concat()).into_bytes()
    });
    let after_preface =
        proptest::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| [http2::PREFACE, &bytes[..]].concat());
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        changed(valid),
        changed(http2),
        shaped,
        after_preface,
    ]
}

proptest! {
    #[test]
    fn no_bytes_panic_or_hang(bytes in odd_bytes()) {
        run(async |peer| {
            let _ = peer.send(&bytes).await;
            peer.shut_down().await;
            assert_eq!(peer.served.await, Ok(()));
        });
    }
}
