//! What a run is held to in the end: no acknowledged effect lost, none doubled, none from nowhere, and replicas that agree.

use crate::linearizability;

mod convergence;
mod effects;

pub use self::convergence::{Divergence, Group, convergence};
pub use self::effects::{Acknowledged, Effects};

/// What a check found wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Effects that should be there are not, or the other way round.
    #[error(transparent)]
    Effects(#[from] Effects),
    /// Replicas differ.
    #[error(transparent)]
    Divergence(#[from] Divergence),
    /// Answers that no order explains, or for which none was found.
    #[error(transparent)]
    Linearizability(#[from] linearizability::NotShown),
}
