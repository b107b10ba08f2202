//! The locks that connections of one process hold on a database, as <https://sqlite.org/lockingv3.html> describes them.

use std::collections::BTreeSet;
use std::ffi::c_int;

use rusqlite::ffi;

/// Who holds which lock on one file; a holder is the number of an open file.
#[derive(Default)]
pub(super) struct Locks {
    readers: BTreeSet<u64>,
    reserved: Option<u64>,
    /// Who waits for the readers to end; nobody new may read.
    pending: Option<u64>,
    exclusive: bool,
}

impl Locks {
    /// Raises the lock of `holder` to `level`, and says whether it is that now. When readers are in the way of an
    /// exclusive lock, no new ones get in.
    pub(super) fn raise(&mut self, holder: u64, level: c_int) -> bool {
        let other = |owner: Option<u64>| owner.is_some_and(|owner| owner != holder);
        match level {
            ffi::SQLITE_LOCK_SHARED => {
                let free = !other(self.pending);
                if free {
                    self.readers.insert(holder);
                }
                free
            }
            ffi::SQLITE_LOCK_RESERVED => {
                let free = !other(self.reserved) && !other(self.pending);
                if free {
                    self.reserved = Some(holder);
                }
                free
            }
            _ => {
                if other(self.reserved) || other(self.pending) {
                    return false;
                }
                self.pending = Some(holder);
                self.exclusive = self.readers.iter().all(|reader| *reader == holder);
                self.exclusive
            }
        }
    }

    /// Lowers the lock of `holder` to a shared one, or to none.
    pub(super) fn lower(&mut self, holder: u64, level: c_int) {
        if self.reserved == Some(holder) {
            self.reserved = None;
        }
        if self.pending == Some(holder) {
            (self.pending, self.exclusive) = (None, false);
        }
        if level == ffi::SQLITE_LOCK_NONE {
            self.readers.remove(&holder);
        }
    }

    /// Whether anybody holds more than a shared lock.
    pub(super) fn is_reserved(&self) -> bool {
        self.reserved.is_some() || self.pending.is_some()
    }
}
