//! What a node's disk holds: a tree of files and directories, each twice, as it is and as it was last synced.

mod content;
mod torn;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};

use bytes::Bytes;

use crate::disk::{parts, split};
use crate::random::Random;

use content::{Content, Pending};

pub use content::{FILE_BYTES_MAX, SECTOR_BYTES};

const ROOT: u64 = 0;

pub(super) struct Image {
    next: u64,
    nodes: BTreeMap<u64, Entry>,
    /// How many hold each open file.
    held: BTreeMap<u64, u32>,
    /// The files that have lost a name, and may have no other.
    unnamed: BTreeSet<u64>,
    /// How many syncs of directories have begun, and those that are not over.
    directory_syncs: u64,
    pending: BTreeMap<u64, PendingNames>,
    /// Whether there is no room for a byte more.
    pub(super) full: bool,
    /// How many changes it still does before it fails; none if it is well.
    pub(super) changes_left: Option<u64>,
    /// Whether it has failed: it refused a change.
    pub(super) refused: bool,
}

enum Entry {
    File(Content),
    Directory(Directory),
}

#[derive(Default)]
struct Directory {
    current: BTreeMap<String, u64>,
    synced: BTreeMap<String, u64>,
    /// Which sync made them so.
    synced_by: u64,
}

/// What the sync of a directory that has begun makes durable when it is over: the names as they were when it began.
struct PendingNames {
    directory: u64,
    names: BTreeMap<String, u64>,
}

impl Default for Image {
    fn default() -> Image {
        Image {
            next: ROOT + 1,
            nodes: BTreeMap::from([(ROOT, Entry::Directory(Directory::default()))]),
            held: BTreeMap::new(),
            unnamed: BTreeSet::new(),
            directory_syncs: 0,
            pending: BTreeMap::new(),
            full: false,
            changes_left: None,
            refused: false,
        }
    }
}

impl Image {
    pub(super) fn open(&self, path: &str) -> io::Result<u64> {
        let (directory, name) = split(path)?;
        let id = self.child(&directory, name)?;
        match self.nodes.get(&id) {
            Some(Entry::File(_)) => Ok(id),
            _ => Err(error(ErrorKind::IsADirectory, "is a directory; open a file in it")),
        }
    }

    pub(super) fn create(&mut self, path: &str) -> io::Result<u64> {
        self.wear()?;
        let (directory, name) = split(path)?;
        let (id, full) = (self.next, self.full);
        let names = self.names(&directory)?;
        if names.contains_key(name) {
            return Err(error(
                ErrorKind::AlreadyExists,
                "there is something of this name; open or remove it",
            ));
        }
        if full {
            return Err(no_room());
        }
        names.insert(name.to_owned(), id);
        self.next += 1;
        self.nodes.insert(id, Entry::File(Content::default()));
        Ok(id)
    }

    pub(super) fn create_dir(&mut self, path: &str) -> io::Result<()> {
        self.wear()?;
        let parts = parts(path)?;
        for depth in 0..parts.len() {
            let (id, full) = (self.next, self.full);
            let names = self.names(&parts[..depth])?;
            if !names.contains_key(parts[depth]) {
                if full {
                    return Err(no_room());
                }
                names.insert(parts[depth].to_owned(), id);
                self.next += 1;
                self.nodes.insert(id, Entry::Directory(Directory::default()));
            }
        }
        self.names(&parts).map(|_| ())
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.wear()?;
        let ((from_directory, from_name), (to_directory, to_name)) = (split(from)?, split(to)?);
        let id = self.child(&from_directory, from_name)?;
        if to_directory.starts_with(&parts(from)?) {
            return Err(error(ErrorKind::InvalidInput, "a directory cannot move into itself"));
        }
        let directory = matches!(self.nodes.get(&id), Some(Entry::Directory(_)));
        let replaced_id = self.names(&to_directory)?.get(to_name).copied();
        let replaced = replaced_id.and_then(|id| self.nodes.get(&id));
        match (directory, replaced) {
            (_, None) | (false, Some(Entry::File(_))) => {}
            _ if from == to => {}
            _ => {
                return Err(error(
                    ErrorKind::AlreadyExists,
                    "what has the new name is a directory; remove it first",
                ));
            }
        }
        self.names(&from_directory)?.remove(from_name);
        self.names(&to_directory)?.insert(to_name.to_owned(), id);
        if let Some(replaced) = replaced_id.filter(|replaced| *replaced != id) {
            self.unname(replaced);
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &str) -> io::Result<()> {
        self.wear()?;
        let (directory, name) = split(path)?;
        let id = self.child(&directory, name)?;
        if let Some(Entry::Directory(names)) = self.nodes.get(&id)
            && !names.current.is_empty()
        {
            return Err(error(
                ErrorKind::DirectoryNotEmpty,
                "the directory is not empty; remove what is in it first",
            ));
        }
        self.names(&directory)?.remove(name);
        self.unname(id);
        Ok(())
    }

    pub(super) fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let id = self.directory(&parts(path)?)?;
        match self.nodes.get(&id) {
            Some(Entry::Directory(names)) => Ok(names.current.keys().cloned().collect()),
            _ => Err(not_a_directory()),
        }
    }

