//! Draining, and how many may come at once.

use std::sync::Arc;
use std::time::Duration;

use front::{Config, Handle};
use world::{Env, Task};

use crate::peer::{get_of, run};

fn draining(env: &Env, handle: &Arc<Handle>) -> Task<()> {
    let handle = handle.clone();
    env.spawn("drain", async move { handle.drain().await })
}

#[test]
fn a_drain_answers_what_has_begun_closes_what_is_idle_and_refuses_what_comes() {
    run(Config::default(), async |place| {
        let (mut idle, mut silent, mut busy) = (place.connect().await, place.connect().await, place.connect().await);
        idle.ask(&get_of("/hello", "")).await;
        busy.send(get_of("/wait", "")).await.expect("sent");
        place.pass(1).await;
        let drained = draining(&place.server, &place.handle);
        assert!(idle.at_end().await);
        assert!(silent.at_end().await);
        assert!(place.client.network().connect(&place.handle.address()).await.is_err());
        place.told.go.notify_one();
        let answered = busy.answer().await;
        assert_eq!(
            (answered.body.as_str(), answered.header("connection")),
            ("waited", "close")
        );
        assert!(busy.at_end().await);
        drained.await.expect("drained");
        place.handle.drain().await;
    });
}

#[test]
fn a_request_that_has_come_before_a_drain_is_answered() {
    run(Config::default(), async |place| {
        let (mut fresh, mut kept) = (place.connect().await, place.connect().await);
        kept.ask(&get_of("/hello", "")).await;
        place.pass(1).await;
        // What is sent arrives at once, and the drain begins before a connection can read it.
        place.world.latency(Duration::ZERO);
        for peer in [&fresh, &kept] {
            peer.send(get_of("/hello", "")).await.expect("sent");
        }
        place.handle.drain().await;
        for peer in [&mut fresh, &mut kept] {
            assert_eq!(peer.answer().await.body, "hello client");
            assert!(peer.at_end().await);
        }
    });
}

#[test]
fn a_drain_ends_in_its_time_whatever_runs() {
    run(Config::default(), async |place| {
        let mut peer = place.connect().await;
        peer.send(get_of("/wait", "")).await.expect("sent");
        place.pass(1).await;
        let began = place.client.now();
        draining(&place.server, &place.handle).await.expect("drained");
        let took = place.client.now().saturating_duration_since(began);
        assert_eq!(took, Config::default().drain_timeout);
        assert_eq!(place.told.seen(), ["begun", "dropped"]);
        assert!(peer.at_end().await);
    });
}

#[test]
fn a_server_that_drains_says_that_it_is_not_ready_before_it_closes() {
    let config = Config {
        unready_time: Duration::from_secs(5),
        ..Config::default()
    };
    run(config, async |place| {
        for path in ["/healthz", "/readyz"] {
            assert_eq!(place.ask(&get_of(path, "")).await.status, 200, "{path}");
        }
        let drained = draining(&place.server, &place.handle);
        place.pass(1).await;
        assert_eq!(place.ask(&get_of("/healthz", "")).await.status, 200);
        let unready = place.ask(&get_of("/readyz", "")).await;
        assert_eq!(unready.status, 503);
        assert!(unready.detail().contains("stopping"));
        assert_eq!(place.ask(&get_of("/hello", "")).await.status, 200);
        drained.await.expect("drained");
        assert!(place.client.network().connect(&place.handle.address()).await.is_err());
    });
}

#[test]
fn one_peer_has_so_many_connections_and_no_more_until_one_ends() {
    let config = Config {
        connections_per_peer_max: 2,
        ..Config::default()
    };
    run(config, async |place| {
        let (first, mut second) = (place.connect().await, place.connect().await);
        assert_eq!(second.ask(&get_of("/hello", "")).await.status, 200);
        assert!(place.connect().await.at_end().await);
        let other = place.world.node("other").network();
        let other = other.connect(&place.handle.address()).await.expect("a connection");
        assert_eq!(
            crate::peer::Peer::new(other).ask(&get_of("/hello", "")).await.status,
            200
        );
        drop(first);
        place.pass(1).await;
        assert_eq!(place.ask(&get_of("/hello", "")).await.status, 200);
    });
}

#[test]
fn at_the_limit_of_connections_the_next_one_waits_for_one_to_end() {
    let config = Config {
        connections_max: 1,
        ..Config::default()
    };
    run(config, async |place| {
        let mut first = place.connect().await;
        assert_eq!(first.ask(&get_of("/hello", "")).await.status, 200);
        let mut second = place.connect().await;
        second.send(get_of("/hello", "")).await.expect("sent");
        let early = place.client.timeout(Duration::from_secs(5), second.receive()).await;
        assert!(early.is_err(), "{early:?}");
        drop(first);
        assert_eq!(second.answer().await.status, 200);
    });
}

#[test]
fn above_the_limit_of_handlers_a_request_is_told_to_come_again() {
    let config = Config {
        requests_max: 1,
        ..Config::default()
    };
    run(config, async |place| {
        let mut first = place.connect().await;
        first.send(get_of("/wait", "")).await.expect("sent");
        place.pass(1).await;
        let refused = place.ask(&get_of("/hello", "")).await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
        assert_eq!(place.ask(&get_of("/healthz", "")).await.status, 200);
        place.told.go.notify_one();
        assert_eq!(first.answer().await.body, "waited");
        assert_eq!(place.ask(&get_of("/hello", "")).await.status, 200);
    });
}

#[test]
fn events_that_wait_are_sent_before_a_drain_ends_them() {
    run(Config::default(), async |place| {
        let mut peer = place.connect().await;
        peer.send(get_of("/events", "")).await.expect("sent");
        place.pass(1).await;
        let drained = draining(&place.server, &place.handle);
        let all = peer.rest().await;
        assert_eq!(all.matches("data: ").count(), 10, "{all}");
        assert!(all.ends_with("\r\n0\r\n\r\n"), "{all}");
        drained.await.expect("drained");
    });
}
