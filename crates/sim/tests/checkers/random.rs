//! Random histories from fixed seeds: right ones are accepted, changed ones are judged as by trying every order.

use std::collections::BTreeMap;

use sim::history::Operation;
use sim::linearizability::{
    Counter, CounterInput, CounterOutput, List, ListInput, ListOutput, Outcome, Register, RegisterInput,
    RegisterOutput, Specification, Violation, check,
};

use crate::brute_force::explains;
use crate::recording::{Plan, Random, record};

/// An object in its plain form, one thing at a time, with inputs to draw and answers to falsify.
trait Object {
    type State: Clone + Default;
    type Specification: Specification<Input: Clone, Output: Clone + PartialEq>;

    fn specification() -> Self::Specification;
    fn draw(random: &mut Random, keys: u64) -> Input<Self>;
    fn act(state: &mut Self::State, input: &Input<Self>) -> Output<Self>;
    fn falsify(random: &mut Random, input: &Input<Self>, output: &mut Output<Self>);
}

type Input<T> = <<T as Object>::Specification as Specification>::Input;
type Output<T> = <<T as Object>::Specification as Specification>::Output;

struct Registers;

impl Object for Registers {
    type State = BTreeMap<u64, u64>;
    type Specification = Register<u64, u64>;

    fn specification() -> Self::Specification {
        Register::new()
    }

    fn draw(random: &mut Random, keys: u64) -> Input<Self> {
        let (key, value) = (random.below(keys), random.below(4));
        match random.below(5) {
            0 | 1 => RegisterInput::Read(key),
            2 | 3 => RegisterInput::Write(key, value),
            _ => RegisterInput::CompareAndSet(key, Some(random.below(4)).filter(|expected| *expected > 0), value),
        }
    }

    fn act(state: &mut Self::State, input: &Input<Self>) -> Output<Self> {
        match *input {
            RegisterInput::Read(key) => RegisterOutput::Value(state.get(&key).copied()),
            RegisterInput::Write(key, value) => {
                state.insert(key, value);
                RegisterOutput::Written
            }
            RegisterInput::CompareAndSet(key, expected, value) => {
                let set = state.get(&key).copied() == expected;
                if set {
                    state.insert(key, value);
                }
                RegisterOutput::Set(set)
            }
        }
    }

    fn falsify(random: &mut Random, _input: &Input<Self>, output: &mut Output<Self>) {
        match output {
            RegisterOutput::Value(value) => *value = Some(random.below(5)).filter(|value| *value < 4),
            RegisterOutput::Set(set) => *set = !*set,
            RegisterOutput::Written => {}
        }
    }
}

/// Accounts that are never below 0.
struct Accounts;

impl Object for Accounts {
    type State = BTreeMap<u64, i64>;
    type Specification = Counter<u64>;

    fn specification() -> Self::Specification {
        Counter::with_floor(0)
    }

    fn draw(random: &mut Random, keys: u64) -> Input<Self> {
        let key = random.below(keys);
        if random.chance(40) {
            CounterInput::Read(key)
        } else {
            CounterInput::Add(key, random.below(5) as i64 - 2)
        }
    }

    fn act(state: &mut Self::State, input: &Input<Self>) -> Output<Self> {
        match *input {
            CounterInput::Read(key) => CounterOutput::Total(state.get(&key).copied().unwrap_or(0)),
            CounterInput::Add(key, much) => {
                let total = state.entry(key).or_default();
                if *total + much < 0 {
                    return CounterOutput::Refused;
                }
                *total += much;
                // Some say to how much, some do not.
                if much % 2 == 0 {
                    CounterOutput::Added
                } else {
                    CounterOutput::Total(*total)
                }
            }
        }
    }

    fn falsify(random: &mut Random, input: &Input<Self>, output: &mut Output<Self>) {
        *output = match (input, &output) {
            (CounterInput::Add(_, much), CounterOutput::Refused) if much % 2 == 0 => CounterOutput::Added,
            (_, CounterOutput::Total(total)) => CounterOutput::Total(*total + random.below(3) as i64 - 1),
            (_, CounterOutput::Added) => CounterOutput::Refused,
            (_, CounterOutput::Refused) => CounterOutput::Total(random.below(3) as i64),
        };
    }
}

struct Lists;

impl Object for Lists {
    type State = BTreeMap<u64, Vec<u64>>;
    type Specification = List<u64, u64>;

    fn specification() -> Self::Specification {
        List::new()
    }

    fn draw(random: &mut Random, keys: u64) -> Input<Self> {
        let key = random.below(keys);
        if random.chance(40) {
            ListInput::Read(key)
        } else {
            ListInput::Append(key, random.below(3))
        }
    }

    fn act(state: &mut Self::State, input: &Input<Self>) -> Output<Self> {
        match *input {
            ListInput::Read(key) => ListOutput::Values(state.get(&key).cloned().unwrap_or_default()),
            ListInput::Append(key, value) => {
                let values = state.entry(key).or_default();
                values.push(value);
                if value == 0 {
                    ListOutput::Appended
                } else {
                    ListOutput::AppendedAt(values.len() - 1)
                }
            }
        }
    }

