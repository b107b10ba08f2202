//! The bytes of one file, as they are and as they were last synced, and in which sectors these differ.

use std::collections::BTreeMap;
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
    /// How many changes there were.
    changes: u64,
    /// How many of them the last sync that is over has made durable.
    durable: u64,
    /// The sectors that were written or cut since, each with its last change. It costs what was changed to sync them.
    dirty: BTreeMap<usize, u64>,
    /// The cuts since, shortest first, each with its change; one that a later and shorter one hides is forgotten.
    cuts: Vec<(u64, usize)>,
}

/// What a sync that has begun makes durable when it is over: the bytes as they were when it began.
pub(in super::super) struct Pending {
    changes: u64,
    length: usize,
    sectors: Vec<(usize, Vec<u8>)>,
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
        if new < old {
            while self.cuts.pop_if(|(_, length)| *length >= new).is_some() {}
            self.cuts.push((self.changes, new));
        }
        Ok(())
    }

    /// Makes the bytes durable at once.
    pub(super) fn sync(&mut self) {
        self.synced.resize(self.current.len(), 0);
        while let Some((sector, _)) = self.dirty.pop_first() {
            let range = within(sector, self.current.len());
            self.synced[range.clone()].copy_from_slice(&self.current[range]);
        }
        self.cuts.clear();
        self.durable = self.changes;
    }

    /// Takes note of what a sync that takes time makes durable.
    pub(super) fn begin_sync(&self) -> Pending {
        let bytes = |sector: &usize| self.current[within(*sector, self.current.len())].to_vec();
        Pending {
            changes: self.changes,
            length: self.current.len(),
            sectors: self.dirty.keys().map(|sector| (*sector, bytes(sector))).collect(),
        }
    }

    /// Makes durable what there was when the sync began. What was changed since still waits for a sync.
    pub(super) fn finish_sync(&mut self, pending: Pending) {
        if pending.changes < self.durable {
            // One that began later was over sooner, and made durable what came after this.
            return;
        }
        self.synced.resize(pending.length, 0);
        for (sector, bytes) in pending.sectors {
            self.synced[within(sector, pending.length)].copy_from_slice(&bytes);
        }
        self.dirty.retain(|_, changed| *changed > pending.changes);
        self.cuts.retain(|(changed, _)| *changed > pending.changes);
        self.durable = pending.changes;
    }

    /// The least length since the last sync: a crash may fall between a cut and what is written after it.
    fn shortest(&self) -> usize {
        let cut = self.cuts.first().map_or(usize::MAX, |(_, length)| *length);
        cut.min(self.synced.len())
    }

    /// What was not synced is lost.
    pub(super) fn crash(&mut self) {
        self.current.resize(self.synced.len(), 0);
        while let Some((sector, _)) = self.dirty.pop_first() {
            let range = within(sector, self.synced.len());
            self.current[range.clone()].copy_from_slice(&self.synced[range]);
        }
        self.cuts.clear();
    }

    /// Any of the sectors that were not synced have reached the disk. Nor may the last cut have, and the file may have
    /// grown by any of what was appended since: file systems change a length at once, but write later. A sector that did
    /// not reach the disk holds what was synced, or zeros if that was cut off or nothing was there.
    pub(super) fn tear(&mut self, random: &mut Random) {
        let (old, new) = (self.synced.len(), self.current.len());
        if self.dirty.is_empty() {
            return;
        }
        let shortest = self.shortest();
        let (kept, length) = match random.below(3) {
            0 => (old, old),
            1 => (shortest, new),
            _ => (shortest, shortest + random.below((new - shortest + 1) as u64) as usize),
        };
        self.current.resize(length, 0);
        if length > new {
            self.current[new..].copy_from_slice(&self.synced[new..length]);
        }
        for sector in self.dirty.keys() {
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
        if !self.dirty.contains_key(&(offset / SECTOR_BYTES))
            && let Some(byte) = self.current.get_mut(offset)
        {
            *byte ^= mask;
        }
    }

    fn mark(&mut self, changed: Range<usize>) {
        if !changed.is_empty() {
            self.changes += 1;
            let sectors = changed.start / SECTOR_BYTES..=(changed.end - 1) / SECTOR_BYTES;
            self.dirty.extend(sectors.map(|sector| (sector, self.changes)));
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
