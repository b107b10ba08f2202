//! A history: which client asked for what, when, and what came back.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// Records operations as clients see them. A clone records into the same history, so that every client has one.
#[derive(Debug)]
pub struct History<I, O> {
    record: Arc<Mutex<Record<I, O>>>,
}

/// An operation that began and of which nothing else is known yet. Dropping it leaves the operation without an answer:
/// it may take effect at any later time, or never.
#[derive(Debug)]
#[must_use = "complete it or fail it; bind it to a name to say that its answer was lost"]
pub struct Invocation(u64);

/// One operation of a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation<I, O> {
    /// Who asked.
    pub client: u32,
    /// For what.
    pub input: I,
    /// When it was asked.
    pub begin: Moment,
    /// When the answer came, and what it was; none if it never came: the operation *may have happened*.
    pub end: Option<(Moment, O)>,
}

/// When an event of a history was: true time and, among events of the same time, the order in which they were recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment {
    /// True time, in nanoseconds since the world began.
    pub at_nanos: u64,
    /// How many events of the history were recorded before this one.
    pub order: u64,
}

impl<I, O> History<I, O> {
    /// An empty history.
    pub fn new() -> Self {
        Self {
            record: Arc::new(Mutex::new(Record {
                events: 0,
                operations: BTreeMap::new(),
            })),
        }
    }

    /// A client asks for something, at a true time: the clock of a node may be wrong, and would order events wrongly.
    pub fn invoke(&self, client: u32, at_nanos: u64, input: I) -> Invocation {
        let mut record = self.lock();
        let begin = record.moment(at_nanos);
        record.operations.insert(
            begin.order,
            Operation {
                client,
                input,
                begin,
                end: None,
            },
        );
        Invocation(begin.order)
    }

    /// The answer came. An end before the beginning counts as one at the beginning.
    pub fn complete(&self, invocation: Invocation, at_nanos: u64, output: O) {
        let mut record = self.lock();
        let mut end = record.moment(at_nanos);
        if let Some(operation) = record.operations.get_mut(&invocation.0) {
            end.at_nanos = end.at_nanos.max(operation.begin.at_nanos);
            operation.end = Some((end, output));
        }
    }

    /// The operation certainly did not happen: it leaves the history.
    pub fn fail(&self, invocation: Invocation) {
        self.lock().operations.remove(&invocation.0);
    }

    /// The operations so far, by when they began.
    pub fn operations(&self) -> Vec<Operation<I, O>>
    where
        I: Clone,
        O: Clone,
    {
        let mut operations: Vec<_> = self.lock().operations.values().cloned().collect();
        operations.sort_by_key(|operation| operation.begin);
        operations
    }

    fn lock(&self) -> MutexGuard<'_, Record<I, O>> {
        // A client that panicked half way left whole operations behind: each change is one insertion or removal.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<I, O> Clone for History<I, O> {
    fn clone(&self) -> Self {
        Self {
            record: Arc::clone(&self.record),
        }
    }
}

impl<I, O> Default for History<I, O> {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Moment {
    /// Seconds with nine digits, so that times under each other compare at sight.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!(
            "{}.{:09}",
            self.at_nanos / 1_000_000_000,
            self.at_nanos % 1_000_000_000
        ))
    }
}

#[derive(Debug)]
struct Record<I, O> {
    events: u64,
    /// By the order of their beginning.
    operations: BTreeMap<u64, Operation<I, O>>,
}

impl<I, O> Record<I, O> {
    fn moment(&mut self, at_nanos: u64) -> Moment {
        let order = self.events;
        self.events += 1;
        Moment { at_nanos, order }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_share_one_history_and_it_is_sorted_by_begin() {
        let history = History::new();
        let other = history.clone();
        let late = history.invoke(0, 20, "late");
        let early = other.invoke(1, 10, "early");
        history.complete(late, 30, 'l');
        other.complete(early, 40, 'e');
        let seen: Vec<_> = history
            .operations()
            .iter()
            .map(|o| (o.client, o.input, o.end.map(|(_, c)| c)))
            .collect();
        assert_eq!(seen, [(1, "early", Some('e')), (0, "late", Some('l'))]);
    }

    #[test]
    fn what_certainly_did_not_happen_leaves_and_what_may_have_happened_stays() {
        let history: History<&str, ()> = History::new();
        let refused = history.invoke(0, 1, "refused");
        let unanswered = history.invoke(0, 2, "unanswered");
        history.fail(refused);
        drop(unanswered);
        let operations = history.operations();
        assert_eq!(operations.len(), 1);
        assert_eq!((operations[0].input, operations[0].end), ("unanswered", None));
    }

    #[test]
    fn events_of_one_instant_keep_the_order_in_which_they_were_recorded() {
        let history = History::new();
        let first = history.invoke(0, 7, 'a');
        history.complete(first, 7, ());
        let second = history.invoke(0, 7, 'b');
        history.complete(second, 3, ());
        let operations = history.operations();
        let ends: Vec<Moment> = operations
            .iter()
            .filter_map(|operation| operation.end.map(|(at, ())| at))
            .collect();
        assert!(ends[0] < operations[1].begin, "{operations:?}");
        assert!(
            operations[1].begin < ends[1],
            "an end is never before its beginning: {operations:?}"
        );
    }

    #[test]
    fn a_moment_reads_as_seconds() {
        assert_eq!(
            Moment {
                at_nanos: 12_000_000_345,
                order: 0
            }
            .to_string(),
            "12.000000345"
        );
    }
}
