//! The search for an order of the operations on one key.
//!
//! It goes from answer to answer, by the time they came. An answer is passed once its operation has its place in the
//! order; operations that overlap it may be placed before it, no others. Placing them only then loses nothing: each could
//! be moved to just before the first answer that comes after it in the order. What is left to decide is the same for all
//! orders with the same *configuration*: the answer to pass next, which overlapping operations are placed already, which
//! unanswered ones took effect, and the state. The configuration that got furthest is continued first, and of those the
//! one that assumes the fewest effects that nobody acknowledged.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::{Specification, ended};
use crate::history::{Moment, Operation};

/// States that a violation lists at most.
const STATES_SHOWN_MAX: usize = 8;

/// How a search ended.
pub(super) enum Ending<State> {
    /// An order explains every answer.
    Explained {
        /// How many were looked at.
        configurations: usize,
    },
    /// No order gets past an answer.
    Stuck {
        /// When it came.
        answer: Moment,
        /// Some of the states that the object may have been in.
        states: BTreeSet<State>,
    },
    /// There were too many configurations.
    GivenUp {
        /// How many answers some order explains.
        explained: usize,
        /// Of how many.
        answers: usize,
    },
}

/// A search in progress.
pub(super) struct Search<'a, S: Specification> {
    specification: &'a S,
    answers: Vec<Answer<'a, S>>,
    unanswered: Vec<Unanswered<'a, S>>,
    /// For each answer to pass.
    seen: Vec<Seen<S::State>>,
    frontier: BinaryHeap<Ranked<S::State>>,
    configurations: usize,
    comparisons: usize,
    kept: usize,
    furthest: usize,
    furthest_states: BTreeSet<S::State>,
    explained: bool,
}

/// An operation that was answered. They are numbered by when that was.
struct Answer<'a, S: Specification> {
    at: Moment,
    input: &'a S::Input,
    output: &'a S::Output,
    is_read: bool,
    /// Those that began before this answer and were answered after it.
    overlapping: Vec<u32>,
}

/// Operations without an answer that ask for the same. Those that began can stand in for each other, for none ever ends.
struct Unanswered<'a, S: Specification> {
    input: &'a S::Input,
    begins: Vec<Moment>,
}

/// What is decided.
struct Configuration<State> {
    /// The answer to pass next.
    position: usize,
    /// The answers from there on whose operations are placed.
    placed: Bag,
    /// The unanswered operations that took effect, by the number of their group.
    effects: Bag,
    state: State,
}

/// By what is placed and by the state: the smallest collections of unanswered effects they were seen with.
type Seen<State> = BTreeMap<(Bag, State), Vec<Bag>>;

/// What was tried of a configuration. A history that holds seldom needs more than the first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tried {
    Nothing,
    Own,
    Answered,
}

