//! Wrong statements, wrong answers and limits.

use database::limits::{PARAMETERS_MAX, ROWS_MAX};
use database::{Constraint, Error, Transaction, Value};

use crate::fixture::Fixture;

pub(crate) async fn wrong_sql_is_shown(fixture: Fixture) {
    for sql in ["selec 1", "select nothing from nowhere", "select 1 +"] {
        let failed = fixture.db.query::<()>(sql, ()).await.unwrap_err();
        assert!(
            matches!(&failed, Error::Statement { sql: shown, .. } if shown == sql),
            "{failed:?}"
        );
        assert!(failed.to_string().contains(sql), "{failed}");
        let failed = fixture.db.execute(sql, ()).await.unwrap_err();
        assert!(
            matches!(&failed, Error::Statement { sql: shown, .. } if shown == sql),
            "{failed:?}"
        );
    }
}

pub(crate) async fn the_number_of_parameters_is_checked(fixture: Fixture) {
    let sql = "insert into owners (name) values ($1)";
    for parameters in [vec![], vec![Value::Text("a".to_owned()); 2]] {
        let failed = fixture.db.execute(sql, parameters).await.unwrap_err();
        assert!(matches!(&failed, Error::Statement { .. }), "{failed:?}");
        assert!(failed.to_string().contains("1 parameter"), "{failed}");
    }
}

pub(crate) async fn words_that_end_a_transaction_are_refused(fixture: Fixture) {
    for sql in [
        "commit",
        " /* x */ ROLLBACK",
        "begin",
        "savepoint a",
        "set search_path = public",
        "pragma user_version",
    ] {
        let refused = fixture.db.query::<()>(sql, ()).await;
        assert!(matches!(refused, Err(Error::Statement { .. })), "{sql}: {refused:?}");
        let refused: Result<(), Error> = fixture
            .db
            .transaction(async move |tx: &Transaction<'_>| {
                tx.execute("insert into owners (name) values ('ann')", ()).await?;
                let _swallowed = tx.execute(sql, ()).await;
                Ok(())
            })
            .await;
        assert!(matches!(refused, Err(Error::Statement { .. })), "{sql}: {refused:?}");
    }
    let owners: i64 = fixture.db.query_one("select count(*) from owners", ()).await.unwrap();
    assert_eq!(owners, 0);
}

pub(crate) async fn a_query_changes_nothing(fixture: Fixture) {
    for sql in [
        "insert into owners (name) values ('ann') returning name",
        "delete from owners",
        "create table more (id bigint)",
    ] {
        let refused = fixture.db.query::<()>(sql, ()).await;
        assert!(
            matches!(refused, Err(Error::ReadOnly { .. } | Error::Statement { .. })),
            "{sql}: {refused:?}"
        );
    }
    let owners: i64 = fixture.db.query_one("select count(*) from owners", ()).await.unwrap();
    assert_eq!(owners, 0);
}

pub(crate) async fn two_statements_are_not_one(fixture: Fixture) {
    let sql = "insert into owners (name) values ('ann'); delete from owners";
    let refused = fixture.db.execute(sql, ()).await;
    assert!(matches!(refused, Err(Error::Statement { .. })), "{refused:?}");
    let refused = fixture.db.query::<i64>("select 1; select 2", ()).await;
    assert!(matches!(refused, Err(Error::Statement { .. })), "{refused:?}");
    let owners: i64 = fixture.db.query_one("select count(*) from owners", ()).await.unwrap();
    assert_eq!(owners, 0);
}

