//! What every world promises, asked of each: the real one and the one in memory.

#[cfg(unix)]
mod children;
mod disk_faults;
mod fate;
mod streams;
mod struck;

use std::future::{pending, poll_fn, ready};
use std::io::{ErrorKind, IoSlice};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use world::memory::World;
use world::production::Options;
use world::{Address, ByteStream, ConnectError, Elapsed, Env, Interval, TaskLost};

use streams::{connected, read_all, read_some, write_all};

/// Defines each promise once and tests it in both worlds.
macro_rules! contract {
    ($(async fn $promise:ident($env:ident: Env) $body:block)*) => {$(
        mod $promise {
            use super::*;

            async fn promise($env: Env) $body

            #[test]
            fn in_production() {
                let data = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(stringify!($promise));
                drop(std::fs::remove_dir_all(&data));
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let options = Options { data: Some(data), ..Options::default() };
                    promise(Env::production_with("a", options)).await;
                });
            }

            #[test]
            fn in_memory() {
                let world = World::new(1);
                world.run(promise(world.node("a")));
            }
        }
    )*};
}

const SHORT: Duration = Duration::from_millis(3);
const LONG: Duration = Duration::from_secs(3600);

contract! {
    async fn a_host_is_reached_by_its_addresses(env: Env) {
        let listener = env.network().listen(&Address::new("127.0.0.1:0")).await.unwrap();
        let port = listener.address().as_str().rsplit_once(':').unwrap().1.to_owned();
        let found = env.network().resolve("localhost").await.unwrap();
        let found = found.into_iter().find(|address| address.is_ipv4()).unwrap();
        assert!(found.is_loopback(), "{found}");
        drop(env.network().connect(&Address::new(format!("{found}:{port}"))).await.unwrap());
        drop(listener.accept().await.unwrap());
    }

    async fn a_sleep_never_ends_early(env: Env) {
        let end = env.deadline(SHORT);
        env.sleep(SHORT).await;
        assert!(env.now() >= end);
        env.sleep_until(end).await;
        env.sleep(Duration::ZERO).await;
    }

    async fn clocks_and_deadlines_never_overflow(env: Env) {
        let end = env.deadline(Duration::MAX);
        assert!(end > env.now());
        assert_eq!(env.now().saturating_duration_since(end), Duration::ZERO);
        assert_eq!(env.timeout(Duration::MAX, ready(1)).await, Ok(1));
        assert!(env.timeout(SHORT, env.sleep(Duration::MAX)).await.is_err());
    }

    async fn a_timeout_ends_what_is_not_ready(env: Env) {
        assert_eq!(env.timeout(SHORT, pending::<()>()).await, Err(Elapsed { after: SHORT }));
    }

    async fn what_is_ready_wins_over_a_time_that_is_over(env: Env) {
        assert_eq!(env.timeout(Duration::ZERO, ready("value")).await, Ok("value"));
    }

    async fn ticks_are_whole_periods_apart(env: Env) {
        let mut every = env.every(SHORT);
        let begin = env.now();
        let (first, second) = (every.tick().await, every.tick().await);
        assert!(first >= begin);
        let apart = second.saturating_duration_since(first).as_nanos();
        assert!(apart > 0 && apart.is_multiple_of(SHORT.as_nanos()), "{apart} ns apart");
    }

    async fn a_late_tick_does_not_come_in_a_burst(env: Env) {
        let mut every = env.every(SHORT);
        env.sleep(SHORT * 10).await;
        let (late, next) = (every.tick().await, every.tick().await);
        assert!(next.saturating_duration_since(late) >= SHORT * 9);
    }

    async fn an_interval_holds_the_wall_clock(env: Env) {
        let (interval, wall) = (env.interval(), env.wall());
        assert!(interval == Interval::UNBOUNDED || (interval.earliest <= wall && wall <= interval.latest));
    }

    async fn two_sources_of_random_numbers_are_independent(env: Env) {
        let mut drawn: Vec<u128> = ["ids", "ids", "jitter"].map(|purpose| env.random(purpose).u128()).into();
        drawn.dedup();
        assert_eq!(drawn.len(), 3);
    }

    async fn random_numbers_keep_their_bounds(env: Env) {
        let mut random = env.random("bounds");
        let mut seen = [false; 7];
        for _ in 0..1000 {
            seen[usize::try_from(random.below(7)).unwrap()] = true;
            assert!((0.0..1.0).contains(&random.fraction()));
        }
        assert_eq!(seen, [true; 7]);
        assert_eq!((random.below(0), random.below(1)), (0, 0));
        let mut bytes = [0; 1001];
        random.fill(&mut bytes);
        assert!(bytes[1000 - 32..].iter().any(|byte| *byte != 0));
    }

    async fn a_task_gives_its_value(env: Env) {
        assert_eq!(env.spawn("seven", async { 7 }).await, Ok(7));
        assert_eq!(env.blocking("eight", || 8).await, Ok(8));
    }

    async fn a_panic_is_a_value(env: Env) {
        let lost = TaskLost::Panicked("it broke at 5".to_owned());
        assert_eq!(env.spawn("panics", async { panic!("it broke at {}", 5) }).await, Err::<(), _>(lost.clone()));
        assert_eq!(env.blocking("panics", || panic!("it broke at {}", 5)).await, Err::<(), _>(lost));
    }

    async fn a_cancelled_task_is_dropped(env: Env) {
        let (held, dropped) = oneshot::channel::<()>();
        let task = env.spawn("waits", async move {
            let _held = held;
            pending::<()>().await;
        });
        task.cancel();
        assert!(dropped.await.is_err());
        assert_eq!(task.await, Err(TaskLost::Cancelled));
    }

    async fn a_task_that_nobody_holds_runs_on(env: Env) {
        let (sender, mut receiver) = mpsc::channel(1);
        let own = env.clone();
        drop(env.spawn("runs on", async move {
            own.sleep(SHORT).await;
            sender.send(1).await.unwrap();
        }));
        assert_eq!(receiver.recv().await, Some(1));
    }

    async fn bytes_of_a_file_are_read_where_they_were_written(env: Env) {
        let disk = env.disk();
        let file = disk.create("log").await.unwrap();
        assert_eq!(file.append(Bytes::from_static(b"hello")).await.unwrap(), 0);
        assert_eq!(file.append(Bytes::from_static(b" disk")).await.unwrap(), 5);
        file.write_at(0, Bytes::from_static(b"J")).await.unwrap();
        file.sync().await.unwrap();
        let file = disk.open("log").await.unwrap();
        assert_eq!(file.len().await.unwrap(), 10);
        assert_eq!(file.read_at(0, 100).await.unwrap(), "Jello disk");
        assert_eq!(file.read_at(6, 2).await.unwrap(), "di");
        assert_eq!(file.read_at(10, 2).await.unwrap(), "");
        assert_eq!(file.read_at(u64::MAX >> 1, 2).await.unwrap(), "");
        file.truncate(4).await.unwrap();
        file.write_at(6, Bytes::from_static(b"!")).await.unwrap();
        file.write_at(50, Bytes::new()).await.unwrap();
        assert_eq!(file.read_at(0, 100).await.unwrap(), "Jell\0\0!");
    }

    async fn names_of_a_disk_are_created_renamed_and_removed(env: Env) {
        let disk = env.disk();
        disk.create_dir("a/b").await.unwrap();
        disk.create_dir("a/b").await.unwrap();
        for path in ["a/b/two", "a/b/one", "a/three"] {
            disk.create(path).await.unwrap().append(Bytes::from(path)).await.unwrap();
        }
        assert_eq!(disk.list("").await.unwrap(), ["a"]);
        assert_eq!(disk.list("a/b").await.unwrap(), ["one", "two"]);
        disk.rename("a/three", "a/b/one").await.unwrap();
        assert_eq!(disk.open("a/b/one").await.unwrap().read_at(0, 9).await.unwrap(), "a/three");
        disk.rename("a/b", "c").await.unwrap();
        disk.remove("c/one").await.unwrap();
        assert_eq!(disk.list("c").await.unwrap(), ["two"]);
        disk.remove("a").await.unwrap();
        disk.sync_dir("c").await.unwrap();
        disk.sync_dir("").await.unwrap();
        assert_eq!(disk.list("").await.unwrap(), ["c"]);
    }

    async fn a_disk_tells_what_is_wrong_with_a_name(env: Env) {
        let disk = env.disk();
        disk.create("file").await.unwrap();
        disk.create_dir("full/of").await.unwrap();
        let kind = |error: std::io::Error, path: &str| {
            assert!(error.to_string().contains(path), "{error} should name {path}");
            error.kind()
        };
        assert_eq!(kind(disk.create("file").await.err().unwrap(), "file"), ErrorKind::AlreadyExists);
        assert_eq!(kind(disk.open("none").await.err().unwrap(), "none"), ErrorKind::NotFound);
        assert_eq!(kind(disk.open("full").await.err().unwrap(), "full"), ErrorKind::IsADirectory);
        assert_eq!(kind(disk.create("no/file").await.err().unwrap(), "no/file"), ErrorKind::NotFound);
        assert_eq!(kind(disk.remove("full").await.err().unwrap(), "full"), ErrorKind::DirectoryNotEmpty);
        assert_eq!(kind(disk.rename("none", "new").await.err().unwrap(), "none"), ErrorKind::NotFound);
    }

    async fn no_path_leaves_the_disk(env: Env) {
        let disk = env.disk();
        disk.create_dir("in").await.unwrap();
        for path in ["../out", "in/../../out", "/out", "in//out", ".", "in/", "c:out", "in\\out", "out\0"] {
            assert_eq!(disk.create(path).await.err().unwrap().kind(), ErrorKind::InvalidInput, "{path}");
            assert_eq!(disk.rename("in", path).await.err().unwrap().kind(), ErrorKind::InvalidInput, "{path}");
            assert_eq!(disk.list(path).await.unwrap_err().kind(), ErrorKind::InvalidInput, "{path}");
            assert_eq!(env.sqlite(path).unwrap_err().kind(), ErrorKind::InvalidInput, "{path}");
        }
        assert_eq!(disk.remove("").await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(env.sqlite("todos.db").unwrap().path.ends_with("todos.db"));
    }

    async fn bytes_of_a_stream_arrive_in_order_both_ways(env: Env) {
        let (here, there) = connected(&env).await;
        write_all(&here, b"ping").await.unwrap();
        assert_eq!(read_some(&there, 4).await.unwrap(), "ping");
        write_all(&there, b"pong").await.unwrap();
        assert_eq!(read_some(&here, 2).await.unwrap(), "po");
        assert_eq!(read_some(&here, 2).await.unwrap(), "ng");
        assert_eq!((here.local(), here.peer()), (there.peer(), there.local()));
    }

    async fn more_bytes_than_a_stream_holds_wait_for_their_reader(env: Env) {
        let (here, there) = connected(&env).await;
        let sent: Vec<u8> = (0..8_000_000_u32).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[2]).collect();
        let expected = sent.clone();
        let writer = env.spawn("writer", async move {
            write_all(&here, &sent).await.unwrap();
        });
        let received = read_all(&there).await.unwrap();
        assert!(received == expected);
        writer.await.unwrap();
    }

    async fn a_full_stream_would_block(env: Env) {
        let (here, there) = connected(&env).await;
        let part = [7; 10_000];
        let mut sent = 0;
        let error = loop {
            match here.try_write(&[IoSlice::new(&part), IoSlice::new(&part)]) {
                Ok(count) => sent += count,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        drop(here);
        assert_eq!(read_all(&there).await.unwrap().len(), sent);
    }

    async fn an_ended_direction_leaves_the_other_open(env: Env) {
        let (here, there) = connected(&env).await;
        write_all(&here, b"last words").await.unwrap();
        poll_fn(|cx| here.poll_shutdown(cx)).await.unwrap();
        assert_eq!(read_all(&there).await.unwrap(), b"last words");
        write_all(&there, b"heard").await.unwrap();
        drop(there);
        assert_eq!(read_all(&here).await.unwrap(), b"heard");
        assert_eq!(write_all(&here, b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    }

    async fn a_closed_stream_fails_its_writer(env: Env) {
        let (here, there) = connected(&env).await;
        drop(there);
        let error = loop {
            if let Err(error) = write_all(&here, &[0; 1000]).await {
                break error;
            }
            env.sleep(SHORT).await;
        };
        assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
    }

    async fn nobody_answers_where_nobody_listens(env: Env) {
        let network = env.network();
        let listener = network.listen(&Address::new("127.0.0.1:0")).await.unwrap();
        let taken = listener.address();
        let error = network.listen(&taken).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        drop(listener);
        let error = network.connect(&taken).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains(taken.as_str()), "{error} should name {taken}");
        assert!(network.connect(&Address::new("no port")).await.is_err());
    }

    async fn a_dropped_accept_loses_no_stream(env: Env) {
        let listener = env.network().listen(&Address::new("127.0.0.1:0")).await.unwrap();
        {
            let mut accept = pin!(listener.accept());
            poll_fn(|cx| { assert!(accept.as_mut().poll(cx).is_pending()); Poll::Ready(()) }).await;
        }
        let here = env.network().connect(&listener.address()).await.unwrap();
        let there = listener.accept().await.unwrap();
        assert_eq!(here.local(), there.peer());
    }

    async fn bytes_read_too_early_are_read_again(env: Env) {
        let (here, there) = connected(&env).await;
        let mut there = ByteStream::new(there, Bytes::from_static(b"GET "));
        write_all(&here, b"/index").await.unwrap();
        let mut line = [0; 10];
        there.read_exact(&mut line).await.unwrap();
        assert_eq!(&line, b"GET /index");
        there.write_all(b"200").await.unwrap();
        there.shutdown().await.unwrap();
        assert_eq!(read_all(&here).await.unwrap(), b"200");
    }

    async fn without_a_transport_the_door_says_so(env: Env) {
        let result = env.transport().connect(&env, &Address::new("b:1"), Bytes::new()).await;
        let Err(ConnectError::Unreachable(why)) = result else { panic!("it should be refused") };
        assert!(why.contains("with_transport"), "{why}");
    }

    async fn a_clone_is_the_same_node(env: Env) {
        let other = env.clone();
        assert_eq!((other.node(), env.node()), ("a", "a"));
        let before = env.now();
        assert!(other.now() >= before);
        assert!(other.deadline(LONG) > before);
    }
}

#[cfg(unix)]
#[test]
fn no_symbolic_link_leaves_the_disk() {
    let base = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("symbolic");
    drop(std::fs::remove_dir_all(&base));
    std::fs::create_dir_all(base.join("inside")).unwrap();
    std::fs::create_dir_all(base.join("outside")).unwrap();
    std::os::unix::fs::symlink(base.join("outside"), base.join("inside/link")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = Options {
            data: Some(base.join("inside")),
            ..Options::default()
        };
        let disk = Env::production_with("a", options).disk();
        assert_eq!(
            disk.create("link/file").await.err().unwrap().kind(),
            ErrorKind::PermissionDenied
        );
        assert_eq!(disk.list("link").await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    });
}

#[test]
fn a_node_without_a_disk_says_how_to_give_it_one() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let error = Env::production("a").disk().list("").await.unwrap_err();
        assert!(error.to_string().contains("Options::data"), "{error}");
    });
}

#[cfg(unix)]
#[test]
fn a_process_that_is_asked_to_end_knows_it() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut asked = pin!(world::production::shutdown_signal());
        poll_fn(|cx| {
            assert!(asked.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        let mut kill = std::process::Command::new("kill");
        assert!(
            kill.arg("-TERM")
                .arg(std::process::id().to_string())
                .status()
                .unwrap()
                .success()
        );
        asked.await.unwrap();
    });
}

#[test]
fn a_node_has_an_address_by_which_others_reach_it() {
    let world = World::new(1);
    let (a, b) = (world.node("a"), world.node("b"));
    world.run(async move {
        let listener = b.network().listen(&Address::new("b:80")).await.unwrap();
        let found = a.network().resolve("b").await.unwrap();
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.77.0.1"]);
        drop(
            a.network()
                .connect(&Address::new(format!("{}:80", found[0])))
                .await
                .unwrap(),
        );
        assert!(listener.accept().await.unwrap().peer().as_str().starts_with("a:"));
        for nobody in ["c", "10.77.0.2", ""] {
            let error = a.network().resolve(nobody).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{nobody}");
        }
        let error = a
            .network()
            .connect(&Address::new("10.77.0.2:80"))
            .await
            .map(drop)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
}
