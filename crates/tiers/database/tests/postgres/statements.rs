//! Values, limits, and what a statement that fails is to its component.

use std::time::Duration;

use database::limits::{ROWS_MAX, WAITING_MAX};
use database::{Config, Constraint, Database, Error, Timestamp, Transaction, Value};
use uuid::Uuid;

use crate::{Bed, keep_log, logged, until};

#[tokio::test]
async fn values_go_in_and_come_out_as_the_server_has_them() {
    let bed = Bed::new();
    let db = bed.open("Todos").await;
    db.execute("create type mood as enum ('good', 'bad')", ())
        .await
        .unwrap();
    db.execute("create domain small as integer check (value < 10)", ())
        .await
        .unwrap();
    db.execute(
        "create table kinds (a boolean, b smallint, c integer, d real, e varchar(9), f char(3), g mood, h small, i jsonb,
                             j json, k uuid, l bytea, m timestamptz, n timestamptz, o name)",
        (),
    )
    .await
    .unwrap();
    let (id, json) = (Uuid::from_u128(9), serde_json::json!({"a": [1, null]}));
    let changed = db
        .execute(
            "insert into kinds values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
            vec![
                Value::Integer(1),
                Value::Bool(true),
                Value::Integer(-3),
                Value::Integer(2),
                Value::Text("äß".to_owned()),
                Value::Text("abc".to_owned()),
                Value::Text("good".to_owned()),
                Value::Integer(9),
                Value::Json(json.clone()),
                Value::Text(json.to_string()),
                Value::Text(id.to_string()),
                Value::Bytes(vec![0, 255]),
                Value::Timestamp(Timestamp::MIN),
                Value::Timestamp(Timestamp::MAX),
                Value::Text("n".to_owned()),
            ],
        )
        .await;
    assert_eq!(changed, Ok(1));
    let row: database::Row = db.query_one("select * from kinds", ()).await.unwrap();
    assert_eq!(
        row.values(),
        [
            Value::Bool(true),
            Value::Integer(1),
            Value::Integer(-3),
            Value::Real(2.0),
            Value::Text("äß".to_owned()),
            Value::Text("abc".to_owned()),
            Value::Text("good".to_owned()),
            Value::Integer(9),
            Value::Json(json.clone()),
            Value::Json(json),
            Value::Uuid(id),
            Value::Bytes(vec![0, 255]),
            Value::Timestamp(Timestamp::MIN),
            Value::Timestamp(Timestamp::MAX),
            Value::Text("n".to_owned()),
        ]
    );
    let ends: (Timestamp, Timestamp) = db
        .query_one("select '-infinity'::timestamptz, 'infinity'::timestamptz", ())
        .await
        .unwrap();
    assert_eq!(ends, (Timestamp(i64::MIN), Timestamp(i64::MAX)));
}

#[tokio::test]
async fn what_cannot_be_read_or_bound_says_what_to_cast() {
    let bed = Bed::new();
    let db = bed.open("Todos").await;
    for sql in [
        "select 1::numeric as strange",
        "select array[1] as strange",
        "select '10.0.0.1'::inet as strange",
    ] {
        let error = db.query::<Value>(sql, ()).await.unwrap_err().to_string();
        assert!(error.contains("`strange`") && error.contains("cast it"), "{error}");
    }
    let bound = db
        .query::<i64>("select 1 where $1::text = 'a' and $2::integer = 1", ("a", "hidden"))
        .await;
    let error = bound.unwrap_err().to_string();
    assert!(
        error.contains("parameter $2 is text, and the statement wants int4"),
        "{error}"
    );
    assert!(!error.contains("hidden"), "{error}");
    let error = db
        .query::<i64>("select $1::bigint", (1, 2))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("has 1 parameters, and 2 were given"), "{error}");
}

#[tokio::test]
async fn a_query_cannot_write_and_says_what_can() {
    let bed = Bed::new();
    let db = bed.open("Todos").await;
    for sql in [
        "insert into items (id, amount) values (1, 1)",
        "create table more (id bigint)",
        "delete from items",
    ] {
        let error = db.query::<()>(sql, ()).await.unwrap_err().to_string();
        assert!(error.contains("use `execute` or `transaction`"), "{error}");
    }
    assert_eq!(bed.psql("select count(*) from todos.items"), "0");
}