    /// Begins to make the names in a directory durable, and returns the number of that sync.
    pub(super) fn begin_sync_dir(&mut self, path: &str) -> io::Result<u64> {
        let directory = self.directory(&parts(path)?)?;
        let Some(Entry::Directory(Directory { current, .. })) = self.nodes.get(&directory) else {
            return Err(not_a_directory());
        };
        let names = current.clone();
        self.directory_syncs += 1;
        self.pending
            .insert(self.directory_syncs, PendingNames { directory, names });
        Ok(self.directory_syncs)
    }

    /// Makes durable the names that there were when the sync `number` began.
    pub(super) fn finish_sync_dir(&mut self, number: u64) -> io::Result<()> {
        let pending = self.pending.remove(&number);
        let worn = self.wear();
        if worn.is_ok()
            && let Some(PendingNames { directory, names }) = pending
            && let Some(Entry::Directory(of)) = self.nodes.get_mut(&directory)
            // One that began later may have been over sooner.
            && of.synced_by < number
        {
            (of.synced, of.synced_by) = (names, number);
        }
        self.collect();
        worn
    }

    /// Forgets the sync `number`, for which nobody waits any more.
    pub(super) fn abandon_sync_dir(&mut self, number: u64) {
        if self.pending.remove(&number).is_some() {
            self.collect();
        }
    }

    pub(super) fn sync_dir(&mut self, path: &str) -> io::Result<()> {
        let number = self.begin_sync_dir(path)?;
        self.finish_sync_dir(number)
    }

    /// Keeps the bytes of `file` even when it has no name, until it is [released](Image::release) or a crash.
    pub(super) fn hold(&mut self, file: u64) {
        *self.held.entry(file).or_default() += 1;
    }

    pub(super) fn release(&mut self, file: u64) {
        if let Some(holders) = self.held.get_mut(&file) {
            *holders -= 1;
            if *holders == 0 {
                self.held.remove(&file);
                self.collect();
            }
        }
    }

