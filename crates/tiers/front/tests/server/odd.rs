//! Any bytes: they get an answer or a close.

use front::Config;
use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};
use proptest::test_runner::Config as Cases;

use crate::peer::{get_of, post_of, run};

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        get_of("/hello", ""),
        post_of("/echo", "body"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_string(),
        "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n".to_string(),
        "content-length: 18446744073709551615\r\n".to_string(),
        "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n".to_string(),
        "GET http://a/%00%ff/../.. HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\nupgrade: h2c\r\n\r\n".to_string(),
        "\r\n\r\n".to_string(),
        "\0\0\x04\x08\0\0\0\0\0\0\0\0\0".to_string(),
        "ffffffff\r\n".to_string(),
    ];
    prop_oneof![
        3 => prop::sample::select(known.to_vec()).prop_map(String::into_bytes),
        2 => prop::collection::vec(any::<u8>(), 0..40),
        // A frame of HTTP/2, whatever it says.
        1 => (0..12_u8, any::<u8>(), 0..8_u8, prop::collection::vec(any::<u8>(), 0..40)).prop_map(
            |(kind, flags, stream, body)| {
                let head = [0, 0, body.len() as u8, kind, flags, 0, 0, 0, stream];
                [&head[..], &body].concat()
            }
        ),
    ]
}

proptest! {
    #![proptest_config(Cases::with_cases(256))]

    #[test]
    fn any_bytes_are_answered_or_closed_and_the_server_lives(pieces in prop::collection::vec(piece(), 1..6)) {
        run(Config::default(), async |place| {
            let mut peer = place.connect().await;
            let _ = peer.send(pieces.concat()).await;
            peer.shut_down().await;
            // It ends whatever was said, by itself.
            peer.rest().await;
            assert_eq!(place.ask(&get_of("/hello", "")).await.status, 200);
            let began = place.server.now();
            place.handle.drain().await;
            let took = place.server.now().saturating_duration_since(began);
            assert!(took < Config::default().drain_timeout, "a connection was left");
        });
    }
}

#[test]
fn what_no_route_takes_says_what_to_do() {
    run(Config::default(), async |place| {
        let nothing = place.ask(&get_of("/nothing", "")).await;
        assert_eq!(
            (nothing.status, nothing.header("content-type")),
            (404, "application/problem+json")
        );
        assert!(
            nothing.detail().contains("look at how it is written"),
            "{}",
            nothing.body
        );
        let get_only = place.ask("DELETE /hello HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert_eq!((get_only.status, get_only.header("allow")), (405, "GET,HEAD"));
        assert!(get_only.detail().contains("Allow"), "{}", get_only.body);
    });
}
