//! What a release changes, along the edges of the call graph, and what each change asks of a rollout.
//!
//! On the way from the old release to the new one, and back, each edge is in one of two states for a while: an old caller
//! with a new callee, or a new caller with an old callee. The order of the rollout picks the one that works.
//!
//! | old caller, new callee | new caller, old callee | verdict |
//! |---|---|---|
//! | works | works | safe |
//! | works | fails | ordered: the callee first |
//! | fails | works | ordered: the caller first |
//! | fails | fails | breaking |
//!
//! What works is what [`compatibility`](crate::compatibility) says, which decides at hello too; a new case of an enum, which
//! fails only when it comes, counts as a failure here. An edge that a release lacks cannot fail there. Orders that
//! contradict each other are breaking.

use std::collections::BTreeSet;

use serde::Serialize;

use super::order::{self, Step};
use super::{Edge, Release, stored};
use crate::compatibility::{Reading, between};
use crate::interface::{Interface, Method};

/// What a change asks of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing.
    Safe,
    /// An order.
    Ordered(Order),
    /// Something else than this release.
    Breaking,
}

/// Which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Every process of the callee is new before one of the caller is.
    CalleeFirst,
    /// Every process of the caller is new before one of the callee is.
    CallerFirst,
    /// No old process of the component runs beside a new one, nor after it: it cannot be rolled back.
    OldStopsFirst,
}

/// What is changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A method, along one edge of the call graph; without a caller, one that nobody refers to.
    Call {
        /// Who refers to the component.
        caller: Option<String>,
        /// The component.
        callee: String,
        /// The method.
        method: String,
    },
    /// The payload or the steps of a kind of jobs.
    Job {
        /// Whose jobs.
        component: String,
        /// Their kind.
        kind: String,
    },
    /// The answer that `once` has recorded for a method.
    Answer {
        /// Whose method.
        component: String,
        /// The method.
        method: String,
    },
    /// What a front keeps in the sessions of people.
    Session {
        /// Whose sessions they are.
        front: String,
    },
}

/// One difference between two releases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What is changed.
    pub what: What,
    /// What it asks of a rollout.
    pub verdict: Verdict,
    /// The team that answers for the caller.
    pub caller_owner: Option<String>,
    /// The team that answers for the callee, or for whose data it is.
    pub callee_owner: Option<String>,
    /// Sentences that name the fields.
    pub why: Vec<String>,
}

/// All differences between two releases, and the order of the rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The worst of all verdicts.
    pub verdict: Verdict,
    /// Every difference, the worst first.
    pub changes: Vec<Change>,
    /// What is rolled out one after the other, where an order matters.
    pub rollout: Vec<Step>,
}

impl What {
    /// The component that is called, or the component or front whose data it is.
    pub fn callee(&self) -> &str {
        match self {
            What::Call { callee, .. } => callee,
            What::Job { component, .. } | What::Answer { component, .. } => component,
            What::Session { front } => front,
        }
    }
}

/// Compares two releases. Both were checked by [`Release::check`].
pub fn check(old: &Release, new: &Release) -> Report {
    let edges = |release: &Release| release.calls.iter().cloned().collect::<BTreeSet<Edge>>();
    let (before, after) = (edges(old), edges(new));
    let all: BTreeSet<Edge> = before.union(&after).cloned().collect();
    let mut changes = Vec::new();
    for edge in &all {
        let caller = (edge.caller.as_str(), before.contains(edge), after.contains(edge));
        changes.extend(along(old, new, Some(caller), &edge.callee));
    }
    let components = old.components.iter().chain(&new.components);
    let components: BTreeSet<&str> = components.map(|released| released.interface.name.as_str()).collect();
    for name in components {
        if all.iter().all(|edge| edge.callee != name) {
            changes.extend(along(old, new, None, name));
        }
    }
    changes.extend(stored::changes(old, new));
    let rollout = order::settle(old, new, &mut changes);
    changes.sort_by(|one, other| (other.verdict, &one.what).cmp(&(one.verdict, &other.what)));
    let worst = changes.iter().map(|change| change.verdict).max();
    Report {
        verdict: worst.unwrap_or(Verdict::Safe),
        changes,
        rollout,
    }
}

