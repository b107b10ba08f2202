//! The document view.

use database::{Document, Documents, Error, Find, Holds, Index, Transaction};
use serde_json::{Value, json};

use crate::fixture::{Fixture, TABLES};

const fn index(name: &'static str, path: &'static str, holds: Holds) -> Index {
    Index { name, path, holds }
}

const INDEXES: [Index; 4] = [
    index("owner", "owner", Holds::Text),
    index("due", "due", Holds::Number),
    index("done", "done", Holds::Bool),
    index("city", "address.city", Holds::Text),
];

async fn notes(fixture: &Fixture) -> Documents<Value> {
    fixture.db.documents("notes", &INDEXES).await.unwrap()
}

fn keys(found: Vec<Document<Value>>) -> Vec<String> {
    found.into_iter().map(|document| document.key).collect()
}

async fn found(notes: &Documents<Value>, find: Find) -> Vec<String> {
    keys(notes.find(&find).await.unwrap())
}

pub(crate) async fn what_was_put_is_there_until_it_is_deleted(fixture: Fixture) {
    let notes = notes(&fixture).await;
    assert_eq!(notes.get("a").await, Ok(None));
    let value = json!({"text": "ü", "numbers": [1, 2.5, null]});
    let first = notes.put("a", &value).await.unwrap();
    let there = notes.get("a").await.unwrap().unwrap();
    assert_eq!((&*there.key, there.version, there.value), ("a", first, value));
    let second = notes.put("a", &json!(7)).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(notes.get("a").await.unwrap().unwrap().value, json!(7));
    assert_eq!(notes.delete("a").await, Ok(true));
    assert_eq!(notes.delete("a").await, Ok(false));
    assert_eq!(notes.get("a").await, Ok(None));
}

pub(crate) async fn a_version_is_compared_before_it_is_replaced(fixture: Fixture) {
    let notes = notes(&fixture).await;
    assert_eq!(notes.put_if("a", Some(1), &json!(1)).await, Ok(None));
    let first = notes.put_if("a", None, &json!(1)).await.unwrap().unwrap();
    assert_eq!(notes.put_if("a", None, &json!(2)).await, Ok(None));
    assert_eq!(notes.put_if("a", Some(first + 1), &json!(2)).await, Ok(None));
    assert_eq!(notes.get("a").await.unwrap().unwrap().value, json!(1));
    let second = notes.put_if("a", Some(first), &json!(2)).await.unwrap().unwrap();
    let there = notes.get("a").await.unwrap().unwrap();
    assert_eq!((there.version, there.value), (second, json!(2)));
}

pub(crate) async fn no_version_comes_back(fixture: Fixture) {
    let notes = notes(&fixture).await;
    let mut versions = Vec::new();
    for _ in 0..3 {
        versions.push(notes.put("a", &json!(1)).await.unwrap());
        versions.push(notes.put("a", &json!(1)).await.unwrap());
        notes.delete("a").await.unwrap();
    }
    versions.dedup();
    assert!(versions.len() == 6 && versions.is_sorted(), "{versions:?}");
}

pub(crate) async fn only_one_of_many_replaces_a_version(fixture: Fixture) {
    let notes = notes(&fixture).await;
    for expected in [None, Some(())] {
        let version = match expected {
            None => None,
            Some(()) => notes.get("a").await.unwrap().map(|there| there.version),
        };
        let tasks: Vec<_> = (0..8)
            .map(|number| {
                let notes = notes.clone();
                fixture.env.spawn("replace", async move {
                    loop {
                        match notes.put_if("a", version, &json!(number)).await {
                            Err(error) if error.is_transient() => {}
                            replaced => break replaced.unwrap().is_some(),
                        }
                    }
                })
            })
            .collect();
        let mut replaced = 0;
        for task in tasks {
            replaced += u32::from(task.await.unwrap());
        }
        assert_eq!(replaced, 1);
    }
}

