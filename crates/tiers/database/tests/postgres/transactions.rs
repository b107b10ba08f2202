//! Transactions: conflicts, lost connections, and callers who give up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use database::{Config, Database, Error, Transaction};

use crate::{Bed, until};

async fn put(db: &Database, id: i64, amount: i64) {
    let sql = "insert into items (id, amount) values ($1, $2)";
    db.execute(sql, (id, amount)).await.unwrap();
}

async fn count(db: &Database) -> i64 {
    db.query_one("select count(*) from items", ()).await.unwrap()
}

fn active(bed: &Bed, part: &str) -> String {
    bed.psql(&format!(
        "select count(*) from pg_stat_activity where state <> 'idle' and pid <> pg_backend_pid() and query like '%{part}%'"
    ))
}

/// A database of a user that is no superuser: a component's role may end the sessions of such a one only.
async fn open_as_user(bed: &Bed) -> Database {
    bed.server.create_user(&bed.database, "secret", true).unwrap();
    bed.psql(&format!("grant create on database {0} to {0}", bed.database));
    let url = bed.server.url_as(&bed.database, "secret", &bed.database);
    let db = bed.open_with("Todos", &crate::config(url)).await;
    bed.psql(&format!("grant pg_signal_backend to \"{0}.todos\"", bed.database));
    db
}

/// Each of two accounts may be drawn on as long as both together stay positive: what only one who sees both can keep.
#[tokio::test]
async fn concurrent_transactions_are_as_if_one_came_after_the_other() {
    let bed = Bed::new();
    let db = bed.open("Todos").await;
    put(&db, 1, 1_000).await;
    put(&db, 2, 1_000).await;
    let runs = Arc::new(AtomicU32::new(0));
    let tasks: Vec<_> = (0..8)
        .map(|client| {
            let (db, runs) = (db.clone(), runs.clone());
            tokio::spawn(async move {
                let mut drawn = 0;
                for round in 0..40 {
                    let (account, amount) = (1 + (client + round) % 2, 7 + client * 3 + round % 5);
                    let runs = runs.clone();
                    let done: Result<bool, Error> = db
                        .transaction(async move |tx: &Transaction<'_>| {
                            runs.fetch_add(1, Ordering::Relaxed);
                            let all: i64 = tx.query_one("select sum(amount)::bigint from items", ()).await?;
                            if all - amount < 100 {
                                return Ok(false);
                            }
                            let sql = "update items set amount = amount - $2 where id = $1 and amount >= $2";
                            Ok(tx.execute(sql, (account, amount)).await? == 1)
                        })
                        .await;
                    match done {
                        Ok(true) => drawn += amount,
                        Ok(false) | Err(Error::Conflict { .. }) => {}
                        Err(other) => panic!("{other:?}"),
                    }
                }
                drawn
            })
        })
        .collect();
    let mut drawn = 0;
    for task in tasks {
        drawn += task.await.unwrap();
    }
    let left: i64 = db.query_one("select sum(amount)::bigint from items", ()).await.unwrap();
    assert!(left >= 100, "{left}");
    assert_eq!(left + drawn, 2_000);
    assert!(
        runs.load(Ordering::Relaxed) > 320,
        "nothing was ever in conflict, so that this shows nothing"
    );
}

#[tokio::test]
async fn a_conflict_without_end_is_given_up_and_did_nothing() {
    let bed = Bed::new();
    let db = bed.open("Todos").await;
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let done: Result<(), Error> = db
        .transaction(async move |tx: &Transaction<'_>| {
            counted.fetch_add(1, Ordering::Relaxed);
            tx.execute("insert into items (id, amount) values (1, 1)", ()).await?;
            // What becomes of the failure here changes nothing.
            let _ = tx
                .execute("do $$ begin raise exception using errcode = '40001'; end $$", ())
                .await;
            Ok(())
        })
        .await;
    assert_eq!(done, Err(Error::Conflict { attempts: 5 }));
    assert_eq!(runs.load(Ordering::Relaxed), 5);
    assert_eq!(count(&db).await, 0);
}

#[tokio::test]
async fn a_connection_that_is_ended_in_the_middle_is_made_anew_and_nothing_doubled() {
    let bed = Bed::new();
    let db = open_as_user(&bed).await;
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let done: Result<i64, Error> = db
        .transaction(async move |tx: &Transaction<'_>| {
            tx.execute("insert into items (id, amount) values (1, 1)", ()).await?;
            if counted.fetch_add(1, Ordering::Relaxed) < 2 {
                tx.execute("select pg_terminate_backend(pg_backend_pid())", ()).await?;
            }
            tx.query_one("select count(*) from items", ()).await
        })
        .await;
    assert_eq!(done, Ok(1));
    assert_eq!(runs.load(Ordering::Relaxed), 3);
    // All of them, while none is used.
    bed.psql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'Todos'");
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn a_connection_that_is_always_ended_did_nothing() {
    let bed = Bed::new();
    let db = open_as_user(&bed).await;
    let done: Result<u64, Error> = db
        .transaction(async move |tx: &Transaction<'_>| {
            tx.execute("insert into items (id, amount) values (1, 1)", ()).await?;
            tx.execute("select pg_terminate_backend(pg_backend_pid())", ()).await
        })
        .await;
    let error = done.unwrap_err();
    assert!(
        matches!(error, Error::Unavailable { .. }) && error.certainly_did_nothing(),
        "{error:?}"
    );
    assert_eq!(count(&db).await, 0);
}

