//! The sentence a person gets about a run that is not deterministic.

use super::leak::{Leak, LeakKind};

/// How many leaks are named; the others are counted.
const NAMED_MAX: usize = 4;

/// Who most likely made two runs of a seed differ, worst first, each with the door to use instead.
///
/// `first_difference` is the first event that was not the same, or empty if the two runs agree.
pub fn explain(leaks: &[Leak], first_difference: &str) -> String {
    let differ = !first_difference.is_empty();
    let mut suspects: Vec<&Leak> = leaks.iter().filter(|leak| differ || leak.is_fatal()).collect();
    suspects.sort_by_key(|leak| leak.kind);
    let verdict = match (differ, suspects.is_empty()) {
        (true, true) => {
            return format!(
                "two runs of this seed differ, first in: {first_difference}; no clock, thread or randomness of the \
                 operating system was used, so look for a static that is written, an address used as a number, or a \
                 file or environment variable that is read"
            );
        }
        (true, false) => format!("two runs of this seed differ, first in: {first_difference}; most likely because"),
        (false, true) => return "no sign that this run is not deterministic".to_owned(),
        (false, false) => "this run cannot be repeated, though a second one agreed, because".to_owned(),
    };
    let named: Vec<String> = suspects.iter().take(NAMED_MAX).map(|leak| accuse(leak)).collect();
    let rest = match suspects.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("{verdict} {}{rest}", named.join("; or because "))
}

/// What one leak did, and what to do instead.
fn accuse(leak: &Leak) -> String {
    let place = place(leak);
    let through = leak
        .through
        .as_deref()
        .map(|through| format!(" through `{through}`"))
        .unwrap_or_default();
    match leak.kind {
        LeakKind::Thread => format!(
            "{place} started a thread{through}{}; run blocking work by `env.blocking(..)` and a task by \
             `env.spawn(..)`",
            times(leak.uses)
        ),
        LeakKind::Clock => format!(
            "{place} read a clock of the operating system{through}{}; read the node's: `env.now()`, or `env.wall()` \
             for the date",
            times(leak.uses)
        ),
        LeakKind::Entropy => format!(
            "{place} drew randomness of the operating system{through}{}; draw the node's: `env.random(..)`",
            times(leak.uses)
        ),
        LeakKind::Select
            if leak
                .through
                .as_ref()
                .is_some_and(|through| through.contains("sync::watch")) =>
        {
            format!(
                "{place} waits for a `tokio::sync::watch`, which wakes several receivers in a random order; let one task \
             receive and hand it on"
            )
        }
        LeakKind::Select => {
            format!("{place} chose among ready branches at random; begin its `tokio::select!` with `biased;`")
        }
        LeakKind::HashOrder => format!(
            "{place} made {}; where one is iterated over, use a `BTreeMap` or `BTreeSet`",
            match leak.uses {
                0 | 1 => "a `HashMap` or `HashSet` with random keys".to_owned(),
                uses => format!("the first of {uses} `HashMap`s or `HashSet`s with random keys"),
            }
        ),
    }
}

fn place(leak: &Leak) -> String {
    match (&leak.function, &leak.line) {
        (Some(function), Some(line)) => format!("`{function}` ({line})"),
        (Some(function), None) => format!("`{function}`"),
        (None, Some(line)) => format!("code at {line}"),
        (None, None) => match leak.kind {
            LeakKind::Select | LeakKind::HashOrder => {
                "code at a place that is not known (only the first of a thread's hash maps and random choices has one, \
                 in a build with `debug = \"line-tables-only\"`)"
                    .to_owned()
            }
            _ => "code at a place that is not known (a build with `debug = \"line-tables-only\"` has it)".to_owned(),
        },
    }
}

fn times(uses: u64) -> String {
    match uses {
        0 | 1 => String::new(),
        uses => format!(", {uses} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::explain;
    use crate::determinism::{Leak, LeakKind};

    fn leak(kind: LeakKind) -> Leak {
        Leak {
            kind,
            function: Some("bank::transfer".to_owned()),
            line: Some("src/bank.rs:12".to_owned()),
            through: None,
            uses: 3,
        }
    }

    #[test]
    fn each_kind_of_leak_is_explained_with_its_door() {
        let doors = [
            (LeakKind::Thread, "`env.blocking(..)`"),
            (LeakKind::Thread, "`env.spawn(..)`"),
            (LeakKind::Clock, "`env.now()`"),
            (LeakKind::Clock, "`env.wall()`"),
            (LeakKind::Entropy, "`env.random(..)`"),
            (LeakKind::Select, "`biased;`"),
            (LeakKind::HashOrder, "`BTreeMap`"),
        ];
        for (kind, door) in doors {
            let said = explain(&[leak(kind)], "cast to `a` at 3 ms");
            for part in [door, "`bank::transfer` (src/bank.rs:12)", "cast to `a` at 3 ms"] {
                assert!(said.contains(part), "{kind:?} does not say {part}: {said}");
            }
        }
    }

    #[test]
    fn where_two_runs_agree_only_a_fatal_leak_is_accused() {
        let leaks = [leak(LeakKind::HashOrder), leak(LeakKind::Clock)];
        let said = explain(&leaks, "");
        assert!(said.contains("`env.now()`") && !said.contains("BTreeMap"), "{said}");
        assert_eq!(explain(&leaks[..1], ""), "no sign that this run is not deterministic");
    }

    #[test]
    fn a_leak_without_a_place_says_how_to_get_one() {
        let unplaced = Leak {
            function: None,
            line: None,
            ..leak(LeakKind::Clock)
        };
        assert!(explain(&[unplaced], "").contains("`debug = \"line-tables-only\"`"));
    }

    #[test]
    fn the_worst_suspect_comes_first() {
        let said = explain(&[leak(LeakKind::HashOrder), leak(LeakKind::Thread)], "x");
        assert!(said.find("`env.blocking(..)`") < said.find("`BTreeMap`"), "{said}");
    }

    #[test]
    fn a_difference_without_a_leak_says_where_else_to_look() {
        assert!(explain(&[], "cast").contains("a static that is written"));
    }
}
