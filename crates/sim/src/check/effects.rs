//! Effects against what clients were told of them: acknowledged, certainly not, or nothing.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Violation;

/// Ids that a message shows of each kind; the fields have all.
const IDS_SHOWN_MAX: usize = 8;

/// Keeps what clients know of their requests, by an id that the effect carries too. A clone keeps the same account.
///
/// A request may be tried several times under one id: it has at most one effect. An attempt of which neither
/// [`acknowledged`](Self::acknowledged) nor [`refused`](Self::refused) is said *may have happened*.
#[derive(Debug)]
pub struct Acknowledged<T> {
    account: Arc<Mutex<BTreeMap<T, Attempts>>>,
}

/// Effects that are not as clients were told; ids in words, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct Effects {
    /// Acknowledged, and not there.
    pub lost: Vec<String>,
    /// There more than once, and how often.
    pub doubled: Vec<(String, usize)>,
    /// There, though every attempt certainly did not happen.
    pub refused: Vec<String>,
    /// There, though nobody ever asked for them.
    pub unknown: Vec<String>,
}

impl<T: Ord> Acknowledged<T> {
    /// An empty account.
    pub fn new() -> Self {
        Self {
            account: Arc::new(Mutex::new(BTreeMap::new())),
        }
    }

    /// A client is about to send a request, for the first time or again. From here on it may have happened.
    pub fn attempted(&self, id: T) {
        self.lock().entry(id).or_default().attempted += 1;
    }

    /// A client was told that it happened.
    pub fn acknowledged(&self, id: T) {
        self.lock().entry(id).or_default().acknowledged = true;
    }

    /// A client was told that one attempt certainly did not happen; the others of the same id still may have.
    pub fn refused(&self, id: T) {
        let mut account = self.lock();
        let attempts = account.entry(id).or_default();
        attempts.refused += 1;
        attempts.attempted = attempts.attempted.max(attempts.refused);
    }

    /// Compares with the effects that are there, each id as often as its effect is. What may have happened may be there
    /// once or not at all.
    pub fn verify(&self, found: impl IntoIterator<Item = T>) -> Result<(), Violation>
    where
        T: Debug,
    {
        let mut there: BTreeMap<T, usize> = BTreeMap::new();
        for id in found {
            *there.entry(id).or_default() += 1;
        }
        let account = self.lock();
        let mut effects = Effects::default();
        for (id, attempts) in account.iter() {
            if attempts.acknowledged && !there.contains_key(id) {
                effects.lost.push(format!("{id:?}"));
            }
        }
        for (id, times) in there {
            match account.get(&id) {
                None => effects.unknown.push(format!("{id:?}")),
                Some(attempts) if attempts.certainly_not() => effects.refused.push(format!("{id:?}")),
                Some(_) => {}
            }
            if times > 1 {
                effects.doubled.push((format!("{id:?}"), times));
            }
        }
        if effects == Effects::default() {
            Ok(())
        } else {
            Err(effects.into())
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<T, Attempts>> {
        // A client that panicked half way left a whole account behind: each change is one number or flag.
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Acknowledged<T> {
    fn clone(&self) -> Self {
        Self {
            account: Arc::clone(&self.account),
        }
    }
}

impl<T: Ord> Default for Acknowledged<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// What is known of one id.
#[derive(Debug, Default)]
struct Attempts {
    attempted: u64,
    refused: u64,
    acknowledged: bool,
}

impl Attempts {
    fn certainly_not(&self) -> bool {
        !self.acknowledged && self.refused == self.attempted
    }
}

impl Effects {
    fn text(&self) -> String {
        let doubled: Vec<_> = self
            .doubled
            .iter()
            .map(|(id, times)| format!("{id} ({times} times)"))
            .collect();
        let mut text = String::new();
        for (ids, what) in [
            (&self.lost, "acknowledged and lost"),
            (&doubled, "there more than once"),
            (&self.refused, "there though certainly refused"),
            (&self.unknown, "there though never asked for"),
        ] {
            if ids.is_empty() {
                continue;
            }
            let separator = if text.is_empty() { "" } else { "; " };
            let shown = &ids[..ids.len().min(IDS_SHOWN_MAX)];
            _ = write!(text, "{separator}{} {what}: {}", ids.len(), shown.join(", "));
            if shown.len() < ids.len() {
                _ = write!(text, " and {} more", ids.len() - shown.len());
            }
        }
        text
    }
}
