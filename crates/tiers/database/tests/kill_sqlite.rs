//! A process with eight clients is killed at random moments, again and again on one file: every acknowledged transaction is
//! there once, and no other is there half.
#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "real processes, on real time and real files")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use database::{Config, Database, Error, Migration, Migrations, Transaction};
use world::Env;
use world::production::Options;

/// How often the process is killed in `./test`, and with `TERRACE_FULL`.
const ROUNDS: u64 = 4;
const ROUNDS_FULL: u64 = 200;

const CLIENTS: u64 = 8;

/// A process lives at most so long after its first acknowledgement, in microseconds.
const LIFE_US_MAX: u64 = 120_000;

/// The environment variable that makes a process the writer: its folder, and the number of the round.
const WRITER: &str = "TERRACE_KILL_SQLITE";

const TABLES: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "halves",
        kind: database::migration::Kind::Expand,
        sqlite: "create table firsts (id text not null); create table seconds (id text not null);",
        postgres: "",
    }],
};

async fn open(folder: &Path) -> Database {
    let options = Options {
        data: Some(folder.to_owned()),
        ..Options::default()
    };
    let env = Env::production_with("writer", options);
    Database::open(&env, "Halves", &Config::default(), &TABLES)
        .await
        .expect("the file opens, however its last process ended")
}

/// What the writer does until it is killed.
async fn write(folder: &Path, round: &str) {
    let database = open(folder).await;
    let out = Arc::new(Mutex::new(std::io::stdout()));
    let clients = (0..CLIENTS).map(|client| {
        let (database, out, round) = (database.clone(), out.clone(), round.to_owned());
        tokio::spawn(async move {
            for number in 0u64.. {
                let id = format!("{round}-{client}-{number}");
                let own = id.clone();
                let kept: Result<(), Error> = database
                    .transaction(async move |tx: &Transaction<'_>| {
                        tx.execute("insert into firsts values ($1)", (&own,)).await?;
                        tx.execute("insert into seconds values ($1)", (&own,)).await?;
                        Ok(())
                    })
                    .await;
                kept.expect("nothing is wrong with the disk");
                let mut out = out.lock().expect("nobody panics with it");
                writeln!(out, "kept {id}")
                    .and_then(|()| out.flush())
                    .expect("somebody reads");
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("it ends with the process");
    }
}

/// Starts a writer, kills it, and answers what it has acknowledged.
fn killed(folder: &Path, round: u64, life: Duration) -> Vec<String> {
    let test = "acknowledged_transactions_outlive_a_kill_and_others_are_there_whole";
    let mut writer = Command::new(std::env::current_exe().expect("this binary"))
        .args([test, "--exact", "--nocapture"])
        .env(WRITER, format!("{}\n{round}", folder.display()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut said = BufReader::new(writer.stdout.take().expect("piped"));
    let mut kept = Vec::new();
    while kept.is_empty() {
        let mut line = String::new();
        assert_ne!(said.read_line(&mut line).expect("text"), 0, "it ended by itself");
        kept.extend(id(&line));
    }
    std::thread::sleep(life);
    writer.kill().expect("it runs");
    writer.wait().expect("it ends");
    // What it had said before is in the pipe; a line that is cut off acknowledges nothing.
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("text");
    let whole = rest.rsplit_once('\n').map_or("", |(whole, _)| whole);
    kept.extend(whole.lines().filter_map(id));
    kept
}

fn id(line: &str) -> Option<String> {
    line.trim_end().split_once("kept ").map(|(_, id)| id.to_owned())
}

async fn rows(database: &Database, table: &str) -> Vec<String> {
    let rows = database.query(&format!("select id from {table} order by id"), ()).await;
    rows.expect("the table can be read")
}

/// Each acknowledged one is there once, and each that is there is there whole.
async fn check(folder: &Path, kept: &BTreeSet<String>) -> usize {
    let database = open(folder).await;
    let (firsts, seconds) = (rows(&database, "firsts").await, rows(&database, "seconds").await);
    assert_eq!(firsts, seconds, "half a transaction is there");
    let there: BTreeSet<&String> = firsts.iter().collect();
    assert_eq!(there.len(), firsts.len(), "a transaction is there twice");
    let lost: Vec<&String> = kept.iter().filter(|id| !there.contains(id)).collect();
    assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), kept.len());
    firsts.len()
}

#[test]
fn acknowledged_transactions_outlive_a_kill_and_others_are_there_whole() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let Ok(writer) = std::env::var(WRITER) {
        let (folder, round) = writer.split_once('\n').expect("a folder and a number");
        runtime.block_on(write(Path::new(folder), round));
        return;
    }
    let name = format!("kill-sqlite-{}", std::process::id());
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let rounds = match std::env::var_os("TERRACE_FULL") {
        Some(_) => ROUNDS_FULL,
        None => ROUNDS,
    };
    let env = Env::production("killer");
    let mut random = env.random("lives");
    let (mut kept, mut there) = (BTreeSet::new(), 0);
    for round in 0..rounds {
        let life = Duration::from_micros(random.below(LIFE_US_MAX));
        let new = killed(&folder, round, life);
        let before = kept.len() + new.len();
        kept.extend(new);
        assert_eq!(kept.len(), before, "one was acknowledged twice");
        there = runtime.block_on(check(&folder, &kept));
    }
    drop(writeln!(
        std::io::stderr(),
        "{rounds} kills: {} transactions acknowledged, {there} there",
        kept.len()
    ));
    std::fs::remove_dir_all(&folder).expect("it is there");
}
