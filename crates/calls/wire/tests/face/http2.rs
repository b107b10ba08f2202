//! HTTP/2 with prior knowledge, its frames written by hand (RFC 9113, section 4.1).

use std::time::Duration;

use wire::face::{FaceLimits, Trust};

use super::peer::{Peer, run, run_with};

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status: 200` in HPACK's static table.
const STATUS_200: u8 = 0x88;

fn frame(kind: u8, flags: u8, stream: u32, body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(body);
    frame
}

/// A whole request; its header fields are literals without indexing (RFC 7541, section 6.2.2).
pub(crate) fn request(stream: u32, path: &str, host: &str, body: &[u8]) -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", host),
        ("content-type", "application/json"),
    ];
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(text.len() as u8);
            block.extend_from_slice(text.as_bytes());
        }
    }
    let mut frames = frame(HEADERS, END_HEADERS, stream, &block);
    frames.extend(frame(DATA, END_STREAM, stream, body));
    frames
}

async fn open(peer: &Peer) {
    let opening = [PREFACE, &frame(SETTINGS, 0, 0, b"")].concat();
    peer.send(&opening).await.expect("a server that reads");
}

/// Frames until one is of `kind` on `stream`; everything of that kind before it is skipped.
async fn next(peer: &mut Peer, unread: &mut Vec<u8>, kind: u8) -> Option<(u32, Vec<u8>)> {
    loop {
        while unread.len() < 9 || unread.len() < 9 + length(unread) {
            let more = peer.receive().await;
            if more.is_empty() {
                return None;
            }
            unread.extend_from_slice(&more);
        }
        let frame: Vec<u8> = unread.drain(..9 + length(unread)).collect();
        let stream = u32::from_be_bytes([frame[5], frame[6], frame[7], frame[8]]);
        if frame[3] == kind {
            return Some((stream, frame[9..].to_vec()));
        }
    }
}

fn length(frame: &[u8]) -> usize {
    u32::from_be_bytes([0, frame[0], frame[1], frame[2]]) as usize
}

#[test]
fn many_requests_share_a_connection() {
    run(async |mut peer| {
        open(&peer).await;
        peer.send(&request(1, "/Greeter/wait", "localhost", b""))
            .await
            .expect("a server that reads");
        peer.send(&request(3, "/Greeter/echo", "localhost", b"{\"a\":1}"))
            .await
            .expect("a server that reads");
        let mut unread = Vec::new();
        let (stream, head) = next(&mut peer, &mut unread, HEADERS).await.expect("an answer");
        assert_eq!((stream, head[0]), (3, STATUS_200), "the one that waits holds nobody up");
        assert_eq!(
            next(&mut peer, &mut unread, DATA).await,
            Some((3, b"{\"a\":1}".to_vec()))
        );
        peer.ways.go.notify_one();
        assert_eq!(next(&mut peer, &mut unread, DATA).await, Some((1, b"1".to_vec())));
    });
}

#[test]
fn the_host_counts_here_too() {
    run(async |mut peer| {
        open(&peer).await;
        peer.send(&request(1, "/Greeter/echo", "evil.example", b"{}"))
            .await
            .expect("a server that reads");
        let (_, body) = next(&mut peer, &mut Vec::new(), DATA).await.expect("an answer");
        let body = String::from_utf8(body).expect("UTF-8");
        assert!(body.contains("permission_denied"), "{body}");
        assert_eq!(peer.begun(), 0);
    });
}

#[test]
fn bodies_that_arrive_at_once_have_a_limit_of_their_own() {
    let limits = FaceLimits {
        request_bytes_max: 600,
        arriving_bytes_max: 1_000,
        ..FaceLimits::default()
    };
    run_with(Trust::on_loopback(), limits, async |mut peer| {
        open(&peer).await;
        for stream in [1, 3] {
            // Without the frame that ends the body.
            let mut part = request(stream, "/Greeter/echo", "localhost", b"");
            part.truncate(part.len() - 9);
            part.extend(frame(DATA, 0, stream, &[b' '; 550]));
            peer.send(&part).await.expect("a server that reads");
        }
        let (stream, body) = next(&mut peer, &mut Vec::new(), DATA).await.expect("an answer");
        let body = String::from_utf8(body).expect("UTF-8");
        assert_eq!(stream, 3);
        assert!(
            body.contains("resource_exhausted") && body.contains("1000 bytes"),
            "{body}"
        );
        let rest = frame(DATA, END_STREAM, 1, &[b' '; 50]);
        peer.send(&rest).await.expect("a server that reads");
        let answered = next(&mut peer, &mut Vec::new(), DATA).await;
        assert_eq!(answered.map(|(stream, body)| (stream, body.len())), Some((1, 600)));
    });
}

#[test]
fn a_body_over_the_limit_is_answered_before_its_stream_is_reset() {
    let limits = FaceLimits {
        request_bytes_max: 1_000,
        ..FaceLimits::default()
    };
    run_with(Trust::on_loopback(), limits, async |mut peer| {
        open(&peer).await;
        let mut part = request(1, "/Greeter/echo", "localhost", b"");
        part.truncate(part.len() - 9);
        part.extend(frame(DATA, 0, 1, &[b' '; 1_500]));
        peer.send(&part).await.expect("a server that reads");
        let mut unread = Vec::new();
        let (_, body) = next(&mut peer, &mut unread, DATA).await.expect("an answer");
        let body = String::from_utf8(body).expect("UTF-8");
        assert!(
            body.contains("resource_exhausted") && body.contains("1000 bytes"),
            "{body}"
        );
        let reset = next(&mut peer, &mut unread, RESET).await;
        assert_eq!(reset, Some((1, 0_u32.to_be_bytes().to_vec())), "no error");
    });
}

#[test]
fn a_request_that_is_reset_is_cancelled() {
    run(async |mut peer| {
        open(&peer).await;
        peer.send(&request(1, "/Greeter/wait", "localhost", b""))
            .await
            .expect("a server that reads");
        peer.env.sleep(Duration::from_millis(10)).await;
        assert_eq!((peer.begun(), peer.dropped()), (1, 0));
        let cancel = 8_u32.to_be_bytes();
        peer.send(&frame(RESET, 0, 1, &cancel))
            .await
            .expect("a server that reads");
        peer.send(&request(3, "/Greeter/echo", "localhost", b""))
            .await
            .expect("a server that reads");
        assert_eq!(next(&mut peer, &mut Vec::new(), DATA).await, Some((3, b"{}".to_vec())));
        assert_eq!(peer.dropped(), 1);
    });
}

#[test]
fn a_connection_that_ends_cancels_its_requests() {
    run(async |peer| {
        open(&peer).await;
        peer.send(&request(1, "/Greeter/wait", "localhost", b""))
            .await
            .expect("a server that reads");
        peer.env.sleep(Duration::from_millis(10)).await;
        let (env, ways) = (peer.env.clone(), peer.ways.clone());
        drop(peer.stream);
        assert_eq!(peer.served.await, Ok(()));
        env.sleep(Duration::from_millis(10)).await;
        assert_eq!(ways.dropped.load(std::sync::atomic::Ordering::Relaxed), 1);
    });
}

#[test]
fn draining_says_go_away_and_answers_what_has_begun() {
    run(async |mut peer| {
        open(&peer).await;
        peer.send(&request(1, "/Greeter/wait", "localhost", b""))
            .await
            .expect("a server that reads");
        peer.env.sleep(Duration::from_millis(10)).await;
        peer.drain
            .take()
            .expect("not drained")
            .send(())
            .expect("a server that listens");
        let mut unread = Vec::new();
        assert!(next(&mut peer, &mut unread, GOAWAY).await.is_some());
        peer.ways.go.notify_one();
        assert_eq!(next(&mut peer, &mut unread, DATA).await, Some((1, b"1".to_vec())));
    });
}

#[test]
fn a_silent_peer_is_given_up() {
    run(async |peer| {
        open(&peer).await;
        // It never answers a ping.
        assert_eq!(peer.served.await, Ok(()));
    });
}
