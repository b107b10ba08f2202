//! Finding to-dos.

use std::time::Duration;

use terrace::database::Timestamp;
use todo::todos::{Change, Filter, NewTodo, Todo, Todos};

use crate::fixture::{Fixture, new, texts};
use crate::people::{ADA, BOB};

pub(crate) async fn pages_have_each_todo_once_and_the_newest_first(fixture: Fixture) {
    let made = |number: u128| Todo {
        id: uuid::Uuid::from_u128(number),
        title: number.to_string(),
        done: false,
        due: None,
        tags: Vec::new(),
        // Three of each time.
        created_at: Timestamp::from_micros((number / 3) as i64),
        updated_at: Timestamp::from_micros(0),
    };
    let all: Vec<Todo> = (0..50).map(made).collect();
    fixture
        .todos
        .import(&fixture.cx(), ADA, all.clone())
        .await
        .expect("it is imported");
    let mut expected = all;
    expected.sort_by_key(|todo| (std::cmp::Reverse(todo.created_at), todo.id));
    let expected: Vec<String> = expected.into_iter().map(|todo| todo.title).collect();
    for limit in [1, 7, 50, 200] {
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let filter = Filter {
                after,
                limit,
                ..Filter::default()
            };
            let page = fixture.page(ADA, filter).await.expect("a page");
            assert!(page.todos.len() <= limit as usize);
            seen.extend(page.todos.into_iter().map(|todo| todo.title));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected, "{limit}");
    }
}

pub(crate) async fn filters_are_taken_together(fixture: Fixture) {
    for (title, done, tags) in [
        ("buy milk", false, &["home", "shop"][..]),
        ("buy bread", true, &["shop"]),
        ("call Bob", false, &["home"]),
        ("Buy time", false, &["Shop"]),
    ] {
        let new = NewTodo {
            done,
            tags: texts(tags),
            ..new(title)
        };
        fixture.todos.add(&fixture.cx(), ADA, new).await.expect("it is added");
    }
    for (done, tag, q, expected) in [
        (None, None, None, &["Buy time", "call Bob", "buy bread", "buy milk"][..]),
        (Some(true), None, None, &["buy bread"]),
        (None, Some("shop"), None, &["buy bread", "buy milk"]),
        (Some(false), Some("shop"), Some("BUY"), &["buy milk"]),
        (None, Some("nothing"), None, &[]),
        (
            None,
            None,
            Some("  "),
            &["Buy time", "call Bob", "buy bread", "buy milk"],
        ),
    ] {
        let filter = Filter {
            done,
            tag: tag.map(str::to_owned),
            q: q.map(str::to_owned),
            ..Filter::default()
        };
        let shown = format!("{filter:?}");
        assert_eq!(fixture.titles(ADA, filter).await, expected, "{shown}");
    }
}

pub(crate) async fn a_search_takes_wildcards_as_they_are_whatever_the_case(fixture: Fixture) {
    for title in [
        "100% sure",
        "100 sure",
        "snake_case",
        "snakeXcase",
        "ÄRGER im Büro",
        "a!b",
        "back\\slash",
    ] {
        fixture.add(ADA, title).await;
    }
    for (q, expected) in [
        ("%", &["100% sure"][..]),
        ("e_c", &["snake_case"]),
        ("ärger", &["ÄRGER im Büro"]),
        ("BÜRO", &["ÄRGER im Büro"]),
        ("!", &["a!b"]),
        ("\\", &["back\\slash"]),
        ("' or 1=1 --", &[]),
        ("SURE", &["100 sure", "100% sure"]),
    ] {
        let filter = Filter {
            q: Some(q.to_owned()),
            ..Filter::default()
        };
        assert_eq!(fixture.titles(ADA, filter).await, expected, "{q}");
    }
}

pub(crate) async fn the_overview_counts_what_there_is(fixture: Fixture) {
    let (cx, todos) = (fixture.cx(), &fixture.todos);
    let empty = todos.overview(&cx, ADA).await.expect("an overview");
    assert_eq!((empty.open, empty.done, empty.tags.len(), empty.revision), (0, 0, 0, 0));
    let mut ids = Vec::new();
    for tags in [&["a", "b"][..], &["b"], &["c"]] {
        let new = NewTodo {
            tags: texts(tags),
            ..new("x")
        };
        ids.push(todos.add(&cx, ADA, new).await.expect("it is added").id);
    }
    let mut last = empty.revision;
    let mut check = async |expected: (u64, u64), tags: &[(&str, u64)]| {
        let overview = todos.overview(&cx, ADA).await.expect("an overview");
        assert_eq!((overview.open, overview.done), expected);
        let tags: Vec<(String, u64)> = tags.iter().map(|(tag, count)| ((*tag).to_owned(), *count)).collect();
        assert_eq!(overview.tags, tags);
        assert!(overview.revision > last);
        last = overview.revision;
    };
    check((3, 0), &[("a", 1), ("b", 2), ("c", 1)]).await;
    let done = Change {
        done: Some(true),
        ..Change::default()
    };
    todos.edit(&cx, ADA, ids[0], done).await.expect("it is done");
    check((2, 1), &[("b", 1), ("c", 1)]).await;
    todos.delete(&cx, ADA, ids[1]).await.expect("it is deleted");
    check((1, 1), &[("c", 1)]).await;
    todos.undo(&cx, ADA, ids[1]).await.expect("it is back");
    check((2, 1), &[("b", 1), ("c", 1)]).await;
    let tags = Change {
        tags: Some(texts(&["d"])),
        ..Change::default()
    };
    todos.edit(&cx, ADA, ids[2], tags).await.expect("it is edited");
    check((2, 1), &[("b", 1), ("d", 1)]).await;
}

pub(crate) async fn a_change_wakes_who_waits_for_it(fixture: Fixture) {
    let cx = fixture.cx();
    let first = fixture.todos.changed(&cx, ADA, -1).await.expect("a revision");
    assert_eq!(first, 0);
    let waits = |owner| {
        let (todos, cx) = (fixture.todos.clone(), fixture.cx());
        fixture
            .env
            .spawn("wait", async move { todos.changed(&cx, owner, 0).await })
    };
    let (waiting, other) = (waits(ADA), waits(BOB));
    fixture.add(ADA, "milk").await;
    let told = waiting.await.expect("no panic").expect("a revision");
    assert_eq!(told, fixture.todos.changed(&cx, ADA, 0).await.expect("a revision"));
    assert!(told > 0);
    fixture.add(BOB, "bread").await;
    assert!(other.await.expect("no panic").expect("a revision") > 0);
}

pub(crate) async fn who_waits_for_a_change_in_vain_is_answered_after_a_while(fixture: Fixture) {
    let begin = fixture.env.now();
    assert_eq!(fixture.todos.changed(&fixture.cx(), ADA, 0).await, Ok(0));
    let waited = fixture.env.now().saturating_duration_since(begin);
    assert!(
        waited >= Duration::from_secs(20) && waited < Duration::from_secs(21),
        "{waited:?}"
    );
    // A caller that has less time gets its answer within it.
    let short = fixture.cx().within(Duration::from_secs(5));
    assert_eq!(fixture.todos.changed(&short, ADA, 0).await, Ok(0));
}
