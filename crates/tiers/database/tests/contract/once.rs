//! Effects that happen once.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;

use database::{Database, Error, Transaction};
use terrace::{CallError, CallErrorKind, CallId, Cx, Ref, Root};

use crate::fixture::Fixture;

const INSERT: &str = "insert into accounts (id, owner, balance) values ($1, 'ann', 0)";
const COUNT: &str = "select count(*) from accounts";

#[terrace::data]
#[derive(thiserror::Error)]
enum BookError {
    #[error("the book is closed")]
    Closed,
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<Error> for BookError {
    fn from(error: Error) -> BookError {
        BookError::Call(error.into())
    }
}

/// The call number `id`.
fn call(fixture: &Fixture, id: u128) -> Cx {
    let root = Root {
        began: None,
        id: Some(CallId(id)),
        deadline: None,
        principal: None,
        trace: None,
    };
    Cx::from_root(&fixture.env, root)
}

async fn with_owner(fixture: &Fixture) {
    fixture
        .db
        .execute("insert into owners (name) values ('ann')", ())
        .await
        .unwrap();
}

/// Books a row and answers how many there are.
async fn book(db: &Database, cx: &Cx, label: &str) -> Result<i64, BookError> {
    db.once_named(cx, label, async |tx: &Transaction<'_>| {
        let there: i64 = tx.query_one(COUNT, ()).await?;
        tx.execute(INSERT, (there + 1,)).await?;
        Ok(there + 1)
    })
    .await
}

pub(crate) async fn a_repeat_gets_the_recorded_answer(fixture: Fixture) {
    with_owner(&fixture).await;
    for (id, expected) in [(1, 1), (2, 2), (1, 1), (2, 2), (1, 1)] {
        let answer = book(&fixture.db, &call(&fixture, id), "").await;
        assert_eq!(answer.unwrap(), expected);
    }
    assert_eq!(fixture.db.query_one::<i64>(COUNT, ()).await, Ok(2));
}

pub(crate) async fn an_error_is_not_recorded(fixture: Fixture) {
    with_owner(&fixture).await;
    let cx = call(&fixture, 1);
    let refused: Result<i64, BookError> = fixture
        .db
        .once(&cx, async |tx: &Transaction<'_>| {
            tx.execute(INSERT, (1,)).await?;
            Err(BookError::Closed)
        })
        .await;
    assert_eq!(refused, Err(BookError::Closed));
    assert_eq!(fixture.db.query_one::<i64>(COUNT, ()).await, Ok(0));
    assert_eq!(book(&fixture.db, &cx, "").await.unwrap(), 1);
}

pub(crate) async fn equal_calls_at_once_have_one_effect(fixture: Fixture) {
    with_owner(&fixture).await;
    for id in 1..=4 {
        let tasks: Vec<_> = (0..6)
            .map(|_| {
                let (db, cx) = (fixture.db.clone(), call(&fixture, id));
                fixture.env.spawn("book", async move { book(&db, &cx, "").await })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap(), i64::try_from(id).unwrap());
        }
    }
    assert_eq!(fixture.db.query_one::<i64>(COUNT, ()).await, Ok(4));
}

/// Calls that have nothing to do with each other are in no conflict, also while the table of records is a page.
pub(crate) async fn different_calls_at_once_are_in_no_conflict(fixture: Fixture) {
    with_owner(&fixture).await;
    for round in 0..10 {
        let calls: Vec<_> = (0..16)
            .map(|number| {
                let (db, cx) = (fixture.db.clone(), call(&fixture, 1 + 16 * round + number));
                let id = cx.call_id().0 as i64;
                fixture.env.spawn("book", async move {
                    db.once(&cx, async move |tx: &Transaction<'_>| {
                        tx.execute("insert into owners (name) values ($1)", (format!("owner {id}"),))
                            .await?;
                        Ok::<i64, BookError>(id)
                    })
                    .await
                })
            })
            .collect();
        for booked in calls {
            booked.await.unwrap().unwrap();
        }
    }
}

