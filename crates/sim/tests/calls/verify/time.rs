//! Deadlines and cancellation, on each node's own clock: what a pause, a slow step or a jump explains is no violation.

use std::time::Duration;

use sim::Model;
use sim::fault::Fault;
use terrace::CallErrorKind;

use crate::book::{Issue, Replied};
use crate::verify::Account;
use crate::worker::Trouble;

/// By how much a timer may be late by itself.
const TIMER_LATE_MAX: Duration = Duration::from_micros(1_100);
/// A step that has begun ends after its node is no longer paused or slow.
const STEP_MAX: Duration = Duration::from_millis(60);
/// What handling the news of a cancellation may take, beside their way.
const NEWS_HANDLED: Duration = Duration::from_millis(1);

pub(super) fn verify(account: &Account<'_>, model: &Model, found: &mut Vec<String>) {
    let harmless = account.outcome.faults.iter().all(harmless_to_news);
    let news_max = model.delay_max().filter(|_| harmless).map(|way| way + NEWS_HANDLED);
    for (number, issue) in account.state.issues.iter().enumerate() {
        remaining(account, number, issue, found);
        ends(account, number, issue, found);
        cancelled(account, issue, found);
        if let Some(news_max) = news_max {
            told(account, number, issue, news_max, found);
        }
    }
    for run in &account.state.runs {
        let (Some((at, clock)), Some(deadline)) = (run.over, run.deadline) else {
            continue;
        };
        let late = clock.saturating_duration_since(deadline);
        if late > TIMER_LATE_MAX && !explained(account, run.boot, late, at) {
            let name = account.name(account.issue_of(run));
            found.push(format!("deadline: a handler of {name} ran {late:?} beyond its time"));
        }
    }
}

fn remaining(account: &Account<'_>, number: usize, issue: &Issue, found: &mut Vec<String>) {
    for start in account.starts(number) {
        if start.remaining.is_none_or(|remaining| remaining > start.left) {
            let name = account.name(issue);
            found.push(format!(
                "deadline: {name} says that {:?} remain, not {:?}",
                start.remaining, start.left
            ));
        }
    }
    for run in account.runs(number) {
        let sent = account.state.starts[run.start].remaining;
        if run.remaining.is_none_or(|remaining| Some(remaining) > sent) {
            let name = account.name(issue);
            found.push(format!("deadline: {name} began with {:?} of {sent:?}", run.remaining));
        }
    }
    let of_caller = issue.parent.and_then(|run| account.state.runs[run].deadline);
    if of_caller.is_some_and(|of_caller| issue.deadline > of_caller) {
        found.push(format!(
            "deadline: {} has more time than its caller",
            account.name(issue)
        ));
    }
}

fn ends(account: &Account<'_>, number: usize, issue: &Issue, found: &mut Vec<String>) {
    let Some(ended) = &issue.ended else { return };
    let late = ended.clock.saturating_duration_since(issue.deadline);
    if late > TIMER_LATE_MAX && !explained(account, issue.boot, late, ended.at) {
        let name = account.name(issue);
        found.push(format!("deadline: {name} ended {late:?} late: {:?}", ended.result));
    }
    if let Err(Trouble::Call(error)) = &ended.result {
        let over = ended.clock >= issue.deadline;
        let by_callee = account.starts(number).any(|start| match &start.reply {
            Some(Replied::Failed(error)) => error.kind() == CallErrorKind::DeadlineExceeded,
            _ => false,
        });
        if error.kind() == CallErrorKind::DeadlineExceeded && !over && !by_callee {
            found.push(format!(
                "deadline: {} ended before its time: {error}",
                account.name(issue)
            ));
        }
    }
}

fn cancelled(account: &Account<'_>, issue: &Issue, found: &mut Vec<String>) {
    let (Some((_, clock)), Some(ended)) = (issue.cancelled, &issue.ended) else {
        return;
    };
    let late = ended.clock.saturating_duration_since(clock);
    if !late.is_zero() && !explained(account, issue.boot, late, ended.at) {
        let name = account.name(issue);
        found.push(format!("cancellation: {name} went on for {late:?}: {:?}", ended.result));
    }
    if let Err(Trouble::Call(error)) = &ended.result
        && error.kind() == CallErrorKind::Cancelled
        && error.certainly_did_not_run()
    {
        found.push(format!(
            "cancellation: {} was issued before: {error}",
            account.name(issue)
        ));
    }
}

/// What runs for a cancelled call is dropped when the news arrives.
fn told(account: &Account<'_>, number: usize, issue: &Issue, news_max: Duration, found: &mut Vec<String>) {
    let Some((at, _)) = issue.cancelled else { return };
    for run in account.runs(number) {
        let late = run.over.map(|(over, _)| over.saturating_sub(at));
        if late.is_none_or(|late| late > news_max) {
            let name = account.name(issue);
            found.push(format!("cancellation: a handler of {name} ran on for {late:?}"));
        }
    }
}

fn harmless_to_news(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Crash { .. } | Fault::Skew { .. } | Fault::Buggify { .. } | Fault::Full { .. } | Fault::Rot { .. }
    )
}

/// Whether something that struck the node in that time explains why it was late.
fn explained(account: &Account<'_>, boot: usize, late: Duration, at: Duration) -> bool {
    let node = account.node(boot);
    let until_us = at.as_micros() as u64;
    let since_us = at.saturating_sub(late + STEP_MAX).as_micros() as u64;
    let in_time = |at_us: u64, for_us: u64| at_us <= until_us && at_us + for_us >= since_us;
    account.outcome.faults.iter().any(|fault| match fault {
        Fault::Pause {
            node: struck,
            at_us,
            for_us,
        }
        | Fault::Slow {
            node: struck,
            at_us,
            for_us,
            ..
        } => struck == node && in_time(*at_us, *for_us),
        Fault::Jump {
            node: struck, at_us, ..
        } => struck == node && (since_us..=until_us).contains(at_us),
        _ => false,
    })
}
