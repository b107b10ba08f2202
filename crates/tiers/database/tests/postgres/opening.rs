//! Opening: schemas and roles, who may what, and what is said when it cannot be.

use database::config::Place;
use database::{Config, Database, Error, Transaction};

use crate::{Bed, config, keep_log, logged, open, until};

async fn put(db: &Database, id: i64) -> Result<u64, Error> {
    db.execute("insert into items (id, amount) values ($1, 0)", (id,)).await
}

async fn refused(component: &str, config: &Config) -> String {
    match open(component, config).await {
        Ok(_) => panic!("it was opened"),
        Err(Error::Open { message }) => message,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn two_components_cannot_read_each_other() {
    let bed = Bed::new();
    bed.server.create_user("maker", "secret", true).unwrap();
    bed.psql(&format!("grant create on database {} to maker", bed.database));
    let plain = config(bed.server.url_as("maker", "secret", &bed.database));
    for config in [plain, bed.config()] {
        let (todos, bills) = (
            bed.open_with("Todos", &config).await,
            bed.open_with("Bills", &config).await,
        );
        let id = bed.psql("select count(*) from todos.items").parse().unwrap();
        put(&todos, id).await.unwrap();
        put(&bills, id).await.unwrap();
        for (db, other) in [(&todos, "bills"), (&bills, "todos")] {
            for sql in [
                "select count(*) from {}.items",
                "delete from {}.items",
                "create table {}.more (id bigint)",
            ] {
                let sql = sql.replace("{}", other);
                let error = db.execute(&sql, ()).await.unwrap_err().to_string();
                assert!(error.contains("permission denied"), "{sql}: {error}");
            }
        }
    }
    assert_eq!(bed.psql("select count(*) from bills.items"), "2");
}

#[tokio::test]
async fn without_the_right_to_make_roles_it_works_and_says_what_is_lost() {
    keep_log();
    let bed = Bed::new();
    bed.server.create_user("meek", "secret", false).unwrap();
    let config = config(bed.server.url_as("meek", "secret", &bed.database));
    let message = refused("Todos", &config).await;
    let grant = format!("grant create on database \"{}\" to \"meek\"", bed.database);
    assert!(message.contains(&grant), "{message}");
    bed.psql(&grant);
    let db = bed.open_with("Todos", &config).await;
    put(&db, 1).await.unwrap();
    let log = logged();
    assert!(log.contains("WARN terrace::database"), "{log}");
    assert!(log.contains("can reach the tables of other components"), "{log}");
    assert!(log.contains("alter role \"meek\" createrole"), "{log}");
}

#[tokio::test]
async fn it_is_opened_twice_and_by_many_at_once() {
    let bed = Bed::new();
    let tasks: Vec<_> = (0..12)
        .map(|n| {
            let config = bed.config();
            // Several components too: their roles and schemas are made at the same time.
            tokio::spawn(async move { put(&open(["Todos", "Bills"][n % 2], &config).await?, n as i64).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(1));
    }
    let again = bed.open("Todos").await;
    assert_eq!(again.query_one::<i64>("select count(*) from items", ()).await, Ok(6));
}

#[tokio::test]
async fn names_that_are_one_after_folding_are_refused() {
    let bed = Bed::new();
    bed.open("TodoList").await;
    let message = refused("Todolist", &bed.config()).await;
    assert!(
        message.contains("belongs to `component TodoList`; rename one of them"),
        "{message}"
    );
    bed.open("TodoList").await;
}

#[tokio::test]
async fn a_schema_with_tables_of_somebody_else_is_left_alone() {
    let bed = Bed::new();
    bed.psql("create schema todos; create table todos.precious (id bigint)");
    let message = refused("Todos", &bed.config()).await;
    assert!(message.contains("holds tables of somebody else"), "{message}");
    assert_eq!(bed.psql("select count(*) from todos.precious"), "0");
}

#[tokio::test]
async fn what_keeps_it_from_opening_is_said_without_the_password() {
    let bed = Bed::new();
    let port = bed.server.port();
    let wrong = |user: &str, password: &str, database: &str, port: u16| Config {
        engine: Place::Postgres {
            url: format!("postgres://{user}@127.0.0.1:{port}/{database}"),
            password: Some(password.to_owned()),
        },
        ..Config::default()
    };
    let password = bed.server.password();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for (config, says) in [
        (wrong("terrace", "hunter2", &bed.database, port), "correct the password"),
        (wrong("terrace", password, "nowhere", port), "createdb"),
        (wrong("terrace", password, &bed.database, free), "start it"),
    ] {
        let message = refused("Todos", &config).await;
        assert!(message.contains(says), "{message}");
        assert!(
            message.contains("127.0.0.1:") && message.contains("`terrace`"),
            "{message}"
        );
        assert!(!message.contains("hunter2") && !message.contains(password), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_holds_the_lock_of_opening_for_too_long_is_named() {
    let bed = Bed::new();
    bed.open("Todos").await;
    let holder = bed.open("Holder").await;
    let (lock, holding) = (0x7465_7272_6163_6501_i64, holder.clone());
    let holds = tokio::spawn(async move {
        let work = async move |tx: &Transaction<'_>| {
            tx.query::<()>("select pg_advisory_xact_lock($1)", (lock,)).await?;
            tx.query::<()>("select pg_sleep(3600)", ()).await
        };
        let _: Result<Vec<()>, Error> = holding.transaction(work).await;
    });
    until("it is held", async || {
        bed.psql("select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep(3600)%' and pid <> pg_backend_pid()") == "1"
    })
    .await;
    let mut impatient = bed.config();
    if let Place::Postgres { url, .. } = &mut impatient.engine {
        let sign = if url.contains('?') { '&' } else { '?' };
        url.push_str(&format!("{sign}options=-c%20lock_timeout%3D100"));
    }
    let message = refused("Todos", &impatient).await;
    assert!(
        message.contains("`Todos`") && message.contains("Holder, user ") && message.contains("pg_terminate_backend("),
        "{message}"
    );
    holds.abort();
    let _ = holds.await;
    until("it is free", async || open("Todos", &impatient).await.is_ok()).await;
    drop(holder);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_session_holds_is_not_waited_for_without_end() {
    let bed = Bed::new();
    let mut impatient = bed.config();
    if let Place::Postgres { url, .. } = &mut impatient.engine {
        let sign = if url.contains('?') { '&' } else { '?' };
        url.push_str(&format!(
            "{sign}options=-c%20lock_timeout%3D100%20-c%20statement_timeout%3D2000"
        ));
    }
    let db = bed.open_with("Todos", &impatient).await;
    put(&db, 1).await.unwrap();
    let slow = db.query::<()>("select pg_sleep(3600)", ()).await;
    assert!(
        matches!(&slow, Err(Error::Busy { message }) if message.contains("have it do less")),
        "{slow:?}"
    );
    let holder = bed.open("Todos").await;
    let holds = tokio::spawn(async move {
        let work = async |tx: &Transaction<'_>| {
            tx.execute("update items set amount = 2 where id = 1", ()).await?;
            tx.query::<()>("select pg_sleep(3600)", ()).await
        };
        let _: Result<Vec<()>, Error> = holder.transaction(work).await;
    });
    until("it is held", async || {
        let held = db.execute("update items set amount = 3 where id = 1", ()).await;
        matches!(held, Err(Error::Busy { message }) if message.contains("pg_locks"))
    })
    .await;
    holds.abort();
}
