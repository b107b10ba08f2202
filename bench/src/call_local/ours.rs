//! Ours: the same call through `Ref<dyn Echo>`, everything on.

use terrace_bench::report::Goal;

use crate::Side;

const READ: &str = "`read` call";
const UNMARKED: &str = "unmarked call, which has an id";
const ONCE: &str = "`once` call, which derives an id";

/// Each case, which is also the name of its side, and how far above a boxed call it may be.
pub(crate) const CASES: [(&str, Goal); 3] = [
    (READ, Goal::AtMost(1.3)),
    (UNMARKED, Goal::AtMost(2.2)),
    (ONCE, Goal::AtMost(2.2)),
];

/// One allocation; the sampled calls (1 in 64) may make one more.
pub(crate) const ALLOCATIONS: Goal = Goal::AtMost(1.02);

/// One side for each case.
pub(crate) fn sides() -> anyhow::Result<Vec<Side>> {
    Ok(Vec::new())
}
