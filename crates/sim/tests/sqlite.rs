//! SQLite on simulated disks: what was committed survives every crash, exactly once.

#[path = "sqlite/within.rs"]
mod within;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, params};
use sim::sqlite::{SQLITE_VFS, register};
use world::memory::World;
use world::{Env, Random};

const SEEDS: u64 = 200;

/// Transactions of a run between two crashes, at most.
const TRANSACTIONS_MAX: u64 = 8;

/// All of SQLite in a process shares one generator of random numbers: only one test at a time may use it.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    register().unwrap();
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a database is opened.
#[derive(Clone, Copy)]
struct Mode(&'static str);

const ROLLBACK: Mode = Mode("PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA;");
const TRUNCATE: Mode = Mode("PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL;");
const WAL: Mode = Mode("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=10;");
const WAL_ALONE: Mode = Mode(
    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=10;",
);

fn connect(env: &Env, mode: Mode) -> rusqlite::Result<Connection> {
    let place = env.sqlite("bank.db").unwrap();
    let vfs = place.vfs.unwrap();
    let connection = Connection::open_with_flags_and_vfs(&place.path, OpenFlags::default(), vfs.as_str())?;
    // So small that transactions spill into the file before they commit.
    connection.execute_batch("PRAGMA cache_size=4;")?;
    connection.execute_batch(mode.0)?;
    let journal: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    assert!(
        mode.0.contains(&format!("journal_mode={}", journal.to_uppercase())),
        "it is {journal}"
    );
    connection.execute_batch("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, text TEXT NOT NULL)")?;
    Ok(connection)
}

type Rows = BTreeMap<i64, String>;

fn rows(connection: &Connection) -> rusqlite::Result<Rows> {
    let mut statement = connection.prepare("SELECT id, text FROM rows")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn integrity(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))
}

/// Writes transactions until one is left open or the disk fails. Returns what may be found after a crash then: the rows
/// of the commits that were acknowledged, and those with the commit that was asked for last.
fn work(connection: &Connection, random: &mut Random, known: &Rows) -> (Rows, Rows) {
    let (mut certain, mut next) = (known.clone(), known.keys().max().map_or(1, |id| id + 1));
    for _ in 0..random.below(TRANSACTIONS_MAX + 1) {
        let mut possible = certain.clone();
        let mut statements = || -> rusqlite::Result<()> {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            for _ in 0..random.below(6) {
                // Statements of several pages, some over old rows.
                let id = match random.below(4) {
                    0 => 1 + random.below(next.unsigned_abs()) as i64,
                    _ => next,
                };
                next = next.max(id + 1);
                let text = format!("{id}/{}", "x".repeat(random.below(6000) as usize));
                connection.execute("INSERT OR REPLACE INTO rows VALUES (?1, ?2)", params![id, text])?;
                possible.insert(id, text);
            }
            Ok(())
        };
        let stopped = statements().is_err();
        if stopped || random.below(8) == 0 {
            // The transaction stays open.
            return (certain.clone(), certain);
        }
        if connection.execute_batch("COMMIT").is_err() {
            return (certain, possible);
        }
        certain = possible;
    }
    (certain.clone(), certain)
}

/// Three lives of a node, each ended at a random step; says what is wrong after one of them.
fn lives(seed: u64, mode: Mode, torn: bool) -> Result<(), String> {
    let world = World::new(seed);
    let mut env = world.node("a");
    let mut random = env.random("the test");
    let mut known = Rows::new();
    for life in 0..3 {
        let step = random.below(60);
        let wrong = |what: String| format!("seed {seed}, life {life}, torn {torn}: {what}");
        let connection = connect(&env, mode).map_err(|error| wrong(error.to_string()))?;
        // In the midst of a statement or a commit, or between two.
        world.fail_disk("a", (random.below(4) > 0).then_some(step));
        let (certain, possible) = work(&connection, &mut random, &known);
        match torn {
            true => world.crash_torn("a"),
            false => world.crash("a"),
        }
        world.fail_disk("a", None);
        drop(connection);
        env = world.restart("a");
        let connection = connect(&env, mode).map_err(|error| wrong(error.to_string()))?;
        let checked = integrity(&connection).map_err(|error| wrong(error.to_string()))?;
        if checked != "ok" {
            return Err(wrong(checked));
        }
        known = rows(&connection).map_err(|error| wrong(error.to_string()))?;
        if known != certain && known != possible {
            let ids = |rows: &Rows| rows.keys().copied().collect::<Vec<i64>>();
            let (found, certain, possible) = (ids(&known), ids(&certain), ids(&possible));
            return Err(wrong(format!("found {found:?}, not {certain:?} or {possible:?}")));
        }
    }
    Ok(())
}

fn every_life_keeps_its_commits(mode: Mode) {
    let _alone = alone();
    for seed in 0..SEEDS {
        for torn in [false, true] {
            lives(seed, mode, torn).unwrap();
        }
    }
}

#[test]
fn with_a_rollback_journal_every_commit_survives_exactly_once() {
    every_life_keeps_its_commits(ROLLBACK);
}

