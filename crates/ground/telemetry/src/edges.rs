//! Counters and sampled latency per edge: who called which method where, how often, and how it ended.
//!
//! A call costs one [`Slot::count`]: a load and a store in memory that only its own thread writes. Everything else
//! here is cold. The table is one per process, as the threads are; simulated nodes in one process share it.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The most edges a process tells apart. Past it, every further name shares one slot called `other`.
pub const EDGE_SLOTS_MAX: usize = 16_384;

/// A call is sampled when `count & SAMPLE_MASK == 0`: 1 in 64.
pub const SAMPLE_MASK: u64 = 63;

/// The longest latency told apart; longer ones are recorded as this.
const LATENCY_NS_MAX: u64 = 3_600_000_000_000;

const CHUNK_SLOTS: usize = 256;
const CHUNKS: usize = EDGE_SLOTS_MAX / CHUNK_SLOTS;
const OTHER: usize = EDGE_SLOTS_MAX - 1;
const _: () = assert!(CHUNK_SLOTS * CHUNKS == EDGE_SLOTS_MAX && CHUNKS.is_power_of_two());

type Chunks<T> = [OnceLock<Box<[T; CHUNK_SLOTS]>>; CHUNKS];

/// One edge of the call graph. Cheap to copy; the same name has the same slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u32);

/// What an edge is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct EdgeName {
    /// The component that calls, or a border such as `http`.
    pub caller: Cow<'static, str>,
    /// The component that is called.
    pub callee: Cow<'static, str>,
    /// The method that is called.
    pub method: Cow<'static, str>,
    /// Where the callee runs.
    pub route: Route,
}

/// Where the callee of an edge runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// In this process: a virtual call.
    Direct,
    /// In another process: over the wire.
    Remote,
}

/// How a call ended that did not end well: the callee's own error, or one of the closed set of call errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The method answered with its own error.
    UserError,
    /// No callee was reached, or it went away.
    Unavailable,
    /// The deadline passed.
    DeadlineExceeded,
    /// The caller gave up.
    Cancelled,
    /// A limit was reached.
    Overloaded,
    /// The caller may not call this.
    Denied,
    /// The two sides do not speak the same interface.
    Incompatible,
    /// The callee panicked.
    Failed,
}

/// What happened on one edge since the process started.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EdgeStatistics {
    /// Which edge.
    #[serde(flatten)]
    pub name: EdgeName,
    /// Calls begun.
    pub calls: u64,
    /// Calls begun that did not end in an error; those still in flight are among them.
    pub ok: u64,
    /// Calls that ended in an error, by outcome; outcomes that never occurred are left out.
    pub errors: BTreeMap<Outcome, u64>,
    /// Tries after the first.
    pub retries: u64,
    /// Calls whose latency was measured.
    pub samples: u64,
    /// Median latency of the samples, in microseconds.
    pub p50_us: f64,
    /// 99th percentile of the samples, in microseconds.
    pub p99_us: f64,
    /// The longest sample, in microseconds.
    pub max_us: f64,
}

impl Slot {
    /// The slot of `name`: the one it already has, or the next free one. Cold; do it when a caller is bound.
    pub fn register(name: EdgeName) -> Slot {
        lock(&NAMES).register(name)
    }

    /// Counts one call and answers how many this thread's shard has counted on this edge. About a nanosecond.
    #[inline]
    pub fn count(self) -> u64 {
        match SHARD.try_with(Cell::get) {
            Ok(Some(shard)) => match shard.chunks[self.chunk()].get() {
                Some(chunk) => add_one(&chunk[self.place()]),
                None => shard.count_first(self),
            },
            _ => count_on_new_thread(self),
        }
    }