#[tokio::test]
async fn a_constraint_is_told_by_kind_and_name_and_without_values() {
    let bed = Bed::new();
    let db = bed.open("Todos").await;
    db.execute(
        "create table parts (item bigint constraint of_item references items (id))",
        (),
    )
    .await
    .unwrap();
    db.execute("insert into items (id, amount) values (77001, 1)", ())
        .await
        .unwrap();
    for (sql, expected, name) in [
        (
            "insert into items (id, amount) values (77001, 1)",
            Constraint::Unique,
            "items_pkey",
        ),
        (
            "insert into items (id, amount) values (77002, null)",
            Constraint::NotNull,
            "amount",
        ),
        (
            "insert into items (id, amount) values (77002, -1)",
            Constraint::Check,
            "items_amount_check",
        ),
        (
            "insert into parts (item) values (77003)",
            Constraint::ForeignKey,
            "of_item",
        ),
    ] {
        match db.execute(sql, ()).await.unwrap_err() {
            Error::Constraint {
                kind,
                constraint,
                table,
                message,
            } => {
                assert_eq!((kind, constraint.as_deref()), (expected, Some(name)));
                assert!(table.is_some());
                assert!(!message.contains("7700"), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn every_state_of_the_server_has_its_error() {
    let bed = Bed::new();
    let db = bed.open("Todos").await;
    for (state, expected) in [
        ("53100", "the disk of the database is full"),
        ("53300", "the database is busy"),
        ("55P03", "the database is busy"),
        ("57014", "the database is busy"),
        ("25006", "the database is read-only"),
        ("XX001", "the database is corrupt"),
        ("XX002", "the database is corrupt"),
        ("57P01", "the database is unavailable"),
        ("40001", "in conflict with others 5 times"),
        ("40P01", "in conflict with others 5 times"),
        ("P0001", "the reason; the detail; the hint in `do"),
    ] {
        let sql = format!(
            "do $$ begin raise exception using errcode = '{state}', message = 'the reason', detail = 'the detail.', \
             hint = 'the hint'; end $$"
        );
        let error = db.execute(&sql, ()).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{state}: {error}");
        assert!(error.certainly_did_nothing(), "{state}");
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_stopped_while_it_comes() {
    let bed = Bed::new();
    let config = Config {
        connections: 1,
        ..bed.config()
    };
    let db = bed.open_with("Todos", &config).await;
    let many = format!("select generate_series(1, {ROWS_MAX})");
    assert_eq!(db.query::<i64>(&many, ()).await.map(|rows| rows.len()), Ok(ROWS_MAX));
    // So many that they could not be kept, nor waited for.
    for endless in [
        "select generate_series(1, 100000000000)",
        "select repeat('x', 1048576), generate_series(1, 100000000)",
    ] {
        assert!(
            matches!(db.query::<Value>(endless, ()).await, Err(Error::TooLarge { .. })),
            "{endless}"
        );
        let in_transaction: Result<Vec<Value>, Error> = db
            .transaction(async move |tx: &Transaction<'_>| tx.query(endless, ()).await)
            .await;
        assert!(matches!(in_transaction, Err(Error::TooLarge { .. })), "{endless}");
    }
    assert_eq!(db.query_one::<i64>("select 1::bigint", ()).await, Ok(1));
    until("an endless query is stopped", async || {
        bed.psql(
            "select count(*) from pg_stat_activity where state = 'active' and query like '%generate_series%' \
                  and pid <> pg_backend_pid()",
        ) == "0"
    })
    .await;
}

#[tokio::test]
async fn a_statement_prepared_before_its_table_changed_is_prepared_again() {
    let bed = Bed::new();
    let db = bed.open("Todos").await;
    db.execute("insert into items (id, amount) values (1, 5)", ())
        .await
        .unwrap();
    let sql = "select * from items";
    let both: [fn(Database, &'static str) -> _; 2] = [
        |db, sql| tokio::spawn(async move { db.query::<database::Row>(sql, ()).await }),
        |db, sql| {
            tokio::spawn(async move {
                db.transaction(async move |tx: &Transaction<'_>| tx.query(sql, ()).await)
                    .await
            })
        },
    ];
    for (round, read) in both.into_iter().enumerate() {
        // On every connection.
        let tasks: Vec<_> = (0..32).map(|_| read(db.clone(), sql)).collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        bed.psql(&format!(
            "alter table todos.items add column more{round} bigint default 7"
        ));
        let rows = read(db.clone(), sql).await.unwrap().unwrap();
        assert_eq!(rows[0].values().last(), Some(&Value::Integer(7)));
        assert_eq!(rows[0].values().len(), 4 + round);
    }
}

#[tokio::test]
async fn a_slow_statement_is_told_with_a_plan_and_without_values() {
    keep_log();
    let bed = Bed::new();
    let config = Config {
        slow: Duration::from_millis(20),
        ..bed.config()
    };
    let db = bed.open_with("Sluggish", &config).await;
    let slow = "select id from items where amount = $1 or pg_sleep(0.05) is null";
    db.execute("insert into items (id, amount) values (1, 1)", ())
        .await
        .unwrap();
    db.query::<i64>(slow, (424_242,)).await.unwrap();
    until("the plan is logged", async || logged().contains("or pg_sleep")).await;
    let log = logged();
    let line = log.split("WARN").find(|line| line.contains("or pg_sleep")).unwrap();
    assert!(line.contains("Sluggish") && line.contains("ms="), "{line}");
    assert!(line.contains("Seq Scan on items") && line.contains("$1"), "{line}");
    assert!(!log.contains("424242"), "{log}");
    // The session goes on as before.
    assert_eq!(db.query_one::<i64>("select count(*) from items", ()).await, Ok(1));
    db.execute("insert into items (id, amount) values (2, 1)", ())
        .await
        .unwrap();
}

#[tokio::test]
async fn more_than_may_wait_are_refused_and_the_others_served() {
    let bed = Bed::new();
    let config = Config {
        connections: 1,
        ..bed.config()
    };
    let db = bed.open_with("Todos", &config).await;
    let holds = tokio::spawn({
        let db = db.clone();
        async move { db.query::<()>("select pg_sleep(1)", ()).await }
    });
    until("the connection is taken", async || {
        bed.psql(
            "select count(*) from pg_stat_activity where query like '%pg_sleep(1)%' and state = 'active' \
                  and pid <> pg_backend_pid()",
        ) == "1"
    })
    .await;
    let tasks: Vec<_> = (0..WAITING_MAX + 10)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.query_one::<i64>("select 1::bigint", ()).await })
        })
        .collect();
    let (mut served, mut busy) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => served += 1,
            Err(Error::Busy { .. }) => busy += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((served, busy), (WAITING_MAX, 10));
    holds.await.unwrap().unwrap();
}
