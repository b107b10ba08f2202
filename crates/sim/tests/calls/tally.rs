//! How often each interesting thing happened, over all runs: what never happened was not tested.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sim::Outcome;
use terrace::CallErrorKind;

use crate::book::{Book, Replied};
use crate::program::Mark;
use crate::verify::Account;
use crate::worker::Trouble;

/// What has to happen in some run.
const EXPECTED: [&str; 20] = [
    "retries",
    "calls that a retry saved",
    "calls that ran on two incarnations",
    "budgets exhausted",
    "doubled requests that ran twice",
    "handlers repeated that called again",
    "handlers repeated by another incarnation",
    "effects",
    "recorded answers",
    "cancellations",
    "cancellations that reached a handler",
    "deadlines at the caller",
    "deadlines at the callee",
    "certainly not run: unavailable",
    "certainly not run: denied",
    "certainly not run: deadline exceeded",
    "may have run: unavailable",
    "handlers lost in crashes",
    "answers to nobody",
    "last calls",
];

/// The sums of several runs.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) runs: u64,
    pub(crate) messages: u64,
    pub(crate) simulated: Duration,
    pub(crate) cpu: Duration,
    counts: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn add(&mut self, book: &Book, outcome: &Outcome) {
        self.runs += 1;
        self.messages += outcome.messages;
        self.simulated += Duration::from_micros(outcome.simulated_us);
        self.cpu += Duration::from_micros(outcome.cpu_us);
        let state = book.state();
        let account = Account::new(&state, outcome);
        self.issues(&account);
        self.handlers(&account);
        self.count("effects", state.effects.len());
        self.count("calls", state.issues.len());
        self.count("handlers", state.runs.len());
        self.count("faults", outcome.faults.len());
    }

    /// What should have happened and never did.
    pub(crate) fn not_exercised(&self) -> Vec<&'static str> {
        let missing = EXPECTED.into_iter().filter(|name| !self.counts.contains_key(*name));
        missing.collect()
    }

    /// In words.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "{} runs, {} messages, {:.0} simulated s, {:.1} CPU s",
            self.runs,
            self.messages,
            self.simulated.as_secs_f64(),
            self.cpu.as_secs_f64()
        );
        for (name, count) in &self.counts {
            text += &format!("\n  {count:>10}  {name}");
        }
        text
    }

    fn count(&mut self, name: &str, count: usize) {
        if count > 0 {
            *self.counts.entry(name.to_owned()).or_default() += count as u64;
        }
    }

    fn issues(&mut self, account: &Account<'_>) {
        for (number, issue) in account.state.issues.iter().enumerate() {
            let again = account.starts(number).filter(|start| start.attempt > 0).count();
            self.count("retries", again);
            let boots: BTreeSet<usize> = account.runs(number).map(|run| run.boot).collect();
            self.count("calls that ran on two incarnations", usize::from(boots.len() > 1));
            let at_callee = account.starts(number).filter(|start| match &start.reply {
                Some(Replied::Failed(error)) => error.kind() == CallErrorKind::DeadlineExceeded,
                _ => false,
            });
            self.count("deadlines at the callee", at_callee.count());
            if let Some((_, _)) = issue.cancelled {
                self.count("cancellations", 1);
                let reached = account.runs(number).any(|run| run.answered.is_none());
                self.count("cancellations that reached a handler", usize::from(reached));
            }
            self.count("last calls", usize::from(issue.last));
            let Some(ended) = &issue.ended else {
                self.count("calls dropped with their handler", 1);
                continue;
            };
            match &ended.result {
                Ok(_) => {
                    self.count("answers", 1);
                    self.count("calls that a retry saved", usize::from(again > 0));
                }
                Err(Trouble::Call(error)) => {
                    let kind = error.kind();
                    let ran = if error.certainly_did_not_run() {
                        "certainly not"
                    } else {
                        "may have"
                    };
                    self.count(&format!("{ran} run: {}", kind.as_str()), 1);
                    let by_callee = account
                        .starts(number)
                        .any(|start| matches!(start.reply, Some(Replied::Failed(_))));
                    if kind == CallErrorKind::DeadlineExceeded && !by_callee {
                        self.count("deadlines at the caller", 1);
                    }
                    // It would have been tried again, had there been anything to spend.
                    let passing = matches!(kind, CallErrorKind::Unavailable | CallErrorKind::Overloaded);
                    let harmless = issue.mark.repeatable() || error.certainly_did_not_run();
                    let time = issue.deadline.saturating_duration_since(ended.clock) > Duration::from_millis(10);
                    if passing && harmless && time && !error.was_retried() {
                        self.count("budgets exhausted", 1);
                    }
                }
                Err(Trouble::Refused(_) | Trouble::Below(..)) => self.count("errors of handlers", 1),
            }
        }
    }

    fn handlers(&mut self, account: &Account<'_>) {
        let mut of_start: BTreeMap<usize, u32> = BTreeMap::new();
        let mut of_path: BTreeMap<&[(u64, u8)], BTreeSet<usize>> = BTreeMap::new();
        for run in &account.state.runs {
            *of_start.entry(run.start).or_default() += 1;
            self.count("recorded answers", usize::from(run.recorded && run.mark == Mark::Once));
            let lost = run.answered.is_none() && !account.state.boots[run.boot].up;
            self.count("handlers lost in crashes", usize::from(lost));
            let start = &account.state.starts[run.start];
            let answered = run.answered.is_some() && !matches!(start.reply, Some(Replied::Answer));
            self.count("answers to nobody", usize::from(answered));
        }
        let doubled = of_start.values().filter(|runs| **runs > 1).count();
        self.count("doubled requests that ran twice", doubled);
        for issue in &account.state.issues {
            of_path.entry(&issue.path).or_default().extend(issue.parent);
        }
        let repeated = of_path.values().filter(|parents| parents.len() > 1);
        let boot = |run: &usize| account.state.runs[*run].boot;
        let elsewhere = repeated.clone().filter(|parents| {
            let boots: BTreeSet<usize> = parents.iter().map(boot).collect();
            boots.len() > 1
        });
        self.count("handlers repeated that called again", repeated.clone().count());
        self.count("handlers repeated by another incarnation", elsewhere.count());
    }
}
