//! Certainty, answers, how often a call and its effect happen, the budget of retries, cancellation, leaks, progress.

use std::collections::BTreeMap;

use component::limits::{ATTEMPTS_MAX, RETRY_BURST_MAX, RETRY_PERCENT};
use terrace::CallErrorKind;

use crate::book::{Issue, Replied};
use crate::program::Mark;
use crate::verify::Account;
use crate::worker::Trouble;

pub(super) fn verify(account: &Account<'_>, found: &mut Vec<String>) {
    for (number, issue) in account.state.issues.iter().enumerate() {
        certainty(account, number, issue, found);
        answers(account, number, issue, found);
        at_most_once(account, number, issue, found);
        attempts(account, number, issue, found);
        last(account, issue, found);
    }
    effects(account, found);
    budgets(account, found);
    leaks(account, found);
}

fn certainty(account: &Account<'_>, number: usize, issue: &Issue, found: &mut Vec<String>) {
    match issue.ended.as_ref().map(|ended| &ended.result) {
        Some(Err(Trouble::Call(error))) if error.certainly_did_not_run() && !account.runs[number].is_empty() => {
            found.push(format!("certainty: {} ran and says: {error}", account.name(issue)));
        }
        Some(Err(Trouble::Below(_, error))) if error.certainly_did_not_run() => {
            found.push(format!(
                "certainty: it crossed a hop: {} says: {error}",
                account.name(issue)
            ));
        }
        _ => {}
    }
}

fn answers(account: &Account<'_>, number: usize, issue: &Issue, found: &mut Vec<String>) {
    let Some(ended) = &issue.ended else { return };
    if matches!(ended.result, Err(Trouble::Call(_))) {
        return;
    }
    let given = account.runs(number).any(|run| {
        run.answered
            .as_ref()
            .is_some_and(|answered| same(answered, &ended.result))
    });
    if !given {
        found.push(format!(
            "answer: no run of {} answered {:?}",
            account.name(issue),
            ended.result
        ));
    }
}

/// Whether both are one answer; what a failure says of its callee changes on the way.
fn same(given: &Result<u64, Trouble>, got: &Result<u64, Trouble>) -> bool {
    match (given, got) {
        (Err(Trouble::Below(given, one)), Err(Trouble::Below(got, other))) => {
            given == got && (one.kind(), one.message()) == (other.kind(), other.message())
        }
        _ => given == got,
    }
}

fn at_most_once(account: &Account<'_>, number: usize, issue: &Issue, found: &mut Vec<String>) {
    let runs = account.runs[number].len();
    if runs > 1 && !issue.mark.repeatable() {
        found.push(format!("at most once: {} ran {runs} times", account.name(issue)));
    }
    if issue.mark == Mark::Once && issue.reading && runs > 0 {
        found.push(format!("read: {} ran, and a read made it", account.name(issue)));
    }
}

fn attempts(account: &Account<'_>, number: usize, issue: &Issue, found: &mut Vec<String>) {
    let starts = account.starts[number].len();
    let attempt = account.starts(number).map(|start| start.attempt).max().unwrap_or(0);
    if starts > usize::from(ATTEMPTS_MAX) || attempt >= ATTEMPTS_MAX {
        found.push(format!(
            "attempts: {} was sent {starts} times, attempt {attempt}",
            account.name(issue)
        ));
    }
    // Only the last attempt may have been answered: what a callee says is not tried again, or levels would multiply.
    let answered = account.starts[number]
        .iter()
        .rev()
        .skip(1)
        .filter(|start| matches!(account.state.starts[**start].reply, Some(Replied::Answer)));
    if answered.count() > 0 {
        found.push(format!(
            "attempts: {} was sent again after an answer",
            account.name(issue)
        ));
    }
}

