//! Which of the names that were not synced a crash leaves in the directories.
//!
//! Each change of a name may or may not have reached the disk. What moves is never lost: the entries that a rename
//! changed go together, and so do changes of the directory it went to or came from.

use std::collections::{BTreeMap, BTreeSet};

use crate::random::Random;

use super::{Directory, Entry};

/// A name that differs from what was synced: the directory it is in, the name, and what it means in both.
struct Change {
    directory: u64,
    name: String,
    synced: Option<u64>,
    current: Option<u64>,
}

/// Tears the directories in `nodes`: what each is then, it is now and was synced as.
pub(super) fn tear(nodes: &mut BTreeMap<u64, Entry>, random: &mut Random) {
    let changes = changes(nodes);
    let groups = groups(&changes);
    let mut reached = BTreeMap::new();
    for (change, group) in changes.iter().zip(groups) {
        let reached = *reached.entry(group).or_insert_with(|| random.below(2) == 0);
        let Some(Entry::Directory(directory)) = nodes.get_mut(&change.directory) else {
            continue;
        };
        let (from, to) = match reached {
            true => (&mut directory.synced, change.current),
            false => (&mut directory.current, change.synced),
        };
        match to {
            Some(id) => drop(from.insert(change.name.clone(), id)),
            None => drop(from.remove(&change.name)),
        }
    }
}

fn changes(nodes: &BTreeMap<u64, Entry>) -> Vec<Change> {
    let mut changes = Vec::new();
    for (id, entry) in nodes {
        let Entry::Directory(Directory { current, synced, .. }) = entry else {
            continue;
        };
        let names: BTreeSet<&String> = current.keys().chain(synced.keys()).collect();
        changes.extend(names.into_iter().filter_map(|name| {
            let change = Change {
                directory: *id,
                name: name.clone(),
                synced: synced.get(name).copied(),
                current: current.get(name).copied(),
            };
            (change.synced != change.current).then_some(change)
        }));
    }
    changes
}

/// The group of each change; those of one group reach the disk together.
fn groups(changes: &[Change]) -> Vec<usize> {
    let mut group: Vec<usize> = (0..changes.len()).collect();
    let mut involved: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    let (mut left, mut come) = (BTreeSet::new(), BTreeSet::new());
    for (index, change) in changes.iter().enumerate() {
        left.extend(change.synced);
        come.extend(change.current);
        for id in change.synced.into_iter().chain(change.current) {
            involved.entry(id).or_default().push(index);
        }
    }
    let moves = |id: &u64| left.contains(id) && come.contains(id);
    // The changes that something's existence hangs on.
    let mut carrying = Vec::new();
    for (_, indices) in involved.iter().filter(|(id, _)| moves(id)) {
        indices.iter().for_each(|index| join(&mut group, indices[0], *index));
        carrying.extend_from_slice(indices);
    }
    let mut seen: BTreeSet<usize> = carrying.iter().copied().collect();
    while let Some(index) = carrying.pop() {
        for other in involved.get(&changes[index].directory).into_iter().flatten() {
            join(&mut group, index, *other);
            if seen.insert(*other) {
                carrying.push(*other);
            }
        }
    }
    group
}

fn join(group: &mut [usize], one: usize, other: usize) {
    let (from, to) = (group[other], group[one]);
    group
        .iter_mut()
        .filter(|group| **group == from)
        .for_each(|group| *group = to);
}
