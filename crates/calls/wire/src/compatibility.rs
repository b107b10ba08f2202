//! Whether two versions of an interface can talk by name, method by method.
//!
//! The writer of a value is the caller for arguments and the callee for results and errors; the other side reads.
//!
//! | difference | verdict |
//! |---|---|
//! | a method the callee lacks | missing; all others go on |
//! | a field only the writer has | fine, unless the reader is closed |
//! | a field only the reader has | fine if it is optional, else breaking |
//! | order of fields, cases and methods; names of types | fine |
//! | a wider number at the reader | fine; a narrower one is breaking |
//! | `T` written, `Option<T>` read | fine; the reverse is breaking |
//! | a tuple's arity, a struct for an enum, any other type | breaking |
//! | a case the reader does not know | fine if the reader has an `#[other]` case; else until it comes, then an error that names it |
//! | opaque on either side | not checked |

mod comparison;
mod findings;
mod path;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::comparison::{Budget, Comparison};
use self::findings::{Findings, Voice};
use crate::interface::{Interface, Method};
use crate::shape::{Field, TypeDef, TypeRef};

pub use self::findings::Reading;
pub use self::path::Place;

/// Pairs of fields, cases and types that one comparison looks at; past it the rest counts as breaking.
pub const STEPS_MAX: usize = 200_000;

/// Sentences for one method.
pub const METHOD_SENTENCES_MAX: usize = 8;

/// Which side of the calls we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// We call, they serve.
    Caller,
    /// They call, we serve.
    Callee,
}

/// What became of one method of the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its number at the callee; `None` when the callee lacks it.
    pub index: Option<u32>,
    /// Differences that break it, as sentences that name component, method and field.
    pub breaking: Vec<String>,
}

/// For each of the caller's methods, in its order, what the callee has for it.
///
/// `theirs` was checked by [`Interface::check`]. The work is bounded by [`STEPS_MAX`] whatever they sent.
pub fn compare(ours: &Interface, theirs: &Interface, we_are: Side) -> Vec<Match> {
    let (caller, callee) = match we_are {
        Side::Caller => (ours, theirs),
        Side::Callee => (theirs, ours),
    };
    let mut offered: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, method) in callee.methods.iter().enumerate() {
        offered.entry(&method.name).or_insert(index);
    }
    let mut budget = Budget { steps_left: STEPS_MAX };
    let found = |method: &Method| match offered.get(method.name.as_str()) {
        None => Match {
            index: None,
            breaking: Vec::new(),
        },
        Some(&index) => Match {
            index: u32::try_from(index).ok(),
            breaking: breaking((caller, method), (callee, &callee.methods[index]), we_are, &mut budget),
        },
    };
    caller.methods.iter().map(found).collect()
}

/// What the two releases make of each other's values when one of them calls `called`, as it knows it, and the other one
/// serves it as `served`.
pub fn between(
    (caller, called): (&Interface, &Method),
    (callee, served): (&Interface, &Method),
    caller_is_old: bool,
) -> Reading {
    let mut budget = Budget { steps_left: STEPS_MAX };
    let mut found = Findings::whole();
    let voice = |writer_is_old| Voice::Releases { writer_is_old };
    let voices = (voice(caller_is_old), voice(!caller_is_old));
    both_ways((caller, called), (callee, served), voices, &mut budget, &mut found);
    found.into_reading()
}

/// What the reading release makes of a value that the writing one stored.
pub fn stored(
    place: Place,
    written: (&[TypeDef], &TypeRef),
    read: (&[TypeDef], &TypeRef),
    writer_is_old: bool,
) -> Reading {
    let mut budget = Budget { steps_left: STEPS_MAX };
    let mut found = Findings::whole();
    let comparison = Comparison::new(written.0, read.0, Voice::Releases { writer_is_old });
    comparison.value(place, written.1, read.1, &mut budget, &mut found);
    found.into_reading()
}

fn breaking(
    (caller, called): (&Interface, &Method),
    (callee, served): (&Interface, &Method),
    we_are: Side,
    budget: &mut Budget,
) -> Vec<String> {
    let mut found = Findings::breaking_only();
    let voice = |we_read| Voice::Sides { we_read };
    let voices = (voice(we_are == Side::Callee), voice(we_are == Side::Caller));
    both_ways((caller, called), (callee, served), voices, budget, &mut found);
    let mut found = found.breaking;
    let name = format!("method `{}.{}`: ", path::short(&callee.name), path::short(&called.name));
    let more = found.len().saturating_sub(METHOD_SENTENCES_MAX);
    found.truncate(METHOD_SENTENCES_MAX);
    if more > 0 {
        found.push(format!("{more} more differences"));
    }
    found.iter().map(|sentence| format!("{name}{sentence}")).collect()
}

fn both_ways(
    (caller, called): (&Interface, &Method),
    (callee, served): (&Interface, &Method),
    (there, back): (Voice, Voice),
    budget: &mut Budget,
    found: &mut Findings,
) {
    let there = Comparison::new(&caller.types, &callee.types, there);
    there.fields(&called.arguments, &served.arguments, budget, found);
    let parts: [(Place, &TypeRef, &TypeRef); 2] = [
        (Place::Result, &served.output, &called.output),
        (Place::Error, &served.error, &called.error),
    ];
    for (place, written, read) in parts {
        let back = Comparison::new(&callee.types, &caller.types, back);
        back.value(place, written, read, budget, found);
    }
}

/// Whether a reader does without the field: serde reads an absent `Option` as `None`.
fn may_be_absent(field: &Field) -> bool {
    field.optional || matches!(field.type_ref, TypeRef::Option(_))
}
