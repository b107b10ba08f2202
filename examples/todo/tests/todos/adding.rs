//! Adding to-dos.

use terrace::database::Timestamp;
use todo::todos::{Change, Due, Filter, NewTodo, Todo, TodoError, Todos};

use crate::fixture::{Fixture, new, texts};
use crate::people::{ADA, BOB};

pub(crate) async fn a_retried_add_makes_one_todo(fixture: Fixture) {
    let adding = (0..20).map(|_| {
        let (todos, cx) = (fixture.todos.clone(), fixture.keyed("milk"));
        fixture
            .env
            .spawn("add", async move { todos.add(&cx, ADA, new("milk")).await })
    });
    let adding: Vec<_> = adding.collect();
    let mut ids = Vec::new();
    for added in adding {
        ids.push(added.await.expect("no panic").expect("it is added").id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(fixture.titles(ADA, Filter::default()).await, ["milk"]);
}

pub(crate) async fn a_request_id_is_for_one_request(fixture: Fixture) {
    let add = |title: &str| {
        let new = new(title);
        async { fixture.todos.add(&fixture.keyed("same"), ADA, new).await }
    };
    let first = add("milk").await.expect("it is added");
    assert_eq!(add("bread").await, Err(TodoError::Reused));
    assert_eq!(add("milk").await.expect("the answer of the first"), first);
    let change = |title: &str| Change {
        title: Some(title.to_owned()),
        ..Change::default()
    };
    let edit = |title: &str| {
        let change = change(title);
        async { fixture.todos.edit(&fixture.keyed("edit"), ADA, first.id, change).await }
    };
    assert_eq!(edit("oat milk").await.expect("it is edited").title, "oat milk");
    assert_eq!(edit("soy milk").await, Err(TodoError::Reused));
    assert_eq!(fixture.titles(ADA, Filter::default()).await, ["oat milk"]);
}

pub(crate) async fn what_is_added_is_there_as_it_was_written(fixture: Fixture) {
    let due = Timestamp::from_micros(1_900_000_000_000_001);
    let wanted = NewTodo {
        title: "  Grüße, 'Ω' \u{1f600}; drop table todos -- ".to_owned(),
        done: true,
        due: Some(due),
        tags: texts(&["b", " a ", "b", "A"]),
    };
    let before = fixture.now();
    let added = fixture
        .todos
        .add(&fixture.cx(), ADA, wanted)
        .await
        .expect("it is added");
    let after = fixture.now();
    assert_eq!(added.title, "Grüße, 'Ω' \u{1f600}; drop table todos --");
    assert_eq!((added.done, added.due), (true, Some(due)));
    assert_eq!(added.tags, ["A", "a", "b"]);
    assert!((before..=after).contains(&added.created_at) && added.created_at == added.updated_at);
    let got = fixture.todos.get(&fixture.cx(), ADA, added.id).await;
    assert_eq!(got.expect("it is there"), added);
}

pub(crate) async fn wrong_fields_are_refused_by_name(fixture: Fixture) {
    let many: Vec<String> = (0..21).map(|number| number.to_string()).collect();
    let tagged = |tags: Vec<String>| NewTodo { tags, ..new("a") };
    let due = |micros| NewTodo {
        due: Some(Timestamp::from_micros(micros)),
        ..new("a")
    };
    for (wrong, expected) in [
        (new(" \t "), "title"),
        (new(&"a".repeat(501)), "title"),
        (new("a\r\nBcc: b"), "title"),
        (new("a\0b"), "title"),
        (tagged(many), "tags"),
        (tagged(texts(&[""])), "tags"),
        (tagged(texts(&["a\0"])), "tags"),
        (tagged(vec!["ä".repeat(51)]), "tags"),
        (due(i64::MIN), "due"),
        (due(i64::MAX), "due"),
    ] {
        let error = fixture.todos.add(&fixture.cx(), ADA, wanted(&wrong)).await;
        assert_refused(error, expected);
        let own = fixture.add(ADA, "mine").await;
        let change = Change {
            title: Some(wrong.title),
            done: None,
            due: wrong.due.map_or(Due::Keep, Due::At),
            tags: Some(wrong.tags),
        };
        assert_refused(fixture.todos.edit(&fixture.cx(), ADA, own.id, change).await, expected);
    }
    let forged = fixture.page(
        BOB,
        Filter {
            limit: 1,
            ..Filter::default()
        },
    );
    assert_eq!(forged.await.expect("nothing").next, None);
    let own = fixture.page(
        ADA,
        Filter {
            limit: 1,
            ..Filter::default()
        },
    );
    let next = own.await.expect("a page").next;
    for (filter, expected) in [
        (with(|filter| filter.limit = 201), "limit"),
        (with(|filter| filter.after = Some("x".to_owned())), "after"),
        (with(|filter| filter.q = Some("a\0".to_owned())), "q"),
        (with(|filter| filter.q = Some("a".repeat(501))), "q"),
        (with(|filter| filter.tag = Some("a\0".to_owned())), "tags"),
    ] {
        assert_refused(fixture.page(ADA, filter).await, expected);
    }
    let zero = fixture.todos.list(&fixture.cx(), ADA, Filter::default()).await;
    assert_refused(zero, "limit");
    // One person's cursor leads another into their own list.
    let others = fixture.page(BOB, with(|filter| filter.after = next)).await;
    assert_eq!(others.expect("a page").todos, []);
}

pub(crate) async fn nobody_reaches_anothers_todos(fixture: Fixture) {
    let own = fixture.add(ADA, "secret").await;
    let (cx, todos) = (fixture.cx(), &fixture.todos);
    assert_eq!(todos.get(&cx, BOB, own.id).await, Err(TodoError::Unknown));
    let change = Change {
        done: Some(true),
        ..Change::default()
    };
    assert_eq!(todos.edit(&cx, BOB, own.id, change).await, Err(TodoError::Unknown));
    assert_eq!(todos.delete(&cx, BOB, own.id).await, Err(TodoError::Unknown));
    assert_eq!(todos.undo(&cx, BOB, own.id).await, Err(TodoError::Unknown));
    assert!(fixture.titles(BOB, Filter::default()).await.is_empty());
    // The same id is another to-do for another person.
    let copy = Todo {
        title: "copy".to_owned(),
        ..own.clone()
    };
    assert_eq!(todos.import(&cx, BOB, vec![copy]).await, Ok(1));
    assert_eq!(todos.get(&cx, ADA, own.id).await, Ok(own));
}

pub(crate) async fn a_person_has_a_bounded_number(fixture: Fixture) {
    let first = fixture.add(ADA, "first").await;
    let database = fixture.database("Todos");
    database
        .execute("update owners set open = $1", (todo::todos::TODOS_MAX,))
        .await
        .expect("an update");
    let (cx, todos) = (fixture.cx(), &fixture.todos);
    assert_eq!(todos.add(&cx, ADA, new("one more")).await, Err(TodoError::Full));
    assert_eq!(fixture.titles(ADA, Filter::default()).await, ["first"]);
    // What makes room is not refused, and what would fill it again is.
    todos.delete(&cx, ADA, first.id).await.expect("it is deleted");
    fixture.add(ADA, "second").await;
    assert_eq!(todos.undo(&cx, ADA, first.id).await, Err(TodoError::Full));
}

pub(crate) async fn an_import_adds_what_is_not_there(fixture: Fixture) {
    let kept = fixture.add(ADA, "kept").await;
    let gone = fixture.add(ADA, "gone").await;
    let (cx, todos) = (fixture.cx(), &fixture.todos);
    todos.delete(&cx, ADA, gone.id).await.expect("it is deleted");
    let changed = Todo {
        title: "changed".to_owned(),
        ..kept.clone()
    };
    let other = Todo {
        id: uuid::Uuid::from_u128(9),
        done: true,
        tags: texts(&["z", "a"]),
        created_at: Timestamp::from_micros(1),
        ..kept.clone()
    };
    let export = vec![changed, gone.clone(), other.clone(), other.clone()];
    assert_eq!(todos.import(&cx, ADA, export.clone()).await, Ok(2));
    assert_eq!(todos.import(&cx, ADA, export).await, Ok(0));
    assert_eq!(todos.get(&cx, ADA, kept.id).await, Ok(kept.clone()));
    assert_eq!(todos.get(&cx, ADA, gone.id).await, Ok(gone));
    let sorted = Todo {
        tags: texts(&["a", "z"]),
        ..other
    };
    assert_eq!(todos.get(&cx, ADA, sorted.id).await, Ok(sorted));
    let overview = todos.overview(&cx, ADA).await.expect("an overview");
    assert_eq!((overview.open, overview.done), (2, 1));
    assert_refused(todos.import(&cx, ADA, vec![kept.clone(); 201]).await, "todos");
    let wrong = Todo {
        created_at: Timestamp::MAX,
        ..kept
    };
    assert_refused(todos.import(&cx, ADA, vec![wrong]).await, "created_at");
    assert_eq!(todos.import(&cx, BOB, Vec::new()).await, Ok(0));
}

fn wanted(new: &NewTodo) -> NewTodo {
    new.clone()
}

fn with(change: impl FnOnce(&mut Filter)) -> Filter {
    let mut filter = Filter::default();
    change(&mut filter);
    filter
}

fn assert_refused<T: std::fmt::Debug>(result: Result<T, TodoError>, expected: &str) {
    match result {
        Err(TodoError::Invalid { field, reason }) => {
            assert_eq!(field, expected);
            assert!(!reason.is_empty());
        }
        other => panic!("{expected}: {other:?}"),
    }
}