impl<'a, S: Specification> Search<'a, S> {
    /// A search over the operations of one key, which are sorted by their beginnings.
    pub(super) fn new(
        specification: &'a S,
        operations: &[&'a Operation<S::Input, S::Output>],
        initial: S::State,
    ) -> Self {
        let answers = answers(specification, operations);
        let mut unanswered: Vec<Unanswered<'a, S>> = Vec::new();
        for operation in operations.iter().filter(|operation| operation.end.is_none()) {
            match unanswered.iter_mut().find(|group| *group.input == operation.input) {
                Some(group) => group.begins.push(operation.begin),
                None => unanswered.push(Unanswered {
                    input: &operation.input,
                    begins: vec![operation.begin],
                }),
            }
        }
        let mut search = Self {
            specification,
            seen: answers.iter().map(|_| BTreeMap::new()).collect(),
            answers,
            unanswered,
            frontier: BinaryHeap::new(),
            configurations: 0,
            comparisons: 0,
            kept: 0,
            furthest: 0,
            furthest_states: BTreeSet::new(),
            explained: false,
        };
        search.admit(Configuration {
            position: 0,
            placed: Bag::default(),
            effects: Bag::default(),
            state: initial,
        });
        search
    }

    /// Searches until an order is found, none is left to try, or the limit is reached.
    pub(super) fn run(mut self, comparisons_max: usize) -> Ending<S::State> {
        while !self.explained {
            let Some(next) = self.frontier.pop() else {
                let answer = self.answers[self.furthest].at;
                return Ending::Stuck {
                    answer,
                    states: self.furthest_states,
                };
            };
            if self.comparisons > comparisons_max {
                return Ending::GivenUp {
                    explained: self.furthest,
                    answers: self.answers.len(),
                };
            }
            self.expand(next);
        }
        Ending::Explained {
            configurations: self.configurations,
        }
    }

    /// Tries the operations that may come next in the order: first the one whose answer is to be passed; when that led
    /// nowhere the others that were answered; and at last those of which nobody knows.
    fn expand(
        &mut self,
        Ranked {
            tried, configuration, ..
        }: Ranked<S::State>,
    ) {
        match tried {
            Tried::Nothing => {
                self.place(&configuration, configuration.position as u32);
                self.keep(Tried::Own, configuration);
            }
            Tried::Own => {
                for number in self.answers[configuration.position].overlapping.clone() {
                    self.place(&configuration, number);
                }
                self.keep(Tried::Answered, configuration);
            }
            Tried::Answered => self.assume(&configuration),
        }
    }

    /// Places an answered operation next.
    fn place(
        &mut self,
        Configuration {
            position,
            placed,
            effects,
            state,
        }: &Configuration<S::State>,
        number: u32,
    ) {
        let Answer { input, output, .. } = self.answers[number as usize];
        if placed.contains(number) {
            return;
        }
        if let Some(state) = self.specification.apply(state, input, output) {
            let (placed, effects) = (placed.with(number), effects.clone());
            self.admit(Configuration {
                position: *position,
                placed,
                effects,
                state,
            });
        }
    }

    /// Assumes of each operation without an answer, if it began, that it took effect next.
    fn assume(
        &mut self,
        Configuration {
            position,
            placed,
            effects,
            state,
        }: &Configuration<S::State>,
    ) {
        let now = self.answers[*position].at;
        for group in 0..self.unanswered.len() {
            let Unanswered { input, ref begins } = self.unanswered[group];
            let begun = begins.partition_point(|begin| *begin < now);
            let number = group as u32;
            if effects.count(number) == begun {
                continue;
            }
            for state in self.specification.apply_unknown(state, input) {
                let (placed, effects) = (placed.clone(), effects.with(number));
                self.admit(Configuration {
                    position: *position,
                    placed,
                    effects,
                    state,
                });
            }
        }
    }

    /// Keeps a configuration for later, unless one that can do all that it can was seen.
    fn admit(&mut self, mut configuration: Configuration<S::State>) {
        self.settle(&mut configuration);
        let Configuration {
            position,
            placed,
            effects,
            state,
        } = &configuration;
        if *position == self.answers.len() {
            self.explained = true;
            return;
        }
        // Whoever assumed fewer of the same effects may still assume the others later, or never.
        let seen = self.seen[*position].entry((placed.clone(), state.clone())).or_default();
        self.comparisons += 1 + seen.len();
        if seen.iter().any(|smaller| smaller.is_within(effects)) {
            return;
        }
        seen.retain(|larger| !effects.is_within(larger));
        seen.push(effects.clone());
        self.configurations += 1;
        if *position > self.furthest {
            self.furthest = *position;
            self.furthest_states.clear();
        }
        if *position == self.furthest && self.furthest_states.len() < STATES_SHOWN_MAX {
            self.furthest_states.insert(state.clone());
        }
        self.keep(Tried::Nothing, configuration);
    }

    /// Keeps it for what was not tried yet, behind those that got as far with less.
    fn keep(&mut self, tried: Tried, configuration: Configuration<S::State>) {
        let Configuration {
            position,
            placed,
            effects,
            ..
        } = &configuration;
        let effects = effects.len() + usize::from(tried == Tried::Answered);
        let placed = placed.len() + usize::from(tried == Tried::Own);
        self.kept += 1;
        let rank = (*position, Reverse(effects), Reverse(placed), Reverse(self.kept));
        self.frontier.push(Ranked {
            rank,
            tried,
            configuration,
        });
    }

    /// Places the reads that fit, and passes the answers whose operations are placed. Neither is a choice.
    fn settle(&self, configuration: &mut Configuration<S::State>) {
        while configuration.position < self.answers.len() {
            for number in self.candidates(configuration.position) {
                let Answer {
                    input, output, is_read, ..
                } = self.answers[number as usize];
                if is_read
                    && !configuration.placed.contains(number)
                    && self.specification.apply(&configuration.state, input, output).is_some()
                {
                    configuration.placed = configuration.placed.with(number);
                }
            }
            if !configuration.placed.remove(configuration.position as u32) {
                return;
            }
            configuration.position += 1;
        }
    }

    /// The answered operations that may be placed before an answer, its own first.
    fn candidates(&self, position: usize) -> impl Iterator<Item = u32> + use<S> {
        let overlapping = self.answers[position].overlapping.clone();
        std::iter::once(position as u32).chain(overlapping)
    }
}

fn answers<'a, S: Specification>(
    specification: &S,
    operations: &[&'a Operation<S::Input, S::Output>],
) -> Vec<Answer<'a, S>> {
    let mut answered: Vec<_> = operations.iter().filter(|operation| operation.end.is_some()).collect();
    answered.sort_by_key(|operation| ended(operation));
    let mut by_begin: Vec<(Moment, u32)> = Vec::new();
    for (number, operation) in answered.iter().enumerate() {
        by_begin.push((operation.begin, number as u32));
    }
    by_begin.sort_unstable();
    let mut by_begin = by_begin.into_iter().peekable();
    let mut open: BTreeSet<u32> = BTreeSet::new();
    let mut answers = Vec::new();
    for (number, operation) in answered.iter().enumerate() {
        let Some((at, output)) = &operation.end else { continue };
        while let Some((_, begun)) = by_begin.next_if(|(begin, _)| begin < at) {
            open.insert(begun);
        }
        open.remove(&(number as u32));
        answers.push(Answer {
            at: *at,
            input: &operation.input,
            output,
            is_read: specification.is_read(&operation.input, output),
            overlapping: open.iter().copied().collect(),
        });
    }
    answers
}

