//! Programs, how they are generated, and how long their waits are.

use std::time::Duration;

use proptest::prelude::{Just, Strategy, any, prop_oneof};

/// What a machine does.
#[terrace::data]
pub enum Step {
    Return(u32),
    Fail(u32),
    Panic,
    /// Waits this many microseconds.
    Sleep(u64),
    /// One after the other, to the first error.
    Each(Vec<Step>),
    /// All at once, then the first error in their order.
    Join(Vec<Step>),
    /// An error is a value.
    Try(Box<Step>),
    Call(u8, Mark, Box<Step>),
    Within(u64, Box<Step>),
    CancelAfter(u64, Box<Step>),
    /// On a task of its own, which is awaited.
    Spawn(Box<Step>),
    Finish(Box<Step>),
    Once(Box<Step>),
    Named(u8, Box<Step>),
}

/// Which method a call is of.
#[terrace::data]
#[derive(Copy)]
pub enum Mark {
    None,
    Read,
    Idempotent,
    Once,
    Deadline,
}

/// Programs without times, and a seed for those and for a placement.
pub fn programs() -> impl Strategy<Value = (Step, u64)> {
    let leaf = prop_oneof![
        4 => any::<u8>().prop_map(|value| Step::Return(value.into())),
        2 => any::<u8>().prop_map(|value| Step::Fail(value.into())),
        1 => Just(Step::Panic),
        6 => Just(Step::Sleep(0)),
    ];
    let step = leaf.prop_recursive(10, 96, 4, |step| {
        let boxed = step.clone().prop_map(Box::new);
        let some = || proptest::collection::vec(step.clone(), 1..4);
        prop_oneof![
            4 => some().prop_map(Step::Each),
            3 => some().prop_map(Step::Join),
            2 => boxed.clone().prop_map(Step::Try),
            16 => (0..3_u8, mark(), boxed.clone()).prop_map(|(machine, mark, step)| Step::Call(machine, mark, step)),
            2 => boxed.clone().prop_map(|step| Step::Within(0, step)),
            2 => boxed.clone().prop_map(|step| Step::CancelAfter(0, step)),
            1 => boxed.clone().prop_map(Step::Spawn),
            1 => boxed.clone().prop_map(Step::Finish),
            1 => boxed.clone().prop_map(Step::Once),
            3 => (0..2_u8, boxed).prop_map(|(key, step)| Step::Named(key, step)),
        ]
    });
    (step, any::<u64>())
}

fn mark() -> impl Strategy<Value = Mark> {
    prop_oneof![
        3 => Just(Mark::None),
        2 => Just(Mark::Read),
        1 => Just(Mark::Idempotent),
        1 => Just(Mark::Once),
        1 => Just(Mark::Deadline),
    ]
}

/// The program with a time of its own for each wait, and the sum of them: drawn from so many that no two sums of some of
/// them are equal, so that nothing happens at the same time by chance.
pub fn timed(program: &Step, seed: u64) -> (Step, Duration) {
    let (mut program, mut times) = (program.clone(), Times { seed, sum: 0 });
    times.give(&mut program, false);
    (program, Duration::from_micros(times.sum) + Duration::from_secs(10))
}

struct Times {
    seed: u64,
    sum: u64,
}

impl Times {
    /// Up to four seconds (SplitMix64: G. Steele and others, "Fast Splittable Pseudorandom Number Generators", 2014).
    fn next(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let micros = 1 + (mixed ^ mixed >> 31) % 4_000_000;
        self.sum += micros;
        micros
    }

    /// A panic beside other steps leaves their tasks behind, and nothing is promised of what those see of a call that is
    /// over: there it becomes a failure.
    fn give(&mut self, step: &mut Step, beside_others: bool) {
        if beside_others && *step == Step::Panic {
            *step = Step::Fail(0);
        }
        match step {
            // What ends has taken time, so that nothing else happens at that instant.
            Step::Return(_) | Step::Fail(_) | Step::Panic => {
                *step = Step::Each(vec![Step::Sleep(self.next()), step.clone()]);
            }
            Step::Sleep(micros) => *micros = self.next(),
            Step::Within(micros, step) | Step::CancelAfter(micros, step) => {
                *micros = self.next();
                self.give(step, beside_others);
            }
            Step::Each(steps) => steps.iter_mut().for_each(|step| self.give(step, beside_others)),
            Step::Join(steps) => steps.iter_mut().for_each(|step| self.give(step, true)),
            Step::Call(_, _, step) => self.give(step, false),
            Step::Try(step) | Step::Spawn(step) | Step::Finish(step) | Step::Once(step) | Step::Named(_, step) => {
                self.give(step, beside_others);
            }
        }
    }
}
