//! How many transactions share a commit: ours says so in its traces, which are heard only while they are counted.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

static COUNTS: AtomicBool = AtomicBool::new(false);
static COMMITS: AtomicU64 = AtomicU64::new(0);

/// Hears the commits of our side on SQLite.
struct Commits;

/// Has the commits be counted, once for this process.
pub(crate) fn listen() -> anyhow::Result<()> {
    Ok(tracing::subscriber::set_global_default(Commits)?)
}

/// Begins to count, from zero, or ends it; what was counted.
pub(crate) fn count(counts: bool) -> u64 {
    COUNTS.store(counts, Ordering::Relaxed);
    // What nobody hears costs a load and a branch, as in a program without a subscriber.
    tracing::callsite::rebuild_interest_cache();
    COMMITS.swap(0, Ordering::Relaxed)
}

impl Subscriber for Commits {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match self.enabled(metadata) {
            true => Interest::always(),
            false => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        COUNTS.load(Ordering::Relaxed) && metadata.is_event() && metadata.target() == "terrace::database"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Commit);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Counts events that say how many transactions were kept.
struct Commit;

impl Visit for Commit {
    fn record_u64(&mut self, field: &Field, _: u64) {
        if field.name() == "transactions" {
            COMMITS.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.record_u64(field, value.unsigned_abs());
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}