pub(crate) async fn a_field_finds_its_documents(fixture: Fixture) {
    let notes = notes(&fixture).await;
    for (key, value) in [
        (
            "1",
            json!({"owner": "ann", "due": 3, "done": false, "address": {"city": "Ulm"}}),
        ),
        (
            "2",
            json!({"owner": "bob", "due": 1, "done": true, "address": {"city": "Bonn"}}),
        ),
        ("3", json!({"owner": "ann", "due": 2.5, "done": true})),
        ("4", json!({"owner": "Zoe", "due": -1})),
        ("5", json!({"owner": "ünal", "due": 10})),
    ] {
        notes.put(key, &value).await.unwrap();
    }
    assert_eq!(found(&notes, Find::by("owner").equal("ann")).await, ["1", "3"]);
    assert_eq!(found(&notes, Find::by("owner")).await, ["4", "1", "3", "2", "5"]);
    assert_eq!(
        found(&notes, Find::by("owner").descending().limit(3)).await,
        ["5", "2", "3"]
    );
    assert_eq!(found(&notes, Find::by("owner").from("a").to("b")).await, ["1", "3"]);
    assert_eq!(found(&notes, Find::by("due")).await, ["4", "2", "3", "1", "5"]);
    assert_eq!(found(&notes, Find::by("due").from(1).to(3)).await, ["2", "3"]);
    assert_eq!(found(&notes, Find::by("due").equal(2.5)).await, ["3"]);
    assert_eq!(
        found(&notes, Find::by("due").from(2.5).descending().limit(2)).await,
        ["5", "1"]
    );
    assert_eq!(found(&notes, Find::by("done").equal(true)).await, ["2", "3"]);
    assert_eq!(found(&notes, Find::by("done")).await, ["1", "2", "3"]);
    assert_eq!(found(&notes, Find::by("city").equal("Ulm")).await, ["1"]);
    assert_eq!(found(&notes, Find::by("city").limit(0)).await, [""; 0]);
    let refused = notes.find(&Find::by("colour")).await.unwrap_err().to_string();
    assert!(
        refused.contains("`colour`") && refused.contains("owner, due, done, city"),
        "{refused}"
    );
    let refused = notes
        .find(&Find::by("due").equal("soon"))
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("`due`") && refused.contains("text"), "{refused}");
}

/// Among so many that a look at all of them costs more.
pub(crate) async fn an_index_finds_them(fixture: Fixture) {
    let notes = notes(&fixture).await;
    notes.put("ann", &json!({"owner": "ann"})).await.unwrap();
    let (document, plan) = if fixture.db.is_postgres() {
        ("jsonb_build_object('owner', 'bob', 'i', i)", "explain")
    } else {
        ("json_object('owner', 'bob', 'i', i)", "explain query plan")
    };
    let fill = format!(
        "with recursive n (i) as (select 1 union all select i + 1 from n where i < 5000)
         insert into terrace_documents_notes (key, body) select cast(i as text), {document} from n"
    );
    fixture.db.execute(&fill, ()).await.unwrap();
    assert_eq!(found(&notes, Find::by("owner").equal("ann")).await, ["ann"]);
    let condition = if fixture.db.is_postgres() {
        "((case jsonb_typeof(body #> '{owner}') when 'string' then body #>> '{owner}' end) collate \"C\") = 'ann'"
    } else {
        "(case when json_type(body, '$.owner') in ('text') then json_extract(body, '$.owner') end) = 'ann'"
    };
    let sql = format!("{plan} select key from terrace_documents_notes where {condition}");
    let plan = format!("{:?}", fixture.db.query::<database::Row>(&sql, ()).await.unwrap());
    assert!(plan.contains("terrace_documents_notes_owner"), "{plan}");
}

pub(crate) async fn a_field_of_another_kind_is_not_found(fixture: Fixture) {
    let notes = notes(&fixture).await;
    let odd = [
        json!(null),
        json!(1),
        json!([]),
        json!({}),
        json!("1"),
        json!(true),
        json!({"a": 1}),
    ];
    for (number, value) in odd.iter().enumerate() {
        let value = json!({"owner": value, "due": value, "done": value, "address": value});
        notes.put(&number.to_string(), &value).await.unwrap();
    }
    notes.put("plain", &json!("a text")).await.unwrap();
    assert_eq!(found(&notes, Find::by("owner")).await, ["4"]);
    assert_eq!(found(&notes, Find::by("due")).await, ["1"]);
    assert_eq!(found(&notes, Find::by("done")).await, ["5"]);
    assert_eq!(found(&notes, Find::by("city")).await, [""; 0]);
}

pub(crate) async fn numbers_are_compared_exactly(fixture: Fixture) {
    let notes = notes(&fixture).await;
    let large = i64::MAX;
    notes.put("largest", &json!({"due": large})).await.unwrap();
    notes.put("less", &json!({"due": large - 1})).await.unwrap();
    notes.put("real", &json!({"due": 0.1 + 0.2})).await.unwrap();
    notes.put("whole", &json!({"due": 5.0})).await.unwrap();
    assert_eq!(found(&notes, Find::by("due").equal(large)).await, ["largest"]);
    assert_eq!(
        found(&notes, Find::by("due").from(1i64 << 62).to(large)).await,
        ["less"]
    );
    assert_eq!(found(&notes, Find::by("due").equal(0.1 + 0.2)).await, ["real"]);
    assert_eq!(found(&notes, Find::by("due").equal(0.3)).await, [""; 0]);
    assert_eq!(found(&notes, Find::by("due").equal(5)).await, ["whole"]);
}

