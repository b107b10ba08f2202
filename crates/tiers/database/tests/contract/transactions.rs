//! What one transaction does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use database::{Error, Transaction};
use terrace::{CallError, CallErrorKind, Cx, Ref};

use crate::fixture::Fixture;

const INSERT: &str = "insert into owners (name) values ($1)";
const COUNT: &str = "select count(*) from owners";

#[derive(Debug, PartialEq)]
enum OwnError {
    Mine,
    Database(Error),
}

impl From<Error> for OwnError {
    fn from(error: Error) -> OwnError {
        OwnError::Database(error)
    }
}

async fn owners(fixture: &Fixture) -> i64 {
    fixture.db.query_one(COUNT, ()).await.unwrap()
}

pub(crate) async fn all_of_it_is_kept_or_nothing(fixture: Fixture) {
    let refused: Result<(), OwnError> = fixture
        .db
        .transaction(async |tx: &Transaction<'_>| {
            tx.execute(INSERT, ("ann",)).await?;
            tx.execute(INSERT, ("bob",)).await?;
            Err(OwnError::Mine)
        })
        .await;
    assert_eq!(refused, Err(OwnError::Mine));
    assert_eq!(owners(&fixture).await, 0);
    let kept: Result<u64, OwnError> = fixture
        .db
        .transaction(async |tx: &Transaction<'_>| {
            Ok(tx.execute(INSERT, ("ann",)).await? + tx.execute(INSERT, ("bob",)).await?)
        })
        .await;
    assert_eq!(kept, Ok(2));
    assert_eq!(owners(&fixture).await, 2);
}

pub(crate) async fn once_a_statement_failed_nothing_is_kept(fixture: Fixture) {
    let poisoned: Result<&str, Error> = fixture
        .db
        .transaction(async |tx: &Transaction<'_>| {
            tx.execute(INSERT, ("ann",)).await?;
            let doubled = tx.execute(INSERT, ("ann",)).await;
            assert!(matches!(doubled, Err(Error::Constraint { .. })), "{doubled:?}");
            let after = tx.execute(INSERT, ("bob",)).await;
            assert!(matches!(after, Err(Error::Failed { .. })), "{after:?}");
            let after = tx.query::<i64>(COUNT, ()).await;
            assert!(matches!(after, Err(Error::Failed { .. })), "{after:?}");
            Ok("swallowed")
        })
        .await;
    assert!(matches!(poisoned, Err(Error::Constraint { .. })), "{poisoned:?}");
    assert_eq!(owners(&fixture).await, 0);
    let own: Result<(), OwnError> = fixture
        .db
        .transaction(async |tx: &Transaction<'_>| {
            tx.execute(INSERT, ("ann",)).await?;
            tx.execute(INSERT, ("ann",)).await.map_err(|_| OwnError::Mine)?;
            Ok(())
        })
        .await;
    assert_eq!(own, Err(OwnError::Mine), "an error of its own is what its caller gets");
    assert_eq!(owners(&fixture).await, 0);
}

pub(crate) async fn it_sees_what_it_has_done(fixture: Fixture) {
    let seen: Result<(i64, i64, Vec<String>), Error> = fixture
        .db
        .transaction(async |tx: &Transaction<'_>| {
            let before = tx.query_one(COUNT, ()).await?;
            let added = tx
                .query("insert into owners (name) values ('ann'), ('bob') returning name", ())
                .await?;
            Ok((before, tx.query_one(COUNT, ()).await?, added))
        })
        .await;
    assert_eq!(seen, Ok((0, 2, vec!["ann".to_owned(), "bob".to_owned()])));
}

async fn add(tx: &Transaction<'_>, name: &str) -> Result<(), Error> {
    tx.execute(INSERT, (name,)).await.map(drop)
}

async fn add_both(tx: &Transaction<'_>, one: &str, other: &str) -> Result<i64, Error> {
    add(tx, one).await?;
    Box::pin(add(tx, other)).await?;
    tx.query_one(COUNT, ()).await
}

