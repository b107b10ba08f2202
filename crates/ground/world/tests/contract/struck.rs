//! A crash at an exact change of a disk, and what the node that it strikes can do no more.

use std::future::{pending, poll_fn};
use std::io::{ErrorKind, IoSlice};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use world::Address;
use world::memory::{BlockingPlace, World};

use super::disk_faults::read;

#[test]
fn a_node_crashes_exactly_at_a_change_of_its_disk() {
    for changes in 0..6 {
        let world = World::new(1);
        let (env, other) = (world.node("a"), world.node("b"));
        world.at_change("a", changes, |world| {
            assert!(!world.is_struck("a"), "it happens now");
            world.crash("a");
        });
        let path = env.sqlite("log").unwrap().path;
        // All of it is one step of one task.
        drop(env.spawn("commits", async move {
            let place = BlockingPlace::find(&path).unwrap();
            let Ok(file) = place.create() else { return };
            drop(place.sync_directory());
            drop(file.write_at(0, b"one"));
            drop(file.sync());
            drop(file.write_at(0, b"two"));
            drop(file.sync());
        }));
        world.run(other.sleep(Duration::from_nanos(1)));
        assert!(!world.is_up("a"), "{changes}");
        let env = world.restart("a");
        let expected = match changes {
            0 | 1 => Err(ErrorKind::NotFound),
            2 | 3 => Ok(Bytes::new()),
            _ => Ok(Bytes::from_static(b"one")),
        };
        assert_eq!(world.run(read(&env, "log")), expected, "{changes}");
        // The disk is well again, and nothing is to happen any more.
        world.run(async { env.disk().create("more").await.unwrap() });
        assert!(!world.disarm("a"));
    }
}

#[test]
fn a_crash_or_a_change_of_mind_takes_away_what_was_to_happen_at_a_change() {
    let world = World::new(1);
    let env = world.node("a");
    let never = |_: &World| panic!("it happened");
    world.at_change("a", 0, never);
    assert!(world.disarm("a"));
    world.run(async { env.disk().create("one").await.unwrap() });
    world.at_change("a", 0, never);
    world.crash("a");
    let env = world.restart("a");
    world.run(async { env.disk().create("two").await.unwrap() });
    assert!(!world.disarm("a"));
}

#[test]
fn what_a_struck_node_still_does_in_its_step_reaches_nobody_and_no_disk() {
    for closes in [false, true] {
        let world = World::new(1);
        let (env, other) = (world.node("a"), world.node("b"));
        let heard = world.run(async {
            let listener = other.network().listen(&Address::new("b:1")).await.unwrap();
            let stream = env.network().connect(&Address::new("b:1")).await.unwrap();
            let peer = listener.accept().await.unwrap();
            world.at_change("a", 2, |world| world.crash("a"));
            let (own, memory) = (env.clone(), world.clone());
            drop(env.spawn("commits", async move {
                let place = BlockingPlace::find(&own.sqlite("log").unwrap().path).unwrap();
                assert!(!memory.has_blocking_file("a"));
                let file = place.create().unwrap();
                assert!(memory.has_blocking_file("a") && !memory.has_blocking_file("b"));
                file.write_at(0, b"one").unwrap();
                stream.try_write(&[IoSlice::new(b"before")]).unwrap();
                assert!(!memory.is_struck("a"));
                file.sync().unwrap_err();
                assert!(memory.is_struck("a") && !memory.is_struck("b"));
                file.read_at(0, &mut [0; 3]).unwrap_err();
                own.disk().create("late").await.err().unwrap();
                own.disk().list("").await.unwrap_err();
                stream.try_write(&[IoSlice::new(b"after")]).unwrap_err();
                if closes {
                    poll_fn(|cx| stream.poll_shutdown(cx)).await.unwrap();
                    drop((stream, file));
                } else {
                    pending::<()>().await;
                }
            }));
            let mut heard = BytesMut::with_capacity(100);
            let end = loop {
                match poll_fn(|cx| peer.poll_read(cx, &mut heard)).await {
                    Ok(0) => break None,
                    Ok(_) => {}
                    Err(error) => break Some(error.kind()),
                }
            };
            (end, heard.freeze())
        });
        // Not an end, as of a node that closes what it has open.
        assert_eq!(heard, (Some(ErrorKind::ConnectionReset), Bytes::from_static(b"before")));
        let env = world.restart("a");
        assert!(!world.has_blocking_file("a") && !world.is_struck("a"));
        assert_eq!(world.run(env.disk().list("")).unwrap(), Vec::<String>::new());
    }
}
