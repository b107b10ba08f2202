//! What has to be so in every run, as sentences about what is not.

mod identity;
mod promises;
mod time;

use std::collections::BTreeMap;

use sim::Outcome;

use crate::book::{Book, Issue, Run, Start, State};

/// What is wrong with a run.
pub(crate) fn violations(book: &Book, outcome: &Outcome) -> Vec<String> {
    let state = book.state();
    let account = Account::new(&state, outcome);
    let mut found = Vec::new();
    promises::verify(&account, &mut found);
    identity::verify(&account, &mut found);
    time::verify(&account, book.world.model(), &mut found);
    found
}

/// What was written down, with what belongs together side by side.
pub(crate) struct Account<'s> {
    pub(crate) state: &'s State,
    pub(crate) outcome: &'s Outcome,
    /// The attempts of each issue.
    pub(crate) starts: Vec<Vec<usize>>,
    /// The runs of each issue.
    pub(crate) runs: Vec<Vec<usize>>,
}

impl<'s> Account<'s> {
    pub(crate) fn new(state: &'s State, outcome: &'s Outcome) -> Account<'s> {
        let mut starts = vec![Vec::new(); state.issues.len()];
        for (number, start) in state.starts.iter().enumerate() {
            starts[start.issue].push(number);
        }
        let mut runs = vec![Vec::new(); state.issues.len()];
        for (number, run) in state.runs.iter().enumerate() {
            runs[state.starts[run.start].issue].push(number);
        }
        Account {
            state,
            outcome,
            starts,
            runs,
        }
    }

    pub(crate) fn starts(&self, issue: usize) -> impl Iterator<Item = &'s Start> {
        self.starts[issue].iter().map(|start| &self.state.starts[*start])
    }

    pub(crate) fn runs(&self, issue: usize) -> impl Iterator<Item = &'s Run> {
        self.runs[issue].iter().map(|run| &self.state.runs[*run])
    }

    pub(crate) fn node(&self, boot: usize) -> &'s str {
        &self.state.boots[boot].node
    }

    /// The issue that caused a run.
    pub(crate) fn issue_of(&self, run: &Run) -> &'s Issue {
        &self.state.issues[self.state.starts[run.start].issue]
    }

    /// The runs by which each call of the program had its effect.
    pub(crate) fn effects(&self) -> BTreeMap<&'s [(u64, u8)], Vec<usize>> {
        let mut effects: BTreeMap<&[(u64, u8)], Vec<usize>> = BTreeMap::new();
        for run in &self.state.effects {
            let path = &self.issue_of(&self.state.runs[*run]).path;
            effects.entry(path).or_default().push(*run);
        }
        effects
    }

    /// A call in words.
    pub(crate) fn name(&self, issue: &Issue) -> String {
        format!(
            "{:?} call {:?} from {} to server-{}, issued at {:.6} s",
            issue.mark,
            issue.path,
            self.node(issue.boot),
            issue.server,
            issue.at.as_secs_f64()
        )
    }
}
