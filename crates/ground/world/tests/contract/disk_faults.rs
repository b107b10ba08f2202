//! What fate does to disks in memory: writes that are torn by a crash, rot, and no room; and the door for an SQLite VFS.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use world::Env;
use world::memory::{BlockingPlace, SECTOR_BYTES, SQLITE_VFS, World};

/// Enough for every fate of a few sectors or names to occur.
const SEEDS: u64 = 200;

/// The file `path` of a node, or what is wrong with it.
pub(crate) async fn read(env: &Env, path: &str) -> Result<Bytes, ErrorKind> {
    let file = env.disk().open(path).await.map_err(|error| error.kind())?;
    file.read_at(0, 1 << 20).await.map_err(|error| error.kind())
}

/// Writes `bytes` to the new file `path` and makes all of it durable but names above the root.
async fn store(env: &Env, path: &str, bytes: Bytes) {
    let file = env.disk().create(path).await.unwrap();
    file.append(bytes).await.unwrap();
    file.sync().await.unwrap();
    env.disk().sync_dir("").await.unwrap();
}

fn sectors(byte: u8, count: usize) -> Bytes {
    Bytes::from(vec![byte; SECTOR_BYTES * count])
}

#[test]
fn a_torn_crash_leaves_any_sectors_and_any_length_in_between() {
    let (mut patterns, mut lengths) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..SEEDS {
        let world = World::new(seed);
        let env = world.node("a");
        world.run(async {
            store(&env, "log", sectors(1, 4)).await;
            let file = env.disk().open("log").await.unwrap();
            // One sector stays as it was, two are changed, and two are new.
            file.write_at(SECTOR_BYTES as u64, sectors(2, 2)).await.unwrap();
            file.append(sectors(2, 2)).await.unwrap();
        });
        world.crash_torn("a");
        let env = world.restart("a");
        let left = world.run(read(&env, "log")).unwrap();
        assert!(
            left.len() >= SECTOR_BYTES * 4 && left.len() <= SECTOR_BYTES * 6,
            "seed {seed}"
        );
        let firsts: Vec<u8> = left.chunks(SECTOR_BYTES).map(|sector| sector[0]).collect();
        for (index, sector) in left.chunks(SECTOR_BYTES).enumerate() {
            assert!(
                sector.iter().all(|byte| *byte == firsts[index]),
                "seed {seed}: a sector is torn"
            );
            let allowed: &[u8] = match index {
                0 | 3 => &[1],
                1 | 2 => &[1, 2],
                _ => &[0, 2],
            };
            assert!(
                allowed.contains(&firsts[index]),
                "seed {seed}: sector {index} holds {}",
                firsts[index]
            );
        }
        patterns.insert(firsts[1..3].to_vec());
        lengths.insert(left.len());
    }
    assert_eq!(patterns.len(), 4, "{patterns:?}");
    assert!(lengths.contains(&(SECTOR_BYTES * 4)) && lengths.contains(&(SECTOR_BYTES * 6)) && lengths.len() > 20);
}

#[test]
fn a_cut_is_torn_only_from_what_is_written_after_it() {
    let mut lengths = BTreeSet::new();
    for seed in 0..SEEDS {
        let world = World::new(seed);
        let env = world.node("a");
        world.run(async {
            store(&env, "log", sectors(1, 3)).await;
            let file = env.disk().open("log").await.unwrap();
            file.truncate(100).await.unwrap();
        });
        world.crash_torn("a");
        let env = world.restart("a");
        let left = world.run(read(&env, "log")).unwrap();
        assert!(
            left.iter().all(|byte| *byte == 1),
            "seed {seed}: bytes came from nowhere"
        );
        lengths.insert(left.len());
    }
    assert_eq!(lengths, BTreeSet::from([100, SECTOR_BYTES * 3]));
}

#[test]
fn a_file_that_is_emptied_and_written_again_may_be_found_empty() {
    let empty = (0..SEEDS).any(|seed| {
        let world = World::new(seed);
        let env = world.node("a");
        world.run(async {
            store(&env, "settings", sectors(1, 1)).await;
            let file = env.disk().open("settings").await.unwrap();
            file.truncate(0).await.unwrap();
            file.append(Bytes::from_static(&[2; 10])).await.unwrap();
        });
        world.crash_torn("a");
        let env = world.restart("a");
        world.run(read(&env, "settings")).unwrap().len() < 10
    });
    assert!(empty);
}