#[test]
fn with_a_journal_that_is_cut_every_commit_survives_exactly_once() {
    every_life_keeps_its_commits(TRUNCATE);
}

#[test]
fn with_a_write_ahead_log_every_commit_survives_exactly_once() {
    every_life_keeps_its_commits(WAL);
}

#[test]
fn with_a_write_ahead_log_of_one_connection_every_commit_survives_exactly_once() {
    every_life_keeps_its_commits(WAL_ALONE);
}

#[test]
fn without_syncs_a_crash_loses_commits_or_the_database() {
    let _alone = alone();
    for journal in ["DELETE", "WAL"] {
        let mode = Mode(match journal {
            "WAL" => "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
            _ => "PRAGMA journal_mode=DELETE; PRAGMA synchronous=OFF;",
        });
        for torn in [false, true] {
            let found = (0..SEEDS).any(|seed| lives(seed, mode, torn).is_err());
            assert!(found, "{journal}, torn {torn}: no seed of {SEEDS} shows it");
        }
    }
}

#[test]
fn a_rollback_journal_without_extra_may_lose_the_last_commit() {
    let _alone = alone();
    let mode = Mode("PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL;");
    assert!((0..SEEDS).any(|seed| lives(seed, mode, false).is_err()));
}

#[test]
fn a_log_that_is_synced_rarely_may_lose_the_last_commits_but_no_part_of_one() {
    let _alone = alone();
    let mode = Mode("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=10;");
    let mut lost = 0;
    for seed in 0..SEEDS {
        let world = World::new(seed);
        let env = world.node("a");
        let mut random = env.random("the test");
        let connection = connect(&env, mode).unwrap();
        let mut states = vec![Rows::new()];
        for id in 0..random.below(20) as i64 {
            let text = "x".repeat(random.below(6000) as usize);
            connection
                .execute("INSERT INTO rows VALUES (?1, ?2), (?3, ?2)", params![id, text, -1 - id])
                .unwrap();
            states.push(rows(&connection).unwrap());
        }
        match seed % 2 {
            0 => world.crash_torn("a"),
            _ => world.crash("a"),
        }
        drop(connection);
        let connection = connect(&world.restart("a"), mode).unwrap();
        assert_eq!(integrity(&connection).unwrap(), "ok", "seed {seed}");
        let found = rows(&connection).unwrap();
        assert!(states.contains(&found), "seed {seed}: {:?}", found.keys());
        lost += u32::from(states.last() != Some(&found));
    }
    assert!(lost > 0);
}

#[test]
fn what_a_crash_drops_commits_nothing() {
    let _alone = alone();
    for mode in [ROLLBACK, WAL] {
        let world = World::new(1);
        let env = world.node("a");
        let connection = connect(&env, mode).unwrap();
        connection.execute("INSERT INTO rows VALUES (1, 'kept')", []).unwrap();
        let begun = Arc::new(AtomicBool::new(false));
        let own = begun.clone();
        drop(env.spawn("writes", async move {
            connection
                .execute_batch("BEGIN; INSERT INTO rows VALUES (2, 'open')")
                .unwrap();
            own.store(true, Ordering::Relaxed);
            std::future::pending::<()>().await;
        }));
        world.run(env.sleep(Duration::from_millis(1)));
        assert!(begun.load(Ordering::Relaxed));
        world.crash("a");
        let connection = connect(&world.restart("a"), mode).unwrap();
        assert_eq!(rows(&connection).unwrap(), Rows::from([(1, "kept".to_owned())]));
    }
}

#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    let _alone = alone();
    for mode in [ROLLBACK, TRUNCATE, WAL, WAL_ALONE] {
        let world = World::new(1);
        let env = world.node("a");
        let connection = connect(&env, mode).unwrap();
        let insert = |id: i64| {
            connection.execute(
                "INSERT INTO rows VALUES (?1, ?2)",
                params![id, format!("{id}/{}", "x".repeat(5000))],
            )
        };
        (1..10).for_each(|id| assert_eq!(insert(id), Ok(1)));
        let before = rows(&connection).unwrap();
        world.fill("a", true);
        // A log has room that it may use again, so not the first.
        let error = (100..200)
            .find_map(|id| insert(id).err())
            .expect("a full disk takes no rows");
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DiskFull), "{error}");
        let after = rows(&connection).unwrap();
        assert!(before.iter().all(|(id, text)| after.get(id) == Some(text)));
        world.crash("a");
        drop(connection);
        let env = world.restart("a");
        world.fill("a", false);
        let connection = connect(&env, mode).unwrap();
        assert_eq!(integrity(&connection).unwrap(), "ok");
        assert_eq!(rows(&connection).unwrap(), after);
        connection
            .execute("INSERT INTO rows VALUES (1000, 'room')", [])
            .unwrap();
    }
}

