//! Who fails when, so that never more nodes fail at one moment than the model allows.

use crate::model::Faulty;

/// What a node's failure is, as far as two of them at one time would be in each other's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It does not run: crashed or paused.
    Halted,
    /// It does not run any more.
    Gone,
    /// It is slow.
    Slow,
    /// Its disk is full.
    Full,
    /// It has a failure that goes with any other: it lies, omits, or has a rotten disk.
    Lasting,
}

/// The failures of a run so far.
pub(super) struct FaultyNodes<'n> {
    faulty_max: usize,
    failures: Vec<(&'n str, Failure, u64, u64)>,
}

impl<'n> FaultyNodes<'n> {
    pub(super) fn new(faulty_max: Faulty, servers: usize) -> FaultyNodes<'n> {
        let faulty_max = match faulty_max {
            Faulty::AtMost(count) => count as usize,
            // A lone server is not a majority, and fails all the same.
            Faulty::Minority => (servers.saturating_sub(1) / 2).max(1),
            Faulty::Any => usize::MAX,
        };
        FaultyNodes {
            faulty_max,
            failures: Vec::new(),
        }
    }

    /// Whether the node may fail from one moment to the other, both included; if so it is noted.
    pub(super) fn fails(&mut self, node: &'n str, failure: Failure, from_us: u64, until_us: u64) -> bool {
        let meanwhile = |&&(_, _, from, until): &&(&str, Failure, u64, u64)| from <= until_us && from_us <= until;
        let overlapping: Vec<_> = self.failures.iter().filter(meanwhile).copied().collect();
        let in_the_way = |&(other, its, ..): &(&str, Failure, u64, u64)| {
            other == node
                && (its == Failure::Gone || failure == Failure::Gone || its == failure && its != Failure::Lasting)
        };
        if overlapping.iter().any(in_the_way) {
            return false;
        }
        // Most nodes fail at a moment at which one of them begins to.
        let begins = overlapping.iter().map(|&(_, _, from, _)| from.max(from_us));
        for moment in begins.chain([from_us]) {
            let mut failing: Vec<&str> = overlapping
                .iter()
                .filter(|&&(_, _, from, until)| from <= moment && moment <= until)
                .map(|&(other, ..)| other)
                .chain([node])
                .collect();
            failing.sort_unstable();
            failing.dedup();
            if failing.len() > self.faulty_max {
                return false;
            }
        }
        self.failures.push((node, failure, from_us, until_us));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, FaultyNodes};
    use crate::model::Faulty;

    #[test]
    fn no_more_nodes_fail_at_one_moment_than_may() {
        let mut nodes = FaultyNodes::new(Faulty::AtMost(2), 5);
        assert!(nodes.fails("a", Failure::Halted, 10, 20));
        assert!(nodes.fails("b", Failure::Slow, 15, 40));
        assert!(
            !nodes.fails("c", Failure::Halted, 0, 100),
            "c would be the third from 15 to 20"
        );
        assert!(!nodes.fails("c", Failure::Halted, 20, 30), "the last moment counts");
        assert!(nodes.fails("c", Failure::Halted, 21, 30));
        assert!(nodes.fails("b", Failure::Halted, 16, 30), "b fails already");
    }

    #[test]
    fn one_node_fails_in_one_way_once_at_a_time() {
        let mut nodes = FaultyNodes::new(Faulty::Any, 1);
        assert!(nodes.fails("a", Failure::Halted, 10, 20));
        assert!(!nodes.fails("a", Failure::Halted, 15, 30));
        assert!(!nodes.fails("a", Failure::Gone, 5, u64::MAX));
        assert!(nodes.fails("a", Failure::Gone, 50, u64::MAX));
        assert!(!nodes.fails("a", Failure::Full, 60, 70));
    }

    #[test]
    fn a_minority_is_one_at_least() {
        for (servers, faulty_max) in [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (5, 2), (7, 3)] {
            assert_eq!(FaultyNodes::new(Faulty::Minority, servers).faulty_max, faulty_max);
        }
    }
}