/// After healing every call succeeds, under every model: in this world nothing is lost then.
fn last(account: &Account<'_>, issue: &Issue, found: &mut Vec<String>) {
    if !issue.last {
        return;
    }
    match &issue.ended {
        Some(ended) if ended.result.is_ok() => {}
        Some(ended) => found.push(format!("progress: {} failed: {:?}", account.name(issue), ended.result)),
        None => found.push(format!("progress: {} has no end", account.name(issue))),
    }
}

fn effects(account: &Account<'_>, found: &mut Vec<String>) {
    let effects = account.effects();
    for (path, runs) in effects.iter().filter(|(_, runs)| runs.len() > 1) {
        found.push(format!("once: the effect of {path:?} happened {} times", runs.len()));
    }
    for issue in account.state.issues.iter().filter(|issue| issue.mark == Mark::Once) {
        let Some(Ok(answer)) = issue.ended.as_ref().map(|ended| &ended.result) else {
            continue;
        };
        let runs = effects.get(&issue.path[..]);
        if !runs.is_some_and(|runs| runs.contains(&(*answer as usize))) {
            found.push(format!(
                "once: {} was told of run {answer}, and what happened is {runs:?}",
                account.name(issue)
            ));
        }
    }
}

/// What is certain of the retries on a channel: those whose number reached the wire, and connections that failed beyond
/// the first attempt of each call.
fn budgets(account: &Account<'_>, found: &mut Vec<String>) {
    #[derive(Default)]
    struct Spent {
        calls: u64,
        numbered: u64,
        attempts: u64,
    }
    let mut channels: BTreeMap<(usize, usize), Spent> = BTreeMap::new();
    for (number, issue) in account.state.issues.iter().enumerate() {
        let spent = channels.entry((issue.boot, issue.server)).or_default();
        let numbered = account.starts(number).map(|start| u64::from(start.attempt)).max();
        let told = match issue.ended.as_ref().map(|ended| &ended.result) {
            Some(Err(Trouble::Call(error))) => u64::from(error.was_retried()),
            _ => 0,
        };
        spent.calls += 1;
        spent.numbered += numbered.unwrap_or(0).max(told);
        spent.attempts += account.starts[number].len() as u64;
    }
    for (at, spent) in &channels {
        let (began, opened) = account.state.connects.get(at).copied().unwrap_or_default();
        // One attempt to connect may be the first one of a call that never got further, and one may still be under way.
        let attempts = spent.attempts + (began - opened).saturating_sub(1);
        let retries = spent.numbered.max(attempts.saturating_sub(spent.calls));
        let allowed = u64::from(RETRY_BURST_MAX / 10) + spent.calls * u64::from(RETRY_PERCENT) / 100;
        if retries > allowed {
            found.push(format!(
                "budget: {} made at least {retries} retries at server-{} in {} calls; {allowed} are allowed",
                account.node(at.0),
                at.1,
                spent.calls
            ));
        }
    }
}

/// When everything is over, nothing runs, and nobody waits.
fn leaks(account: &Account<'_>, found: &mut Vec<String>) {
    for run in account.state.runs.iter().filter(|run| run.over.is_none()) {
        let issue = account.issue_of(run);
        found.push(format!("leak: a handler of {} still runs", account.name(issue)));
    }
    for issue in &account.state.issues {
        if issue.ended.is_none() && issue.dropped.is_none() {
            found.push(format!("leak: {} has no end", account.name(issue)));
        }
        let cancelled = match issue.ended.as_ref().map(|ended| &ended.result) {
            Some(Err(Trouble::Call(error))) if error.kind() == CallErrorKind::Cancelled => Some(error),
            _ => None,
        };
        if let Some(error) = cancelled
            && issue.cancelled.is_none()
        {
            // A handler that is being dropped, or has been, may hear so from a call that it made.
            found.push(format!(
                "cancellation: nobody cancelled {}: {error}",
                account.name(issue)
            ));
        }
    }
    if account.state.effects_running != 0 {
        found.push(format!("leak: {} effects still run", account.state.effects_running));
    }
}
