//! What is known of one person: the revision of their to-dos, and how many there are.

use std::iter::Sum;
use std::ops::Sub;

use terrace::database::{Database, Error, Transaction};
use uuid::Uuid;

use super::{TODOS_MAX, Todo, TodoError};

/// How many to-dos there are, or how many more or fewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) open: i64,
    pub(super) done: i64,
}

impl Counts {
    /// Of one to-do.
    pub(super) fn of(todo: &Todo) -> Counts {
        Counts {
            open: i64::from(!todo.done),
            done: i64::from(todo.done),
        }
    }
}

impl Sub for Counts {
    type Output = Counts;

    fn sub(self, other: Counts) -> Counts {
        Counts {
            open: self.open - other.open,
            done: self.done - other.done,
        }
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Counts>>(counts: I) -> Counts {
        counts.fold(Counts::default(), |sum, counts| Counts {
            open: sum.open + counts.open,
            done: sum.done + counts.done,
        })
    }
}

/// Makes the person's revision one more, adds to the counts, and answers the revision. Each change of a to-do does so in its
/// own transaction: a revision is that of one transaction, and a later change has a higher one.
pub(super) async fn touch(tx: &Transaction<'_>, owner: Uuid, more: Counts) -> Result<i64, TodoError> {
    let sql = "insert into owners (owner, revision, open, done, forgotten) values ($1, 1, $2, $3, false)
               on conflict (owner) do update set revision = owners.revision + 1, open = owners.open + excluded.open,
                   done = owners.done + excluded.done
               returning revision, open + done as whole, forgotten";
    let (revision, whole, forgotten): (i64, i64, bool) = tx.query_one(sql, (owner, more.open, more.done)).await?;
    // A request that was on its way while its account was deleted leaves nothing behind.
    if forgotten {
        return Err(TodoError::Unknown);
    }
    if whole > TODOS_MAX && more.open + more.done > 0 {
        return Err(TodoError::Full);
    }
    Ok(revision)
}

/// The person's revision; 0 of one who has never had a to-do.
pub(super) async fn revision(db: &Database, owner: Uuid) -> Result<i64, Error> {
    let sql = "select revision from owners where owner = $1";
    Ok(db.query_optional(sql, (owner,)).await?.unwrap_or_default())
}

/// Notes that this person has gone for good.
pub(super) async fn forget(tx: &Transaction<'_>, owner: Uuid) -> Result<(), Error> {
    let sql = "insert into owners (owner, revision, open, done, forgotten) values ($1, 1, 0, 0, true)
               on conflict (owner) do update set revision = owners.revision + 1, open = 0, done = 0, forgotten = true";
    tx.execute(sql, (owner,)).await.map(drop)
}