    fn falsify(random: &mut Random, _input: &Input<Self>, output: &mut Output<Self>) {
        match output {
            ListOutput::Values(values) if values.len() > 1 => values.reverse(),
            ListOutput::Values(values) => values.push(random.below(3)),
            ListOutput::AppendedAt(at) => *at = random.below(3) as usize,
            ListOutput::Appended => {}
        }
    }
}

type Operations<T> = Vec<Operation<Input<T>, Output<T>>>;

fn operations<T: Object>(random: &mut Random, plan: Plan, keys: u64) -> Operations<T> {
    record(
        random,
        plan,
        T::State::default(),
        &|random| T::draw(random, keys),
        &T::act,
    )
    .operations()
}

/// What was compared.
#[derive(Debug, Default)]
struct Tally {
    good: u32,
    bad: u32,
    incomplete: u32,
}

fn accepts_what_is_right<T: Object>(histories: u64, longest: u64) {
    for seed in 0..histories {
        let mut random = Random::new(seed);
        let plan = Plan {
            clients: 1 + random.below(8) as usize,
            operations: 1 + random.below(longest) as usize,
            lost_percent: [0, 5, 20][random.below(3) as usize],
        };
        let keys = 1 + random.below(4);
        let operations = operations::<T>(&mut random, plan, keys);
        let outcome = check(&T::specification(), &operations);
        assert!(outcome.is_linearizable(), "seed {seed}: {outcome:?}");
    }
}

fn agrees_with_every_order<T: Object>(histories: u64) -> Tally {
    let mut tally = Tally::default();
    for seed in 0..histories {
        let mut random = Random::new(seed);
        let plan = Plan {
            clients: 2 + random.below(3) as usize,
            operations: 6,
            lost_percent: 15,
        };
        let keys = 1 + random.below(2);
        let mut operations = operations::<T>(&mut random, plan, keys);
        let answered: Vec<usize> = (0..operations.len())
            .filter(|number| operations[*number].end.is_some())
            .collect();
        if !answered.is_empty() && random.chance(75) {
            let number = answered[random.below(answered.len() as u64) as usize];
            let Operation { input, end, .. } = &mut operations[number];
            if let Some((_, output)) = end {
                T::falsify(&mut random, input, output);
            }
        }
        tally.incomplete += u32::from(answered.len() < operations.len());
        let expected = explains(&operations, &T::State::default(), &T::act);
        match check(&T::specification(), &operations) {
            Outcome::Linearizable { .. } => {
                assert!(expected, "seed {seed}: accepted, but no order explains {operations:#?}");
                tally.good += 1;
            }
            Outcome::Violated(violation) => {
                assert!(!expected, "seed {seed}: refused, but an order explains it: {violation}");
                the_beginning_is_the_shortest::<T>(operations, &violation);
                tally.bad += 1;
            }
            undecided @ Outcome::Undecided { .. } => panic!("seed {seed}: {undecided:?}"),
        }
    }
    tally
}

/// No order explains it, and with every answer from its last one on unknown, one does.
fn the_beginning_is_the_shortest<T: Object>(mut operations: Operations<T>, violation: &Violation) {
    let at = violation.lines[violation.unexplained]
        .end
        .expect("an operation without an answer is never unexplained");
    operations.retain(|operation| {
        format!("{:?}", T::specification().key(&operation.input)) == violation.key && operation.begin < at
    });
    assert_eq!(operations.len(), violation.lines.len());
    assert!(!explains(&operations, &T::State::default(), &T::act), "{violation}");
    for operation in &mut operations {
        operation.end.take_if(|(end, _)| *end >= at);
    }
    assert!(explains(&operations, &T::State::default(), &T::act), "{violation}");
}

#[test]
fn what_registers_really_did_is_accepted() {
    accepts_what_is_right::<Registers>(3_000, 80);
}

#[test]
fn what_accounts_really_did_is_accepted() {
    accepts_what_is_right::<Accounts>(1_000, 60);
}

#[test]
fn what_lists_really_did_is_accepted() {
    accepts_what_is_right::<Lists>(1_000, 40);
}

#[test]
fn small_histories_of_registers_are_judged_as_by_trying_every_order() {
    let tally = agrees_with_every_order::<Registers>(10_000);
    assert!(
        tally.good > 2_000 && tally.bad > 2_000 && tally.incomplete > 2_000,
        "{tally:?}"
    );
}

#[test]
fn small_histories_of_accounts_are_judged_as_by_trying_every_order() {
    let tally = agrees_with_every_order::<Accounts>(5_000);
    assert!(
        tally.good > 1_000 && tally.bad > 1_000 && tally.incomplete > 1_000,
        "{tally:?}"
    );
}

#[test]
fn small_histories_of_lists_are_judged_as_by_trying_every_order() {
    let tally = agrees_with_every_order::<Lists>(5_000);
    assert!(
        tally.good > 1_000 && tally.bad > 1_000 && tally.incomplete > 1_000,
        "{tally:?}"
    );
}

#[test]
fn a_history_of_a_thousand_operations_takes_few_configurations() {
    for lost_percent in [0, 2, 10] {
        let plan = Plan {
            clients: 5,
            operations: 1_000,
            lost_percent,
        };
        let operations = operations::<Registers>(&mut Random::new(lost_percent), plan, 10);
        match check(&Registers::specification(), &operations) {
            Outcome::Linearizable { configurations } => assert!(configurations < 5_000, "{configurations}"),
            other => panic!("{other:?}"),
        }
    }
}
