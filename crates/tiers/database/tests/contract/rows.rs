//! Rows as structs.

use database::{Error, Json, Timestamp};

use crate::fixture::Fixture;

#[derive(Debug, PartialEq, terrace::Row)]
struct Kind {
    words: String,
    #[row(column = "number")]
    size: Option<i64>,
    at: Timestamp,
    flag: bool,
    doc: Json<Vec<u32>>,
    id: i64,
}

const INSERT: &str = "insert into kinds (id, words, number, at, flag, doc) values ($1, $2, $3, $4, $5, $6)";

pub(crate) async fn a_struct_is_made_of_columns_by_name(fixture: Fixture) {
    let db = &fixture.db;
    db.execute(INSERT, (1, "milk", 7, Timestamp(5), true, Json([1, 2])))
        .await
        .unwrap();
    db.execute(INSERT, (2, "bread", None::<i64>, Timestamp(6), false, Json([0; 0])))
        .await
        .unwrap();
    let rows: Vec<Kind> = db
        .query("select *, 1 as more from kinds order by id", ())
        .await
        .unwrap();
    let kind = |words: &str, size, at, flag, doc, id| Kind {
        words: words.to_owned(),
        size,
        at: Timestamp(at),
        flag,
        doc: Json(doc),
        id,
    };
    assert_eq!(
        rows,
        [
            kind("milk", Some(7), 5, true, vec![1, 2], 1),
            kind("bread", None, 6, false, Vec::new(), 2)
        ]
    );
}

pub(crate) async fn a_wrong_column_is_named_with_its_field(fixture: Fixture) {
    let db = &fixture.db;
    db.execute(INSERT, (1, "milk", 7, Timestamp(5), None::<bool>, Json([1])))
        .await
        .unwrap();
    for (sql, expected) in [
        (
            "select * from kinds",
            "column `flag` holds null, not bool, as `Kind.flag` wants",
        ),
        (
            "select id, words, words as number, at, flag, doc from kinds",
            "column `number` holds text, not integer, as `Kind.size` wants",
        ),
        (
            "select id, words, number from kinds",
            "column `at` holds nothing: the answer has id, words, number, not timestamp, as `Kind.at` wants",
        ),
    ] {
        let read: Result<Kind, Error> = db.query_one(sql, ()).await;
        let said = read.unwrap_err();
        assert!(matches!(said, Error::Mismatch { .. }), "{said:?}");
        assert_eq!(said.to_string(), expected);
    }
}