#[tokio::test]
async fn who_gives_up_stops_the_statement_and_frees_the_connection() {
    let bed = Bed::new();
    let config = Config {
        connections: 1,
        ..bed.config()
    };
    let db = bed.open_with("Todos", &config).await;
    let (in_query, in_transaction) = (db.clone(), db.clone());
    let tasks: [tokio::task::JoinHandle<()>; 2] = [
        tokio::spawn(async move {
            let _ = in_query.query::<()>("select pg_sleep(3600)", ()).await;
        }),
        tokio::spawn(async move {
            let work = async |tx: &Transaction<'_>| {
                tx.execute("insert into items (id, amount) values (1, 1)", ()).await?;
                tx.query::<()>("select pg_sleep(3600)", ()).await
            };
            let _: Result<Vec<()>, Error> = in_transaction.transaction(work).await;
        }),
    ];
    for task in tasks {
        until("a statement sleeps", async || active(&bed, "pg_sleep(3600)") == "1").await;
        task.abort();
        let _ = task.await;
    }
    until("it is stopped", async || active(&bed, "pg_sleep(3600)") == "0").await;
    assert_eq!(count(&db).await, 0);
}

#[tokio::test]
async fn a_statement_that_is_given_up_in_a_transaction_undoes_it() {
    let bed = Bed::new();
    let db = bed.open("Todos").await;
    let done: Result<(), Error> = db
        .transaction(async |tx: &Transaction<'_>| {
            tx.execute("insert into items (id, amount) values (1, 1)", ()).await?;
            let mut given_up = Box::pin(tx.execute("insert into items (id, amount) values (1, 1)", ()));
            std::future::poll_fn(|cx| {
                let _ = given_up.as_mut().poll(cx);
                std::task::Poll::Ready(())
            })
            .await;
            drop(given_up);
            Ok(())
        })
        .await;
    assert!(
        matches!(&done, Err(Error::Denied { message }) if message.contains("given up")),
        "{done:?}"
    );
    assert_eq!(count(&db).await, 0);
}

#[tokio::test]
async fn a_closure_that_panics_undoes_its_transaction_and_the_next_one_runs() {
    let bed = Bed::new();
    let config = Config {
        connections: 1,
        ..bed.config()
    };
    let db = bed.open_with("Todos", &config).await;
    let done: Result<(), Error> = db
        .transaction(async |tx: &Transaction<'_>| {
            tx.execute("insert into items (id, amount) values (1, 1)", ()).await?;
            panic!("a closure of a test panics");
        })
        .await;
    assert_eq!(done, Err(Error::Panicked));
    assert_eq!(count(&db).await, 0);
    put(&db, 2, 1).await;
}

#[tokio::test]
async fn what_panics_after_a_commit_leaves_it_acknowledged() {
    let bed = Bed::new();
    let db = bed.open("Todos").await;
    let rung = Arc::new(AtomicU32::new(0));
    let ring = rung.clone();
    let done: Result<(), Error> = db
        .transaction(async move |tx: &Transaction<'_>| {
            let ring = ring.clone();
            tx.after_commit(|| panic!("a hook of a test panics"));
            tx.after_commit(move || {
                ring.fetch_add(1, Ordering::Relaxed);
            });
            tx.execute("insert into items (id, amount) values (1, 1)", ())
                .await
                .map(drop)
        })
        .await;
    assert_eq!(done, Ok(()));
    assert_eq!((count(&db).await, rung.load(Ordering::Relaxed)), (1, 1));
}

#[tokio::test]
async fn a_statement_that_failed_undoes_the_transaction_whatever_it_answers() {
    let bed = Bed::new();
    let db = bed.open("Todos").await;
    put(&db, 1, 1).await;
    let done: Result<(), Error> = db
        .transaction(async |tx: &Transaction<'_>| {
            tx.execute("insert into items (id, amount) values (2, 1)", ()).await?;
            let _ = tx.execute("insert into items (id, amount) values (1, 1)", ()).await;
            let after = tx.execute("insert into items (id, amount) values (3, 1)", ()).await;
            assert!(matches!(after, Err(Error::Failed { .. })), "{after:?}");
            Ok(())
        })
        .await;
    assert!(matches!(done, Err(Error::Constraint { .. })), "{done:?}");
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn a_constraint_that_waits_for_the_commit_undoes_it_too() {
    let bed = Bed::new();
    let db = bed.open("Todos").await;
    db.execute(
        "create table pairs (a bigint references items (id) deferrable initially deferred)",
        (),
    )
    .await
    .unwrap();
    let alone = db.execute("insert into pairs (a) values (1)", ()).await;
    assert!(matches!(alone, Err(Error::Constraint { .. })), "{alone:?}");
    let twice: Result<u64, Error> = db
        .transaction(async |tx: &Transaction<'_>| {
            tx.execute("insert into pairs (a) values (1)", ()).await?;
            tx.execute("insert into pairs (a) values (2)", ()).await
        })
        .await;
    assert!(matches!(twice, Err(Error::Constraint { .. })), "{twice:?}");
    assert_eq!(bed.psql("select count(*) from todos.pairs"), "0");
}