pub(crate) async fn one_row_is_one_row(fixture: Fixture) {
    let db = &fixture.db;
    let sql = "select name from owners order by name";
    assert!(matches!(
        db.query_one::<String>(sql, ()).await,
        Err(Error::Rows { found: 0, .. })
    ));
    assert_eq!(db.query_optional::<String>(sql, ()).await, Ok(None));
    db.execute("insert into owners (name) values ('ann')", ())
        .await
        .unwrap();
    assert_eq!(db.query_one::<String>(sql, ()).await.as_deref(), Ok("ann"));
    db.execute("insert into owners (name) values ('bob')", ())
        .await
        .unwrap();
    assert!(matches!(
        db.query_one::<String>(sql, ()).await,
        Err(Error::Rows { found: 2, .. })
    ));
    assert!(matches!(
        db.query_optional::<String>(sql, ()).await,
        Err(Error::Rows { found: 2, .. })
    ));
    let refused: Result<(), Error> = db
        .transaction(async move |tx: &Transaction<'_>| {
            tx.execute("insert into owners (name) values ('eve')", ()).await?;
            let _swallowed = tx.query_one::<String>(sql, ()).await;
            Ok(())
        })
        .await;
    assert!(matches!(refused, Err(Error::Rows { found: 3, .. })), "{refused:?}");
    assert_eq!(db.query::<String>(sql, ()).await.unwrap(), ["ann", "bob"]);
}

fn numbers(last: usize) -> String {
    format!("with recursive n (i) as (select 1 union all select i + 1 from n where i < {last})")
}

pub(crate) async fn an_answer_has_a_limit_of_rows(fixture: Fixture) {
    let sql = format!("{} select i from n", numbers(ROWS_MAX));
    assert_eq!(fixture.db.query::<i64>(&sql, ()).await.unwrap().len(), ROWS_MAX);
    let sql = format!("{} select i from n", numbers(ROWS_MAX + 1));
    let refused = fixture.db.query::<i64>(&sql, ()).await;
    assert!(
        matches!(refused, Err(Error::TooLarge { .. })),
        "{:?}",
        refused.map(|rows| rows.len())
    );
}

pub(crate) async fn an_answer_has_a_limit_of_bytes(fixture: Fixture) {
    let words = "x".repeat(1 << 20);
    fixture
        .db
        .execute("insert into kinds (id, words) values (1, $1)", (&words,))
        .await
        .unwrap();
    let sql = format!("{} select words from kinds, n", numbers(65));
    let refused = fixture.db.query::<String>(&sql, ()).await;
    assert!(
        matches!(refused, Err(Error::TooLarge { .. })),
        "{:?}",
        refused.map(|rows| rows.len())
    );
    let sql = format!("{} select words from kinds, n", numbers(2));
    assert_eq!(fixture.db.query::<String>(&sql, ()).await.unwrap().len(), 2);
}

pub(crate) async fn parameters_have_a_limit(fixture: Fixture) {
    let refused = fixture
        .db
        .query::<i64>("select 1", vec![Value::Integer(1); PARAMETERS_MAX + 1])
        .await;
    assert!(
        matches!(&refused, Err(Error::Statement { message, .. }) if message.contains("32767")),
        "{refused:?}"
    );
    let places: Vec<String> = (1..=PARAMETERS_MAX).map(|number| format!("${number}")).collect();
    let sql = format!("select count(*) from accounts where id in ({})", places.join(", "));
    let found: i64 = fixture
        .db
        .query_one(&sql, vec![Value::Integer(1); PARAMETERS_MAX])
        .await
        .unwrap();
    assert_eq!(found, 0);
}

pub(crate) async fn each_kind_of_constraint_is_told_apart(fixture: Fixture) {
    let insert = "insert into accounts (id, owner, title, balance) values ($1, $2, $3, $4)";
    fixture
        .db
        .execute("insert into owners (name) values ('ann')", ())
        .await
        .unwrap();
    fixture.db.execute(insert, (1, "ann", "a", 1)).await.unwrap();
    for (id, owner, title, balance, expected) in [
        (1, Some("ann"), "b", 1, Constraint::Unique),
        (2, Some("ann"), "a", 1, Constraint::Unique),
        (2, Some("bob"), "b", 1, Constraint::ForeignKey),
        (2, None, "b", 1, Constraint::NotNull),
        (2, Some("ann"), "b", -1, Constraint::Check),
    ] {
        let failed = fixture
            .db
            .execute(insert, (id, owner, title, balance))
            .await
            .unwrap_err();
        assert!(
            matches!(&failed, Error::Constraint { kind, .. } if *kind == expected),
            "{failed:?}"
        );
        if expected == Constraint::Check {
            assert!(failed.to_string().contains("balance_is_not_negative"), "{failed}");
        }
    }
}
