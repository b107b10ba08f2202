//! What the head of a request may say.

use front::Config;

use crate::peer::{get_of, run};

#[test]
fn a_request_that_does_not_say_which_host_it_is_for_is_refused() {
    run(Config::default(), async |place| {
        for (request, status, says) in [
            ("GET / HTTP/1.1\r\n\r\n", 400, "no `Host`"),
            ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400, "more than one"),
            ("GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", 400, "more than one"),
            ("GET / HTTP/1.1\r\nhost: user@a\r\n\r\n", 400, "no name or address"),
            ("GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", 400, "no name or address"),
            ("GET / HTTP/1.1\r\nhost: \r\n\r\n", 400, "no name or address"),
            ("GET / HTTP/1.1\r\nhost: \u{e9}\r\n\r\n", 400, "no name or address"),
            ("GET http://a/ HTTP/1.1\r\nhost: b\r\n\r\n", 400, "not the one"),
            ("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n", 501, "for proxies"),
        ] {
            let answered = place.ask(request).await;
            assert_eq!(answered.status, status, "{request:?}: {answered:?}");
            assert!(answered.detail().contains(says), "{request:?}: {answered:?}");
            assert!(answered.header("x-content-type-options") == "nosniff");
        }
    });
}

#[test]
fn a_request_that_cannot_be_read_is_told_so_and_its_connection_ends() {
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "a: b\r\n".repeat(100));
    let large = format!("GET / HTTP/1.1\r\nhost: a\r\na: {}\r\n\r\n", "b".repeat(20 << 10));
    let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "b".repeat(70 << 10));
    let post = |headers: &str| format!("POST /echo HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
    let requests = [
        ("nonsense\r\n\r\n".to_string(), 400),
        ("GET / HTTP/3.0\r\nhost: a\r\n\r\n".to_string(), 400),
        ("GET /\u{7f}\u{1} HTTP/1.1\r\nhost: a\r\n\r\n".to_string(), 400),
        // A header folded over two lines (RFC 9112, 5.2), a space before a colon, a nul: each read differently by others.
        (get_of("/hello", "a: b\r\n  c\r\n"), 400),
        (get_of("/hello", "a : b\r\n"), 400),
        (get_of("/hello", "a: b\0c\r\n"), 400),
        (post("content-length: 1\r\ncontent-length: 2\r\n"), 400),
        (post("content-length: +1\r\n"), 400),
        (post("content-length: 99999999999999999999\r\n"), 400),
        (post("transfer-encoding: gzip\r\n"), 400),
        (post("transfer-encoding: chunked, identity\r\n"), 400),
        (many, 431),
        (large, 431),
        (long, 431),
    ];
    run(Config::default(), async |place| {
        for (request, status) in requests {
            let mut peer = place.connect().await;
            // The server may end before all of it was sent.
            let _ = peer.send(&request).await;
            let answered = peer.answer().await;
            let shown = &request[..request.len().min(80)];
            assert_eq!(answered.status, status, "{shown:?}: {answered:?}");
            assert_eq!(answered.header("connection"), "close", "{shown:?}");
            assert!(answered.detail().contains("; "), "{shown:?}: {answered:?}");
            peer.shut_down().await;
            assert!(peer.at_end().await, "{shown:?}");
        }
    });
}
