//! What becomes of a job, as a pure function of what it is and what happened to it.
//!
//! ```text
//! enqueued ──► waiting ──claimed──► running ──answered──► done
//!                 ▲  ▲                │ │ └────failed for good, attempts over──► parked ──replayed──► waiting
//!                 │  └──failed, later─┘ │
//!                 └──lease lost─────────┘        any of waiting, running ──cancelled──► cancelled
//! ```
//!
//! A claim counts the fence up, and so does whatever takes a lease away; whoever writes the end of an attempt names the
//! fence it was claimed with, and where that is not the job's any more nothing is changed.
//!
//! The steps of a job, and their compensations, are a saga (Garcia-Molina and Salem, *Sagas*, SIGMOD 1987): forward step by
//! step, and when a step has failed for good backward over all that may have happened, newest first.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::backoff::Backoff;
use crate::error::JobError;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// For its time, or for a free worker.
    Waiting,
    /// Somebody has it under a lease.
    Running,
    /// It is not tried again by itself; its reason says why.
    Parked,
    /// It has run to its end.
    Done,
    /// Somebody did not want it any more.
    Cancelled,
}

impl State {
    /// Each of them.
    pub const ALL: [State; 5] = [
        State::Waiting,
        State::Running,
        State::Parked,
        State::Done,
        State::Cancelled,
    ];

    /// The word for it, in the table and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Running => "running",
            State::Parked => "parked",
            State::Done => "done",
            State::Cancelled => "cancelled",
        }
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.word() == word)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How far a job with steps has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps that have answered, by name.
    pub done: Vec<String>,
    /// What is being taken back, once a step has failed for good.
    pub undoing: Option<Undoing>,
}

/// Taking back what was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undoing {
    /// Why.
    pub why: String,
    /// The last step that may have happened.
    pub from: String,
    /// Steps whose compensation has answered.
    pub undone: Vec<String>,
    /// Whether all is taken back.
    pub complete: bool,
}

/// What is known of a job between its attempts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Life {
    /// Attempts of the part that comes next, the running one included.
    pub attempts: u32,
    pub progress: Progress,
    /// It was cancelled after it had begun: what it did is taken back.
    pub cancelling: bool,
}

/// What a job consists of.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Names, and whether there is a compensation. Without steps the job is one whole.
    pub steps: Vec<(String, bool)>,
    pub backoff: Backoff,
}

/// One thing to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    Step(usize),
    Undo(usize),
}

/// What happened.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// A worker has it under a lease.
    Claimed,
    /// A part of it has answered.
    Answered(Part),
    /// A part of it has failed.
    Failed(Part, JobError),
    /// The lease ended and its holder has said nothing.
    Lost,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Run this, under the same lease.
    Run(Part),
    /// Try again after so much time.
    Wait { after: Duration, reason: String },
    /// It is over.
    End { state: State, reason: Option<String> },
}

/// What comes next for `life` after `input`. `random` spreads the waits.
pub(crate) fn step(life: &mut Life, plan: &Plan, input: Input, random: u64) -> Next {
    match input {
        Input::Claimed => {
            if life.cancelling && life.progress.undoing.is_none() && !plan.steps.is_empty() {
                let from = next_step(life, plan).unwrap_or(plan.steps.len() - 1);
                undo(life, plan, from, "it was cancelled".to_owned());
            }
            next(life, plan)
        }
        Input::Answered(part) => {
            match part {
                Part::Whole => return end(State::Done, None),
                Part::Step(index) => life.progress.done.push(plan.steps[index].0.clone()),
                Part::Undo(index) => {
                    let undoing = life.progress.undoing.get_or_insert_default();
                    undoing.undone.push(plan.steps[index].0.clone());
                }
            }
            life.attempts = 1;
            next(life, plan)
        }
        Input::Failed(part, error) => failed(life, plan, part, error, random),
        Input::Lost => {
            let lost = JobError::Retry(LOST.to_owned());
            match next(life, plan) {
                Next::Run(part) => match failed(life, plan, part, lost, random) {
                    // Nobody has it now: whoever claims it next goes on there.
                    Next::Run(_) => {
                        life.attempts = 0;
                        Next::Wait {
                            after: Duration::ZERO,
                            reason: LOST.to_owned(),
                        }
                    }
                    other => other,
                },
                other => other,
            }
        }
    }
}

const LOST: &str = "its worker was lost, or stood still for longer than its lease";

fn failed(life: &mut Life, plan: &Plan, part: Part, error: JobError, random: u64) -> Next {
    let why = match error {
        JobError::Retry(why) => match plan.backoff.delay(life.attempts, random) {
            Some(after) => return Next::Wait { after, reason: why },
            None => format!("{why} (the last of {} attempts)", life.attempts),
        },
        JobError::Fail(why) => why,
    };
    match part {
        Part::Whole => end(State::Parked, Some(why)),
        Part::Step(index) => {
            let why = format!("step `{}` failed: {why}", plan.steps[index].0);
            if plan.steps[..=index].iter().all(|(_, undo)| !undo) {
                return end(State::Parked, Some(why));
            }
            undo(life, plan, index, why);
            next(life, plan)
        }
        Part::Undo(index) => {
            let undoing = life.progress.undoing.clone().unwrap_or_default();
            let left: Vec<&str> = to_undo(plan, &undoing)
                .map(|index| plan.steps[index].0.as_str())
                .collect();
            let reason = format!(
                "{}; the compensation of step `{}` failed: {why}; undone: {}; not undone: {}",
                undoing.why,
                plan.steps[index].0,
                listed(&undoing.undone),
                left.join(", "),
            );
            end(State::Parked, Some(reason))
        }
    }
}

/// Begins to take back what was done up to step `from`, which may have happened although it failed.
fn undo(life: &mut Life, plan: &Plan, from: usize, why: String) {
    life.attempts = 1;
    life.progress.undoing = Some(Undoing {
        why,
        from: plan.steps[from].0.clone(),
        ..Undoing::default()
    });
}

/// The part that comes next.
fn next(life: &mut Life, plan: &Plan) -> Next {
    if plan.steps.is_empty() {
        return Next::Run(Part::Whole);
    }
    let Some(undoing) = &mut life.progress.undoing else {
        return match next_step(life, plan) {
            Some(index) => Next::Run(Part::Step(index)),
            None => end(State::Done, None),
        };
    };
    if let Some(index) = to_undo(plan, undoing).next() {
        return Next::Run(Part::Undo(index));
    }
    undoing.complete = true;
    let undone = listed(&undoing.undone);
    match life.cancelling {
        true => end(State::Cancelled, Some(format!("cancelled; undone: {undone}"))),
        false => end(
            State::Parked,
            Some(format!("compensated: {}; undone: {undone}", undoing.why)),
        ),
    }
}

fn next_step(life: &Life, plan: &Plan) -> Option<usize> {
    plan.steps
        .iter()
        .position(|(name, _)| !life.progress.done.contains(name))
}

/// What is to be taken back still, newest first. A step that this program does not know any more bounds nothing.
fn to_undo<'a>(plan: &'a Plan, undoing: &'a Undoing) -> impl Iterator<Item = usize> + 'a {
    let from = plan.steps.iter().position(|(name, _)| *name == undoing.from);
    let end = from.map_or(plan.steps.len(), |from| from + 1);
    (0..end).rev().filter(|index| {
        let (name, undo) = &plan.steps[*index];
        *undo && !undoing.undone.contains(name)
    })
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}

fn end(state: State, reason: Option<String>) -> Next {
    Next::End { state, reason }
}

#[cfg(test)]
mod tests;
