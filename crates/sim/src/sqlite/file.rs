//! One file that SQLite has open, and what the open files of one path share. An error is SQLite's result code.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::c_int;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::ffi;
use world::memory::{BlockingFile, BlockingPlace};

use super::locks::Locks;
use super::wal_index::WalIndex;

/// The kinds of files whose name is synced with their first bytes, as SQLite's VFS for Unix does.
const NAME_SYNCED: c_int = ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL | ffi::SQLITE_OPEN_WAL;

/// The paths that are open, each with what its connections share.
static PATHS: Mutex<BTreeMap<Arc<str>, Common>> = Mutex::new(BTreeMap::new());

thread_local! {
    /// The place that this thread has used last: the functions of a VFS for time and randomness are told of none.
    static LAST: RefCell<Option<Arc<BlockingPlace>>> = const { RefCell::new(None) };
}

#[derive(Default)]
pub(super) struct Common {
    open: usize,
    pub(super) locks: Locks,
    pub(super) index: WalIndex,
}

pub(super) enum OpenFile {
    Disk(DiskFile),
    /// A file without a name, for what SQLite sorts or may roll back; nothing of it survives its connection.
    Temporary(Vec<u8>),
}

pub(super) struct DiskFile {
    file: BlockingFile,
    place: Arc<BlockingPlace>,
    path: Arc<str>,
    /// Its number, as the holder of locks.
    number: u64,
    level: c_int,
    /// Whether the next sync syncs its name too.
    name_unsynced: bool,
    delete_on_close: bool,
}

impl OpenFile {
    pub(super) fn open(path: &str, flags: c_int) -> Result<OpenFile, c_int> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let place = find(path)?;
        let create = flags & ffi::SQLITE_OPEN_CREATE != 0;
        let exclusive = flags & ffi::SQLITE_OPEN_EXCLUSIVE != 0;
        let opened = match place.open() {
            Ok(_) if create && exclusive => return Err(ffi::SQLITE_CANTOPEN),
            Ok(file) => Ok((file, false)),
            Err(error) if error.kind() == ErrorKind::NotFound && create => place.create().map(|file| (file, true)),
            Err(error) => Err(error),
        };
        let (file, new) = opened.map_err(code(ffi::SQLITE_CANTOPEN))?;
        let path: Arc<str> = path.into();
        with(&path, |common| common.open += 1);
        LAST.set(Some(place.clone()));
        Ok(OpenFile::Disk(DiskFile {
            file,
            place,
            path,
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            level: ffi::SQLITE_LOCK_NONE,
            name_unsynced: new && flags & NAME_SYNCED != 0,
            delete_on_close: flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0,
        }))
    }

    /// Fills `bytes` from `offset` on, with zeros past the end of the file.
    pub(super) fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), c_int> {
        let count = match self {
            OpenFile::Disk(disk) => disk.file.read_at(offset, bytes).map_err(code(ffi::SQLITE_IOERR_READ))?,
            OpenFile::Temporary(content) => {
                let begin = usize::try_from(offset).map_or(content.len(), |begin| begin.min(content.len()));
                let count = bytes.len().min(content.len() - begin);
                bytes[..count].copy_from_slice(&content[begin..begin + count]);
                count
            }
        };
        bytes[count..].fill(0);
        match count == bytes.len() {
            true => Ok(()),
            false => Err(ffi::SQLITE_IOERR_SHORT_READ),
        }
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), c_int> {
        match self {
            OpenFile::Disk(disk) => disk.file.write_at(offset, bytes).map_err(code(ffi::SQLITE_IOERR_WRITE)),
            OpenFile::Temporary(content) => {
                let end = bounded(offset.saturating_add(bytes.len() as u64))?;
                content.resize(content.len().max(end), 0);
                content[end - bytes.len()..end].copy_from_slice(bytes);
                Ok(())
            }
        }
    }

    pub(super) fn truncate(&mut self, bytes: u64) -> Result<(), c_int> {
        match self {
            OpenFile::Disk(disk) => disk.file.truncate(bytes).map_err(code(ffi::SQLITE_IOERR_TRUNCATE)),
            OpenFile::Temporary(content) => {
                content.resize(bounded(bytes)?, 0);
                Ok(())
            }
        }
    }

    pub(super) fn sync(&mut self) -> Result<(), c_int> {
        let OpenFile::Disk(disk) = self else {
            return Ok(());
        };
        disk.file.sync().map_err(code(ffi::SQLITE_IOERR_FSYNC))?;
        if disk.name_unsynced {
            let synced = disk.place.sync_directory();
            synced.map_err(code(ffi::SQLITE_IOERR_DIR_FSYNC))?;
            disk.name_unsynced = false;
        }
        Ok(())
    }

    pub(super) fn len(&self) -> Result<u64, c_int> {
        match self {
            OpenFile::Disk(disk) => disk.file.len().map_err(code(ffi::SQLITE_IOERR_FSTAT)),
            OpenFile::Temporary(content) => Ok(content.len() as u64),
        }
    }

    pub(super) fn lock(&mut self, level: c_int) -> Result<(), c_int> {
        let OpenFile::Disk(disk) = self else {
            return Ok(());
        };
        LAST.set(Some(disk.place.clone()));
        if disk.level >= level {
            return Ok(());
        }
        match with(&disk.path, |common| common.locks.raise(disk.number, level)) {
            true => {
                disk.level = level;
                Ok(())
            }
            false => Err(ffi::SQLITE_BUSY),
        }
    }

    pub(super) fn unlock(&mut self, level: c_int) {
        if let OpenFile::Disk(disk) = self {
            with(&disk.path, |common| common.locks.lower(disk.number, level));
            disk.level = level;
        }
    }

    /// Looks at or changes what the connections to this path share, as the holder of the number that is passed; `None`
    /// for a file that nobody else can open.
    pub(super) fn shared<T>(&self, look: impl FnOnce(&mut Common, u64) -> T) -> Option<T> {
        match self {
            OpenFile::Disk(disk) => {
                LAST.set(Some(disk.place.clone()));
                Some(with(&disk.path, |common| look(common, disk.number)))
            }
            OpenFile::Temporary(_) => None,
        }
    }
}