    /// Records that a call ended in an error.
    #[cold]
    pub fn outcome(self, outcome: Outcome) {
        self.record().errors[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Records a try after the first.
    #[cold]
    pub fn retried(self) {
        self.record().retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Records the latency of a sampled call.
    #[cold]
    pub fn latency(self, latency: Duration) {
        let latency_ns = u64::try_from(latency.as_nanos())
            .unwrap_or(u64::MAX)
            .clamp(1, LATENCY_NS_MAX);
        let mut histogram = lock(&self.record().latency_ns);
        if histogram.is_none() {
            *histogram = Histogram::new_with_max(LATENCY_NS_MAX, 2).ok();
        }
        if let Some(histogram) = histogram.as_mut() {
            histogram.saturating_record(latency_ns);
        }
    }

    /// What this slot was registered as.
    pub fn name(self) -> EdgeName {
        lock(&NAMES).name(self)
    }

    #[inline]
    fn chunk(self) -> usize {
        (self.0 as usize / CHUNK_SLOTS) & (CHUNKS - 1)
    }

    #[inline]
    fn place(self) -> usize {
        self.0 as usize & (CHUNK_SLOTS - 1)
    }

    fn record(self) -> &'static Record {
        &RECORDS[self.chunk()].get_or_init(|| Box::new([const { Record::new() }; CHUNK_SLOTS]))[self.place()]
    }

    fn statistics(self, name: EdgeName, calls: u64) -> EdgeStatistics {
        let record = self.record();
        let errors: BTreeMap<Outcome, u64> = Outcome::ALL
            .into_iter()
            .map(|outcome| (outcome, record.errors[outcome as usize].load(Ordering::Relaxed)))
            .filter(|(_, errors)| *errors > 0)
            .collect();
        let latency = lock(&record.latency_ns);
        let latency = latency.as_ref();
        let quantile_us = |quantile| latency.map_or(0.0, |known| microseconds(known.value_at_quantile(quantile)));
        EdgeStatistics {
            name,
            calls,
            ok: calls.saturating_sub(errors.values().sum()),
            errors,
            retries: record.retries.load(Ordering::Relaxed),
            samples: latency.map_or(0, Histogram::len),
            p50_us: quantile_us(0.5),
            p99_us: quantile_us(0.99),
            max_us: latency.map_or(0.0, |known| microseconds(known.max())),
        }
    }
}

impl EdgeName {
    /// A name from its four parts.
    pub fn new(
        caller: impl Into<Cow<'static, str>>,
        callee: impl Into<Cow<'static, str>>,
        method: impl Into<Cow<'static, str>>,
        route: Route,
    ) -> EdgeName {
        EdgeName {
            caller: caller.into(),
            callee: callee.into(),
            method: method.into(),
            route,
        }
    }
}

impl Route {
    /// `direct` or `remote`.
    pub fn as_str(self) -> &'static str {
        match self {
            Route::Direct => "direct",
            Route::Remote => "remote",
        }
    }
}

impl Outcome {
    /// Every outcome, in order.
    pub const ALL: [Outcome; 8] = [
        Outcome::UserError,
        Outcome::Unavailable,
        Outcome::DeadlineExceeded,
        Outcome::Cancelled,
        Outcome::Overloaded,
        Outcome::Denied,
        Outcome::Incompatible,
        Outcome::Failed,
    ];

    /// The name in spans, metrics and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::UserError => "user_error",
            Outcome::Unavailable => "unavailable",
            Outcome::DeadlineExceeded => "deadline_exceeded",
            Outcome::Cancelled => "cancelled",
            Outcome::Overloaded => "overloaded",
            Outcome::Denied => "denied",
            Outcome::Incompatible => "incompatible",
            Outcome::Failed => "failed",
        }
    }
}

/// Every edge registered so far, sorted by name; those that share `other` are one row, last in the table's order.
///
/// The counts of threads that are running are a moment old; each is exact once its thread has been joined.
pub fn snapshot() -> Vec<EdgeStatistics> {
    let named = lock(&NAMES).all();
    let shards = lock(&SHARDS).all.clone();
    named
        .into_iter()
        .map(|(name, slot)| {
            let calls = shards.iter().map(|shard| shard.counted(slot)).sum::<u64>() + LATE.counted(slot);
            slot.statistics(name, calls)
        })
        .collect()
}

/// The names given out so far.
struct Names {
    slots: BTreeMap<EdgeName, Slot>,
    names: Vec<EdgeName>,
    overflowed: bool,
}

