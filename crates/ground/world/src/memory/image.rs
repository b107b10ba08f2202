//! What a node's disk holds: a tree of files and directories, each twice, as it is and as it was last synced.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};

use bytes::Bytes;

use crate::disk::{parts, split};

/// The largest file of a node's disk in memory.
pub const FILE_BYTES_MAX: u64 = 1 << 30;

const ROOT: u64 = 0;

pub(super) struct Image {
    next: u64,
    nodes: BTreeMap<u64, Entry>,
}

enum Entry {
    File(Twice<Vec<u8>>),
    Directory(Twice<BTreeMap<String, u64>>),
}

#[derive(Default)]
struct Twice<T> {
    current: T,
    synced: T,
}

impl Default for Image {
    fn default() -> Image {
        Image {
            next: ROOT + 1,
            nodes: BTreeMap::from([(ROOT, Entry::Directory(Twice::default()))]),
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
        let (directory, name) = split(path)?;
        let id = self.next;
        let names = self.names(&directory)?;
        if names.contains_key(name) {
            return Err(error(
                ErrorKind::AlreadyExists,
                "there is something of this name; open or remove it",
            ));
        }
        names.insert(name.to_owned(), id);
        self.next += 1;
        self.nodes.insert(id, Entry::File(Twice::default()));
        Ok(id)
    }

    pub(super) fn create_dir(&mut self, path: &str) -> io::Result<()> {
        let parts = parts(path)?;
        for depth in 0..parts.len() {
            let id = self.next;
            let names = self.names(&parts[..depth])?;
            if !names.contains_key(parts[depth]) {
                names.insert(parts[depth].to_owned(), id);
                self.next += 1;
                self.nodes.insert(id, Entry::Directory(Twice::default()));
            }
        }
        self.names(&parts).map(|_| ())
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
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
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &str) -> io::Result<()> {
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
        // The bytes stay until the next crash: the removal may be undone by it, and an open file may still use them.
        self.names(&directory)?.remove(name);
        Ok(())
    }

    pub(super) fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let id = self.directory(&parts(path)?)?;
        match self.nodes.get(&id) {
            Some(Entry::Directory(names)) => Ok(names.current.keys().cloned().collect()),
            _ => Err(not_a_directory()),
        }
    }

    pub(super) fn sync_dir(&mut self, path: &str) -> io::Result<()> {
        let id = self.directory(&parts(path)?)?;
        match self.nodes.get_mut(&id) {
            Some(Entry::Directory(names)) => names.synced.clone_from(&names.current),
            _ => return Err(not_a_directory()),
        }
        Ok(())
    }

    pub(super) fn read(&self, file: u64, offset: u64, bytes_max: usize) -> io::Result<Bytes> {
        let Some(Entry::File(Twice { current, .. })) = self.nodes.get(&file) else {
            return Err(gone());
        };
        let begin = usize::try_from(offset).map_or(current.len(), |offset| offset.min(current.len()));
        let end = begin.saturating_add(bytes_max).min(current.len());
        Ok(Bytes::copy_from_slice(&current[begin..end]))
    }

    pub(super) fn write(&mut self, file: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let content = self.content(file)?;
        if bytes.is_empty() {
            return Ok(());
        }
        let end = offset.saturating_add(bytes.len() as u64);
        if end > content.current.len() as u64 {
            resize(&mut content.current, end)?;
        }
        // It fits: the file is at least as long.
        let begin = offset as usize;
        content.current[begin..begin + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    pub(super) fn truncate(&mut self, file: u64, bytes: u64) -> io::Result<()> {
        resize(&mut self.content(file)?.current, bytes)
    }

    pub(super) fn len(&self, file: u64) -> io::Result<u64> {
        match self.nodes.get(&file) {
            Some(Entry::File(content)) => Ok(content.current.len() as u64),
            _ => Err(gone()),
        }
    }

    pub(super) fn sync(&mut self, file: u64) -> io::Result<()> {
        let content = self.content(file)?;
        content.synced.clone_from(&content.current);
        Ok(())
    }

    /// Everything is as it was last synced; what no synced directory names is gone.
    pub(super) fn crash(&mut self) {
        let (mut kept, mut found) = (BTreeSet::new(), vec![ROOT]);
        while let Some(id) = found.pop() {
            kept.insert(id);
            match self.nodes.get_mut(&id) {
                Some(Entry::File(content)) => content.current.clone_from(&content.synced),
                Some(Entry::Directory(names)) => {
                    names.current.clone_from(&names.synced);
                    found.extend(names.synced.values().filter(|id| !kept.contains(id)));
                }
                None => {}
            }
        }
        self.nodes.retain(|id, _| kept.contains(id));
    }

    fn content(&mut self, file: u64) -> io::Result<&mut Twice<Vec<u8>>> {
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

fn resize(content: &mut Vec<u8>, bytes: u64) -> io::Result<()> {
    match usize::try_from(bytes) {
        Ok(count) if bytes <= FILE_BYTES_MAX => content.resize(count, 0),
        _ => {
            let why = format!("a file in memory holds at most {FILE_BYTES_MAX} bytes, not {bytes}; write less");
            return Err(io::Error::new(ErrorKind::FileTooLarge, why));
        }
    }
    Ok(())
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
