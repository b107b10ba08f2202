//! What outlives a process: jobs that wait and answers that `once` has recorded, in databases, and the sessions of people,
//! in their cookies. The new release reads what the old one wrote; the old one reads what the new one wrote while both
//! run, and after a rollback.

use super::verdict::{Change, Order, Verdict, What};
use super::{JobKind, Release, StoredJobs, StoredSession};
use crate::compatibility::{Place, Reading, stored};
use crate::interface::{Interface, Marks, Method};
use crate::shape::{Field, TypeDef, TypeRef};

/// A value as one release stores it.
type Kept<'r> = (&'r [TypeDef], &'r TypeRef);

/// The changes of what is stored.
pub(super) fn changes(old: &Release, new: &Release) -> Vec<Change> {
    let mut found = Vec::new();
    for was in &old.jobs {
        let is = new.jobs.iter().find(|jobs| jobs.component == was.component);
        for kind in &was.kinds {
            let now = is.and_then(|jobs| Some((jobs, jobs.kinds.iter().find(|now| now.name == kind.name)?)));
            found.extend(job(old, new, (was, kind), now));
        }
    }
    for is in &new.jobs {
        let was = old.jobs.iter().find(|jobs| jobs.component == is.component);
        let known = |kind: &JobKind| was.is_some_and(|jobs| jobs.kinds.iter().any(|was| was.name == kind.name));
        for kind in is.kinds.iter().filter(|kind| !known(kind)) {
            let why = "the kind is new; a process of the old release leaves its jobs to the new one".to_owned();
            found.push(change(old, new, job_of(&is.component, kind), Verdict::Safe, vec![why]));
        }
    }
    for released in &old.components {
        let was = &released.interface;
        let Some(is) = new.interface(&was.name) else { continue };
        found.extend(answers(old, new, was, is));
    }
    found.extend(old.sessions.iter().filter_map(|was| session(old, new, was)));
    found
}

/// A front that is new, or gone, has no session that another release reads.
fn session(old: &Release, new: &Release, was: &StoredSession) -> Option<Change> {
    let is = new.sessions.iter().find(|is| is.front == was.front)?;
    let (before, after) = ((&was.types[..], &was.data), (&is.types[..], &is.data));
    let (verdict, mut why) = judged(Place::Session, before, after)?;
    if verdict != Verdict::Safe {
        why.push("whoever has a session that cannot be read has to sign in again".to_owned());
    }
    let front = was.front.clone();
    Some(change(old, new, What::Session { front }, verdict, why))
}

fn answers(old: &Release, new: &Release, was: &Interface, is: &Interface) -> Vec<Change> {
    let change_of = |after: &Method| {
        let mut before = was.methods.iter().filter(|method| method.marks.once);
        let before = before.find(|before| before.name == after.name)?;
        let (before, after_kept) = ((&was.types[..], &before.output), (&is.types[..], &after.output));
        let (verdict, why) = judged(Place::Recorded, before, after_kept)?;
        let what = What::Answer {
            component: was.name.clone(),
            method: after.name.clone(),
        };
        Some(change(old, new, what, verdict, why))
    };
    let methods = is.methods.iter().filter(|method| method.marks.once);
    methods.filter_map(change_of).collect()
}

fn job(
    old: &Release,
    new: &Release,
    (was, before): (&StoredJobs, &JobKind),
    now: Option<(&StoredJobs, &JobKind)>,
) -> Option<Change> {
    let what = job_of(&was.component, before);
    let Some((is, after)) = now else {
        let why = "the kind is gone, and nobody runs its jobs that wait; keep it until there are none".to_owned();
        return Some(change(old, new, what, Verdict::Breaking, vec![why]));
    };
    let (was, is) = ((&was.types[..], &before.payload), (&is.types[..], &after.payload));
    let (mut verdict, mut why) = judged(Place::Payload, was, is).unwrap_or((Verdict::Safe, Vec::new()));
    if before.steps.is_empty() != after.steps.is_empty() {
        verdict = Verdict::Breaking;
        why.push("it is run whole in one release and in steps in the other; give the new one another name".to_owned());
    } else {
        for step in before.steps.iter().filter(|step| !after.steps.contains(step)) {
            verdict = Verdict::Breaking;
            why.push(format!(
                "step `{step}` is gone or has another name, and jobs that have begun may have done it; keep it until they \
                 are over"
            ));
        }
        if before.steps.iter().all(|step| after.steps.contains(step)) && !after.steps.starts_with(&before.steps) {
            verdict = Verdict::Breaking;
            why.push(
                "steps come in between or change places, and what a failed job takes back is known by its place; add new ones at \
                 the end"
                    .to_owned(),
            );
        }
        let added = after.steps.iter().filter(|step| !before.steps.contains(step));
        why.extend(added.map(|step| format!("step `{step}` is new, and done by jobs that have begun, too")));
    }
    (!why.is_empty()).then(|| change(old, new, what, verdict, why))
}

/// What becomes of values that either release stores for the other; nothing if they are alike.
fn judged(place: Place, old: Kept<'_>, new: Kept<'_>) -> Option<(Verdict, Vec<String>)> {
    let forward = stored(place, old, new, true);
    let back = stored(place, new, old, false);
    let problems = |reading: &Reading| reading.problems().cloned().collect::<Vec<_>>();
    let (forward_problems, back_problems) = (problems(&forward), problems(&back));
    if !forward_problems.is_empty() {
        return Some((Verdict::Breaking, forward_problems));
    }
    if !back_problems.is_empty() {
        return Some((Verdict::Ordered(Order::OldStopsFirst), back_problems));
    }
    let why: Vec<String> = forward.tolerated.into_iter().chain(back.tolerated).collect();
    (!why.is_empty()).then_some((Verdict::Safe, why))
}

fn job_of(component: &str, kind: &JobKind) -> What {
    What::Job {
        component: component.to_owned(),
        kind: kind.name.clone(),
    }
}

fn change(old: &Release, new: &Release, what: What, verdict: Verdict, why: Vec<String>) -> Change {
    let component = what.callee();
    let owner = new.owner(component).or_else(|| old.owner(component));
    Change {
        verdict,
        caller_owner: None,
        callee_owner: owner.map(str::to_owned),
        what,
        why,
    }
}

/// The kinds as methods that take their payload.
pub(super) fn interface(jobs: &StoredJobs) -> Interface {
    let kinds = jobs.kinds.iter();
    let methods = kinds.map(|kind| (kind.name.as_str(), kind.payload.clone()));
    taking(&jobs.component, methods.collect(), &jobs.types)
}

/// The session as a method that takes it.
pub(super) fn session_interface(session: &StoredSession) -> Interface {
    taking(&session.front, vec![("session", session.data.clone())], &session.types)
}

/// Methods that each take one value.
fn taking(name: &str, values: Vec<(&str, TypeRef)>, types: &[TypeDef]) -> Interface {
    let method = |(name, value): (&str, TypeRef)| Method {
        name: name.to_owned(),
        doc: String::new(),
        marks: Marks::default(),
        arguments: vec![Field {
            name: "value".to_owned(),
            type_ref: value,
            optional: false,
        }],
        output: TypeRef::Unit,
        error: TypeRef::Unit,
    };
    Interface {
        name: name.to_owned(),
        owner: None,
        requires: None,
        doc: String::new(),
        methods: values.into_iter().map(method).collect(),
        types: types.to_vec(),
    }
}
