//! A node's disk, as traits that both worlds implement. Paths are relative to the node's root, with `/` between their
//! parts; one that would leave the root is refused.
//!
//! What survives a crash is only what was synced: a file's bytes by [`File::sync`], and a name (a file created,
//! renamed or removed) by [`Disk::sync_dir`] of the directory it is in.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::network::BoxFuture;

/// Files and directories of one node.
pub trait Disk: Send + Sync {
    /// Opens the file at `path` to read and write; `NotFound` if there is none.
    fn open<'a>(&'a self, path: &'a str) -> BoxFuture<'a, io::Result<Arc<dyn File>>>;

    /// Creates an empty file at `path`; `AlreadyExists` if there is something.
    fn create<'a>(&'a self, path: &'a str) -> BoxFuture<'a, io::Result<Arc<dyn File>>>;

    /// Gives the file or directory `from` the name `to`, and replaces a file that has it.
    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> BoxFuture<'a, io::Result<()>>;

    /// Removes a file, or a directory that is empty.
    fn remove<'a>(&'a self, path: &'a str) -> BoxFuture<'a, io::Result<()>>;

    /// The names in the directory `path`, sorted; the root's path is empty.
    fn list<'a>(&'a self, path: &'a str) -> BoxFuture<'a, io::Result<Vec<String>>>;

    /// Creates the directory `path` and those above it that are missing; it is no error if it is there.
    fn create_dir<'a>(&'a self, path: &'a str) -> BoxFuture<'a, io::Result<()>>;

    /// Makes the names in the directory `path` durable.
    fn sync_dir<'a>(&'a self, path: &'a str) -> BoxFuture<'a, io::Result<()>>;
}

/// An open file.
#[expect(
    clippy::len_without_is_empty,
    reason = "a length that must be asked for is compared by whoever asks"
)]
pub trait File: Send + Sync {
    /// Up to `bytes_max` bytes from `offset`; fewer only at the end of the file.
    fn read_at(&self, offset: u64, bytes_max: usize) -> BoxFuture<'_, io::Result<Bytes>>;

    /// Writes all of `bytes` at `offset`. A gap before it reads as zeros.
    fn write_at(&self, offset: u64, bytes: Bytes) -> BoxFuture<'_, io::Result<()>>;

    /// Writes all of `bytes` at the end and returns the offset they begin at. One writer at a time.
    fn append(&self, bytes: Bytes) -> BoxFuture<'_, io::Result<u64>>;

    /// Makes the file's bytes durable.
    fn sync(&self) -> BoxFuture<'_, io::Result<()>>;

    /// The file's length in bytes.
    fn len(&self) -> BoxFuture<'_, io::Result<u64>>;

    /// Cuts the file to `bytes`, or lengthens it with zeros.
    fn truncate(&self, bytes: u64) -> BoxFuture<'_, io::Result<()>>;
}

/// Where a node keeps an SQLite database. `world` has no SQLite in it: whoever has opens this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlitePlace {
    /// The path to open.
    pub path: PathBuf,
    /// The name of the SQLite VFS to open it with; `None` is the default one.
    pub vfs: Option<String>,
    /// Whether to run statements on the calling task rather than on a thread of their own.
    pub inline: bool,
}

/// The parts of `path`; none for the root.
pub(crate) fn parts(path: &str) -> io::Result<Vec<&str>> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let parts: Vec<&str> = path.split('/').collect();
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0', ':']);
    match parts.iter().copied().all(plain) {
        true => Ok(parts),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("the path `{path}` is not one inside the node's disk; use plain names with `/` between them"),
        )),
    }
}

/// The directory above `path` and its name in it; the root has neither.
pub(crate) fn split(path: &str) -> io::Result<(Vec<&str>, &str)> {
    let mut directory = parts(path)?;
    match directory.pop() {
        Some(name) => Ok((directory, name)),
        None => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the root of the disk is not a file; name one in it",
        )),
    }
}
