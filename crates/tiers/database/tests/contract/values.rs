//! What goes in comes out.

use database::{Error, Json, Timestamp, Value};
use serde_json::json;
use uuid::Uuid;

use crate::fixture::Fixture;

type Columns = (
    Option<bool>,
    Option<i64>,
    Option<f64>,
    Option<String>,
    Option<Vec<u8>>,
    Option<Timestamp>,
    Option<Uuid>,
    Option<serde_json::Value>,
);

const INSERT: &str = "insert into kinds (id, flag, number, size, words, bytes, at, uid, doc)
                      values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

async fn comes_back(fixture: &Fixture, id: i64, columns: Columns) {
    let (flag, number, size, words, bytes, at, uid, doc) = &columns;
    let added = fixture
        .db
        .execute(INSERT, (id, flag, number, size, words, bytes, at, uid, doc))
        .await;
    assert_eq!(added.unwrap(), 1);
    let sql = "select flag, number, size, words, bytes, at, uid, doc from kinds where id = $1";
    let read: Columns = fixture.db.query_one(sql, (id,)).await.unwrap();
    assert_eq!(read, columns);
    let sql = "select count(*) from kinds where id = $1 and (flag = $2 or (flag is null and $3))
               and (number = $4 or number is null) and (words = $5 or words is null)
               and (bytes = $6 or bytes is null) and (at = $7 or at is null) and (uid = $8 or uid is null)";
    let (flag, number, _, words, bytes, at, uid, _) = &columns;
    let found: i64 = fixture
        .db
        .query_one(sql, (id, flag, flag.is_none(), number, words, bytes, at, uid))
        .await
        .unwrap();
    assert_eq!(found, 1, "{columns:?} is not equal to itself");
}

pub(crate) async fn each_type_comes_back_as_it_went_in(fixture: Fixture) {
    let all_bytes: Vec<u8> = (0..=255).collect();
    let words = "line\nquote ' \" ` $1 -- ü 漢 e\u{301} 👩‍🚀 \u{10ffff}";
    comes_back(
        &fixture,
        1,
        (
            Some(true),
            Some(-7),
            Some(0.1),
            Some(words.to_owned()),
            Some(all_bytes),
            Some(Timestamp(1_795_305_906_123_456)),
            Some(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)),
            Some(json!({"a": [1, 2.5, "x", null, true], "ü": {}})),
        ),
    )
    .await;
    comes_back(&fixture, 2, (None, None, None, None, None, None, None, None)).await;
    comes_back(
        &fixture,
        3,
        (
            Some(false),
            Some(0),
            Some(0.0),
            Some(String::new()),
            Some(Vec::new()),
            Some(Timestamp(-1)),
            Some(Uuid::nil()),
            Some(json!(null)),
        ),
    )
    .await;
}

pub(crate) async fn the_smallest_and_the_largest_of_each_type_come_back(fixture: Fixture) {
    let cases = [
        (i64::MIN, f64::MIN, Timestamp::MIN),
        (i64::MAX, f64::MAX, Timestamp::MAX),
        (i64::MIN + 1, f64::MIN_POSITIVE, Timestamp(0)),
        (1 << 53, f64::INFINITY, Timestamp(1)),
        ((1 << 53) + 1, f64::NEG_INFINITY, Timestamp(999_999)),
        (1, 5e-324, Timestamp(-999_999)),
        (2, 0.1 + 0.2, Timestamp(-1_000_001)),
    ];
    for (id, (number, size, at)) in (1..).zip(cases) {
        let uid = Some(Uuid::max());
        let doc = Some(json!([number, 1e-7, 1.5e300]));
        comes_back(
            &fixture,
            id,
            (None, Some(number), Some(size), None, None, Some(at), uid, doc),
        )
        .await;
    }
}

