//! A process that writes to PostgreSQL, killed at random moments: what it said to be kept is there once, and nothing is
//! there half.
#![expect(
    clippy::disallowed_methods,
    reason = "real processes, clocks and tasks: what is killed is outside of every world"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use database::config::Place;
use database::migration::Kind;
use database::{Config, Database, Error, Migration, Migrations, Transaction};
use servers::Postgres;
use world::{Env, Random};

const CLIENTS: i64 = 8;

/// Rounds in `./test`, and with its full counts.
const ROUNDS: u64 = 4;
const ROUNDS_FULL: u64 = 200;

/// Acknowledgements after which a writer is killed at most, and milliseconds after the last of them.
const ACKNOWLEDGED_MAX: u64 = 120;
const WAIT_MS_MAX: u64 = 20;

/// How long anything may take on a machine that does much else.
const SOON: Duration = Duration::from_secs(60);

/// The address, for the child.
const URL: &str = "TERRACE_KILL_URL";
/// The number of the round, for the child.
const ROUND: &str = "TERRACE_KILL_ROUND";

/// Nothing of the schema keeps a transaction from being there twice or half.
const HALVES: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "halves",
        kind: Kind::Expand,
        sqlite: "",
        postgres: "create table halves (round bigint not null, number bigint not null, half bigint not null);",
    }],
};

async fn open(url: String) -> Database {
    let config = Config {
        engine: Place::Postgres { url, password: None },
        ..Config::default()
    };
    Database::open(&Env::production("writer"), "Halves", &config, &HALVES)
        .await
        .unwrap()
}

/// One transaction of two halves: two statements, or one that brings its commit with it.
async fn write(db: &Database, round: i64, number: i64) -> Result<(), Error> {
    if number % 2 == 0 {
        let sql = "insert into halves select $1, $2, half from generate_series(0, 1) half";
        return db.execute(sql, (round, number)).await.map(drop);
    }
    db.transaction(async move |tx: &Transaction<'_>| {
        for half in 0..2 {
            tx.execute("insert into halves values ($1, $2, $3)", (round, number, half))
                .await?;
        }
        Ok(())
    })
    .await
}

/// The process that is killed: writes without end, and says each number once it is kept.
#[tokio::test]
async fn writer() {
    let (Ok(url), Ok(round)) = (std::env::var(URL), std::env::var(ROUND)) else {
        // The tests below start it with them.
        return;
    };
    let db = open(url).await;
    let round: i64 = round.parse().unwrap();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let db = db.clone();
            tokio::spawn(async move {
                for number in 0.. {
                    let number = client * 1_000_000 + number;
                    match write(&db, round, number).await {
                        Ok(()) => writeln!(std::io::stdout(), "kept {number}").unwrap(),
                        Err(Error::Unavailable { .. } | Error::Conflict { .. } | Error::Busy { .. }) => {}
                        Err(other) => panic!("{other:?}"),
                    }
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
}

/// A writer of one round, and what it has said.
struct Writer {
    child: Child,
    said: mpsc::Receiver<i64>,
    kept: Vec<i64>,
}

impl Writer {
    fn start(server: &Postgres, round: u64) -> Writer {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer", "--nocapture"])
            .env(URL, server.url("postgres"))
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (says, said) = mpsc::sync_channel(1 << 20);
        std::thread::spawn(move || {
            // A line that is not whole was not said.
            for line in lines.map_while(Result::ok) {
                if let Some(number) = line.strip_prefix("kept ").and_then(|number| number.parse().ok()) {
                    says.send(number).unwrap();
                }
            }
        });
        Writer {
            child,
            said,
            kept: Vec::new(),
        }
    }

    fn wait_for(&mut self, acknowledged: u64) {
        let begun = Instant::now();
        for _ in 0..acknowledged {
            let left = SOON.saturating_sub(begun.elapsed());
            self.kept
                .push(self.said.recv_timeout(left).expect("the writer writes nothing"));
        }
    }

    /// Ends it with SIGKILL; all that it said.
    fn kill(mut self) -> Vec<i64> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.kept.extend(self.said.iter());
        self.kept
    }
}

/// Checks a round once the server has noticed that the writer is gone; transactions that are there, and those said.
fn check(server: &Postgres, round: u64, kept: &[i64]) -> (usize, usize) {
    let begun = Instant::now();
    let sessions = "select count(*) from pg_stat_activity where application_name = 'Halves'";
    while server.psql(sessions).unwrap() != "0" {
        assert!(
            begun.elapsed() < SOON,
            "the server keeps the sessions of a killed process"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let rows = server
        .psql(&format!("select number || ' ' || string_agg(half::text, '' order by half) from halves.halves where round = {round} group by number"))
        .unwrap();
    let there: BTreeMap<i64, &str> = rows
        .lines()
        .map(|line| {
            let (number, halves) = line.split_once(' ').unwrap();
            (number.parse().unwrap(), halves)
        })
        .collect();
    for (number, halves) in &there {
        assert_eq!(
            *halves, "01",
            "transaction {number} of round {round} is there half, or twice"
        );
    }
    for number in kept {
        assert!(
            there.contains_key(number),
            "transaction {number} of round {round} was acknowledged and is lost"
        );
    }
    // Each client has at most one on its way that nobody was told of; where the server is killed too, one more each time.
    (there.len(), kept.len())
}

fn rounds() -> u64 {
    if std::env::var_os("TERRACE_FULL").is_some() {
        ROUNDS_FULL
    } else {
        ROUNDS
    }
}

fn pause(random: &mut Random) {
    std::thread::sleep(Duration::from_micros(random.below(WAIT_MS_MAX * 1_000)));
}

#[test]
fn what_a_killed_writer_said_to_be_kept_is_there_once_and_nothing_is_there_half() {
    let server = Postgres::start().unwrap();
    let mut random = Env::production("test").random("kill");
    for round in 0..rounds() {
        let mut writer = Writer::start(&server, round);
        writer.wait_for(1 + random.below(ACKNOWLEDGED_MAX));
        pause(&mut random);
        let kept = writer.kill();
        let (there, said) = check(&server, round, &kept);
        assert!(
            there <= said + CLIENTS as usize,
            "{there} are there of round {round}, and {said} were said"
        );
    }
}

#[test]
fn what_was_kept_before_the_server_was_killed_is_there_once_and_nothing_is_there_half() {
    let server = Postgres::start().unwrap();
    let mut random = Env::production("test").random("kill");
    for round in 0..rounds().div_ceil(10) {
        let mut writer = Writer::start(&server, round);
        writer.wait_for(1 + random.below(ACKNOWLEDGED_MAX));
        pause(&mut random);
        server.kill().unwrap();
        server.start_again().unwrap();
        // It goes on by itself.
        writer.wait_for(200 + random.below(ACKNOWLEDGED_MAX));
        check(&server, round, &writer.kill());
    }
}