/// Every method that differs, as one caller meets it that refers to `callee` in the old release, in the new one, or in both.
fn along(old: &Release, new: &Release, caller: Option<(&str, bool, bool)>, callee: &str) -> Vec<Change> {
    let (before, after) = (old.interface(callee), new.interface(callee));
    let owner = |name: &str| new.owner(name).or_else(|| old.owner(name)).map(str::to_owned);
    let (_, was, is) = caller.unwrap_or_default();
    let caller = caller.map(|(name, ..)| name.to_owned());
    let mut found = Vec::new();
    for name in names(before, after) {
        let (old_method, new_method) = (method(before, name), method(after, name));
        if !differ(old_method, new_method) {
            continue;
        }
        let old_calls = was.then(|| called(old_method, new_method, true));
        let new_calls = is.then(|| called(new_method, old_method, false));
        let works = |reading: &Option<Reading>| reading.iter().all(|reading| reading.problems().next().is_none());
        let verdict = match (works(&old_calls), works(&new_calls)) {
            (true, true) => Verdict::Safe,
            (true, false) => Verdict::Ordered(Order::CalleeFirst),
            (false, true) => Verdict::Ordered(Order::CallerFirst),
            (false, false) => Verdict::Breaking,
        };
        found.push(Change {
            verdict,
            caller_owner: caller.as_deref().and_then(owner),
            callee_owner: owner(callee),
            why: match caller {
                Some(_) => {
                    let marks = [old_method, new_method].map(|known| known.map(|(_, method)| repeats(method)));
                    sentences(verdict, [old_calls, new_calls], marks[0] != marks[1])
                }
                None => vec!["nothing in the application refers to it".to_owned()],
            },
            what: What::Call {
                caller: caller.clone(),
                callee: callee.to_owned(),
                method: name.to_owned(),
            },
        });
    }
    found
}

/// The names of all methods, in order.
fn names<'i>(before: Option<&'i Interface>, after: Option<&'i Interface>) -> BTreeSet<&'i str> {
    let interfaces = before.into_iter().chain(after);
    interfaces
        .flat_map(|interface| interface.methods.iter().map(|method| method.name.as_str()))
        .collect()
}

/// A method as one release knows it, if it does.
type Known<'i> = Option<(&'i Interface, &'i Method)>;

fn method<'i>(interface: Option<&'i Interface>, name: &str) -> Known<'i> {
    let interface = interface?;
    let found = interface.methods.iter().find(|method| method.name == name);
    Some((interface, found?))
}

/// Whether two versions of a method are not written alike.
fn differ(one: Known<'_>, other: Known<'_>) -> bool {
    let hash = |(interface, method): (&Interface, &Method)| {
        let alone = Interface {
            name: String::new(),
            methods: vec![method.clone()],
            ..interface.clone()
        };
        alone.hash()
    };
    match (one, other) {
        (Some(one), Some(other)) => hash(one) != hash(other) || repeats(one.1) != repeats(other.1),
        _ => true,
    }
}

/// Whether a caller may repeat a call of it; what is read and what is done once differ in the ids that repeats have.
fn repeats(method: &Method) -> (bool, bool) {
    let marks = &method.marks;
    (marks.read || marks.idempotent || marks.once, marks.once)
}

/// What becomes of calls of a method as the caller knows it.
fn called(known: Known<'_>, served: Known<'_>, caller_is_old: bool) -> Reading {
    let (caller, callee) = match caller_is_old {
        true => ("the old release", "the new one"),
        false => ("the new release", "the old one"),
    };
    match (known, served) {
        (Some(known), Some(served)) => {
            let mut reading = between(known, served, caller_is_old);
            if repeats(known.1).0 && !repeats(served.1).0 || known.1.marks.read && served.1.marks.once {
                reading.breaking.push(format!(
                    "{caller} may ask again where no answer came, as its marks allow, and by those of {callee} that may be done twice"
                ));
            }
            reading
        }
        (Some(_), None) => Reading {
            breaking: vec![format!("{caller} knows it, and {callee} does not have it")],
            ..Reading::default()
        },
        (None, _) => Reading {
            tolerated: vec![format!("{caller} does not know it, and so does not call it")],
            ..Reading::default()
        },
    }
}

/// Why the verdict is what it is: the problems, or else what is done with.
fn sentences(verdict: Verdict, readings: [Option<Reading>; 2], are_marks_new: bool) -> Vec<String> {
    let readings = readings.into_iter().flatten();
    let mut why: Vec<String> = match verdict {
        Verdict::Safe => readings.flat_map(|reading| reading.tolerated).collect(),
        _ => readings
            .flat_map(|reading| reading.breaking.into_iter().chain(reading.unread))
            .collect(),
    };
    why.dedup();
    if why.is_empty() {
        why.push(match are_marks_new {
            true => "its marks change, and whoever may repeat a call of it still may".to_owned(),
            false => "it is written in another form or order, and read alike".to_owned(),
        });
    }
    why
}