/// A configuration in the order in which they are continued; the last part makes that the same in every run.
struct Ranked<State> {
    rank: (usize, Reverse<usize>, Reverse<usize>, Reverse<usize>),
    tried: Tried,
    configuration: Configuration<State>,
}

impl<State> PartialEq for Ranked<State> {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl<State> Eq for Ranked<State> {}

impl<State> PartialOrd for Ranked<State> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<State> Ord for Ranked<State> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

/// A few numbers, sorted, each as often as it was put in. Shorter than a bit for each operation of a long history.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Bag(Vec<u32>);

impl Bag {
    fn with(&self, number: u32) -> Self {
        let mut numbers = Vec::with_capacity(self.0.len() + 1);
        let at = self.0.partition_point(|other| *other <= number);
        numbers.extend_from_slice(&self.0[..at]);
        numbers.push(number);
        numbers.extend_from_slice(&self.0[at..]);
        Self(numbers)
    }

    fn remove(&mut self, number: u32) -> bool {
        let found = self.0.binary_search(&number);
        found.map(|at| self.0.remove(at)).is_ok()
    }

    fn contains(&self, number: u32) -> bool {
        self.0.binary_search(&number).is_ok()
    }

    fn count(&self, number: u32) -> usize {
        self.0.partition_point(|other| *other <= number) - self.0.partition_point(|other| *other < number)
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the other has each number at least as often.
    fn is_within(&self, other: &Self) -> bool {
        let mut others = other.0.iter();
        self.0.iter().all(|number| others.any(|other| other == number))
    }
}

#[cfg(test)]
mod tests {
    use super::Bag;

    #[test]
    fn a_bag_is_within_another_that_has_each_number_as_often() {
        let of = |numbers: &[u32]| numbers.iter().fold(Bag::default(), |bag, number| bag.with(*number));
        assert!(of(&[]).is_within(&of(&[1])));
        assert!(of(&[3, 1]).is_within(&of(&[1, 2, 3])));
        assert!(of(&[2, 2]).is_within(&of(&[2, 1, 2])));
        assert!(!of(&[2, 2]).is_within(&of(&[1, 2, 3])));
        assert!(!of(&[4]).is_within(&of(&[1, 2, 3])));
        assert_eq!((of(&[5, 2, 5]).count(5), of(&[5, 2, 5]).count(3)), (2, 0));
    }
}
