//! Makes the list of faults of a failure smaller while it still fails.

use crate::fault::{Fate, Fault};

/// Tries several lists of faults, and returns which is the first that fails; none if none does, or if enough was tried.
pub type Fails<'a, E> = &'a mut dyn FnMut(&[Vec<Fault>]) -> Result<Option<usize>, E>;

/// The smallest part of `faults` that is found to fail still: first the delta debugging of A. Zeller and R. Hildebrandt
/// (*Simplifying and isolating failure-inducing input*, IEEE Transactions on Software Engineering 28(2), 2002), which
/// removes ever smaller parts, then each fault made shorter. No single fault can be taken away from the result, unless
/// `fails` gave up.
pub fn minimise<E>(faults: Vec<Fault>, fails: Fails<'_, E>) -> Result<Vec<Fault>, E> {
    if faults.is_empty() || fails(&[Vec::new()])?.is_some() {
        return Ok(Vec::new());
    }
    let mut faults = fewer(faults, fails)?;
    for at in 0..faults.len() {
        shorten(&mut faults, at, fails)?;
    }
    Ok(faults)
}

fn fewer<E>(mut faults: Vec<Fault>, fails: Fails<'_, E>) -> Result<Vec<Fault>, E> {
    let mut parts = 2;
    while faults.len() >= 2 {
        let size = faults.len().div_ceil(parts);
        let subsets: Vec<Vec<Fault>> = faults.chunks(size).map(<[Fault]>::to_vec).collect();
        if let Some(at) = fails(&subsets)? {
            faults = subsets.into_iter().nth(at).unwrap_or_default();
            parts = 2;
            continue;
        }
        if subsets.len() > 2 {
            let complements: Vec<Vec<Fault>> = (0..subsets.len()).map(|at| without(&subsets, at)).collect();
            if let Some(at) = fails(&complements)? {
                faults = without(&subsets, at);
                parts = (subsets.len() - 1).max(2);
                continue;
            }
        }
        if parts >= faults.len() {
            break;
        }
        parts = (parts * 2).min(faults.len());
    }
    Ok(faults)
}

fn without(subsets: &[Vec<Fault>], at: usize) -> Vec<Fault> {
    let others = subsets.iter().enumerate().filter(|(other, _)| *other != at);
    others.flat_map(|(_, faults)| faults.iter().cloned()).collect()
}

fn shorten<E>(faults: &mut Vec<Fault>, at: usize, fails: Fails<'_, E>) -> Result<(), E> {
    loop {
        let candidates: Vec<Vec<Fault>> = smaller(&faults[at])
            .into_iter()
            .map(|fault| {
                let mut candidate = faults.clone();
                candidate[at] = fault;
                candidate
            })
            .collect();
        match fails(&candidates)? {
            Some(found) => *faults = candidates.into_iter().nth(found).unwrap_or_default(),
            None => return Ok(()),
        }
    }
}

/// Durations are not made shorter than this: it is about what a message takes.
const SHORTEST_US: u64 = 1_000;

/// A fault that does less, in several ways, the one that does least first.
fn smaller(fault: &Fault) -> Vec<Fault> {
    let mut smaller = Vec::new();
    let mut add = |change: &dyn Fn(&mut Fault)| {
        let mut changed = fault.clone();
        change(&mut changed);
        smaller.push(changed);
    };
    if let Fault::Crash {
        after_changes: Some(_), ..
    } = fault
    {
        add(&|fault| {
            if let Fault::Crash { after_changes, .. } = fault {
                *after_changes = None;
            }
        });
    }
    match fault {
        Fault::Crash { torn: true, .. } => add(&|fault| {
            if let Fault::Crash { torn, .. } = fault {
                *torn = false;
            }
        }),
        Fault::Partition { cuts, .. } if cuts.len() > 1 => {
            for at in 0..cuts.len() {
                add(&move |fault| {
                    if let Fault::Partition { cuts, .. } = fault {
                        cuts.remove(at);
                    }
                });
            }
        }
        _ => {}
    }
    for divisor in [8, 2] {
        let shorter = |us: u64| (us / divisor).max(SHORTEST_US);
        if lasts(fault).is_some_and(|us| shorter(us) < us) {
            add(&|fault| {
                if let Some(us) = lasts_mut(fault) {
                    *us = shorter(*us);
                }
            });
        }
    }
    smaller
}

fn lasts(fault: &Fault) -> Option<u64> {
    lasts_mut(&mut fault.clone()).map(|us| *us)
}

fn lasts_mut(fault: &mut Fault) -> Option<&mut u64> {
    match fault {
        Fault::Crash { down_us, .. } => down_us.as_mut(),
        Fault::Pause { for_us, .. }
        | Fault::Slow { for_us, .. }
        | Fault::Partition { for_us, .. }
        | Fault::Full { for_us, .. } => Some(for_us),
        Fault::Message {
            fate: Fate::Duplicated { after_us },
            ..
        } => Some(after_us),
        Fault::Message {
            fate: Fate::Late { by_us },
            ..
        } => Some(by_us),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::minimise;
    use crate::fault::Fault;

    fn pause(node: usize, for_us: u64) -> Fault {
        Fault::Pause {
            node: format!("n{node}"),
            at_us: 0,
            for_us,
        }
    }

    /// Minimises 100 pauses, and returns what is left and how many lists were tried.
    fn minimal(still_fails: impl Fn(&[Fault]) -> bool) -> (Vec<Fault>, usize) {
        let mut tried = 0;
        let faults = (0..100).map(|node| pause(node, 1_000_000)).collect();
        let Ok(left) = minimise::<Infallible>(faults, &mut |lists| {
            tried += lists.len();
            Ok(lists.iter().position(|list| still_fails(list)))
        });
        (left, tried)
    }

    fn has(faults: &[Fault], node: usize) -> bool {
        faults.iter().any(|fault| fault.node() == Some(&format!("n{node}")))
    }

    #[test]
    fn the_one_fault_that_matters_is_left_and_as_short_as_can_be() {
        let (left, tried) = minimal(|faults| has(faults, 37));
        assert_eq!(left, [pause(37, 1_000)]);
        assert!(tried < 60, "{tried}");
    }

    #[test]
    fn three_faults_that_only_fail_together_are_left() {
        let (left, tried) = minimal(|faults| [3, 50, 96].iter().all(|node| has(faults, *node)));
        let nodes: Vec<Option<&str>> = left.iter().map(Fault::node).collect();
        assert_eq!(nodes, [Some("n3"), Some("n50"), Some("n96")]);
        assert!(tried < 300, "{tried}");
    }

    #[test]
    fn a_fault_is_as_long_as_it_has_to_be() {
        let long = |fault: &Fault| matches!(fault, Fault::Pause { for_us: 300_000.., .. });
        let (left, _) = minimal(|faults| faults.iter().any(|fault| fault.node() == Some("n5") && long(fault)));
        assert_eq!(left, [pause(5, 500_000)]);
    }

    #[test]
    fn what_fails_without_any_fault_needs_none() {
        assert_eq!(minimal(|_| true), (Vec::new(), 1));
    }

    #[test]
    fn nothing_is_taken_away_from_what_does_not_fail_again() {
        assert_eq!(minimal(|_| false).0.len(), 100);
    }
}