pub(crate) async fn keys_are_listed_by_prefix_and_page(fixture: Fixture) {
    let notes = notes(&fixture).await;
    for key in ["b:1", "a:2", "a:10", "a:1", "A:1", "a", "a;", "a:ü", "a%"] {
        notes.put(key, &json!(key)).await.unwrap();
    }
    let all = notes.list("", None, 100).await.unwrap();
    assert_eq!(keys(all), ["A:1", "a", "a%", "a:1", "a:10", "a:2", "a:ü", "a;", "b:1"]);
    let first = keys(notes.list("a:", None, 2).await.unwrap());
    assert_eq!(first, ["a:1", "a:10"]);
    let second = keys(notes.list("a:", first.last().map(String::as_str), 2).await.unwrap());
    assert_eq!(second, ["a:2", "a:ü"]);
    let third = notes.list("a:", second.last().map(String::as_str), 2).await.unwrap();
    assert_eq!(keys(third), [""; 0]);
}

pub(crate) async fn they_belong_to_the_transaction(fixture: Fixture) {
    let notes = notes(&fixture).await;
    notes.put("old", &json!({"owner": "ann"})).await.unwrap();
    for keeps in [false, true] {
        let own = notes.clone();
        let ended: Result<(), Error> = fixture
            .db
            .transaction(async move |tx: &Transaction<'_>| {
                let own = own.within(tx);
                tx.execute("insert into owners (name) values ('ann')", ()).await?;
                let version = own.put("new", &json!({"owner": "ann"})).await?;
                assert_eq!(own.put_if("new", Some(version + 1), &json!(1)).await?, None);
                assert!(
                    own.put_if("new", Some(version), &json!({"owner": "ann"}))
                        .await?
                        .is_some()
                );
                assert_eq!(keys(own.find(&Find::by("owner").equal("ann")).await?), ["new", "old"]);
                assert!(own.delete("old").await?);
                assert_eq!(own.get("old").await?, None);
                assert_eq!(keys(own.list("", None, 10).await?), ["new"]);
                if keeps { Ok(()) } else { Err(Error::Panicked) }
            })
            .await;
        assert_eq!(ended.is_ok(), keeps, "{ended:?}");
        let expected = if keeps { "new" } else { "old" };
        assert_eq!(keys(notes.list("", None, 10).await.unwrap()), [expected]);
    }
}

pub(crate) async fn names_are_checked(fixture: Fixture) {
    for name in [
        "",
        "Notes",
        "7",
        "notes; drop table owners",
        "a_name_that_is_far_too_long",
    ] {
        let refused = fixture.db.documents::<Value>(name, &[]).await;
        assert!(matches!(refused, Err(Error::Open { .. })), "{name}");
    }
    for (name, path) in [
        ("Owner", "owner"),
        ("owner", "owner'"),
        ("owner", ""),
        ("owner", "a..b"),
        ("owner", "a b"),
    ] {
        let refused = fixture
            .db
            .documents::<Value>("notes", &[index(name, path, Holds::Text)])
            .await;
        assert!(matches!(refused, Err(Error::Open { .. })), "{name} {path}");
    }
    let doubled = [
        index("owner", "owner", Holds::Text),
        index("owner", "other", Holds::Text),
    ];
    assert!(matches!(
        fixture.db.documents::<Value>("notes", &doubled).await,
        Err(Error::Open { .. })
    ));
    let notes = notes(&fixture).await;
    for key in [String::new(), "a\0b".to_owned(), "x".repeat(1_025)] {
        assert!(
            matches!(notes.put(&key, &json!(1)).await, Err(Error::Statement { .. })),
            "{key:?}"
        );
    }
    assert!(notes.put(&"x".repeat(1_024), &json!(1)).await.is_ok());
}

pub(crate) async fn a_start_finds_them_again(fixture: Fixture) {
    let without = fixture
        .other_with("more", &TABLES, |config| config.migrate = true)
        .await
        .unwrap();
    without
        .documents::<Value>("notes", &INDEXES[..1])
        .await
        .unwrap()
        .put("a", &json!({"due": 1}))
        .await
        .unwrap();
    drop(without);
    let fixed = fixture
        .other_with("more", &TABLES, |config| config.migrate = false)
        .await
        .unwrap();
    let lacking = fixed.documents::<Value>("notes", &INDEXES).await;
    assert!(matches!(&lacking, Err(Error::Open { message }) if message.contains("`database migrate`")));
    assert!(fixed.documents::<Value>("notes", &INDEXES[..1]).await.is_ok());
    drop(fixed);
    let with = fixture.other("more", &TABLES).await.unwrap();
    let notes = with.documents::<Value>("notes", &INDEXES).await.unwrap();
    assert_eq!(found(&notes, Find::by("due")).await, ["a"]);
}
