//! Taking changes back.

use std::time::Duration;

use terrace::database::Timestamp;
use todo::todos::{Change, Due, Filter, TodoError, Todos, UNDO_DAYS};

use crate::fixture::{Fixture, new, texts};
use crate::people::ADA;

const DAY: Duration = Duration::from_secs(24 * 3600);

pub(crate) async fn each_change_is_taken_back_in_reverse(fixture: Fixture) {
    let (cx, todos) = (fixture.cx(), &fixture.todos);
    let first = fixture.add(ADA, "milk").await;
    let mut states = vec![first.clone()];
    for change in [
        Change {
            title: Some("oat milk".to_owned()),
            ..Change::default()
        },
        Change {
            done: Some(true),
            ..Change::default()
        },
        Change {
            due: Due::At(Timestamp::from_micros(7)),
            tags: Some(texts(&["a"])),
            ..Change::default()
        },
        Change {
            due: Due::Never,
            ..Change::default()
        },
        Change {
            title: Some("bread".to_owned()),
            done: Some(false),
            due: Due::At(Timestamp::from_micros(8)),
            tags: Some(Vec::new()),
        },
    ] {
        states.push(todos.edit(&cx, ADA, first.id, change).await.expect("it is edited"));
    }
    todos.delete(&cx, ADA, first.id).await.expect("it is deleted");
    for state in states.iter().rev() {
        let undone = todos.undo(&cx, ADA, first.id).await.expect("it is taken back");
        assert_eq!(undone, todos.get(&cx, ADA, first.id).await.expect("it is there"));
        let mut undone = undone;
        assert!(undone.updated_at >= state.updated_at);
        undone.updated_at = state.updated_at;
        assert_eq!(&undone, state);
    }
    assert_eq!(todos.undo(&cx, ADA, first.id).await, Err(TodoError::NothingToUndo));
    // The same request takes one change back, however often it comes.
    for number in 0..3 {
        let change = Change {
            title: Some(number.to_string()),
            ..Change::default()
        };
        todos.edit(&cx, ADA, first.id, change).await.expect("it is edited");
    }
    for _ in 0..3 {
        let undone = todos.undo(&fixture.keyed("undo"), ADA, first.id).await;
        assert_eq!(undone.expect("it is taken back").title, "1");
    }
}

pub(crate) async fn only_the_last_changes_are_taken_back(fixture: Fixture) {
    let (cx, todos) = (fixture.cx(), &fixture.todos);
    let id = fixture.add(ADA, "x").await.id;
    for number in 0..30 {
        let change = Change {
            title: Some(number.to_string()),
            ..Change::default()
        };
        todos.edit(&cx, ADA, id, change).await.expect("it is edited");
    }
    for number in (9..29).rev() {
        let undone = todos.undo(&cx, ADA, id).await.expect("it is taken back");
        assert_eq!(undone.title, number.to_string());
    }
    assert_eq!(todos.undo(&cx, ADA, id).await, Err(TodoError::NothingToUndo));
}

pub(crate) async fn what_changes_nothing_is_no_change(fixture: Fixture) {
    let (cx, todos) = (fixture.cx(), &fixture.todos);
    let first = fixture.add(ADA, "milk").await;
    let same = Change {
        title: Some(" milk ".to_owned()),
        done: Some(false),
        due: Due::Never,
        tags: Some(Vec::new()),
    };
    assert_eq!(todos.edit(&cx, ADA, first.id, same).await, Ok(first.clone()));
    assert_eq!(todos.undo(&cx, ADA, first.id).await, Err(TodoError::NothingToUndo));
}

