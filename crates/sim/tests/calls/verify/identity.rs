//! Call ids: one for each call of a program, on every attempt and in every repetition of the handler that makes it.

use std::collections::BTreeMap;

use crate::verify::Account;

type Path<'s> = &'s [(u64, u8)];

pub(super) fn verify(account: &Account<'_>, found: &mut Vec<String>) {
    let mut id_of: BTreeMap<Path<'_>, u128> = BTreeMap::new();
    let mut path_of: BTreeMap<u128, Path<'_>> = BTreeMap::new();
    for (number, issue) in account.state.issues.iter().enumerate() {
        for start in account.starts(number) {
            let name = || account.name(issue);
            let id = *id_of.entry(&issue.path).or_insert(start.id);
            if id != start.id {
                found.push(format!("call ids: {} has {id:032x} and {:032x}", name(), start.id));
            }
            let shares = start.id == issue.parent_id;
            if issue.mark.reads() && !issue.named && !shares {
                found.push(format!("call ids: {} is a read and has an id of its own", name()));
            }
            if issue.mark.reads() || issue.reading {
                continue;
            }
            let path = *path_of.entry(start.id).or_insert(&issue.path);
            if path != &issue.path[..] || shares {
                found.push(format!("call ids: {} and {path:?} are both {:032x}", name(), start.id));
            }
        }
        for run in account.runs(number) {
            let start = &account.state.starts[run.start];
            if (run.id, run.attempt, run.step, run.mark) != (start.id, start.attempt, issue.step, issue.mark) {
                found.push(format!(
                    "call ids: {} ran as {:032x}, attempt {}, and was sent as {:032x}, attempt {}",
                    account.name(issue),
                    run.id,
                    run.attempt,
                    start.id,
                    start.attempt
                ));
            }
        }
    }
}