#[test]
fn a_torn_crash_never_loses_what_is_renamed() {
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        let world = World::new(seed);
        let env = world.node("a");
        world.run(async {
            let disk = env.disk();
            store(&env, "kept", Bytes::from_static(b"kept")).await;
            store(&env, "target", Bytes::from_static(b"old")).await;
            store(&env, "doomed", Bytes::from_static(b"doomed")).await;
            // Into a new directory, over another file, and away.
            disk.create_dir("new/inner").await.unwrap();
            disk.rename("kept", "new/inner/kept").await.unwrap();
            let file = disk.create("target.tmp").await.unwrap();
            file.append(Bytes::from_static(b"new")).await.unwrap();
            file.sync().await.unwrap();
            disk.rename("target.tmp", "target").await.unwrap();
            disk.remove("doomed").await.unwrap();
            disk.create("born").await.unwrap();
        });
        world.crash_torn("a");
        let env = world.restart("a");
        world.run(async {
            let (here, there) = (read(&env, "kept").await, read(&env, "new/inner/kept").await);
            let moved = there.is_ok();
            assert_eq!(here.or(there).unwrap(), "kept", "seed {seed}");
            let target = read(&env, "target").await.unwrap();
            assert!(target == "old" || target == "new", "seed {seed}: {target:?}");
            let names = env.disk().list("").await.unwrap();
            assert!(!names.contains(&"target.tmp".to_owned()), "seed {seed}");
            let [doomed, born] = ["doomed", "born"].map(|name| names.contains(&name.to_owned()));
            seen.insert((moved, target, doomed, born));
        });
    }
    assert_eq!(seen.len(), 16, "{seen:?}");
}

#[test]
fn what_was_synced_survives_a_torn_crash() {
    for seed in 0..SEEDS {
        let world = World::new(seed);
        let env = world.node("a");
        let names = world.run(async {
            store(&env, "log", sectors(1, 3)).await;
            env.disk().list("").await.unwrap()
        });
        world.crash_torn("a");
        let env = world.restart("a");
        assert_eq!(world.run(read(&env, "log")).unwrap(), sectors(1, 3));
        assert_eq!(world.run(async { env.disk().list("").await.unwrap() }), names);
    }
}

