//! How many connections there are, and who gets them.

use database::{Config, Database, Error, Transaction};

use crate::{Bed, until};

const CONNECTIONS: usize = 4;

/// The connections of the component, and how many of them sleep.
fn connections(bed: &Bed) -> (usize, usize) {
    let said = bed.psql(&format!(
        "select count(*) || ' ' || count(*) filter (where state = 'active') from pg_stat_activity
         where application_name = 'Todos' and datname = '{}'",
        bed.database
    ));
    let (all, active) = said.split_once(' ').unwrap();
    (all.parse().unwrap(), active.parse().unwrap())
}

async fn queries(db: Database) -> Result<(), Error> {
    db.query::<()>("select pg_sleep(0.5)", ()).await.map(drop)
}

async fn transactions(db: Database) -> Result<(), Error> {
    db.transaction(async |tx: &Transaction<'_>| tx.query::<()>("select pg_sleep(0.5)", ()).await.map(drop))
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_side_gets_what_the_other_does_not_use_and_both_together_no_more_than_is_configured() {
    let bed = Bed::new();
    let config = Config {
        connections: CONNECTIONS,
        ..bed.config()
    };
    let db = bed.open_with("Todos", &config).await;
    for side in ["queries", "transactions", "queries"] {
        let tasks: Vec<_> = (0..3 * CONNECTIONS)
            .map(|_| match side {
                "queries" => tokio::spawn(queries(db.clone())),
                _ => tokio::spawn(transactions(db.clone())),
            })
            .collect();
        // One that is closed for another may be there for a moment still.
        until("it has all connections but one", async || {
            let (all, active) = connections(&bed);
            active == CONNECTIONS - 1 && all <= CONNECTIONS
        })
        .await;
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    }
    let mixed: Vec<_> = (0..4 * CONNECTIONS)
        .flat_map(|_| {
            [
                tokio::spawn(queries(db.clone())),
                tokio::spawn(transactions(db.clone())),
            ]
        })
        .collect();
    until("both have what there is", async || {
        let (all, active) = connections(&bed);
        active == CONNECTIONS && all == CONNECTIONS
    })
    .await;
    for task in mixed {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_caller_on_another_runtime_is_served() {
    let bed = Bed::new();
    let db = bed.open("Todos").await;
    let elsewhere = db.clone();
    let served = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let put = "insert into items (id, amount) values (1, 7)";
        let found = runtime.block_on(async {
            let changed = elsewhere.execute(put, ()).await?;
            let amount: i64 = elsewhere.query_one("select amount from items", ()).await?;
            Ok::<_, Error>((changed, amount))
        });
        drop(runtime);
        found
    });
    assert_eq!(served.await.unwrap(), Ok((1, 7)));
    assert_eq!(db.query_one::<i64>("select amount from items", ()).await, Ok(7));
}