pub(crate) async fn what_one_engine_cannot_keep_both_refuse(fixture: Fixture) {
    for (column, value) in [
        ("size", Value::Real(f64::NAN)),
        ("words", Value::Text("a\0b".to_owned())),
        ("doc", Value::Json(json!({"a": ["\0"]}))),
        ("doc", Value::Json(json!({"\0": 1}))),
        ("at", Value::Timestamp(Timestamp(Timestamp::MIN.0 - 1))),
    ] {
        let sql = format!("insert into kinds (id, {column}) values (1, $1)");
        let refused = fixture.db.execute(&sql, (&value,)).await;
        assert!(
            matches!(&refused, Err(Error::Statement { message, .. }) if message.contains("$1")),
            "{refused:?}"
        );
    }
    let count: i64 = fixture.db.query_one("select count(*) from kinds", ()).await.unwrap();
    assert_eq!(count, 0);
}

pub(crate) async fn a_value_of_another_type_is_named_with_its_column(fixture: Fixture) {
    let (db, words) = (&fixture.db, "milk");
    db.execute("insert into kinds (id, number, words) values (1, 300, $1)", (words,))
        .await
        .unwrap();
    let read: Result<i64, Error> = db.query_one("select words from kinds", ()).await;
    let said = read.unwrap_err().to_string();
    assert_eq!(said, "column `words` holds text, not integer");
    let read: Result<u8, Error> = db.query_one("select number from kinds", ()).await;
    let said = read.unwrap_err().to_string();
    assert_eq!(said, "column `number` holds 300, not integer that fits u8");
    let read: Result<String, Error> = db.query_one("select size from kinds", ()).await;
    assert_eq!(read.unwrap_err().to_string(), "column `size` holds null, not text");
    let read: Result<(i64, i64), Error> = db.query_one("select id from kinds", ()).await;
    assert!(matches!(read, Err(Error::Mismatch { .. })), "{read:?}");
}

pub(crate) async fn a_parameter_stands_where_its_number_is(fixture: Fixture) {
    let sql = "select cast($3 as text) || cast($1 as text) || cast($3 as text) || '$1' || cast($2 as text) -- $4";
    let read: String = fixture.db.query_one(sql, ("a", "b", "c")).await.unwrap();
    assert_eq!(read, "cac$1b");
    let sql = "select cast($11 as text) || cast($1 as text)
               || $2 || $3 || $4 || $5 || $6 || $7 || $8 || $9 || $10";
    let all = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11");
    let read: String = fixture.db.query_one(sql, all).await.unwrap();
    assert_eq!(read, "1112345678910");
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Label {
    text: String,
    weight: Option<f64>,
}

pub(crate) async fn json_is_read_into_a_type(fixture: Fixture) {
    let label = Json(Label {
        text: "ü".to_owned(),
        weight: Some(0.1 + 0.2),
    });
    let sql = "insert into kinds (id, doc) values ($1, $2)";
    fixture.db.execute(sql, (1, &label)).await.unwrap();
    let read: Json<Label> = fixture
        .db
        .query_one("select doc from kinds where id = 1", ())
        .await
        .unwrap();
    assert_eq!(read, label);
    fixture.db.execute(sql, (2, Json([1, 2]))).await.unwrap();
    let read: Result<Json<Label>, Error> = fixture.db.query_one("select doc from kinds where id = 2", ()).await;
    assert!(
        matches!(&read, Err(Error::Mismatch { column, .. }) if column == "doc"),
        "{read:?}"
    );
}

pub(crate) async fn a_flag_is_a_condition(fixture: Fixture) {
    let sql = "insert into kinds (id, flag) values (1, $1), (2, $2), (3, null)";
    fixture.db.execute(sql, (true, false)).await.unwrap();
    for (flag, expected) in [(true, vec![1]), (false, vec![2])] {
        let ids: Vec<i64> = fixture
            .db
            .query("select id from kinds where flag = $1", (flag,))
            .await
            .unwrap();
        assert_eq!(ids, expected);
    }
    let flags: Vec<Option<bool>> = fixture
        .db
        .query("select flag from kinds order by id", ())
        .await
        .unwrap();
    assert_eq!(flags, [Some(true), Some(false), None]);
}
