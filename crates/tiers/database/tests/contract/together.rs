//! Many transactions at the same time.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;

use database::{Database, Error, Transaction};

use crate::fixture::Fixture;

const INSERT: &str = "insert into owners (name) values ($1)";

/// Runs `work` for each number at the same time and waits for all.
async fn all<T, F>(fixture: &Fixture, count: i64, work: impl Fn(Database, i64) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<_> = (0..count)
        .map(|number| fixture.env.spawn("together", work(fixture.db.clone(), number)))
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

/// Repeats what was in conflict too often, as a caller would.
macro_rules! until_kept {
    ($db:expr, $work:expr) => {
        loop {
            match $db.transaction($work).await {
                Err(error) if Error::is_transient(&error) => {}
                kept => break kept,
            }
        }
    };
}

pub(crate) async fn what_was_acknowledged_is_seen_by_all(fixture: Fixture) {
    let seen = all(&fixture, 32, |db, number| async move {
        let name = format!("owner {number}");
        let added = until_kept!(db, {
            let name = name.clone();
            async move |tx: &Transaction<'_>| tx.execute(INSERT, (&name,)).await
        });
        assert_eq!(added, Ok(1));
        db.query_one::<i64>("select count(*) from owners where name = $1", (&name,))
            .await
            .unwrap()
    });
    assert_eq!(seen.await, vec![1; 32]);
}

pub(crate) async fn increments_of_many_add_up(fixture: Fixture) {
    fixture.db.execute(INSERT, ("ann",)).await.unwrap();
    let sql = "insert into accounts (id, owner, balance) values (1, 'ann', 0)";
    fixture.db.execute(sql, ()).await.unwrap();
    all(&fixture, 32, |db, _| async move {
        let kept: Result<u64, Error> = until_kept!(db, async |tx: &Transaction<'_>| {
            let balance: i64 = tx.query_one("select balance from accounts where id = 1", ()).await?;
            tx.execute("update accounts set balance = $1 where id = 1", (balance + 1,))
                .await
        });
        assert_eq!(kept, Ok(1));
    })
    .await;
    let balance: i64 = fixture
        .db
        .query_one("select balance from accounts where id = 1", ())
        .await
        .unwrap();
    assert_eq!(balance, 32);
}

/// Write skew: each looks at all rows and writes one of its own.
pub(crate) async fn two_that_look_before_they_write_do_not_both_write(fixture: Fixture) {
    let wrote = all(&fixture, 16, |db, number| async move {
        let wrote: Result<u64, Error> = until_kept!(db, async move |tx: &Transaction<'_>| {
            let there: i64 = tx.query_one("select count(*) from owners", ()).await?;
            match there {
                0 => tx.execute(INSERT, (format!("owner {number}"),)).await,
                _ => Ok(0),
            }
        });
        wrote.unwrap()
    });
    assert_eq!(wrote.await.into_iter().sum::<u64>(), 1);
    let there: i64 = fixture.db.query_one("select count(*) from owners", ()).await.unwrap();
    assert_eq!(there, 1);
}

pub(crate) async fn many_on_their_own_rows_are_all_kept(fixture: Fixture) {
    all(&fixture, 64, |db, number| async move {
        let kept: Result<u64, Error> = until_kept!(db, async move |tx: &Transaction<'_>| {
            let name = format!("owner {number}");
            tx.execute(INSERT, (&name,)).await?;
            tx.execute(
                "insert into accounts (id, owner, balance) values ($1, $2, $1)",
                (number, &name),
            )
            .await
        });
        assert_eq!(kept, Ok(1));
    })
    .await;
    let sql = "select count(*), cast(sum(balance) as bigint) from accounts, owners where owner = name";
    let found: (i64, i64) = fixture.db.query_one(sql, ()).await.unwrap();
    assert_eq!(found, (64, 63 * 64 / 2));
}

pub(crate) async fn a_caller_who_gives_up_leaves_all_or_nothing(fixture: Fixture) {
    all(&fixture, 32, |db, number| async move {
        let mut adds = pin!(db.transaction::<_, Error, _>(async move |tx: &Transaction<'_>| {
            tx.execute(INSERT, (format!("left {number}"),)).await?;
            tx.execute(INSERT, (format!("right {number}"),)).await
        }));
        // Handed over, and then forgotten.
        poll_fn(|cx| {
            let _ = adds.as_mut().poll(cx);
            Poll::Ready(())
        })
        .await;
    })
    .await;
    let sql = "select count(*) from owners as one where name like 'left %' and not exists (
                   select 1 from owners as other where other.name = 'right ' || substr(one.name, 6)
               )";
    for _ in 0..8 {
        let halves: i64 = fixture.db.query_one(sql, ()).await.unwrap();
        assert_eq!(halves, 0);
        assert_eq!(
            fixture
                .db
                .execute("update owners set name = name where name = ''", ())
                .await,
            Ok(0)
        );
    }
}
