//! Counters and sampled latency per edge: who called which method where, how often, and how it ended.
//!
//! A call costs one [`Slot::count`]: a load and a store in memory that only its own thread writes. Everything else
//! here is cold. The table is one per process, as the threads are; simulated nodes in one process share it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::shard::{self, Chunks};

/// The most edges a process tells apart. Past it, every further name shares one slot called `other`.
pub const EDGE_SLOTS_MAX: usize = 16_384;

/// A call is sampled when `count & SAMPLE_MASK == 0`: 1 in 64.
pub const SAMPLE_MASK: u64 = 63;

/// The longest latency told apart; longer ones are recorded as this.
const LATENCY_NS_MAX: u64 = 3_600_000_000_000;

/// Where the edges past the limit are counted.
const OTHER: Slot = Slot(EDGE_SLOTS_MAX as u32 - 1);

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
        shard::count(self.0)
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

    fn record(self) -> &'static Record {
        RECORDS.get_or_make(self.0, Record::default)
    }

    fn statistics(self, name: EdgeName) -> EdgeStatistics {
        let calls = shard::counted(self.0);
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

/// Every edge registered so far, sorted by name; those that share `other` are one row.
///
/// The counts of threads that are running are a moment old; each is exact once its thread has been joined.
pub fn snapshot() -> Vec<EdgeStatistics> {
    let named = lock(&NAMES).all();
    named.into_iter().map(|(name, slot)| slot.statistics(name)).collect()
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
        let slot = Slot(self.names.len() as u32);
        if slot >= OTHER {
            self.overflowed = true;
            return OTHER;
        }
        self.names.push(name.clone());
        self.slots.insert(name, slot);
        slot
    }

    fn name(&self, slot: Slot) -> EdgeName {
        self.names.get(slot.0 as usize).cloned().unwrap_or_else(other)
    }

    fn all(&self) -> Vec<(EdgeName, Slot)> {
        let mut all: Vec<_> = self.slots.iter().map(|(name, slot)| (name.clone(), *slot)).collect();
        if self.overflowed {
            all.push((other(), OTHER));
            all.sort();
        }
        all
    }
}

/// Direct, although remote edges may be among those that share it.
fn other() -> EdgeName {
    EdgeName::new("other", "other", "other", Route::Direct)
}

/// What is rare on one edge, shared by all threads.
#[derive(Default)]
struct Record {
    errors: [AtomicU64; Outcome::ALL.len()],
    retries: AtomicU64,
    /// `None` before the first sample; 18 KiB from then on.
    latency_ns: Mutex<Option<Histogram<u32>>>,
}

static NAMES: Mutex<Names> = Mutex::new(Names::new());
static RECORDS: Chunks<Record> = Chunks::new();

fn microseconds(latency_ns: u64) -> f64 {
    latency_ns as f64 / 1000.0
}

/// A panic elsewhere leaves a counter too low at worst, so poison is ignored.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_past_the_limit_share_one_slot_called_other() {
        let mut names = Names::new();
        let numbered = |number: usize| EdgeName::new("Site", "Todos", format!("method_{number}"), Route::Direct);
        let slots: Vec<Slot> = (0..EDGE_SLOTS_MAX + 10)
            .map(|number| names.register(numbered(number)))
            .collect();
        assert_eq!(slots[EDGE_SLOTS_MAX - 2], Slot(EDGE_SLOTS_MAX as u32 - 2));
        assert!(slots[EDGE_SLOTS_MAX - 1..].iter().all(|slot| *slot == OTHER));
        assert_eq!(
            names.register(numbered(7)),
            slots[7],
            "a name from before keeps its slot"
        );
        assert_eq!(names.all().len(), EDGE_SLOTS_MAX);
        assert_eq!(names.name(OTHER), other());
    }
}
