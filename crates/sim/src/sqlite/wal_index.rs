//! The memory that connections of one process share for a write-ahead log, and its locks. It is rebuilt from the log
//! after a crash, so it is on no disk: <https://sqlite.org/walformat.html#the_wal_index_file_format>.

use std::collections::BTreeSet;
use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::sync::atomic::AtomicU64;

use rusqlite::ffi;

const LOCKS: usize = ffi::SQLITE_SHM_NLOCK as usize;

#[derive(Default)]
pub(super) struct WalIndex {
    /// Each stays where it is as long as anybody has it mapped.
    regions: Vec<Box<[AtomicU64]>>,
    mapped: BTreeSet<u64>,
    locks: [Lock; LOCKS],
}

#[derive(Default)]
struct Lock {
    readers: BTreeSet<u64>,
    writer: Option<u64>,
}

impl WalIndex {
    /// The region `index`, of `bytes`; null if it is not there and not to be made.
    pub(super) fn map(&mut self, holder: u64, index: usize, bytes: usize, make: bool) -> *mut c_void {
        self.mapped.insert(holder);
        while make && self.regions.len() <= index {
            let words = bytes.div_ceil(size_of::<AtomicU64>());
            self.regions.push((0..words).map(|_| AtomicU64::new(0)).collect());
        }
        self.regions
            .get(index)
            .map_or(std::ptr::null_mut(), |region| region.as_ptr().cast_mut().cast())
    }

    pub(super) fn unmap(&mut self, holder: u64) {
        self.unlock(0..LOCKS, holder);
        self.mapped.remove(&holder);
        if self.mapped.is_empty() {
            self.regions.clear();
        }
    }

    /// Takes the locks of `range`, all or none of them, and says whether it did.
    pub(super) fn lock(&mut self, range: Range<usize>, holder: u64, exclusive: bool) -> bool {
        let Some(locks) = self.locks.get_mut(range) else {
            return false;
        };
        let free = |lock: &Lock| {
            let written = lock.writer.is_some_and(|writer| writer != holder);
            let read = lock.readers.iter().any(|reader| *reader != holder);
            !(written || exclusive && read)
        };
        let all = locks.iter().all(free);
        for lock in locks.iter_mut().filter(|_| all) {
            match exclusive {
                true => lock.writer = Some(holder),
                false => drop(lock.readers.insert(holder)),
            }
        }
        all
    }

    pub(super) fn unlock(&mut self, range: Range<usize>, holder: u64) {
        for lock in self.locks.get_mut(range).into_iter().flatten() {
            lock.readers.remove(&holder);
            if lock.writer == Some(holder) {
                lock.writer = None;
            }
        }
    }
}

/// The locks that a call of SQLite means, and whether it takes them for itself alone.
pub(super) fn wanted(offset: c_int, count: c_int, flags: c_int) -> Option<(Range<usize>, bool)> {
    let (begin, count) = (usize::try_from(offset).ok()?, usize::try_from(count).ok()?);
    let end = begin.checked_add(count).filter(|end| *end <= LOCKS)?;
    Some((begin..end, flags & ffi::SQLITE_SHM_EXCLUSIVE != 0))
}