pub(crate) async fn deleted_todos_are_bounded_and_come_back(fixture: Fixture) {
    let (cx, todos) = (fixture.cx(), &fixture.todos);
    let first = fixture.add(ADA, "milk").await;
    todos.delete(&cx, ADA, first.id).await.expect("it is deleted");
    assert_eq!(todos.get(&cx, ADA, first.id).await, Err(TodoError::Unknown));
    assert_eq!(todos.delete(&cx, ADA, first.id).await, Err(TodoError::Unknown));
    let edited = todos.edit(&cx, ADA, first.id, Change::default()).await;
    assert_eq!(edited, Err(TodoError::Unknown));
    assert!(fixture.titles(ADA, Filter::default()).await.is_empty());
    assert_eq!(todos.undo(&cx, ADA, first.id).await.expect("it is back").title, "milk");
    todos.delete(&cx, ADA, first.id).await.expect("it is deleted");
    // As many others that were deleted later, and one more that is deleted now.
    let sql = "insert into todos (owner, id, title, title_lower, done, tags, created_at, updated_at, deleted_at)
               select owner, $1, title, title_lower, done, tags, created_at, updated_at, $2 from todos limit 1";
    let database = fixture.database("Todos");
    let later = fixture.now().after(DAY);
    for number in 1..=todo::todos::DELETED_MAX as u128 {
        let id = uuid::Uuid::from_u128(number);
        database.execute(sql, (id, later)).await.expect("a row");
    }
    let last = fixture.add(ADA, "last").await;
    todos.delete(&cx, ADA, last.id).await.expect("it is deleted");
    assert_eq!(todos.undo(&cx, ADA, first.id).await, Err(TodoError::Unknown));
    let kept: i64 = database
        .query_one("select count(*) from todos where deleted_at is not null", ())
        .await
        .expect("a count");
    assert_eq!(kept, todo::todos::DELETED_MAX);
}

pub(crate) async fn a_person_who_goes_leaves_nothing(fixture: Fixture) {
    let (cx, todos) = (fixture.cx(), &fixture.todos);
    let tagged = todo::todos::NewTodo {
        tags: texts(&["a"]),
        ..new("x")
    };
    let id = todos.add(&cx, ADA, tagged).await.expect("it is added").id;
    let done = Change {
        done: Some(true),
        ..Change::default()
    };
    todos.edit(&cx, ADA, id, done).await.expect("it is done");
    todos.forget(&cx, ADA).await.expect("it is forgotten");
    let database = fixture.database("Todos");
    for table in ["todos", "tags", "changes"] {
        let left: i64 = database
            .query_one(&format!("select count(*) from {table}"), ())
            .await
            .expect("a count");
        assert_eq!(left, 0, "{table}");
    }
    // What was on its way comes too late.
    assert_eq!(todos.add(&cx, ADA, new("late")).await, Err(TodoError::Unknown));
    let overview = todos.overview(&cx, ADA).await.expect("an overview");
    assert_eq!((overview.open, overview.done), (0, 0));
}

pub(crate) async fn what_is_too_old_is_removed_by_night(fixture: Fixture) {
    let (cx, todos) = (fixture.cx(), &fixture.todos);
    let deleted = fixture.add(ADA, "deleted").await.id;
    let edited = fixture.add(ADA, "first").await.id;
    todos.delete(&cx, ADA, deleted).await.expect("it is deleted");
    let change = Change {
        title: Some("second".to_owned()),
        ..Change::default()
    };
    todos.edit(&cx, ADA, edited, change).await.expect("it is edited");
    let database = fixture.database("Todos");
    let count = async |table: &str| -> i64 {
        let sql = format!("select count(*) from {table}");
        database.query_one(&sql, ()).await.expect("a count")
    };
    let undo_days = u32::try_from(UNDO_DAYS).expect("few");
    fixture.env.sleep(DAY * (undo_days - 1)).await;
    assert_eq!((count("todos").await, count("changes").await), (2, 2));
    fixture.env.sleep(DAY + Duration::from_secs(1)).await;
    assert_eq!(todos.undo(&cx, ADA, deleted).await, Err(TodoError::Unknown));
    assert_eq!(todos.undo(&cx, ADA, edited).await, Err(TodoError::NothingToUndo));
    fixture.env.sleep(DAY).await;
    assert_eq!((count("todos").await, count("changes").await), (1, 0));
}
