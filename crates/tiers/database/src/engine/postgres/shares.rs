//! How the connections of a component are shared between its queries and its transactions.
//!
//! A connection is driven by the runtime it was made on: those of queries by the callers' own, those of transactions by
//! the engine's thread. Both together have no more than is configured, so each side has a share, and one that needs more
//! gets what the other does not use. One that is closed so that the other side may have one ends a moment later.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::POOL_WAIT_MAX;

/// How often the idle connection of one side is closed at most so that the other may have one: making one takes the
/// server a few milliseconds, so sides that need more in turn are not to close each other's all the time.
const CLOSED_EVERY: Duration = Duration::from_millis(10);

/// How often who waits looks again whether the other side has one to spare. Whoever comes looks too; this is for when
/// nobody comes, and thousands may wait.
const LOOKED_EVERY: Duration = Duration::from_secs(2);

/// Who needs a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Queries and single statements, on their callers' runtime.
    Callers,
    /// Transactions, and all else that the engine's thread does.
    Thread,
}

impl Side {
    fn other(self) -> Side {
        match self {
            Side::Callers => Side::Thread,
            Side::Thread => Side::Callers,
        }
    }
}

/// The connections of a component.
pub(super) struct Shares {
    pools: [Pool; 2],
    free: [Arc<Semaphore>; 2],
    split: Mutex<Split>,
}

struct Split {
    sizes: [usize; 2],
    closed: Option<Instant>,
}

/// A connection, and its place in the share.
pub(super) struct Lent {
    pub(super) client: Object,
    pub(super) place: OwnedSemaphorePermit,
}

/// Why there is no connection.
pub(super) enum Refused {
    /// All were taken for [`POOL_WAIT_MAX`].
    Taken,
    Pool(deadpool_postgres::PoolError),
}

impl Shares {
    /// So many connections, of which callers get none where there is only one.
    pub(super) fn new(connections: usize, pools: [Pool; 2]) -> Shares {
        let callers = connections / 2;
        let sizes = [callers, connections - callers];
        Shares {
            pools,
            free: sizes.map(|size| Arc::new(Semaphore::new(size))),
            split: Mutex::new(Split { sizes, closed: None }),
        }
    }

    /// Whether callers have connections of their own.
    pub(super) fn has_callers(&self) -> bool {
        self.split().sizes[Side::Callers as usize] > 0
    }

    pub(super) async fn take(&self, side: Side) -> Result<Lent, Refused> {
        let free = &self.free[side as usize];
        let place = match free.clone().try_acquire_owned() {
            Ok(place) => place,
            Err(_) => self.waited(side).await?,
        };
        let client = self.pools[side as usize].get().await.map_err(Refused::Pool)?;
        Ok(Lent { client, place })
    }

    /// Has every connection forget a statement that was prepared for tables which have changed.
    pub(super) fn forget(&self, sql: &str) {
        for pool in &self.pools {
            pool.manager().statement_caches.remove(sql, &[]);
        }
    }

    async fn waited(&self, side: Side) -> Result<OwnedSemaphorePermit, Refused> {
        let until = Instant::now() + POOL_WAIT_MAX;
        let mut place = std::pin::pin!(self.free[side as usize].clone().acquire_owned());
        while Instant::now() < until {
            self.get_from_other(side);
            // What the other side uses now it may not use then.
            if let Ok(place) = timeout(LOOKED_EVERY, place.as_mut()).await {
                return place.map_err(|_| Refused::Taken);
            }
        }
        Err(Refused::Taken)
    }

    /// Gives `side` the right to one connection that the other does not use.
    fn get_from_other(&self, side: Side) {
        let (own, other) = (side as usize, side.other() as usize);
        let mut split = self.split();
        // Both keep one, or waiting for the other would never end.
        if split.sizes[other] <= 1 {
            return;
        }
        let idle = self.pools[other].status().size >= split.sizes[other];
        let now = Instant::now();
        if idle && split.closed.is_some_and(|closed| now - closed < CLOSED_EVERY) {
            return;
        }
        let Ok(unused) = self.free[other].try_acquire() else {
            return;
        };
        unused.forget();
        split.sizes[other] -= 1;
        split.sizes[own] += 1;
        if idle {
            split.closed = Some(now);
            let mut closes = true;
            self.pools[other].retain(|_, _| !std::mem::take(&mut closes));
        }
        drop(split);
        self.free[own].add_permits(1);
    }

    fn split(&self) -> MutexGuard<'_, Split> {
        self.split.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