impl Drop for DiskFile {
    fn drop(&mut self) {
        let last = with(&self.path, |common| {
            common.locks.lower(self.number, ffi::SQLITE_LOCK_NONE);
            common.index.unmap(self.number);
            common.open -= 1;
            common.open == 0
        });
        if last {
            paths(|paths| drop(paths.remove(&self.path)));
        }
        if self.delete_on_close {
            // A file that is in the way of nobody may stay.
            drop(self.place.delete());
        }
    }
}

/// Removes the file at `path`.
pub(super) fn delete(path: &str, sync: bool) -> Result<(), c_int> {
    let place = find(path)?;
    match place.delete() {
        Ok(()) if sync => place.sync_directory().map_err(code(ffi::SQLITE_IOERR_DIR_FSYNC)),
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(ffi::SQLITE_IOERR_DELETE_NOENT),
        Err(error) => Err(code(ffi::SQLITE_IOERR_DELETE)(error)),
    }
}

/// Whether there is a file at `path`. One that is empty does not count, as for SQLite's VFS for Unix.
pub(super) fn exists(path: &str) -> Result<bool, c_int> {
    let length = find(path)?.open().and_then(|file| file.len());
    match length {
        Ok(length) => Ok(length > 0),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(code(ffi::SQLITE_IOERR_ACCESS)(error)),
    }
}

/// The place that this thread has used last.
pub(super) fn last() -> Option<Arc<BlockingPlace>> {
    LAST.with_borrow(Clone::clone)
}

fn find(path: &str) -> Result<Arc<BlockingPlace>, c_int> {
    let place = BlockingPlace::find(Path::new(path)).ok_or(ffi::SQLITE_CANTOPEN)?;
    Ok(Arc::new(place))
}

/// SQLite's code for an error: `otherwise`, unless the disk is full.
fn code(otherwise: c_int) -> impl FnOnce(io::Error) -> c_int {
    move |error| match error.kind() {
        ErrorKind::StorageFull | ErrorKind::FileTooLarge => ffi::SQLITE_FULL,
        _ => otherwise,
    }
}

/// A length of a temporary file; it is bounded as one on a disk is.
fn bounded(bytes: u64) -> Result<usize, c_int> {
    match bytes <= world::memory::FILE_BYTES_MAX {
        true => usize::try_from(bytes).map_err(|_| ffi::SQLITE_FULL),
        false => Err(ffi::SQLITE_FULL),
    }
}

fn with<T>(path: &Arc<str>, look: impl FnOnce(&mut Common) -> T) -> T {
    paths(|paths| look(paths.entry(path.clone()).or_default()))
}

fn paths<T>(look: impl FnOnce(&mut BTreeMap<Arc<str>, Common>) -> T) -> T {
    look(&mut PATHS.lock().unwrap_or_else(PoisonError::into_inner))
}
