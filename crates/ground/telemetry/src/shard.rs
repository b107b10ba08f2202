//! The counts of one thread, and how they outlive it.
//!
//! Only the thread that leases a shard writes it, so counting needs no locked instruction. A thread that ends hands
//! its shard, with its counts, to the next one that begins: nothing is lost, and there are as many shards as threads
//! have run at one time.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::edges::EDGE_SLOTS_MAX;

/// Places of a chunk: 2 KiB of counters, made when the first of them is used.
const CHUNK_PLACES: usize = 256;
const CHUNKS: usize = EDGE_SLOTS_MAX / CHUNK_PLACES;
const _: () = assert!(CHUNK_PLACES * CHUNKS == EDGE_SLOTS_MAX && CHUNKS.is_power_of_two());

/// `EDGE_SLOTS_MAX` values, of which only the chunks in use take memory.
pub(crate) struct Chunks<T> {
    chunks: [OnceLock<Box<[T; CHUNK_PLACES]>>; CHUNKS],
}

/// Counts one on this thread's shard and answers its count.
#[inline]
pub(crate) fn count(index: u32) -> u64 {
    match SHARD.try_with(Cell::get) {
        Ok(Some(shard)) => match shard.get(index) {
            Some(counter) => add_one(counter),
            None => count_in_new_chunk(shard, index),
        },
        _ => count_on_new_thread(index),
    }
}

/// Every thread's count so far, of those that run and those that have ended.
pub(crate) fn counted(index: u32) -> u64 {
    let shards = SHARDS.lock().unwrap_or_else(PoisonError::into_inner).all.clone();
    let known = |shard: &Chunks<AtomicU64>| shard.get(index).map_or(0, |counter| counter.load(Ordering::Relaxed));
    shards.into_iter().map(known).sum::<u64>() + known(&LATE)
}

impl<T> Chunks<T> {
    pub(crate) const fn new() -> Chunks<T> {
        Chunks {
            chunks: [const { OnceLock::new() }; CHUNKS],
        }
    }

    /// The value at `index`, or `None` when nothing near it was used yet.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        let (chunk, place) = split(index);
        self.chunks[chunk].get().map(|chunk| &chunk[place])
    }

    /// The value at `index`, made with its chunk when it is the first there.
    pub(crate) fn get_or_make(&self, index: u32, make: impl Fn() -> T) -> &T {
        let (chunk, place) = split(index);
        &self.chunks[chunk].get_or_init(|| Box::new(std::array::from_fn(|_| make())))[place]
    }
}

/// Chunk and place. Masked, so that indexing needs no check.
#[inline]
fn split(index: u32) -> (usize, usize) {
    (
        (index as usize / CHUNK_PLACES) & (CHUNKS - 1),
        index as usize & (CHUNK_PLACES - 1),
    )
}

type Shard = Chunks<AtomicU64>;

struct Shards {
    all: Vec<&'static Shard>,
    free: Vec<&'static Shard>,
}

/// Held by a running thread; gives its shard back when it ends.
struct Lease;

impl Drop for Lease {
    fn drop(&mut self) {
        if let Ok(Some(shard)) = SHARD.try_with(Cell::take) {
            SHARDS.lock().unwrap_or_else(PoisonError::into_inner).free.push(shard);
        }
    }
}

thread_local! {
    // Apart from the lease: a thread-local that needs no drop is read without asking whether it is still there.
    static SHARD: Cell<Option<&'static Shard>> = const { Cell::new(None) };
    static LEASE: Lease = const { Lease };
}

static SHARDS: Mutex<Shards> = Mutex::new(Shards {
    all: Vec::new(),
    free: Vec::new(),
});

/// For calls counted while a thread's own locals are being dropped, when no lease can be had.
static LATE: Shard = Shard::new();

#[inline]
fn add_one(counter: &AtomicU64) -> u64 {
    let count = counter.load(Ordering::Relaxed).wrapping_add(1);
    counter.store(count, Ordering::Relaxed);
    count
}

#[cold]
fn count_in_new_chunk(shard: &Shard, index: u32) -> u64 {
    add_one(shard.get_or_make(index, AtomicU64::default))
}

#[cold]
fn count_on_new_thread(index: u32) -> u64 {
    if LEASE.try_with(|_| ()).is_err() {
        return LATE
            .get_or_make(index, AtomicU64::default)
            .fetch_add(1, Ordering::Relaxed)
            + 1;
    }
    let shard = lease();
    SHARD.set(Some(shard));
    count_in_new_chunk(shard, index)
}

/// The mutex orders the last thread's stores before this one's loads.
fn lease() -> &'static Shard {
    let mut shards = SHARDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shard) = shards.free.pop() {
        return shard;
    }
    let shard: &'static Shard = Box::leak(Box::new(Shard::new()));
    shards.all.push(shard);
    shard
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "threads are what is tested")]
    fn threads_one_after_the_other_share_one_shard_and_lose_no_count() {
        const INDEX: u32 = 5_000;
        for _ in 0..100 {
            // `join` returns after the thread's locals were dropped; the end of a scope need not.
            assert!(std::thread::spawn(|| count(INDEX)).join().is_ok());
        }
        assert_eq!(counted(INDEX), 100);
        let shards = SHARDS.lock().unwrap_or_else(PoisonError::into_inner).all.len();
        assert!(shards < 20, "{shards} shards after 100 threads in a row");
    }

    #[test]
    fn the_last_index_has_a_place() {
        let last = EDGE_SLOTS_MAX as u32 - 1;
        assert_eq!(split(last), (CHUNKS - 1, CHUNK_PLACES - 1));
        let chunks = Chunks::<u8>::new();
        assert_eq!(chunks.get(last), None);
        assert_eq!(chunks.get_or_make(last, || 7), &7);
        assert_eq!(chunks.get(last - 1), Some(&7));
    }
}