pub(crate) async fn two_labels_are_two_effects(fixture: Fixture) {
    with_owner(&fixture).await;
    let cx = call(&fixture, 1);
    for (label, expected) in [("left", 1), ("right", 2), ("left", 1), ("right", 2)] {
        assert_eq!(book(&fixture.db, &cx, label).await.unwrap(), expected);
    }
}

pub(crate) async fn it_runs_to_its_end_when_its_caller_gives_up(fixture: Fixture) {
    with_owner(&fixture).await;
    let cx = call(&fixture, 1);
    {
        let mut booked = pin!(book(&fixture.db, &cx, ""));
        poll_fn(|poll| {
            let _ = booked.as_mut().poll(poll);
            Poll::Ready(())
        })
        .await;
    }
    fixture.wait_for_count(COUNT, 1).await;
    assert_eq!(book(&fixture.db, &cx, "").await.unwrap(), 1);
    assert_eq!(fixture.db.query_one::<i64>(COUNT, ()).await, Ok(1));
}

pub(crate) async fn a_panic_is_not_recorded(fixture: Fixture) {
    with_owner(&fixture).await;
    let cx = call(&fixture, 1);
    let panicked: Result<i64, BookError> = fixture
        .db
        .once(&cx, async |tx: &Transaction<'_>| {
            tx.execute(INSERT, (1,)).await?;
            panic!("as the test wants it")
        })
        .await;
    assert!(
        matches!(&panicked, Err(BookError::Call(error)) if error.kind() == CallErrorKind::Failed),
        "{panicked:?}"
    );
    assert_eq!(book(&fixture.db, &cx, "").await.unwrap(), 1);
}

pub(crate) async fn an_answer_that_is_too_large_undoes_the_effect(fixture: Fixture) {
    with_owner(&fixture).await;
    let cx = call(&fixture, 1);
    let refused: Result<String, BookError> = fixture
        .db
        .once(&cx, async |tx: &Transaction<'_>| {
            tx.execute(INSERT, (1,)).await?;
            Ok("x".repeat(database::limits::RECORD_BYTES_MAX))
        })
        .await;
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("cannot be recorded"), "{said}");
    assert_eq!(fixture.db.query_one::<i64>(COUNT, ()).await, Ok(0));
    assert_eq!(book(&fixture.db, &cx, "").await.unwrap(), 1);
}

pub(crate) async fn an_answer_of_another_type_is_not_made_up(fixture: Fixture) {
    with_owner(&fixture).await;
    let cx = call(&fixture, 1);
    book(&fixture.db, &cx, "").await.unwrap();
    let read: Result<Vec<String>, BookError> = fixture
        .db
        .once(&cx, async |_: &Transaction<'_>| Ok(vec!["made up".to_owned()]))
        .await;
    assert!(
        matches!(&read, Err(BookError::Call(error)) if error.kind() == CallErrorKind::Incompatible),
        "{read:?}"
    );
}

#[terrace::component]
trait Books {
    #[call(read)]
    async fn peek(&self, cx: &Cx) -> Result<i64, BookError>;

    #[call(once)]
    async fn book(&self, cx: &Cx) -> Result<i64, BookError>;
}

struct Shelf(Database);

impl Books for Shelf {
    async fn peek(&self, cx: &Cx) -> Result<i64, BookError> {
        book(&self.0, cx, "").await
    }

    async fn book(&self, cx: &Cx) -> Result<i64, BookError> {
        book(&self.0, cx, "").await
    }
}

pub(crate) async fn a_method_marked_read_has_no_effect(fixture: Fixture) {
    with_owner(&fixture).await;
    let books: Ref<dyn Books> = Ref::fake(Shelf(fixture.db.clone()));
    let denied = books.peek(&Cx::root(&fixture.env)).await;
    assert!(
        matches!(&denied, Err(BookError::Call(error)) if error.kind() == CallErrorKind::Denied),
        "{denied:?}"
    );
    assert_eq!(fixture.db.query_one::<i64>(COUNT, ()).await, Ok(0));
    assert_eq!(books.book(&Cx::root(&fixture.env)).await, Ok(1));
}
