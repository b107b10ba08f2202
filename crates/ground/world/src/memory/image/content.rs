//! The bytes of one file, as they are and as they were last synced, and in which sectors these differ.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::ops::Range;

use crate::random::Random;

/// The largest file of a node's disk in memory.
pub const FILE_BYTES_MAX: u64 = 1 << 30;

/// What a disk writes whole or not at all.
pub const SECTOR_BYTES: usize = 512;

#[derive(Default)]
pub(super) struct Content {
    current: Vec<u8>,
    synced: Vec<u8>,
    /// The sectors that were written or cut since the last sync. It costs what was changed to sync them.
    dirty: BTreeSet<usize>,
    /// The least length since the last sync: a crash may fall between a cut and what is written after it.
    shortest: usize,
}

impl Content {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.current
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let end = length(offset.saturating_add(bytes.len() as u64))?;
        let begin = end - bytes.len();
        self.mark(begin.min(self.current.len())..end);
        if begin >= self.current.len() {
            self.current.resize(begin, 0);
            self.current.extend_from_slice(bytes);
            return Ok(());
        }
        if end > self.current.len() {
            self.current.resize(end, 0);
        }
        self.current[begin..end].copy_from_slice(bytes);
        Ok(())
    }

    pub(super) fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        let (old, new) = (self.current.len(), length(bytes)?);
        self.mark(old.min(new)..old.max(new));
        self.current.resize(new, 0);
        self.shortest = self.shortest.min(new);
        Ok(())
    }

    pub(super) fn sync(&mut self) {
        self.synced.resize(self.current.len(), 0);
        while let Some(sector) = self.dirty.pop_first() {
            let range = within(sector, self.current.len());
            self.synced[range.clone()].copy_from_slice(&self.current[range]);
        }
        self.shortest = self.current.len();
    }

    /// What was not synced is lost.
    pub(super) fn crash(&mut self) {
        self.current.resize(self.synced.len(), 0);
        while let Some(sector) = self.dirty.pop_first() {
            let range = within(sector, self.synced.len());
            self.current[range.clone()].copy_from_slice(&self.synced[range]);
        }
        self.shortest = self.synced.len();
    }

    /// Any of the sectors that were not synced have reached the disk. Nor may the last cut have, and the file may have
    /// grown by any of what was appended since: file systems change a length at once, but write later. A sector that did
    /// not reach the disk holds what was synced, or zeros if that was cut off or nothing was there.
    pub(super) fn tear(&mut self, random: &mut Random) {
        let (old, new) = (self.synced.len(), self.current.len());
        if self.dirty.is_empty() {
            return;
        }
        let (kept, length) = match random.below(3) {
            0 => (old, old),
            1 => (self.shortest, new),
            _ => (
                self.shortest,
                self.shortest + random.below((new - self.shortest + 1) as u64) as usize,
            ),
        };
        self.current.resize(length, 0);
        if length > new {
            self.current[new..].copy_from_slice(&self.synced[new..length]);
        }
        for sector in &self.dirty {
            if random.below(2) == 0 {
                let (lost, kept) = (within(*sector, length), within(*sector, kept.min(length)));
                self.current[lost].fill(0);
                self.current[kept.clone()].copy_from_slice(&self.synced[kept]);
            }
        }
        self.sync();
    }

    /// How many bytes are stored.
    pub(super) fn stored(&self) -> usize {
        self.synced.len()
    }

    /// Flips one bit of a stored byte, which whoever reads sees unless they have written there since.
    pub(super) fn flip(&mut self, offset: usize, bit: u64) {
        let mask = 1 << (bit % 8);
        if let Some(byte) = self.synced.get_mut(offset) {
            *byte ^= mask;
        }
        if !self.dirty.contains(&(offset / SECTOR_BYTES))
            && let Some(byte) = self.current.get_mut(offset)
        {
            *byte ^= mask;
        }
    }

    fn mark(&mut self, changed: Range<usize>) {
        if !changed.is_empty() {
            self.dirty
                .extend(changed.start / SECTOR_BYTES..=(changed.end - 1) / SECTOR_BYTES);
        }
    }
}

fn length(bytes: u64) -> io::Result<usize> {
    match usize::try_from(bytes) {
        Ok(count) if bytes <= FILE_BYTES_MAX => Ok(count),
        _ => {
            let why = format!("a file in memory holds at most {FILE_BYTES_MAX} bytes, not {bytes}; write less");
            Err(io::Error::new(ErrorKind::FileTooLarge, why))
        }
    }
}

/// The bytes of `sector` in a file of `length` bytes.
fn within(sector: usize, length: usize) -> Range<usize> {
    let begin = (sector * SECTOR_BYTES).min(length);
    begin..(begin + SECTOR_BYTES).min(length)
}