    pub(super) fn read(&self, file: u64, offset: u64, bytes_max: usize) -> io::Result<Bytes> {
        let Some(Entry::File(content)) = self.nodes.get(&file) else {
            return Err(gone());
        };
        let bytes = content.bytes();
        let begin = usize::try_from(offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
        let end = begin.saturating_add(bytes_max).min(bytes.len());
        Ok(Bytes::copy_from_slice(&bytes[begin..end]))
    }

    pub(super) fn write(&mut self, file: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.wear()?;
        let full = self.full;
        let content = self.content(file)?;
        let grows = !bytes.is_empty() && offset.saturating_add(bytes.len() as u64) > content.bytes().len() as u64;
        match full && grows {
            true => Err(no_room()),
            false => content.write(offset, bytes),
        }
    }

    pub(super) fn truncate(&mut self, file: u64, bytes: u64) -> io::Result<()> {
        self.wear()?;
        let full = self.full;
        let content = self.content(file)?;
        match full && bytes > content.bytes().len() as u64 {
            true => Err(no_room()),
            false => content.truncate(bytes),
        }
    }

    pub(super) fn len(&self, file: u64) -> io::Result<u64> {
        match self.nodes.get(&file) {
            Some(Entry::File(content)) => Ok(content.bytes().len() as u64),
            _ => Err(gone()),
        }
    }

    pub(super) fn sync(&mut self, file: u64) -> io::Result<()> {
        self.wear()?;
        self.content(file)?.sync();
        Ok(())
    }

    /// Begins a sync of `file` that takes time; the disk counts it as a change when it is over.
    pub(super) fn begin_sync(&mut self, file: u64) -> io::Result<Pending> {
        self.content(file).map(|content| content.begin_sync())
    }

    /// Makes durable what there was when the sync began.
    pub(super) fn finish_sync(&mut self, file: u64, pending: Pending) -> io::Result<()> {
        self.wear()?;
        self.content(file)?.finish_sync(pending);
        Ok(())
    }

    /// Without randomness, everything is as it was last synced. With it, any of what was not synced may have reached
    /// the disk: sectors of files, their lengths, and names; what was synced stays. What no directory names then is gone.
    pub(super) fn crash(&mut self, mut torn: Option<&mut Random>) {
        if let Some(random) = &mut torn {
            torn::tear(&mut self.nodes, random);
        }
        let (mut kept, mut found) = (BTreeSet::new(), vec![ROOT]);
        while let Some(id) = found.pop() {
            kept.insert(id);
            match (self.nodes.get_mut(&id), &mut torn) {
                (Some(Entry::File(content)), None) => content.crash(),
                (Some(Entry::File(content)), Some(random)) => content.tear(random),
                (Some(Entry::Directory(names)), _) => {
                    names.current.clone_from(&names.synced);
                    found.extend(names.synced.values().filter(|id| !kept.contains(id)));
                }
                (None, _) => {}
            }
        }
        self.nodes.retain(|id, _| kept.contains(id));
        self.held.clear();
        self.unnamed.clear();
        self.pending.clear();
    }

    /// Flips one bit of a stored byte, each byte as likely, and says of which; `None` if nothing is stored.
    pub(super) fn rot(&mut self, random: &mut Random) -> Option<String> {
        let mut files = Vec::new();
        self.walk(ROOT, "", &mut files);
        let stored = files.iter().map(|(_, _, stored)| stored).sum::<u64>();
        if stored == 0 {
            return None;
        }
        let mut offset = random.below(stored);
        let (path, id, _) = files.into_iter().find(|(_, _, stored)| {
            let here = offset < *stored;
            if !here {
                offset -= stored;
            }
            here
        })?;
        let bit = random.below(8);
        self.content(id).ok()?.flip(offset as usize, bit);
        Some(format!("bit {bit} of byte {offset} of `{path}`"))
    }

    /// The files below `directory`, with their paths and how many bytes of them are stored.
    fn walk(&self, directory: u64, above: &str, files: &mut Vec<(String, u64, u64)>) {
        let Some(Entry::Directory(names)) = self.nodes.get(&directory) else {
            return;
        };
        for (name, id) in &names.current {
            match self.nodes.get(id) {
                Some(Entry::File(content)) => files.push((format!("{above}{name}"), *id, content.stored() as u64)),
                Some(Entry::Directory(_)) => self.walk(*id, &format!("{above}{name}/"), files),
                None => {}
            }
        }
    }

    /// Makes it well again.
    pub(super) fn heal(&mut self) {
        (self.changes_left, self.refused) = (None, false);
    }

    /// Counts a change that the disk is asked for.
    fn wear(&mut self) -> io::Result<()> {
        match &mut self.changes_left {
            Some(0) => {
                self.refused = true;
                Err(io::Error::other("the disk fails; it takes no change any more"))
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Notes that `id` has lost a name. Its bytes stay while the next crash may undo that, or an open file uses them.
    fn unname(&mut self, id: u64) {
        self.unnamed.insert(id);
        self.collect();
    }

    /// Forgets the files that have no name, now or synced, and that nobody holds.
    fn collect(&mut self) {
        if self.unnamed.is_empty() {
            return;
        }
        let mut named = BTreeSet::new();
        for entry in self.nodes.values() {
            if let Entry::Directory(names) = entry {
                let ids = names.current.values().chain(names.synced.values()).copied();
                named.extend(ids.filter(|id| self.unnamed.contains(id)));
            }
        }
        for id in self.pending.values().flat_map(|pending| pending.names.values()) {
            named.insert(*id);
        }
        let lost = |id: &u64| !named.contains(id) && !self.held.contains_key(id);
        for id in self.unnamed.extract_if(.., lost) {
            self.nodes.remove(&id);
        }
    }

    fn content(&mut self, file: u64) -> io::Result<&mut Content> {
        match self.nodes.get_mut(&file) {
            Some(Entry::File(content)) => Ok(content),
            _ => Err(gone()),
        }
    }

    fn names(&mut self, directory: &[&str]) -> io::Result<&mut BTreeMap<String, u64>> {
        let id = self.directory(directory)?;
        match self.nodes.get_mut(&id) {
            Some(Entry::Directory(names)) => Ok(&mut names.current),
            _ => Err(not_a_directory()),
        }
    }

    fn directory(&self, directory: &[&str]) -> io::Result<u64> {
        directory.iter().try_fold(ROOT, |id, name| self.child_of(id, name))
    }

    fn child(&self, directory: &[&str], name: &str) -> io::Result<u64> {
        self.child_of(self.directory(directory)?, name)
    }

    fn child_of(&self, directory: u64, name: &str) -> io::Result<u64> {
        match self.nodes.get(&directory) {
            Some(Entry::Directory(names)) => names
                .current
                .get(name)
                .copied()
                .ok_or_else(|| error(ErrorKind::NotFound, "there is nothing of this name; create it first")),
            _ => Err(not_a_directory()),
        }
    }
}

fn no_room() -> io::Error {
    error(ErrorKind::StorageFull, "the disk is full; remove something first")
}

fn not_a_directory() -> io::Error {
    error(ErrorKind::NotADirectory, "part of the path is a file; use a directory")
}

fn gone() -> io::Error {
    error(ErrorKind::NotFound, "the file is gone; open it again")
}

fn error(kind: ErrorKind, why: &str) -> io::Error {
    io::Error::new(kind, why)
}

#[cfg(test)]
mod tests {
    use super::Image;

    #[test]
    fn files_that_come_and_go_take_no_room() {
        let mut image = Image::default();
        for _ in 0..1000 {
            let file = image.create("journal").unwrap();
            image.hold(file);
            image.write(file, 0, &[1; 5000]).unwrap();
            image.sync_dir("").unwrap();
            image.release(file);
            image.remove("journal").unwrap();
        }
        assert!(image.nodes.len() <= 3, "{} files and directories", image.nodes.len());
    }
}