pub(crate) async fn functions_take_the_transaction_along(fixture: Fixture) {
    let names = ("ann".to_owned(), "bob".to_owned());
    let added: Result<i64, Error> = fixture
        .db
        .transaction(async move |tx: &Transaction<'_>| add_both(tx, &names.0, &names.1).await)
        .await;
    assert_eq!(added, Ok(2));
}

#[terrace::component]
trait Bell {
    async fn ring(&self, cx: &Cx) -> Result<u32, CallError>;
}

#[derive(Default)]
struct Tower(AtomicU32);

impl Bell for Tower {
    async fn ring(&self, _: &Cx) -> Result<u32, CallError> {
        Ok(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

pub(crate) async fn a_call_to_a_component_is_denied(fixture: Fixture) {
    let bell: Ref<dyn Bell> = Ref::fake(Tower::default());
    let cx = Cx::root(&fixture.env);
    assert_eq!(bell.ring(&cx).await, Ok(0));
    let (inside, asks) = (bell.clone(), cx.clone());
    let called: Result<Result<u32, CallError>, Error> = fixture
        .db
        .transaction(async move |tx: &Transaction<'_>| {
            tx.execute(INSERT, ("ann",)).await?;
            Ok(inside.ring(&asks).await)
        })
        .await;
    match called {
        Ok(Err(error)) => assert_eq!(error.kind(), CallErrorKind::Denied, "{error}"),
        Err(Error::Denied { .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(bell.ring(&cx).await, Ok(1), "it rang in the transaction");
}

pub(crate) async fn waiting_for_anything_else_is_denied(fixture: Fixture) {
    let env = fixture.env.clone();
    let denied: Result<(), Error> = fixture
        .db
        .transaction(async move |tx: &Transaction<'_>| {
            tx.execute(INSERT, ("ann",)).await?;
            env.sleep(Duration::from_millis(1)).await;
            Ok(())
        })
        .await;
    assert!(matches!(denied, Err(Error::Denied { .. })), "{denied:?}");
    assert_eq!(owners(&fixture).await, 0);
}

pub(crate) async fn a_panic_keeps_nothing_and_stops_nobody(fixture: Fixture) {
    let panicked: Result<(), Error> = fixture
        .db
        .transaction(async |tx: &Transaction<'_>| {
            tx.execute(INSERT, ("ann",)).await?;
            panic!("as the test wants it")
        })
        .await;
    assert_eq!(panicked, Err(Error::Panicked));
    assert_eq!(owners(&fixture).await, 0);
    assert_eq!(fixture.db.execute(INSERT, ("ann",)).await, Ok(1));
}

pub(crate) async fn what_follows_a_commit_follows_only_a_commit(fixture: Fixture) {
    let rung = Arc::new(AtomicU32::new(0));
    let ring = rung.clone();
    let kept: Result<u32, Error> = fixture
        .db
        .transaction(async move |tx: &Transaction<'_>| {
            let then = ring.clone();
            tx.after_commit(move || {
                then.fetch_add(1, Ordering::SeqCst);
            });
            tx.execute(INSERT, ("ann",)).await?;
            Ok(ring.load(Ordering::SeqCst))
        })
        .await;
    assert_eq!(kept, Ok(0), "it was done before the commit");
    assert_eq!(rung.load(Ordering::SeqCst), 1);
}

pub(crate) async fn what_is_not_kept_is_followed_by_nothing(fixture: Fixture) {
    let rung = Arc::new(AtomicU32::new(0));
    for own in [true, false] {
        let ring = rung.clone();
        let refused: Result<(), OwnError> = fixture
            .db
            .transaction(async move |tx: &Transaction<'_>| {
                let then = ring.clone();
                tx.after_commit(move || {
                    then.fetch_add(1, Ordering::SeqCst);
                });
                tx.execute(INSERT, ("ann",)).await?;
                if own {
                    return Err(OwnError::Mine);
                }
                let _swallowed = tx.execute(INSERT, ("ann",)).await;
                Ok(())
            })
            .await;
        assert!(refused.is_err());
    }
    assert_eq!(rung.load(Ordering::SeqCst), 0);
}
