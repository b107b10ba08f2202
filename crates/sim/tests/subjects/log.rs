//! A log on a node's disk, in slots of one size: what a crash leaves of a slot that was not synced is told by its checksum.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use world::{Disk, Env, File};

/// What one slot holds.
pub(crate) type Words = [u64; 4];

const SLOT_BYTES: usize = 40;
const NAME: &str = "log";
/// Far more than a run writes.
const LOG_BYTES_MAX: usize = 16 << 20;

/// Slots are claimed in the order of the calls, and a slot that was claimed and never written hurts no other.
pub(crate) struct Log {
    file: Arc<dyn File>,
    next: AtomicU64,
}

impl Log {
    /// Opens the node's log, and returns what it holds.
    pub(crate) async fn open(env: &Env) -> (Log, Vec<Words>) {
        let opened = Log::read(env.disk().as_ref()).await;
        // No model of these tests has a disk that is full or refuses.
        opened.unwrap_or_else(|error| panic!("`{NAME}` of `{}`: {error}", env.node()))
    }

    async fn read(disk: &dyn Disk) -> io::Result<(Log, Vec<Words>)> {
        let file = match disk.open(NAME).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = disk.create(NAME).await?;
                disk.sync_dir("").await?;
                file
            }
            opened => opened?,
        };
        let bytes = file.read_at(0, LOG_BYTES_MAX).await?;
        let held = bytes.chunks(SLOT_BYTES).filter_map(read_slot).collect();
        let next = AtomicU64::new(bytes.len().div_ceil(SLOT_BYTES) as u64);
        Ok((Log { file, next }, held))
    }

    /// Writes a slot and syncs it: it survives a crash.
    pub(crate) async fn append(&self, words: Words) -> io::Result<()> {
        self.write(words).await?;
        self.sync().await
    }

    /// Writes a slot that a crash may take away.
    pub(crate) async fn write(&self, words: Words) -> io::Result<()> {
        let slot = self.next.fetch_add(1, Ordering::Relaxed);
        let mut bytes = Vec::with_capacity(SLOT_BYTES);
        for word in words.into_iter().chain([checksum(&words)]) {
            bytes.extend(word.to_le_bytes());
        }
        self.file.write_at(slot * SLOT_BYTES as u64, bytes.into()).await
    }

    /// Makes what was written durable.
    pub(crate) async fn sync(&self) -> io::Result<()> {
        self.file.sync().await
    }
}

fn read_slot(bytes: &[u8]) -> Option<Words> {
    let mut words = [0; SLOT_BYTES / 8];
    if bytes.len() != SLOT_BYTES {
        return None;
    }
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_le_bytes(bytes.try_into().ok()?);
    }
    let [one, two, three, four, sum] = words;
    let held = [one, two, three, four];
    (checksum(&held) == sum).then_some(held)
}

/// Tells a whole slot from a torn one; zeros are no slot.
fn checksum(words: &Words) -> u64 {
    let fold = |sum: u64, word: &u64| (sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    words.iter().fold(1, fold)
}