#[test]
fn rot_is_noticed_or_changes_bytes_of_rows_and_never_panics() {
    let _alone = alone();
    let (mut noticed, mut harmless, mut silent) = (0, 0, 0);
    for seed in 0..SEEDS {
        let world = World::new(seed);
        let env = world.node("a");
        let connection = connect(&env, ROLLBACK).unwrap();
        for id in 0..20_u32 {
            let text = format!("{id}/{}", "x".repeat(id as usize * 20));
            connection
                .execute("INSERT INTO rows VALUES (?1, ?2)", params![id, text])
                .unwrap();
        }
        let before = rows(&connection).unwrap();
        drop(connection);
        assert!(world.rot("a").unwrap().ends_with("of `bank.db`"));
        let read = connect(&env, ROLLBACK).and_then(|connection| {
            let checked = integrity(&connection)?;
            Ok((checked, rows(&connection)?))
        });
        match read {
            Ok((checked, after)) if checked == "ok" && after == before => harmless += 1,
            // SQLite keeps no checksums of its rows.
            Ok((checked, _)) if checked == "ok" => silent += 1,
            _ => noticed += 1,
        }
    }
    assert!(
        noticed > 0 && harmless > 0 && silent > 0,
        "{noticed} {harmless} {silent}"
    );
}

/// Every file of the node's disk, and what SQLite drew and saw of the time.
fn everything(seed: u64, mode: Mode, torn: bool) -> (Vec<(String, Vec<u8>)>, i64, String) {
    let world = World::new(seed);
    let env = world.node("a");
    let mut random = env.random("the test");
    let connection = connect(&env, mode).unwrap();
    world.fail_disk("a", Some(20 + random.below(40)));
    drop(work(&connection, &mut random, &Rows::new()));
    let drawn = connection.query_row("SELECT random()", [], |row| row.get(0)).unwrap();
    let time = connection
        .query_row("SELECT strftime('%Y-%m-%d %H:%M:%f')", [], |row| row.get(0))
        .unwrap();
    match torn {
        true => world.crash_torn("a"),
        false => world.crash("a"),
    }
    drop(connection);
    let env = world.restart("a");
    let files = world.run(async {
        let disk = env.disk();
        let mut files = Vec::new();
        for name in disk.list("").await.unwrap() {
            let file = disk.open(&name).await.unwrap();
            let bytes = file.read_at(0, 1 << 24).await.unwrap().to_vec();
            files.push((name, bytes));
        }
        files
    });
    (files, drawn, time)
}

#[test]
fn two_runs_of_one_seed_leave_the_same_bytes() {
    let _alone = alone();
    for mode in [ROLLBACK, WAL] {
        for torn in [false, true] {
            for seed in 0..20 {
                let (first, again) = (everything(seed, mode, torn), everything(seed, mode, torn));
                assert!(first == again, "seed {seed}, torn {torn}");
            }
            assert!(everything(1, mode, torn) != everything(2, mode, torn));
        }
    }
}

#[test]
fn time_is_the_clock_of_the_node_that_asks() {
    let _alone = alone();
    let world = World::new(1);
    let nodes = ["a", "b"].map(|name| world.node(name));
    world.skew("b", 3_600_000_000_000, 0);
    let connections = nodes.each_ref().map(|env| connect(env, WAL).unwrap());
    let seen = world.run(async {
        let mut tasks = Vec::new();
        for (env, connection) in nodes.iter().zip(connections) {
            let own = env.clone();
            tasks.push(env.spawn("asks", async move {
                let now = |connection: &Connection| -> i64 {
                    connection
                        .query_row("SELECT unixepoch()", [], |row| row.get(0))
                        .unwrap()
                };
                let mut seen = Vec::new();
                for _ in 0..3 {
                    own.sleep(Duration::from_secs(7)).await;
                    seen.push((now(&connection), own.wall().as_micros() / 1_000_000));
                }
                seen
            }));
        }
        let mut seen = Vec::new();
        for task in tasks {
            seen.push(task.await.unwrap());
        }
        seen
    });
    for (told, wall) in seen.iter().flatten() {
        assert_eq!(told, wall);
    }
    assert!(seen[1][0].0 - seen[0][0].0 >= 3600);
}

#[test]
fn two_connections_keep_out_of_each_other_s_way() {
    let _alone = alone();
    for mode in [ROLLBACK, WAL] {
        let world = World::new(1);
        let env = world.node("a");
        let (one, other) = (connect(&env, mode).unwrap(), connect(&env, mode).unwrap());
        other.busy_timeout(Duration::from_secs(3600)).unwrap();
        one.execute_batch("BEGIN IMMEDIATE; INSERT INTO rows VALUES (1, 'one')")
            .unwrap();
        assert_eq!(rows(&other).unwrap(), Rows::new());
        // An hour of waiting takes no time, and ends.
        let error = other.execute("INSERT INTO rows VALUES (2, 'two')", []).unwrap_err();
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
        one.execute_batch("COMMIT").unwrap();
        other.execute("INSERT INTO rows VALUES (2, 'two')", []).unwrap();
        assert_eq!(rows(&one).unwrap().len(), 2);
    }
}

#[test]
fn a_path_of_no_node_cannot_be_opened() {
    let _alone = alone();
    let flags = OpenFlags::default();
    let error = Connection::open_with_flags_and_vfs("/nowhere/bank.db", flags, SQLITE_VFS).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen));
    assert_eq!(register(), Ok(()));
}
