//! What only the world in memory can do: crash, cut, skew, and do it all again.

use std::future::pending;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use world::memory::{BACKLOG_MAX, FILE_BYTES_MAX, PIPE_BYTES_MAX, World};
use world::{Address, Env, TaskLost};

use crate::streams::{between, connected, read_all, read_some, write_all};

const SECOND: Duration = Duration::from_secs(1);

/// The message of the panic that `work` must end in.
fn panic_of<T>(work: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(work)).err().expect("it should panic");
    panic
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_else(|| (*panic.downcast_ref::<&str>().unwrap()).to_owned())
}

#[test]
fn time_passes_only_when_nothing_else_can_happen() {
    let world = World::new(1);
    let env = world.node("a");
    world.run(async {
        env.sleep(Duration::from_secs(365 * 24 * 3600)).await;
        env.spawn("works", async { (0..1000).sum::<u64>() }).await.unwrap();
    });
    assert_eq!(world.now(), Duration::from_secs(365 * 24 * 3600));
}

#[test]
fn timers_end_at_their_nanosecond_and_in_order() {
    let world = World::new(1);
    let env = world.node("a");
    let ends = Arc::new(Mutex::new(Vec::new()));
    let tasks: Vec<_> = [30, 10, 20, 10]
        .into_iter()
        .enumerate()
        .map(|(index, nanos)| {
            let (env, ends, world) = (env.clone(), ends.clone(), world.clone());
            env.clone().spawn("sleeper", async move {
                env.sleep(Duration::from_nanos(nanos)).await;
                ends.lock().unwrap().push((world.now().as_nanos(), index));
            })
        })
        .collect();
    world.run(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(*ends.lock().unwrap(), [(10, 1), (10, 3), (20, 2), (30, 0)]);
}

#[test]
fn a_crash_drops_the_tasks_of_its_node_and_of_no_other() {
    let world = World::new(1);
    let (a, b) = (world.node("a"), world.node("b"));
    world.run(async {
        let (held, dropped) = oneshot::channel::<()>();
        let own = a.clone();
        let lost = a.spawn("holds", async move {
            let _held = held;
            // What is dropped by the crash may still ask for the time.
            let _asks = Asks(own);
            pending::<()>().await;
        });
        let own = b.clone();
        let kept = b.spawn("lives", async move {
            own.sleep(SECOND).await;
            1
        });
        b.sleep(Duration::from_millis(1)).await;
        world.crash("a");
        assert!(dropped.await.is_err());
        assert_eq!(lost.await, Err(TaskLost::Cancelled));
        assert_eq!(kept.await, Ok(1));
    });
}

struct Asks(Env);

impl Drop for Asks {
    fn drop(&mut self) {
        self.0.now();
        drop(self.0.spawn("too late", async {}));
    }
}

#[test]
fn a_crash_loses_what_was_not_synced() {
    let world = World::new(1);
    let env = world.node("a");
    world.run(async {
        let disk = env.disk();
        disk.create_dir("data").await.unwrap();
        disk.sync_dir("").await.unwrap();
        let log = disk.create("data/log").await.unwrap();
        log.append(Bytes::from_static(b"synced")).await.unwrap();
        log.sync().await.unwrap();
        disk.create("data/old").await.unwrap();
        disk.sync_dir("data").await.unwrap();
        log.append(Bytes::from_static(b" and not")).await.unwrap();
        disk.create("data/new").await.unwrap().sync().await.unwrap();
        disk.rename("data/old", "data/renamed").await.unwrap();
        assert_eq!(disk.list("data").await.unwrap(), ["log", "new", "renamed"]);
    });
    world.crash("a");
    let env = world.restart("a");
    world.run(async {
        let disk = env.disk();
        assert_eq!(disk.list("data").await.unwrap(), ["log", "old"]);
        assert_eq!(
            disk.open("data/log").await.unwrap().read_at(0, 100).await.unwrap(),
            "synced"
        );
    });
}

#[test]
fn the_peers_of_a_crashed_node_see_a_reset() {
    let world = World::new(1);
    let (a, b) = (world.node("a"), world.node("b"));
    world.run(async {
        let (reader, _held) = between(&a, &b, "b:1").await;
        let (writer, _held) = between(&a, &b, "b:2").await;
        let own = a.clone();
        let reading = a.spawn("reads", async move { read_all(&reader).await.unwrap_err().kind() });
        let writing = own.spawn("writes", async move {
            write_all(&writer, &vec![0; 2 * PIPE_BYTES_MAX])
                .await
                .unwrap_err()
                .kind()
        });
        a.sleep(SECOND).await;
        world.crash("b");
        assert_eq!(reading.await, Ok(ErrorKind::ConnectionReset));
        assert_eq!(writing.await, Ok(ErrorKind::ConnectionReset));
        let refused = a.network().connect(&Address::new("b:1")).await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_restarted_node_listens_again_on_its_port() {
    let world = World::new(1);
    let (a, b) = (world.node("a"), world.node("b"));
    world.run(async {
        let _old = b.network().listen(&Address::new("b:80")).await.unwrap();
        world.crash("b");
        let b = world.restart("b");
        let (here, there) = between(&a, &b, "b:80").await;
        write_all(&here, b"again").await.unwrap();
        assert_eq!(read_some(&there, 10).await.unwrap(), "again");
    });
}

#[test]
fn an_escaped_task_is_told_that_its_node_has_crashed() {
    let world = World::new(1);
    let (a, b) = (world.node("a"), world.node("b"));
    let asleep = a.sleep(SECOND);
    world.crash("a");
    let restarted = world.restart("a");
    for message in [
        panic_of(|| a.now()),
        panic_of(|| a.spawn("late", async {})),
        panic_of(|| a.disk()),
        panic_of(|| world.run(asleep)),
    ] {
        assert!(
            message.contains("node `a` has crashed") && message.contains("World::restart"),
            "{message}"
        );
    }
    let escaped = b.spawn("escaped", async move { a.wall() });
    let lost = world.run(escaped).unwrap_err();
    assert!(
        matches!(&lost, TaskLost::Panicked(message) if message.contains("a task has escaped")),
        "{lost}"
    );
    restarted.now();
}

#[test]
fn a_wait_without_an_end_names_who_waits() {
    let world = World::new(1);
    let env = world.node("a");
    let _task = env.spawn("for godot", pending::<()>());
    let message = panic_of(|| world.run(env.sleep(Duration::MAX)));
    assert!(
        message.contains("nothing can ever happen") && message.contains("a/for godot"),
        "{message}"
    );
    let message = panic_of(|| world.run(async { world.run(async {}) }));
    assert!(message.contains("running already"), "{message}");
}

#[test]
fn a_drifting_clock_reaches_every_timer() {
    let world = World::new(1);
    let (fast, slow) = (world.node("fast"), world.node("slow"));
    world.skew("fast", 0, 200);
    world.skew("slow", -1_000_000, -200);
    world.run(fast.sleep(SECOND));
    assert_eq!(world.now(), Duration::from_nanos(999_800_040));
    let begin = world.now();
    world.run(slow.sleep(SECOND));
    assert_eq!(world.now() - begin, Duration::from_nanos(1_000_200_040));
}

#[test]
fn a_clock_that_changes_moves_timers_that_are_set() {
    let world = World::new(1);
    let (a, b) = (world.node("a"), world.node("b"));
    world.run(async {
        let own = a.clone();
        let sleeper = a.spawn("sleeps", async move { own.sleep(100 * SECOND).await });
        b.sleep(SECOND).await;
        world.skew("a", 0, 1_000_000);
        b.sleep(SECOND).await;
        world.jump("a", 90_000_000_000);
        sleeper.await.unwrap();
    });
    assert_eq!(world.now(), Duration::from_millis(5500));
}

#[test]
fn a_clock_that_jumps_back_moves_the_wall_only() {
    let world = World::new(1);
    let env = world.node("a");
    let (now, wall) = (env.now(), env.wall());
    world.jump("a", -1_000_000_000);
    assert_eq!(env.now(), now);
    assert_eq!(wall.as_micros() - env.wall().as_micros(), 1_000_000);
    let interval = env.interval();
    assert!(
        interval.earliest <= wall && wall <= interval.latest,
        "{interval:?} holds the true time"
    );
}

#[test]
fn instants_of_two_nodes_and_two_incarnations_are_not_alike() {
    let world = World::new(1);
    let (a, b) = (world.node("a").now(), world.node("b").now());
    world.crash("a");
    let again = world.restart("a").now();
    assert!(a != b && a != again && b != again);
}

#[test]
fn bytes_cross_a_link_in_its_latency_and_a_node_in_none() {
    let world = World::new(1);
    let (a, b) = (world.node("a"), world.node("b"));
    world.latency(Duration::from_millis(3));
    world.run(async {
        let (here, there) = between(&a, &b, "b:1").await;
        assert_eq!(world.now(), Duration::from_millis(6));
        write_all(&here, b"hello").await.unwrap();
        assert_eq!(read_some(&there, 9).await.unwrap(), "hello");
        assert_eq!(world.now(), Duration::from_millis(9));
        let (here, there) = connected(&a).await;
        write_all(&here, b"hello").await.unwrap();
        assert_eq!(read_some(&there, 9).await.unwrap(), "hello");
        assert_eq!(world.now(), Duration::from_millis(9));
    });
}

#[test]
fn what_is_sent_over_a_cut_link_waits_until_it_is_healed() {
    let world = World::new(1);
    let (a, b) = (world.node("a"), world.node("b"));
    world.run(async {
        let (here, there) = between(&a, &b, "b:1").await;
        write_all(&here, b"on the way, ").await.unwrap();
        world.cut("a", "b");
        write_all(&here, b"and after").await.unwrap();
        assert!(a.timeout(SECOND, read_some(&there, 99)).await.is_err());
        let connecting = a.network();
        let to = Address::new("b:1");
        assert!(a.timeout(SECOND, connecting.connect(&to)).await.is_err());
        let (own, healer) = (b.clone(), world.clone());
        drop(b.spawn("heals", async move {
            own.sleep(SECOND).await;
            healer.heal("b", "a");
        }));
        assert_eq!(read_some(&there, 99).await.unwrap(), "on the way, and after");
        assert_eq!(world.now().as_secs(), 3);
    });
}

#[test]
fn a_reset_does_not_cross_a_cut_link() {
    let world = World::new(1);
    let (a, b) = (world.node("a"), world.node("b"));
    world.run(async {
        let (here, _there) = between(&a, &b, "b:1").await;
        world.cut("a", "b");
        world.crash("b");
        assert!(a.timeout(SECOND, read_some(&here, 9)).await.is_err());
        world.heal("a", "b");
        assert_eq!(
            read_some(&here, 9).await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
    });
}

#[test]
fn a_pipe_holds_what_its_limit_says() {
    let world = World::new(1);
    let env = world.node("a");
    world.run(async {
        let (here, _there) = connected(&env).await;
        let part = vec![0; PIPE_BYTES_MAX + 1];
        assert_eq!(here.try_write(&[std::io::IoSlice::new(&part)]).unwrap(), PIPE_BYTES_MAX);
        assert_eq!(
            here.try_write(&[std::io::IoSlice::new(&part)]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
    });
}

#[test]
fn a_listener_that_accepts_nothing_refuses_at_its_limit() {
    let world = World::new(1);
    let env = world.node("a");
    world.run(async {
        let network = env.network();
        let listener = network.listen(&Address::new("a:80")).await.unwrap();
        let mut waiting = Vec::new();
        let refused = loop {
            match network.connect(&listener.address()).await {
                Ok(stream) => waiting.push(stream),
                Err(error) => break error,
            }
        };
        assert_eq!(
            (waiting.len(), refused.kind()),
            (BACKLOG_MAX, ErrorKind::ConnectionRefused)
        );
        listener.accept().await.unwrap();
        network.connect(&listener.address()).await.unwrap();
    });
}

#[test]
fn a_file_in_memory_has_a_limit() {
    let world = World::new(1);
    let env = world.node("a");
    world.run(async {
        let file = env.disk().create("large").await.unwrap();
        assert_eq!(
            file.truncate(FILE_BYTES_MAX + 1).await.unwrap_err().kind(),
            ErrorKind::FileTooLarge
        );
        let written = file.write_at(FILE_BYTES_MAX, Bytes::from_static(b"!")).await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::FileTooLarge);
        let written = file.write_at(u64::MAX, Bytes::from_static(b"!")).await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::FileTooLarge);
    });
}

/// A small program whose course depends on its random numbers.
fn trace(seed: u64) -> (Vec<(u128, String)>, u64) {
    let world = World::new(seed);
    let (sender, mut receiver) = mpsc::channel(1000);
    for name in ["a", "b", "c"] {
        let (env, sender, world) = (world.node(name), sender.clone(), world.clone());
        drop(env.clone().spawn("wanders", async move {
            let mut random = env.random("pauses");
            for step in 0..20 {
                env.sleep(Duration::from_nanos(random.below(1_000_000))).await;
                sender
                    .send((world.now().as_nanos(), format!("{} {step}", env.node())))
                    .await
                    .unwrap();
            }
        }));
    }
    drop(sender);
    let events = world.run(async {
        let mut events = Vec::new();
        while let Some(event) = receiver.recv().await {
            events.push(event);
        }
        events
    });
    (events, world.fingerprint())
}

#[test]
fn one_seed_is_one_run() {
    assert_eq!(trace(7), trace(7));
    assert_ne!(trace(7).0, trace(8).0);
    assert_ne!(trace(7).1, trace(8).1);
}

#[test]
fn a_draw_in_one_place_shifts_no_other() {
    let draw = |early: bool| {
        let env = World::new(7).node("a");
        if early {
            env.random("other").u64();
        }
        env.random("ids").u64()
    };
    assert_eq!(draw(true), draw(false));
}

#[test]
fn a_restarted_node_does_not_draw_its_old_numbers() {
    let world = World::new(7);
    let before = world.node("a").random("ids").u64();
    world.crash("a");
    assert_ne!(world.restart("a").random("ids").u64(), before);
}

#[test]
fn a_node_that_is_quick_again_does_at_once_what_waited_in_its_order() {
    let world = World::new(1);
    let env = world.node("a");
    world.slow("a", Duration::from_secs(3600));
    let (sender, mut receiver) = mpsc::channel(10);
    for number in 0..3 {
        let sender = sender.clone();
        drop(env.spawn("counts", async move { sender.send(number).await.unwrap() }));
    }
    let healing = world.clone();
    world.after(SECOND, move |_| healing.slow("a", Duration::ZERO));
    world.run(async {
        for number in 0..3 {
            assert_eq!(receiver.recv().await, Some(number));
        }
        assert_eq!(world.now(), SECOND);
        // Slow again, it owes nothing from before.
        world.slow("a", Duration::from_millis(1));
        env.spawn("works", async {}).await.unwrap();
    });
    assert_eq!(world.now(), SECOND + Duration::from_millis(1));
    world.end();
}

#[test]
fn a_slow_node_that_restarts_owes_nothing() {
    let world = World::new(1);
    let env = world.node("a");
    world.slow("a", Duration::from_secs(3600));
    drop(env.spawn("works", async {}));
    world.after(SECOND, |world| {
        world.crash("a");
        let env = world.restart("a");
        world.slow("a", Duration::from_millis(1));
        drop(env.spawn("works", async {}));
    });
    let other = world.node("b");
    world.record_polls();
    world.run(other.sleep(SECOND * 2));
    let polls: Vec<u64> = world
        .polls()
        .iter()
        .filter(|poll| poll.task == "works")
        .map(|poll| poll.at)
        .collect();
    assert_eq!(polls, [1_001_000_000]);
}
