//! Faults that are told instead of drawn: somebody may have written them by hand, so they are checked before they strike.

use crate::fault::{Fate, Fault};
use crate::inner::WITNESS;

/// The latest time, and the longest duration, of a listed fault: some ten years, in microseconds. Many of them together
/// stay far below what a clock of nanoseconds holds.
pub const FAULT_US_MAX: u64 = 10 * 365 * 24 * 3_600 * 1_000_000;

/// As much as a clock may be faster, or slower, than the truth: below this it would stand still or run backwards.
const DRIFT_PPM_BELOW: u32 = 1_000_000;

/// A fault that no world can show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// It is too late, or lasts too long.
    #[error("`{fault}` has {us} µs, and {FAULT_US_MAX} µs are the most; make it sooner or shorter")]
    Time {
        /// Which.
        fault: Fault,
        /// Its time or duration.
        us: u64,
    },
    /// A clock would stand still, run backwards, or run at twice its speed.
    #[error("`{fault}`: a drift is above -{DRIFT_PPM_BELOW} and below {DRIFT_PPM_BELOW} ppm; make it smaller")]
    Drift {
        /// Which.
        fault: Fault,
    },
    /// It strikes the scenario itself.
    #[error("`{fault}` strikes `{WITNESS}`, which is the scenario itself, and never fails; name another node")]
    Witness {
        /// Which.
        fault: Fault,
    },
}

/// Whether a world can show these; which of its nodes there are it knows only later, and passes over those it has not.
pub(crate) fn check(faults: &[Fault]) -> Result<(), FaultError> {
    faults.iter().try_for_each(check_one)
}

fn check_one(fault: &Fault) -> Result<(), FaultError> {
    let fault_too = || fault.clone();
    if let Some(us) = times(fault).into_iter().flatten().find(|us| *us > FAULT_US_MAX) {
        return Err(FaultError::Time { fault: fault_too(), us });
    }
    if let Fault::Skew { drift_ppm, .. } = fault
        && drift_ppm.unsigned_abs() >= DRIFT_PPM_BELOW
    {
        return Err(FaultError::Drift { fault: fault_too() });
    }
    if strikes_witness(fault) {
        return Err(FaultError::Witness { fault: fault_too() });
    }
    Ok(())
}

/// All times and durations of a fault.
fn times(fault: &Fault) -> [Option<u64>; 3] {
    match fault {
        Fault::Crash { at_us, down_us, .. } => [Some(*at_us), *down_us, None],
        Fault::Pause { at_us, for_us, .. }
        | Fault::Partition { at_us, for_us, .. }
        | Fault::Full { at_us, for_us, .. } => [Some(*at_us), Some(*for_us), None],
        Fault::Slow {
            at_us, for_us, step_us, ..
        } => [Some(*at_us), Some(*for_us), Some(*step_us)],
        Fault::Skew { offset_us, .. } => [Some(offset_us.unsigned_abs()), None, None],
        Fault::Jump { at_us, by_us, .. } => [Some(*at_us), Some(by_us.unsigned_abs()), None],
        Fault::Rot { at_us, .. } => [Some(*at_us), None, None],
        Fault::Message { fate, .. } => match fate {
            Fate::Duplicated { after_us: us } | Fate::Late { by_us: us } => [Some(*us), None, None],
            Fate::Lost | Fate::Reset | Fate::Corrupted { .. } => [None; 3],
        },
        Fault::Lie { .. } | Fault::Buggify { .. } => [None; 3],
    }
}

/// The scenario may ask, and may be offered rare behaviour; it neither stops nor is cut off.
fn strikes_witness(fault: &Fault) -> bool {
    match fault {
        Fault::Partition { cuts, .. } => cuts.iter().any(|(from, to)| from == WITNESS || to == WITNESS),
        Fault::Message { .. } | Fault::Buggify { .. } => false,
        fault => fault.node() == Some(WITNESS),
    }
}
