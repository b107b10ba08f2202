//! The order of a rollout: who is new before whom. Orders that lead back to where they began contradict each other, and what
//! asks for them is breaking.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;

use super::Release;
use super::verdict::{Change, Order, Verdict, What};

/// Names of a circle that are said.
const NAMED_MAX: usize = 8;

/// One step of a rollout: every process of one component, front or background module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Which.
    pub name: String,
    /// The team that answers for it.
    pub owner: Option<String>,
    /// What is new before it.
    pub after: Vec<String>,
    /// Its old processes stop before a new one starts.
    pub old_stops_first: bool,
}

/// For each name, those that are new before it.
type After = BTreeMap<String, BTreeSet<String>>;

/// The steps of the rollout; changes whose orders contradict each other become breaking.
pub(super) fn settle(old: &Release, new: &Release, changes: &mut [Change]) -> Vec<Step> {
    let contradicted = orders(changes);
    for change in changes.iter_mut() {
        let Some((first, then)) = asked(change) else { continue };
        let Some(circle) = circle(&contradicted, &first, &then) else {
            continue;
        };
        change.verdict = Verdict::Breaking;
        change.why.push(match &circle[..] {
            [own] => format!("`{own}` calls itself, and its processes are old and new at once during a rollout"),
            [begin, rest @ ..] => {
                let (shown, left) = rest.split_at(rest.len().min(NAMED_MAX));
                let others = match left.len() {
                    0 => String::new(),
                    count => format!(" before {count} others"),
                };
                format!(
                    "the orders contradict each other: `{begin}` before `{}`{others} before `{begin}`",
                    shown.join("` before `")
                )
            }
            [] => continue,
        });
    }
    let after = orders(changes);
    let stops = |change: &&Change| change.verdict == Verdict::Ordered(Order::OldStopsFirst);
    let stopped: BTreeSet<String> = changes
        .iter()
        .filter(stops)
        .map(|change| change.what.callee().to_owned())
        .collect();
    let firsts = after.values().flatten();
    let mut left: BTreeSet<String> = after.keys().chain(firsts).chain(&stopped).cloned().collect();
    let mut steps = Vec::new();
    // What is left has no circle, so each round finds somebody who waits for nobody.
    while let Some(name) = left.iter().find(|name| !waits(&after, &left, name)).cloned() {
        left.remove(&name);
        steps.push(Step {
            owner: new.owner(&name).or_else(|| old.owner(&name)).map(str::to_owned),
            after: after.get(&name).into_iter().flatten().cloned().collect(),
            old_stops_first: stopped.contains(&name),
            name,
        });
    }
    steps
}

fn orders(changes: &[Change]) -> After {
    let mut after = After::new();
    for (first, then) in changes.iter().filter_map(asked) {
        after.entry(then).or_default().insert(first);
    }
    after
}

/// Whether somebody who is left goes before `name`.
fn waits(after: &After, left: &BTreeSet<String>, name: &str) -> bool {
    after.get(name).is_some_and(|firsts| !firsts.is_disjoint(left))
}

/// The order that a change asks for: who is first, and who is then.
fn asked(change: &Change) -> Option<(String, String)> {
    let What::Call {
        caller: Some(caller),
        callee,
        ..
    } = &change.what
    else {
        return None;
    };
    match change.verdict {
        Verdict::Ordered(Order::CalleeFirst) => Some((callee.clone(), caller.clone())),
        Verdict::Ordered(Order::CallerFirst) => Some((caller.clone(), callee.clone())),
        _ => None,
    }
}

/// Where `then` goes before `first` again: the names on the shortest circle, from `first` on.
fn circle(after: &After, first: &str, then: &str) -> Option<Vec<String>> {
    // Each name that was met, with the one it goes before.
    let mut met: BTreeMap<&str, &str> = BTreeMap::from([(first, first)]);
    let mut open = VecDeque::from([first]);
    while let Some(last) = open.pop_front() {
        if last == then {
            let mut names = vec![last.to_owned()];
            let mut at = last;
            while at != first {
                at = met.get(at)?;
                names.push(at.to_owned());
            }
            // It was walked against the order.
            names.rotate_right(1);
            return Some(names);
        }
        for next in after.get(last).into_iter().flatten() {
            if !met.contains_key(&**next) {
                met.insert(next, last);
                open.push_back(next);
            }
        }
    }
    None
}
