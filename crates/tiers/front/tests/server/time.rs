//! Peers and handlers that take too long, on virtual time.

use front::Config;

use crate::peer::{get_of, post_of, run};

#[test]
fn a_head_that_does_not_come_whole_in_its_time_is_told_so() {
    run(Config::default(), async |place| {
        let mut peer = place.connect().await;
        // A byte a second, which keeps every other timer from running out.
        for byte in get_of("/hello", "a: b\r\n").bytes().cycle().take(9) {
            peer.send([if byte == b'\n' { b'a' } else { byte }])
                .await
                .expect("sent");
            place.pass(1).await;
        }
        let began = place.client.now();
        let answered = peer.answer().await;
        assert_eq!(answered.status, 408, "{answered:?}");
        assert!(answered.detail().contains("10000 ms"), "{answered:?}");
        assert!(place.client.now().saturating_duration_since(began).as_secs() <= 1);
        peer.shut_down().await;
        assert!(peer.at_end().await);
    });
}

#[test]
fn a_connection_that_says_nothing_ends() {
    run(Config::default(), async |place| {
        let mut peer = place.connect().await;
        let began = place.client.now();
        assert!(peer.at_end().await);
        let waited = place.client.now().saturating_duration_since(began).as_secs();
        assert_eq!(waited, Config::default().header_timeout.as_secs());
    });
}

#[test]
fn a_connection_may_stay_idle_for_its_time_and_no_longer() {
    run(Config::default(), async |place| {
        let mut peer = place.connect().await;
        for _ in 0..3 {
            // Longer than a head may take: the time of a head begins with its first byte.
            assert_eq!(peer.ask(&get_of("/hello", "")).await.status, 200);
            place.pass(50).await;
        }
        let left = place.client.now();
        assert!(peer.at_end().await);
        let waited = place.client.now().saturating_duration_since(left).as_secs();
        assert!((9..=10).contains(&waited), "{waited}");
    });
}

#[test]
fn a_body_that_does_not_come_whole_in_its_time_is_told_so() {
    run(Config::default(), async |place| {
        let mut peer = place.connect().await;
        let request = post_of("/echo", &"b".repeat(100));
        let head_bytes = request.len() - 100;
        peer.send(&request[..head_bytes]).await.expect("sent");
        for _ in 0..30 {
            let _ = peer.send("b").await;
            place.pass(1).await;
        }
        let answered = peer.answer().await;
        assert_eq!(
            (answered.status, answered.header("connection")),
            (408, "close"),
            "{answered:?}"
        );
        assert!(answered.detail().contains("30000 ms"), "{answered:?}");
    });
}

#[test]
fn a_handler_that_takes_too_long_is_dropped_and_its_peer_told_so() {
    run(Config::default(), async |place| {
        let mut peer = place.connect().await;
        let answered = peer.ask(&get_of("/wait", "")).await;
        assert_eq!(
            (answered.status, answered.header("retry-after")),
            (503, "1"),
            "{answered:?}"
        );
        assert!(answered.detail().contains("30000 ms"), "{answered:?}");
        assert_eq!(place.told.seen(), ["begun", "dropped"]);
        assert_eq!(peer.ask(&get_of("/hello", "")).await.status, 200);
    });
}

#[test]
fn a_route_may_allow_more_bytes_and_more_time() {
    run(Config::default(), async |place| {
        let mut peer = place.connect().await;
        let part = "b".repeat(1 << 20);
        let bytes = 3 * part.len();
        peer.send(format!(
            "POST /large HTTP/1.1\r\nhost: a\r\ncontent-length: {bytes}\r\n\r\n"
        ))
        .await
        .expect("sent");
        for _ in 0..3 {
            peer.send(&part).await.expect("sent");
            place.pass(20).await;
        }
        let answered = peer.answer().await;
        assert_eq!((answered.status, answered.body), (200, bytes.to_string()));
    });
}

#[test]
fn a_peer_that_goes_away_cancels_its_request() {
    run(Config::default(), async |place| {
        let peer = place.connect().await;
        peer.send(get_of("/wait", "")).await.expect("sent");
        place.pass(1).await;
        drop(peer);
        place.pass(1).await;
        assert_eq!(place.told.seen(), ["begun", "dropped"]);
    });
}

#[test]
fn a_peer_that_takes_nothing_of_its_answer_is_given_up() {
    run(Config::default(), async |place| {
        let mut peer = place.connect().await;
        peer.send(get_of("/big", "")).await.expect("sent");
        // Beyond the time for a write.
        place.pass(31).await;
        let taken = peer.rest().await.len();
        assert!(taken < 4 << 20, "{taken} bytes were held for a peer that takes none");
    });
}

#[test]
fn a_peer_that_takes_an_answer_slowly_gets_all_of_it() {
    run(Config::default(), async |place| {
        let mut peer = place.connect().await;
        peer.send(get_of("/big", "")).await.expect("sent");
        let mut taken = 0;
        // Longer than a connection may be idle, by far.
        for _ in 0..40 {
            place.pass(5).await;
            taken += peer.receive().await.len();
        }
        assert!(taken < 7 << 20, "{taken} bytes are not slow");
        taken += peer.rest().await.len();
        assert!(taken > 8 << 20, "cut after {taken} bytes");
    });
}

#[test]
fn half_a_head_behind_an_answer_that_is_taken_slowly_breaks_it_not() {
    run(Config::default(), async |place| {
        let mut peer = place.connect().await;
        peer.send(get_of("/big", "")).await.expect("sent");
        place.pass(1).await;
        peer.send("GET /hel").await.expect("sent");
        let mut all = Vec::new();
        for _ in 0..40 {
            place.pass(5).await;
            all.extend_from_slice(&peer.receive().await);
        }
        all.extend_from_slice(peer.rest().await.as_bytes());
        let body = all.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
        let whole = all.get(body..body + (8 << 20)).expect("all of the body");
        assert!(
            whole.iter().all(|byte| *byte == b'x'),
            "something else is within the body"
        );
        // What was read along with the answer is noticed when the connection has been idle for long.
        let rest = String::from_utf8_lossy(&all[body + (8 << 20)..]);
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408 "), "{rest}");
    });
}

#[test]
fn the_end_of_an_answer_may_be_taken_slowly_whatever_lies_behind_it() {
    // Its times begin when the answer is taken.
    for (behind, after, seconds) in [("", "", 60), ("GET /hel", "HTTP/1.1 408 ", 10)] {
        run(Config::default(), async |place| {
            let mut peer = place.connect().await;
            peer.send(get_of("/medium", "")).await.expect("sent");
            place.pass(1).await;
            peer.send(behind).await.expect("sent");
            let mut all = Vec::new();
            // Longer than a head may take, and than a connection may be idle.
            for _ in 0..16 {
                place.pass(5).await;
                all.extend_from_slice(&peer.take(1024).await);
            }
            assert_eq!(all.len(), 16 << 10);
            let left = place.client.now();
            all.extend_from_slice(peer.rest().await.as_bytes());
            let all = String::from_utf8(all).expect("UTF-8");
            let (_, body) = all.split_once("\r\n\r\n").expect("a head");
            let (body, rest) = body.split_at_checked(100 << 10).expect("all of the body");
            assert!(
                body.bytes().all(|byte| byte == b'x'),
                "something else is within the body"
            );
            assert!(rest.starts_with(after) && rest.is_empty() == after.is_empty(), "{rest}");
            let waited = place.client.now().saturating_duration_since(left).as_secs();
            assert_eq!(waited, seconds, "{rest}");
        });
    }
}