impl Names {
    const fn new() -> Names {
        Names {
            slots: BTreeMap::new(),
            names: Vec::new(),
            overflowed: false,
        }
    }

    fn register(&mut self, name: EdgeName) -> Slot {
        if let Some(slot) = self.slots.get(&name) {
            return *slot;
        }
        let index = self.names.len();
        if index >= OTHER {
            self.overflowed = true;
            return Slot(OTHER as u32);
        }
        let slot = Slot(index as u32);
        self.names.push(name.clone());
        self.slots.insert(name, slot);
        slot
    }

    fn name(&self, slot: Slot) -> EdgeName {
        self.names.get(slot.0 as usize).cloned().unwrap_or_else(other)
    }

    fn all(&self) -> Vec<(EdgeName, Slot)> {
        let named = self.slots.iter().map(|(name, slot)| (name.clone(), *slot));
        named
            .chain(self.overflowed.then(|| (other(), Slot(OTHER as u32))))
            .collect()
    }
}

/// Direct, although remote edges may be among those that share it.
fn other() -> EdgeName {
    EdgeName::new("other", "other", "other", Route::Direct)
}

/// What is rare on one edge, shared by all threads.
struct Record {
    errors: [AtomicU64; Outcome::ALL.len()],
    retries: AtomicU64,
    /// `None` before the first sample; 18 KiB from then on.
    latency_ns: Mutex<Option<Histogram<u32>>>,
}

impl Record {
    const fn new() -> Record {
        Record {
            errors: [const { AtomicU64::new(0) }; Outcome::ALL.len()],
            retries: AtomicU64::new(0),
            latency_ns: Mutex::new(None),
        }
    }
}

/// One thread's counts. Only the thread that holds it writes, so a load and a store are enough.
struct Shard {
    chunks: Chunks<AtomicU64>,
}

impl Shard {
    const fn new() -> Shard {
        Shard {
            chunks: [const { OnceLock::new() }; CHUNKS],
        }
    }

    fn counters(&self, slot: Slot) -> &AtomicU64 {
        &self.chunks[slot.chunk()].get_or_init(|| Box::new([const { AtomicU64::new(0) }; CHUNK_SLOTS]))[slot.place()]
    }

    fn counted(&self, slot: Slot) -> u64 {
        self.chunks[slot.chunk()]
            .get()
            .map_or(0, |chunk| chunk[slot.place()].load(Ordering::Relaxed))
    }

    #[cold]
    fn count_first(&self, slot: Slot) -> u64 {
        add_one(self.counters(slot))
    }
}

/// Every shard ever made, and those whose thread has ended. As many as threads have run at one time.
struct Shards {
    all: Vec<&'static Shard>,
    free: Vec<&'static Shard>,
}

/// Held by a running thread; hands its shard to the next one when it ends.
struct Lease;

impl Drop for Lease {
    fn drop(&mut self) {
        if let Ok(Some(shard)) = SHARD.try_with(Cell::take) {
            lock(&SHARDS).free.push(shard);
        }
    }
}

thread_local! {
    // Apart from the lease, because a thread-local that needs no drop is read without asking whether it is alive.
    static SHARD: Cell<Option<&'static Shard>> = const { Cell::new(None) };
    static LEASE: Lease = const { Lease };
}

static NAMES: Mutex<Names> = Mutex::new(Names::new());
static RECORDS: Chunks<Record> = [const { OnceLock::new() }; CHUNKS];
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
fn count_on_new_thread(slot: Slot) -> u64 {
    if LEASE.try_with(|_| ()).is_err() {
        return LATE.counters(slot).fetch_add(1, Ordering::Relaxed) + 1;
    }
    let shard = {
        let mut shards = lock(&SHARDS);
        let free = shards.free.pop();
        free.unwrap_or_else(|| {
            let shard: &'static Shard = Box::leak(Box::new(Shard::new()));
            shards.all.push(shard);
            shard
        })
    };
    SHARD.set(Some(shard));
    add_one(shard.counters(slot))
}

fn microseconds(latency_ns: u64) -> f64 {
    latency_ns as f64 / 1000.0
}

/// A panic elsewhere leaves a counter too low at worst, so poison is ignored.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
