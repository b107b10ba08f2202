//! One file with many callers: who gives up, how commits are shared, how long the log gets.

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use database::limits::LOG_PAGES_MAX;
use database::{Error, Isolation, Transaction};

use crate::fixture::{add, env, folder, ids, open};
use crate::slow::listen;

/// Never ends by itself.
const ENDLESS: &str = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";

/// Far longer than any of this takes.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_query_whose_caller_gave_up_makes_room_and_others_are_not_interrupted() {
    let env = env(&folder("gave-up-reading"));
    let database = open(&env, "Items").await.expect("it opens");
    add(&database, 1, "x").await.expect("it is kept");
    // More than there are readers, so that the last would wait for ever if the first were not interrupted.
    for _ in 0..2 * database.config().readers {
        let endless = database.query::<i64>(ENDLESS, ());
        assert!(env.timeout(Duration::from_millis(20), endless).await.is_err());
        let others = env.timeout(LONG, ids(&database)).await.expect("there is room");
        assert_eq!(others, Ok(vec![1]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_whose_caller_gave_up_makes_room_and_others_are_not_interrupted() {
    let env = env(&folder("gave-up-writing"));
    let database = open(&env, "Items").await.expect("it opens");
    let given_up = |statement: &'static str| {
        let (env, database) = (env.clone(), database.clone());
        async move {
            let endless = database.transaction(async move |tx: &Transaction<'_>| {
                tx.execute(statement, ()).await?;
                Ok::<(), Error>(())
            });
            assert!(env.timeout(Duration::from_millis(20), endless).await.is_err());
        }
    };
    let inserts = "insert into items (text) with recursive n(i) as (select 1 union all select i + 1 from n)
                   select '' from n where i < 0";
    for round in 0..4 {
        let endless = env.spawn("endless", given_up(if round % 2 == 0 { ENDLESS } else { inserts }));
        let adds: Vec<_> = (0..20)
            .map(|number| {
                let database = database.clone();
                env.spawn("add", async move { add(&database, 1 + round * 20 + number, "x").await })
            })
            .collect();
        for add in adds {
            let added = env.timeout(LONG, add).await.expect("there is room");
            assert_eq!(added.expect("it does not panic"), Ok(()));
        }
        endless.await.expect("it gave up");
    }
    assert_eq!(ids(&database).await, Ok((1..=80).collect()));
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_clients_share_commits() {
    const EACH: i64 = 50;
    let env = env(&folder("sharing"));
    let mut figures = String::new();
    let (heard, mut shares) = (listen(), Vec::new());
    for clients in [1i64, 64] {
        let database = open(&env, &format!("Items{clients}")).await.expect("it opens");
        let file = format!("Items{clients}.sqlite");
        let before = heard.commits(&file);
        let begin = env.now();
        let tasks: Vec<_> = (0..clients)
            .map(|client| {
                let database = database.clone();
                env.spawn("client", async move {
                    for number in 0..EACH {
                        add(&database, 1 + client * EACH + number, "x")
                            .await
                            .expect("it is kept");
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("it does not panic");
        }
        let after = heard.commits(&file);
        let (commits, transactions) = (after.0 - before.0, after.1 - before.1);
        let per_second = (clients * EACH) as f64 / env.now().saturating_duration_since(begin).as_secs_f64();
        figures += &format!("{clients} clients: {transactions} transactions, {commits} commits, {per_second:.0}/s; ");
        shares.push(transactions as f64 / commits as f64);
    }
    use std::io::Write;
    writeln!(std::io::stderr(), "{figures}").expect("somebody reads");
    assert_eq!(shares[0], 1.0, "{figures}");
    assert!(shares[1] > 2.0, "{figures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_cut_after_a_large_transaction_and_after_a_long_reader() {
    let folder = folder("log");
    let env = env(&folder);
    let database = open(&env, "Items").await.expect("it opens");
    let log = folder.join("Items.sqlite-wal");
    let bytes = || log.metadata().map_or(0, |log| log.len());
    let bytes_max = u64::from(LOG_PAGES_MAX) * 4096;
    let large = "x".repeat(usize::try_from(bytes_max + bytes_max / 8).expect("it fits"));

    // Somebody reads for long: the log has to keep what is written meanwhile.
    let (reading, reads) = sync_channel::<()>(1);
    let (release, released) = sync_channel::<()>(1);
    let released = std::sync::Mutex::new(released);
    let reader = database.clone();
    let reader = env.spawn("reader", async move {
        let work = async move |tx: &Transaction<'_>| {
            let found: i64 = tx.query_one("select count(*) from items", ()).await?;
            reading.send(()).expect("somebody waits");
            released
                .lock()
                .expect("nobody panics with it")
                .recv()
                .expect("somebody releases");
            Ok::<i64, Error>(found)
        };
        reader.transaction_with(Isolation::Snapshot, work).await
    });
    reads.recv().expect("it reads");
    add(&database, 1, &large).await.expect("it is kept");
    assert!(bytes() > bytes_max, "{} bytes are in the log", bytes());
    release.send(()).expect("it waits");
    assert_eq!(reader.await.expect("it does not panic"), Ok(0));
    let cut = async {
        while bytes() > bytes_max {
            env.sleep(Duration::from_millis(5)).await;
        }
    };
    env.timeout(LONG, cut).await.expect("it is cut once nobody reads");

    add(&database, 2, &large).await.expect("it is kept");
    let cut = async {
        while bytes() > bytes_max {
            env.sleep(Duration::from_millis(5)).await;
        }
    };
    env.timeout(LONG, cut).await.expect("it is cut at once");
    assert_eq!(ids(&database).await, Ok(vec![1, 2]));
}
