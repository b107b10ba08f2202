//! Whether two versions of an interface can talk, method by method.

use crate::interface::Interface;

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
pub fn compare(ours: &Interface, theirs: &Interface, we_are: Side) -> Vec<Match> {
    let (caller, callee) = match we_are {
        Side::Caller => (ours, theirs),
        Side::Callee => (theirs, ours),
    };
    caller
        .methods
        .iter()
        .map(|method| Match {
            index: callee
                .methods
                .iter()
                .position(|other| other.name == method.name)
                .map(|index| index as u32),
            breaking: Vec::new(),
        })
        .collect()
}
