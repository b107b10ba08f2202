//! Who waits in this process for changes of whose to-dos.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use uuid::Uuid;

/// Those who wait; a person of whom nobody waits takes no room.
#[derive(Clone, Default)]
pub(super) struct Watchers(Arc<Mutex<BTreeMap<Uuid, Weak<Notify>>>>);

/// One who waits.
pub(super) struct Watcher {
    watchers: Watchers,
    owner: Uuid,
    notify: Option<Arc<Notify>>,
}

impl Watchers {
    /// Begins to wait.
    pub(super) fn watch(&self, owner: Uuid) -> Watcher {
        let mut waiting = self.lock();
        let notify = waiting.get(&owner).and_then(Weak::upgrade).unwrap_or_default();
        waiting.insert(owner, Arc::downgrade(&notify));
        Watcher {
            watchers: self.clone(),
            owner,
            notify: Some(notify),
        }
    }

    /// Wakes everybody who waits for this person's changes.
    pub(super) fn tell(&self, owner: Uuid) {
        let notify = self.lock().get(&owner).and_then(Weak::upgrade);
        if let Some(notify) = notify {
            notify.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Uuid, Weak<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    /// Ready once somebody tells, from this call on.
    pub(super) fn told(&self) -> OwnedNotified {
        self.notify.clone().unwrap_or_default().notified_owned()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut waiting = self.watchers.lock();
        self.notify = None;
        if waiting
            .get(&self.owner)
            .is_some_and(|notify| notify.strong_count() == 0)
        {
            waiting.remove(&self.owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Uuid, Watchers};

    #[test]
    fn nobody_who_has_gone_takes_room() {
        let (watchers, owner) = (Watchers::default(), Uuid::from_u128(1));
        let (first, second) = (watchers.watch(owner), watchers.watch(owner));
        drop(first);
        assert_eq!(watchers.lock().len(), 1);
        drop(second);
        watchers.tell(owner);
        assert!(watchers.lock().is_empty());
    }
}
