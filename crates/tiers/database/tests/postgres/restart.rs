//! A server that goes away and comes back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use database::{Database, Error, Transaction};
use servers::Postgres;
use servers::postgres::Options;

use crate::{config, open, until};

/// Writes pairs of rows until it is told to stop: which were acknowledged, and which may be there.
async fn write(db: Database, client: i64, stop: Arc<AtomicBool>) -> (Vec<i64>, Vec<i64>) {
    let (mut kept, mut perhaps) = (Vec::new(), Vec::new());
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let id = client * 1_000_000 + number * 2;
        let done: Result<(), Error> = db
            .transaction(async move |tx: &Transaction<'_>| {
                tx.execute("insert into items (id, amount) values ($1, 1)", (id,))
                    .await?;
                tx.execute("insert into items (id, amount) values ($1, 1)", (id + 1,))
                    .await?;
                Ok(())
            })
            .await;
        match done {
            Ok(()) => kept.push(id),
            Err(error) if !error.certainly_did_nothing() => perhaps.push(id),
            Err(Error::Unavailable { .. } | Error::Conflict { .. } | Error::Busy { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    (kept, perhaps)
}

async fn survives(server: Postgres, mut restart: impl FnMut(&Postgres)) {
    let db = open("Todos", &config(server.url("postgres"))).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (1..=8)
        .map(|client| tokio::spawn(write(db.clone(), client, stop.clone())))
        .collect();
    let many = async |more: i64| {
        let begun: i64 = db.query_one("select count(*) from items", ()).await.unwrap_or(0);
        until("they write", async || {
            db.query_one::<i64>("select count(*) from items", ())
                .await
                .is_ok_and(|now| now >= begun + more)
        })
        .await;
    };
    for _ in 0..2 {
        many(40).await;
        tokio::task::block_in_place(|| restart(&server));
    }
    many(40).await;
    stop.store(true, Ordering::Relaxed);
    let (mut kept, mut perhaps) = (BTreeSet::new(), BTreeSet::new());
    for task in tasks {
        let (some, others) = task.await.unwrap();
        kept.extend(some);
        perhaps.extend(others);
    }
    let there: Vec<i64> = db.query("select id from items order by id", ()).await.unwrap();
    let there: BTreeSet<i64> = there.into_iter().collect();
    for id in &kept {
        assert!(
            there.contains(id) && there.contains(&(id + 1)),
            "{id} was acknowledged and is lost"
        );
    }
    for id in &there {
        let first = id - id % 2;
        assert!(
            there.contains(&first) && there.contains(&(first + 1)),
            "{first} is there half"
        );
        assert!(
            kept.contains(&first) || perhaps.contains(&first),
            "{first} is there, and was said not to be"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_in_the_middle_of_writers_loses_and_doubles_nothing() {
    survives(Postgres::start().unwrap(), |server| {
        server.stop().unwrap();
        server.start_again().unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_in_the_middle_of_writers_loses_and_doubles_nothing() {
    survives(Postgres::start().unwrap(), |server| {
        server.kill().unwrap();
        server.start_again().unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_away_errors_are_clear_and_opening_waits_a_little() {
    let options = Options {
        fsync: false,
        ..Options::default()
    };
    let server = Arc::new(Postgres::start_with(options).unwrap());
    let config = config(server.url("postgres"));
    let db = open("Todos", &config).await.unwrap();
    server.stop().unwrap();
    let error = db
        .execute("insert into items (id, amount) values (1, 1)", ())
        .await
        .unwrap_err();
    assert!(error.certainly_did_nothing(), "{error:?}");
    assert!(
        error.to_string().contains(&format!("127.0.0.1:{}", server.port())),
        "{error}"
    );
    let opening = tokio::spawn(async move { open("Todos", &config).await.map(|_| ()) });
    let starts = server.clone();
    tokio::task::spawn_blocking(move || starts.start_again().unwrap())
        .await
        .unwrap();
    opening.await.unwrap().unwrap();
    assert_eq!(
        db.execute("insert into items (id, amount) values (1, 1)", ()).await,
        Ok(1)
    );
}
