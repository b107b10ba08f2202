//! A use of the operating system that went around the world.

use std::cell::LazyCell;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::LEAKS_MAX;
use super::draws::Draws;
use super::run::{Tally, Use};
use super::stack::{Place, Stack};
use super::symbols::Symbols;

/// Functions of tokio that lead to its random choices.
const CHOICES: [&str; 3] = ["thread_rng_n", "tokio::loom::std::rand", "tokio::util::rand"];

/// What was used, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeakKind {
    /// A thread that no executor of ours orders.
    Thread,
    /// A clock of the operating system.
    Clock,
    /// Random bytes of the operating system.
    Entropy,
    /// A random choice of tokio: `select!` without `biased`, or which receiver of a `watch` waits in which of its lists.
    Select,
    /// The random keys of a `HashMap` or `HashSet`.
    HashOrder,
}

/// A use of the operating system that went around the world, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leak {
    /// What was used.
    pub kind: LeakKind,
    /// The innermost function of the user's code that did it, if it is known.
    pub function: Option<String>,
    /// The file and the line, with a colon between, if the binary has them.
    pub line: Option<String>,
    /// The function of a library that it called to do so.
    pub through: Option<String>,
    /// How often. With many uses it is shared out among the places by a sample. For [`LeakKind::HashOrder`] it is how
    /// many maps and sets were made with random keys, of which the place is the first.
    pub uses: u64,
}

impl Leak {
    /// Whether the run is not deterministic even if a second one agrees: a clock that is not the node's and a thread
    /// that is not the executor's go their own way another time.
    pub fn is_fatal(&self) -> bool {
        matches!(self.kind, LeakKind::Thread | LeakKind::Clock)
    }
}

/// What the captures and the count of draws say together, worst first, at most [`LEAKS_MAX`].
pub(super) fn collect(uses: BTreeMap<Use, Tally>, draws: Option<Draws>) -> Vec<Leak> {
    let symbols = LazyCell::new(Symbols::read);
    let mut places: BTreeMap<(LeakKind, Option<String>, Option<String>), Leak> = BTreeMap::new();
    for (what, tally) in uses {
        for capture in tally.captures {
            let stack = Stack::of(&capture.stack, &symbols);
            let kind = kind(what, &stack, draws);
            let Place {
                function,
                line,
                through,
            } = stack.place();
            let leak = places.entry((kind, function.clone(), line.clone())).or_insert(Leak {
                kind,
                function,
                line,
                through,
                uses: 0,
            });
            leak.uses += capture.uses;
        }
    }
    let mut leaks: Vec<Leak> = places.into_values().collect();
    match draws {
        Some(draws) => {
            complete(&mut leaks, LeakKind::Select, u64::from(draws.choice));
            complete(&mut leaks, LeakKind::HashOrder, draws.hash_maps);
        }
        // The thread was not fresh: its maps have keys that are nobody's, and cannot be counted.
        None => complete(&mut leaks, LeakKind::HashOrder, 1),
    }
    leaks.sort_by_key(|leak| (leak.kind, std::cmp::Reverse(leak.uses)));
    leaks.truncate(LEAKS_MAX);
    leaks
}

/// What a draw of hash keys was for is read from the stack, unless only one of the two can be.
fn kind(what: Use, stack: &Stack, draws: Option<Draws>) -> LeakKind {
    match (what, draws) {
        (Use::Thread, _) => LeakKind::Thread,
        (Use::Clock, _) => LeakKind::Clock,
        (Use::Entropy, _) => LeakKind::Entropy,
        (Use::HashKeys, Some(Draws { choice: false, .. })) => LeakKind::HashOrder,
        (Use::HashKeys, Some(Draws { hash_maps: 0, .. })) => LeakKind::Select,
        (Use::HashKeys, _) if CHOICES.iter().any(|choice| stack.has(choice)) => LeakKind::Select,
        (Use::HashKeys, _) => LeakKind::HashOrder,
    }
}

/// Brings in what was counted: without a place where there was no capture, because the other drew the keys first.
fn complete(leaks: &mut Vec<Leak>, kind: LeakKind, counted: u64) {
    match leaks.iter_mut().find(|leak| leak.kind == kind) {
        Some(leak) => leak.uses = leak.uses.max(counted),
        None if counted > 0 => leaks.push(Leak {
            kind,
            function: None,
            line: None,
            through: None,
            uses: counted,
        }),
        None => {}
    }
}
