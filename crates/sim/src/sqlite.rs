//! SQLite on the disks of the world in memory: a VFS that keeps every byte on the node's simulated disk, and takes time
//! and randomness from the node.
//!
//! A crash rolls a database back to what the node had synced, as SQLite itself does after the power failed: what it
//! finds on the disk then is a journal or a write-ahead log that it replays. Torn writes, rot and full disks reach it
//! the same way. What the VFS claims of the device is what SQLite's own VFS for Unix claims, so that a simulated run
//! takes the paths a real one takes; the names it syncs are also the same, which has consequences (see
//! <https://sqlite.org/pragma.html#pragma_synchronous>):
//!
//! - With a rollback journal and `synchronous=FULL`, SQLite does not sync the directory after it deleted the journal. A
//!   crash right then brings the journal back, and with it the state before a commit that was acknowledged. `EXTRA`
//!   closes that gap, and so does `journal_mode=TRUNCATE`.
//! - With `journal_mode=WAL`, `FULL` loses nothing that was committed. `NORMAL` may lose the last commits, never parts
//!   of one. Neither needs `locking_mode=EXCLUSIVE`, though both work with it: connections of one process share memory.
//! - SQLite keeps no checksums of rows: rot in one is read as if it had been written.
//!
//! One generator of random numbers serves all of SQLite in a process. It is seeded anew, from the node, whenever a
//! database is opened; salts in journals and what `random()` gives repeat as long as one thread at a time simulates.
//! `datetime('now')` is the clock of the node whose task is running; outside of tasks, of the node whose database the
//! thread has used last. Nothing here asks the operating system, and waiting for a lock takes no time. What SQLite asks
//! it by itself is the time zone, for the modifiers `localtime` and `utc`; keep times in UTC.

mod file;
mod locks;
mod vfs;
mod wal_index;

use std::ffi::c_int;
use std::sync::OnceLock;

pub use world::memory::SQLITE_VFS;

/// SQLite did not take the VFS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sqlite refused the vfs `{SQLITE_VFS}` with code {code}; look it up at sqlite.org/rescode.html")]
pub struct Error {
    /// SQLite's result code.
    pub code: c_int,
}

/// Makes SQLite open the places that [`Env::sqlite`](world::Env::sqlite) gives in the world in memory. Once is enough
/// for a process; more does nothing. The VFS does not become the default one.
pub fn register() -> Result<(), Error> {
    static REGISTERED: OnceLock<Result<(), Error>> = OnceLock::new();
    REGISTERED
        .get_or_init(|| match vfs::register() {
            rusqlite::ffi::SQLITE_OK => Ok(()),
            code => Err(Error { code }),
        })
        .clone()
}