#[test]
fn one_seed_tears_and_rots_alike() {
    let run = |seed| {
        let world = World::new(seed);
        let env = world.node("a");
        world.run(async {
            store(&env, "log", sectors(1, 8)).await;
            let file = env.disk().open("log").await.unwrap();
            file.write_at(0, sectors(2, 20)).await.unwrap();
        });
        world.crash_torn("a");
        let env = world.restart("a");
        let rotten = world.rot("a");
        (world.run(read(&env, "log")).unwrap(), rotten)
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn rot_flips_one_bit_of_what_is_stored_and_says_where() {
    for seed in 0..SEEDS {
        let world = World::new(seed);
        let env = world.node("a");
        assert_eq!(world.rot("a"), None);
        world.run(async {
            env.disk().create_dir("data").await.unwrap();
            store(&env, "data/log", sectors(0, 2)).await;
            env.disk().sync_dir("data").await.unwrap();
        });
        let said = world.rot("a").unwrap();
        let left = world.run(read(&env, "data/log")).unwrap();
        let wrong: Vec<usize> = (0..left.len()).filter(|index| left[*index] != 0).collect();
        assert_eq!(wrong.len(), 1, "seed {seed}");
        let bit = left[wrong[0]].trailing_zeros();
        assert_eq!(left[wrong[0]].count_ones(), 1);
        assert_eq!(said, format!("bit {bit} of byte {} of `data/log`", wrong[0]));
        // It is on the disk, not only in what is read.
        world.crash("a");
        let env = world.restart("a");
        assert_eq!(world.run(read(&env, "data/log")).unwrap(), left);
    }
}

#[test]
fn a_full_disk_takes_no_byte_more_and_keeps_what_it_has() {
    let world = World::new(1);
    let env = world.node("a");
    world.run(async {
        let disk = env.disk();
        store(&env, "log", Bytes::from_static(b"first")).await;
        let file = disk.open("log").await.unwrap();
        world.fill("a", true);
        let full = file.append(Bytes::from_static(b"!")).await.unwrap_err();
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        assert!(full.to_string().contains("remove something"), "{full}");
        let straddling = file.write_at(3, Bytes::from_static(b"ST!")).await.unwrap_err();
        assert_eq!(straddling.kind(), ErrorKind::StorageFull);
        assert_eq!(file.truncate(6).await.unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(disk.create("more").await.err().unwrap().kind(), ErrorKind::StorageFull);
        assert_eq!(
            disk.create_dir("more").await.unwrap_err().kind(),
            ErrorKind::StorageFull
        );
        file.write_at(0, Bytes::from_static(b"F")).await.unwrap();
        file.sync().await.unwrap();
        disk.rename("log", "renamed").await.unwrap();
        disk.sync_dir("").await.unwrap();
    });
    world.crash("a");
    let env = world.restart("a");
    world.run(async {
        assert_eq!(read(&env, "renamed").await.unwrap(), "First");
        assert!(env.disk().create("more").await.is_err(), "a restart makes no room");
        world.fill("a", false);
        env.disk().create("more").await.unwrap();
    });
}

#[test]
fn a_failing_disk_takes_no_change_after_the_last_it_was_given() {
    let world = World::new(1);
    let env = world.node("a");
    world.run(async {
        store(&env, "log", Bytes::from_static(b"first")).await;
        let file = env.disk().open("log").await.unwrap();
        world.fail_disk("a", Some(2));
        file.write_at(0, Bytes::from_static(b"F")).await.unwrap();
        file.sync().await.unwrap();
        assert!(file.write_at(0, Bytes::from_static(b"L")).await.is_err());
        assert!(file.sync().await.is_err());
        assert!(env.disk().remove("log").await.is_err());
        assert_eq!(read(&env, "log").await.unwrap(), "First");
    });
    world.crash("a");
    let env = world.restart("a");
    world.fail_disk("a", None);
    world.run(async {
        assert_eq!(read(&env, "log").await.unwrap(), "First");
        env.disk().remove("log").await.unwrap();
    });
}

#[test]
fn an_open_file_outlives_its_name_until_it_is_closed() {
    let world = World::new(1);
    let env = world.node("a");
    world.run(async {
        let disk = env.disk();
        store(&env, "log", Bytes::from_static(b"bytes")).await;
        let file = disk.open("log").await.unwrap();
        disk.remove("log").await.unwrap();
        disk.sync_dir("").await.unwrap();
        file.append(Bytes::from_static(b"!")).await.unwrap();
        assert_eq!(file.read_at(0, 100).await.unwrap(), "bytes!");
        // A name that is removed and not synced can still come back.
        store(&env, "back", Bytes::from_static(b"back")).await;
        disk.remove("back").await.unwrap();
    });
    world.crash("a");
    let env = world.restart("a");
    assert_eq!(world.run(read(&env, "back")).unwrap(), "back");
    assert_eq!(world.run(read(&env, "log")), Err(ErrorKind::NotFound));
}

#[test]
fn the_place_of_a_database_is_on_the_disk_of_its_node() {
    let (world, other) = (World::new(1), World::new(1));
    let env = world.node("a-1");
    let place = env.sqlite("todos.db").unwrap();
    assert_eq!((place.vfs.as_deref(), place.inline), (Some(SQLITE_VFS), true));
    assert_ne!(other.node("a-1").sqlite("todos.db").unwrap(), place);
    assert_ne!(world.node("b").sqlite("todos.db").unwrap(), place);

    let found = BlockingPlace::find(&place.path).unwrap();
    assert!(!found.exists().unwrap());
    let file = found.create().unwrap();
    file.write_at(2, b"rows").unwrap();
    assert_eq!(world.run(read(&env, "todos.db")).unwrap(), "\0\0rows");
    let mut bytes = [9; 8];
    assert_eq!((file.read_at(2, &mut bytes).unwrap(), file.len().unwrap()), (4, 6));
    assert_eq!(&bytes, b"rows\x09\x09\x09\x09");
    file.truncate(4).unwrap();
    file.sync().unwrap();
    assert_eq!(found.wall().unwrap(), env.wall());
    found.sync_directory().unwrap();
    file.write_at(0, b"lost").unwrap();

    world.crash("a-1");
    assert_eq!(file.write_at(0, b"late").unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(found.open().err().unwrap().kind(), ErrorKind::BrokenPipe);
    let env = world.restart("a-1");
    assert!(found.exists().is_err(), "the place belongs to the incarnation before");
    let place = env.sqlite("todos.db").unwrap();
    assert_eq!(world.run(read(&env, "todos.db")).unwrap(), "\0\0ro");
    let found = BlockingPlace::find(&place.path).unwrap();
    found.delete().unwrap();
    assert!(!found.exists().unwrap());
}

#[test]
fn a_path_of_no_living_world_is_no_place() {
    let world = World::new(1);
    let env = world.node("a");
    let place = env.sqlite("todos.db").unwrap();
    assert!(BlockingPlace::find(&place.path).is_some());
    drop((world, env));
    assert!(BlockingPlace::find(&place.path).is_none());
    for path in ["/world-0", "/elsewhere/a-1/x", "/world-x/a-1/x", "todos.db"] {
        assert!(BlockingPlace::find(path.as_ref()).is_none(), "{path}");
    }
}

#[test]
fn what_a_crash_drops_can_write_nothing_any_more() {
    struct Closes(BlockingPlace);
    impl Drop for Closes {
        fn drop(&mut self) {
            assert!(self.0.create().is_err(), "a falling node wrote");
        }
    }
    let world = World::new(1);
    let env = world.node("a");
    let place = env.sqlite("todos.db").unwrap();
    let closes = Closes(BlockingPlace::find(&place.path).unwrap());
    drop(env.spawn("holds", async move {
        let _closes = closes;
        std::future::pending::<()>().await;
    }));
    world.crash("a");
    let env = world.restart("a");
    assert_eq!(world.run(async { env.disk().list("").await.unwrap() }), [""; 0]);
}

/// Lets `during` happen while a sync of what `before` made takes its time, waits for its end, and crashes the node.
fn crash_after_sync(torn: bool, during: impl AsyncFn(&Env)) -> (World, Env) {
    let world = World::new(1);
    let env = world.node("a");
    world.sync_latency(Duration::from_millis(10));
    world.run(async {
        store(&env, "log", sectors(1, 3)).await;
        let file = env.disk().open("log").await.unwrap();
        file.write_at(0, sectors(2, 2)).await.unwrap();
        env.disk().create("early").await.unwrap();
        let disk = env.disk();
        let bytes = env.spawn("syncs bytes", async move { file.sync().await.unwrap() });
        let names = env.spawn("syncs names", async move { disk.sync_dir("").await.unwrap() });
        env.sleep(Duration::from_millis(5)).await;
        during(&env).await;
        bytes.await.unwrap();
        names.await.unwrap();
    });
    match torn {
        true => world.crash_torn("a"),
        false => world.crash("a"),
    }
    let env = world.restart("a");
    (world, env)
}

#[test]
fn a_sync_makes_durable_what_was_written_when_it_began() {
    let (world, env) = crash_after_sync(false, async |env| {
        let file = env.disk().open("log").await.unwrap();
        // One sector over what is being synced, one that is not, and one more.
        file.write_at(SECTOR_BYTES as u64, sectors(3, 3)).await.unwrap();
    });
    let expected = [sectors(2, 2), sectors(1, 1)].concat();
    assert_eq!(world.run(read(&env, "log")).unwrap(), expected);
}

#[test]
fn what_is_written_during_a_sync_is_durable_with_the_next() {
    let (world, env) = crash_after_sync(false, async |env| {
        let file = env.disk().open("log").await.unwrap();
        file.write_at(SECTOR_BYTES as u64, sectors(3, 3)).await.unwrap();
        // It ends after the one that is going on.
        file.sync().await.unwrap();
    });
    let expected = [sectors(2, 1), sectors(3, 3)].concat();
    assert_eq!(world.run(read(&env, "log")).unwrap(), expected);
}

#[test]
fn a_sync_that_began_sooner_and_ends_later_undoes_nothing() {
    let (world, env) = crash_after_sync(false, async |env| {
        let file = env.disk().open("log").await.unwrap();
        file.write_at(0, sectors(3, 4)).await.unwrap();
        env.disk().create("late").await.unwrap();
        let place = BlockingPlace::find(&env.sqlite("log").unwrap().path).unwrap();
        place.open().unwrap().sync().unwrap();
        place.sync_directory().unwrap();
    });
    assert_eq!(world.run(read(&env, "log")).unwrap(), sectors(3, 4));
    let names = world.run(async { env.disk().list("").await.unwrap() });
    assert_eq!(names, ["early", "late", "log"]);
}

#[test]
fn a_file_that_is_cut_during_a_sync_is_whole_after_a_crash() {
    let cut = async |env: &Env| {
        let file = env.disk().open("log").await.unwrap();
        file.truncate(100).await.unwrap();
    };
    let whole = [sectors(2, 2), sectors(1, 1)].concat();
    let (world, env) = crash_after_sync(false, cut);
    assert_eq!(world.run(read(&env, "log")).unwrap(), whole);
    let (world, env) = crash_after_sync(true, cut);
    let left = world.run(read(&env, "log")).unwrap();
    assert!(left == whole || left == whole[..100], "{} bytes", left.len());
}

#[test]
fn a_directory_sync_makes_the_names_durable_that_there_were_when_it_began() {
    let (world, env) = crash_after_sync(false, async |env| {
        let disk = env.disk();
        disk.create("late").await.unwrap();
        disk.create("log.new").await.unwrap();
        // What a name meant when the sync began is kept, though nobody can open it any more.
        disk.rename("log.new", "early").await.unwrap();
        disk.remove("log").await.unwrap();
    });
    world.run(async {
        assert_eq!(env.disk().list("").await.unwrap(), ["early", "log"]);
        assert_eq!(read(&env, "early").await.unwrap(), "");
        assert_eq!(read(&env, "log").await.unwrap().len(), SECTOR_BYTES * 3);
    });
}
