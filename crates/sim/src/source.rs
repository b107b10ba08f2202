//! Where faults come from: drawn from the seed by the model's rates, or a list, when a failure is replayed or made
//! smaller.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::fault::{Fate, Fault, Lie};
use crate::inner::{Inner, Node};
use crate::model::Timing;
use crate::plan::{FaultKind, Window};
use crate::random::Draw;
use crate::trace::Kind;

/// The shortest and the longest time until a doubled message arrives again.
const AGAIN_MIN_US: u64 = 100;
const AGAIN_MAX_US: u64 = 5_000_000;

/// The least by which a late message is late.
const LATE_MIN_US: u64 = 1_000;

/// How often a `buggify!` that is on in this run says yes.
const BUGGIFY_SHARE: f64 = 0.2;

pub(crate) enum Source {
    /// Nothing goes wrong: before the chaos, and after it.
    Quiet,
    /// The seed decides, within the model.
    Drawn {
        enabled: BTreeSet<FaultKind>,
        liars: BTreeSet<String>,
        /// Nodes that lose messages before sending and after receiving them.
        omitting: BTreeSet<String>,
        window: Window,
    },
    /// Exactly these.
    Listed(Vec<Fault>),
}

impl Source {
    /// What happens to the message `(from, to, kind, nth)`, if it does not simply arrive.
    pub(crate) fn fate(
        &self,
        inner: &Inner,
        nodes: &[Node],
        (from, to, kind, nth): (u32, u32, Kind, u64),
        now: Duration,
        draw: &mut Draw,
    ) -> Option<Fate> {
        match self {
            Source::Quiet => None,
            Source::Listed(faults) => faults.iter().find_map(|fault| match fault {
                Fault::Message {
                    from: sender,
                    to: receiver,
                    kind: of,
                    nth: number,
                    fate,
                } if (*of, *number) == (kind, nth)
                    && *sender == nodes[from as usize].name
                    && *receiver == nodes[to as usize].name =>
                {
                    Some(*fate)
                }
                _ => None,
            }),
            Source::Drawn {
                enabled,
                omitting,
                window,
                ..
            } => {
                let rates = inner.model.rates(enabled, micros(now), *window);
                let omits = |node: u32| omitting.contains(&nodes[node as usize].name);
                let omission = match omits(from) || omits(to) {
                    true => rates.omission,
                    false => 0.0,
                };
                if draw.chance(rates.loss) || draw.chance(omission) {
                    Some(Fate::Lost)
                } else if draw.chance(rates.reset) {
                    Some(Fate::Reset)
                } else if draw.chance(rates.duplication) {
                    let after_us = draw.magnitude(AGAIN_MIN_US, AGAIN_MAX_US);
                    let after_us = after_us.min(again_max_us(inner, micros(now), *window));
                    Some(Fate::Duplicated { after_us })
                } else if draw.chance(rates.late.0) {
                    let by_us = draw.magnitude(LATE_MIN_US.min(rates.late.1), rates.late.1);
                    Some(Fate::Late { by_us })
                } else if draw.chance(rates.corruption) {
                    let bit = draw.u64() as u32;
                    Some(Fate::Corrupted { bit })
                } else {
                    None
                }
            }
        }
    }

    /// How `node` lies in its `nth` reply to `to`, if it does.
    pub(crate) fn lie(&self, inner: &Inner, node: &str, to: &str, nth: u64, draw: &mut Draw) -> Option<Lie> {
        match self {
            Source::Quiet => None,
            Source::Listed(faults) => faults.iter().find_map(|fault| match fault {
                Fault::Lie {
                    node: liar,
                    to: told,
                    nth: number,
                    how,
                } if *number == nth && liar == node && told == to => Some(*how),
                _ => None,
            }),
            Source::Drawn {
                enabled, liars, window, ..
            } => {
                let rates = inner.model.rates(enabled, micros(inner.memory.now()), *window);
                if !liars.contains(node) || !draw.chance(rates.lie) {
                    return None;
                }
                let lies: Vec<Lie> = enabled
                    .iter()
                    .filter_map(|kind| match kind {
                        FaultKind::Lie(lie) => Some(*lie),
                        _ => None,
                    })
                    .collect();
                draw.pick(&lies).copied()
            }
        }
    }

    /// Whether the rare behaviour `name`, which `node` offers for the `nth` time, shall happen.
    pub(crate) fn buggify(&self, inner: &Inner, node: &str, name: &str, nth: u64) -> bool {
        match self {
            Source::Quiet => false,
            Source::Listed(faults) => faults.iter().any(|fault| {
                matches!(fault, Fault::Buggify { node: at, name: of, nth: number }
                    if at == node && of == name && *number == nth)
            }),
            // Each name is on in half of the runs that have any, so that a run without it is tried as well.
            Source::Drawn { enabled, .. } => {
                enabled.contains(&FaultKind::Buggify)
                    && Draw::new(inner.seed, name).chance(0.5)
                    && Draw::new(inner.seed ^ nth.rotate_left(32), &format!("{node}/{name}")).chance(BUGGIFY_SHARE)
            }
        }
    }
}

/// How much later a doubled message may arrive again: as late as any other, so that a healed world is healed.
fn again_max_us(inner: &Inner, now_us: u64, window: Window) -> u64 {
    let left_us = window.faults_end_us.saturating_sub(now_us);
    match inner.model.timing {
        Timing::PartiallySynchronous { delay_max, .. } => left_us.saturating_add(micros(delay_max / 2)),
        Timing::Synchronous { .. } | Timing::Asynchronous => left_us,
    }
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
