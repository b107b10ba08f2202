//! A node's disk, clock and randomness for code that can neither await nor hold an [`Env`](crate::Env): a VFS of SQLite
//! gets only a path. The path that [`Env::sqlite`](crate::Env::sqlite) gives names the world, the node and its
//! incarnation. Once that has crashed, everything here is an error and changes nothing, even while what the crash drops
//! is still closing its files.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::random::Random;
use crate::time::Wall;

use super::state::{Shared, State};

/// The name of the VFS that opens the paths of [`Env::sqlite`](crate::Env::sqlite) in this world.
pub const SQLITE_VFS: &str = "terrace-sim";

/// The worlds of this process in which somebody asked for a database.
static WORLDS: Mutex<BTreeMap<u64, Weak<Shared>>> = Mutex::new(BTreeMap::new());

/// A path on the disk of one incarnation of a node.
#[derive(Clone)]
pub struct BlockingPlace {
    shared: Weak<Shared>,
    node: usize,
    incarnation: u32,
    path: String,
}

impl BlockingPlace {
    /// The place that `path` names, which [`Env::sqlite`](crate::Env::sqlite) gave, or that with something appended to
    /// it; `None` if it names no node of a world that exists.
    pub fn find(path: &Path) -> Option<BlockingPlace> {
        let (serial, rest) = path.to_str()?.strip_prefix("/world-")?.split_once('/')?;
        let shared = worlds(|worlds| worlds.get(&serial.parse().ok()?).cloned())?;
        let (node, incarnation, path) = shared.upgrade()?.with(|state, _| {
            let mut nodes = state.nodes.iter().enumerate();
            nodes.find_map(|(node, known)| {
                let (incarnation, path) = rest.strip_prefix(&*known.name)?.strip_prefix('-')?.split_once('/')?;
                Some((node, incarnation.parse().ok()?, path.to_owned()))
            })
        })?;
        Some(BlockingPlace {
            shared,
            node,
            incarnation,
            path,
        })
    }

    /// Opens the file; `NotFound` if there is none.
    pub fn open(&self) -> io::Result<BlockingFile> {
        self.file(|state| state.nodes[self.node].image.open(&self.path))
    }

    /// Creates an empty file; `AlreadyExists` if there is something.
    pub fn create(&self) -> io::Result<BlockingFile> {
        self.file(|state| state.nodes[self.node].image.create(&self.path))
    }

    /// Whether there is a file.
    pub fn exists(&self) -> io::Result<bool> {
        match self.enter(|state| state.nodes[self.node].image.open(&self.path)) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes the file. Until [`BlockingPlace::sync_directory`] a crash may bring it back.
    pub fn delete(&self) -> io::Result<()> {
        self.enter(|state| state.nodes[self.node].image.remove(&self.path))
    }

    /// Makes the names in the directory of the file durable.
    pub fn sync_directory(&self) -> io::Result<()> {
        let directory = self.path.rsplit_once('/').map_or("", |(directory, _)| directory);
        self.enter(|state| state.nodes[self.node].image.sync_dir(directory))
    }

    /// The wall clock of the node whose task is running in this world, or, between tasks, of the place's own node.
    pub fn wall(&self) -> io::Result<Wall> {
        self.enter(|state| {
            let running = state.current().and_then(|(node, _)| state.find(&node));
            let clock = &state.nodes[running.unwrap_or(self.node)].clock;
            Ok(clock.wall(state.now))
        })
    }

    /// A new source of random numbers of the node for `purpose`.
    pub fn random(&self, purpose: &str) -> io::Result<Random> {
        self.enter(|state| Ok(state.random(self.node, purpose)))
    }

    fn file(&self, open: impl FnOnce(&mut State) -> io::Result<u64>) -> io::Result<BlockingFile> {
        let id = self.enter(|state| {
            let id = open(state)?;
            state.nodes[self.node].image.hold(id);
            state.nodes[self.node].blocking_files += 1;
            Ok(id)
        })?;
        Ok(BlockingFile {
            place: self.clone(),
            id,
        })
    }

    fn enter<T>(&self, change: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let shared = self.shared.upgrade().ok_or_else(gone)?;
        shared.with(|state, _| match self.is_up(state) && !state.is_struck(self.node) {
            true => change(state),
            false => Err(gone()),
        })
    }

    /// A node that is falling does nothing any more, as far as its disk knows.
    fn is_up(&self, state: &State) -> bool {
        state.is_alive(self.node, self.incarnation) && state.nodes[self.node].is_up()
    }
}

/// An open file at a [`BlockingPlace`].
#[expect(
    clippy::len_without_is_empty,
    reason = "a length that must be asked for is compared by whoever asks"
)]
pub struct BlockingFile {
    place: BlockingPlace,
    id: u64,
}

impl BlockingFile {
    /// Where it is.
    pub fn place(&self) -> &BlockingPlace {
        &self.place
    }

    /// Fills `bytes` from `offset` on and returns how many there were; fewer only at the end of the file.
    pub fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.with(|state, node, id| state.nodes[node].image.read(id, offset, bytes.len()))?;
        bytes[..read.len()].copy_from_slice(&read);
        Ok(read.len())
    }

    /// Writes all of `bytes` at `offset`. A gap before it reads as zeros.
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.with(|state, node, id| state.nodes[node].image.write(id, offset, bytes))
    }

    /// Cuts the file to `bytes`, or lengthens it with zeros.
    pub fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.with(|state, node, id| state.nodes[node].image.truncate(id, bytes))
    }

    /// The file's length in bytes.
    pub fn len(&self) -> io::Result<u64> {
        self.with(|state, node, id| state.nodes[node].image.len(id))
    }

    /// Makes the file's bytes durable.
    pub fn sync(&self) -> io::Result<()> {
        self.with(|state, node, id| state.nodes[node].image.sync(id))
    }

    fn with<T>(&self, change: impl FnOnce(&mut State, usize, u64) -> io::Result<T>) -> io::Result<T> {
        self.place.enter(|state| change(state, self.place.node, self.id))
    }
}

impl Drop for BlockingFile {
    fn drop(&mut self) {
        let Some(shared) = self.place.shared.upgrade() else {
            return;
        };
        shared.with(|state, _| {
            // After a crash there is nothing to let go of.
            if self.place.is_up(state) {
                let node = &mut state.nodes[self.place.node];
                node.image.release(self.id);
                node.blocking_files = node.blocking_files.saturating_sub(1);
            }
        });
    }
}

/// The path of the database `name` of a node, in a name space that the worlds of a process share.
pub(super) fn path(shared: &Arc<Shared>, node: &str, incarnation: u32, name: &str) -> PathBuf {
    static SERIALS: AtomicU64 = AtomicU64::new(0);
    let (serial, new) = shared.with(|state, _| {
        let new = state.serial.is_none();
        let serial = *state
            .serial
            .get_or_insert_with(|| SERIALS.fetch_add(1, Ordering::Relaxed));
        (serial, new)
    });
    if new {
        worlds(|worlds| {
            worlds.retain(|_, world| world.strong_count() > 0);
            worlds.insert(serial, Arc::downgrade(shared));
        });
    }
    format!("/world-{serial}/{node}-{incarnation}/{name}").into()
}

fn worlds<T>(look: impl FnOnce(&mut BTreeMap<u64, Weak<Shared>>) -> T) -> T {
    look(&mut WORLDS.lock().unwrap_or_else(PoisonError::into_inner))
}

fn gone() -> io::Error {
    io::Error::new(
        ErrorKind::BrokenPipe,
        "the node has crashed; open the file by the env that `World::restart` gave",
    )
}
