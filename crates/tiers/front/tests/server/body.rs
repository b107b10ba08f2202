//! What the body of a request may be.

use front::Config;

use crate::peer::{get_of, post_of, run};

const BYTES_MAX: usize = 1 << 20;

#[test]
fn a_body_above_the_limit_is_refused_by_its_length_before_it_is_sent() {
    run(Config::default(), async |place| {
        let mut peer = place.connect().await;
        let bytes = BYTES_MAX + 1;
        let answered = peer
            .ask(&format!(
                "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: {bytes}\r\n\r\n"
            ))
            .await;
        assert_eq!(
            (answered.status, answered.header("connection")),
            (413, "close"),
            "{answered:?}"
        );
        assert!(answered.detail().contains("1048576 bytes"), "{answered:?}");
    });
}

#[test]
fn a_body_of_exactly_the_limit_is_taken() {
    run(Config::default(), async |place| {
        let answered = place.ask(&post_of("/echo", &"b".repeat(BYTES_MAX))).await;
        assert_eq!((answered.status, answered.body.len()), (200, BYTES_MAX));
    });
}

#[test]
fn an_answer_about_the_limit_reaches_a_peer_that_sends_everything_first() {
    let chunk = format!("10000\r\n{}\r\n", "b".repeat(0x10000));
    let chunked = format!(
        "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n",
        chunk.repeat(64)
    );
    for request in [chunked, post_of("/echo", &"b".repeat(4 << 20))] {
        run(Config::default(), async |place| {
            let mut peer = place.connect().await;
            // It reads nothing before all is sent.
            peer.send(&request).await.expect("a server that reads on");
            let answered = peer.answer().await;
            assert_eq!(answered.status, 413, "{answered:?}");
            peer.shut_down().await;
            assert!(peer.at_end().await);
        });
    }
}

#[test]
fn a_body_that_its_handler_does_not_read_ends_the_connection_after_the_answer() {
    run(Config::default(), async |place| {
        let mut peer = place.connect().await;
        peer.send(post_of("/unread", &"b".repeat(BYTES_MAX / 2)))
            .await
            .expect("sent");
        let answered = peer.answer().await;
        assert_eq!((answered.status, answered.body.as_str()), (200, "not read"));
        assert_eq!(answered.header("connection"), "close");
        peer.shut_down().await;
        assert!(peer.at_end().await);
    });
}

#[test]
fn chunks_that_are_none_are_refused() {
    let chunks = [
        "x\r\nb\r\n0\r\n\r\n",
        "-1\r\nb\r\n0\r\n\r\n",
        "0x1\r\nb\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nb\r\n",
        "1\nb\n0\n\n",
        "1\r\nbb\r\n0\r\n\r\n",
        "1;\nb\r\n0\r\n\r\n",
    ];
    for chunks in chunks {
        run(Config::default(), async |place| {
            let mut peer = place.connect().await;
            let head = "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
            // What follows would be a request of its own to whoever reads the chunks otherwise.
            peer.send(format!("{head}{chunks}{}", get_of("/seen", "")))
                .await
                .expect("sent");
            peer.shut_down().await;
            let said = peer.rest().await;
            assert!(said.starts_with("HTTP/1.1 400"), "{chunks:?}: {said}");
            assert_eq!(said.matches("HTTP/1.1").count(), 1, "{chunks:?}: {said}");
            assert!(place.told.seen().is_empty(), "{chunks:?}");
        });
    }
}

/// A body within chunks whose length is said as well: whoever believes the length takes the rest for a request of its own.
fn smuggling(headers: &str) -> (String, String) {
    let inner = get_of("/seen", "");
    let body = format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len());
    (format!("POST /echo HTTP/1.1\r\nhost: a\r\n{headers}\r\n{body}"), inner)
}

#[test]
fn of_two_lengths_the_chunks_count_and_no_request_is_smuggled() {
    run(Config::default(), async |place| {
        for headers in [
            "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
            "content-length: 4\r\ntransfer-encoding: chunked\r\n",
            "content-length: 4\r\nTransfer-Encoding: CHUNKED\r\n",
        ] {
            let mut peer = place.connect().await;
            let (request, inner) = smuggling(headers);
            let answered = peer.ask(&request).await;
            assert_eq!((answered.status, answered.body), (200, inner), "{headers:?}");
            peer.shut_down().await;
            assert!(peer.at_end().await, "{headers:?}");
        }
        for (headers, status) in [
            ("content-length: 4\r\ntransfer-encoding: gzip, chunked\r\n", 501),
            (
                "content-length: 4\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
                501,
            ),
            ("content-length: 4\r\ntransfer-encoding: \x0bchunked\r\n", 400),
            ("content-length: 4\r\ntransfer-encoding: xchunked\r\n", 400),
        ] {
            let mut peer = place.connect().await;
            let answered = peer.ask(&smuggling(headers).0).await;
            assert_eq!(
                (answered.status, answered.header("connection")),
                (status, "close"),
                "{headers:?}"
            );
            answered.detail();
            peer.shut_down().await;
            assert!(peer.at_end().await, "{headers:?}");
        }
        assert!(place.told.seen().is_empty());
    });
}
