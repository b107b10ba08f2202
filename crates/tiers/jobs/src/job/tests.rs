//! The life of jobs, without a database.

use std::time::Duration;

use super::{Input, Life, Next, Part, Plan, State, step};
use crate::backoff::Backoff;
use crate::error::JobError;

fn plan(steps: &[(&str, bool)], attempts_max: u32) -> Plan {
    Plan {
        steps: steps.iter().map(|(name, undo)| ((*name).to_owned(), *undo)).collect(),
        backoff: Backoff {
            attempts_max,
            ..Backoff::default()
        },
    }
}

const ORDER: [(&str, bool); 3] = [("reserve", true), ("charge", true), ("ship", false)];

/// Runs `life` from a claim on. `fate` says how each part ends; a wait is a claim later.
fn run(
    life: &mut Life,
    plan: &Plan,
    mut fate: impl FnMut(Part) -> Result<(), JobError>,
) -> (Vec<String>, State, String) {
    let mut seen = Vec::new();
    life.attempts += 1;
    let mut next = step(life, plan, Input::Claimed, 0);
    loop {
        match next {
            Next::Run(part) => {
                seen.push(match part {
                    Part::Whole => "whole".to_owned(),
                    Part::Step(index) => plan.steps[index].0.clone(),
                    Part::Undo(index) => format!("undo {}", plan.steps[index].0),
                });
                let input = match fate(part) {
                    Ok(()) => Input::Answered(part),
                    Err(error) => Input::Failed(part, error),
                };
                next = step(life, plan, input, 7);
            }
            Next::Wait { .. } => {
                life.attempts += 1;
                next = step(life, plan, Input::Claimed, 0);
            }
            Next::End { state, reason } => return (seen, state, reason.unwrap_or_default()),
        }
    }
}

#[test]
fn a_job_is_parked_after_its_last_attempt_and_says_how_many_there_were() {
    let (seen, state, reason) = run(&mut Life::default(), &plan(&[], 3), |_| {
        Err(JobError::retry("no stock"))
    });
    assert_eq!((seen.len(), state), (3, State::Parked));
    assert_eq!(reason, "no stock (the last of 3 attempts)");
}

#[test]
fn steps_run_in_order_and_each_has_attempts_of_its_own() {
    let mut failures = [1, 2, 1];
    let (seen, state, _) = run(&mut Life::default(), &plan(&ORDER, 3), |part| match part {
        Part::Step(index) if failures[index] > 0 => {
            failures[index] -= 1;
            Err(JobError::retry("later"))
        }
        _ => Ok(()),
    });
    assert_eq!(state, State::Done);
    assert_eq!(
        seen,
        ["reserve", "reserve", "charge", "charge", "charge", "ship", "ship"]
    );
}

#[test]
fn what_may_have_happened_is_taken_back_newest_first() {
    let mut life = Life::default();
    let (seen, state, reason) = run(&mut life, &plan(&ORDER, 3), |part| match part {
        Part::Step(1) => Err(JobError::fail("no money")),
        _ => Ok(()),
    });
    assert_eq!(seen, ["reserve", "charge", "undo charge", "undo reserve"]);
    assert_eq!(state, State::Parked);
    assert_eq!(
        reason,
        "compensated: step `charge` failed: no money; undone: charge, reserve"
    );
    assert!(life.progress.undoing.is_some_and(|undoing| undoing.complete));
}

#[test]
fn a_compensation_that_fails_says_what_is_left_and_a_replay_goes_on_there() {
    let (mut life, plan) = (Life::default(), plan(&ORDER, 2));
    let (seen, state, reason) = run(&mut life, &plan, |part| match part {
        Part::Step(2) => Err(JobError::fail("no truck")),
        Part::Undo(0) => Err(JobError::retry("closed")),
        _ => Ok(()),
    });
    assert_eq!(
        seen,
        [
            "reserve",
            "charge",
            "ship",
            "undo charge",
            "undo reserve",
            "undo reserve"
        ]
    );
    assert_eq!(state, State::Parked);
    assert_eq!(
        reason,
        "step `ship` failed: no truck; the compensation of step `reserve` failed: closed (the last of 2 attempts); undone: \
         charge; not undone: reserve"
    );
    life.attempts = 0;
    let (seen, state, _) = run(&mut life, &plan, |_| Ok(()));
    assert_eq!((seen, state), (vec!["undo reserve".to_owned()], State::Parked));
}

#[test]
fn without_a_compensation_a_failed_step_parks_and_is_gone_on_from() {
    let (mut life, plan) = (Life::default(), plan(&[("one", false), ("two", false)], 2));
    let (_, state, reason) = run(&mut life, &plan, |part| match part {
        Part::Step(1) => Err(JobError::fail("no")),
        _ => Ok(()),
    });
    assert_eq!((state, reason.as_str()), (State::Parked, "step `two` failed: no"));
    life.attempts = 0;
    assert_eq!(run(&mut life, &plan, |_| Ok(())).0, ["two"]);
}

#[test]
fn a_cancelled_job_that_has_begun_is_taken_back() {
    let mut life = Life {
        cancelling: true,
        ..Life::default()
    };
    life.progress.done.push("reserve".to_owned());
    let (seen, state, reason) = run(&mut life, &plan(&ORDER, 2), |_| Ok(()));
    // The step after it may be under way.
    assert_eq!(seen, ["undo charge", "undo reserve"]);
    assert_eq!(
        (state, reason.as_str()),
        (State::Cancelled, "cancelled; undone: charge, reserve")
    );
}

#[test]
fn a_job_whose_worker_is_lost_each_time_is_parked_in_the_end_and_taken_back_before() {
    let plan = plan(&ORDER, 2);
    let mut life = Life::default();
    life.progress.done.push("reserve".to_owned());
    life.attempts = 1;
    assert!(matches!(step(&mut life, &plan, Input::Lost, 0), Next::Wait { .. }));
    life.attempts = 2;
    let next = step(&mut life, &plan, Input::Lost, 0);
    assert!(
        matches!(
            next,
            Next::Wait {
                after: Duration::ZERO,
                ..
            }
        ),
        "{next:?}"
    );
    assert_eq!(run(&mut life, &plan, |_| Ok(())).0, ["undo charge", "undo reserve"]);
    let mut whole = Life {
        attempts: 2,
        ..Life::default()
    };
    let next = step(
        &mut whole,
        &super::Plan {
            steps: Vec::new(),
            ..plan
        },
        Input::Lost,
        0,
    );
    assert!(
        matches!(
            next,
            Next::End {
                state: State::Parked,
                ..
            }
        ),
        "{next:?}"
    );
}
