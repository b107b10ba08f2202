//! Clocks that are wrong from the beginning: a node has its error when it is made, so that no clock steps by it.

use crate::fault::Fault;
use crate::model::{Clocks, Model};
use crate::plan::rates::us;
use crate::random::Draw;

/// How often clocks are wrong in a run.
const ENABLED: f64 = 0.7;
/// How many of the nodes of such a run have wrong clocks.
const SKEWED: f64 = 0.8;

/// What is wrong with the clocks of `node` in the run of this seed, if something is.
pub fn skew(model: &Model, seed: u64, node: &str) -> Option<Fault> {
    let (offset_us, drift_ppm) = match model.clocks {
        Clocks::Perfect => return None,
        // A clock that drifts leaves every bound in the end.
        Clocks::Bounded { uncertainty } => (us(uncertainty), 0),
        Clocks::Skewed { offset, drift_ppm, .. } => (us(offset), u64::from(drift_ppm)),
    };
    let mut draw = Draw::new(seed, &format!("skew: {node}"));
    let skewed = Draw::new(seed, "skew").chance(ENABLED) && draw.chance(SKEWED);
    skewed.then(|| Fault::Skew {
        node: node.to_owned(),
        offset_us: around_zero(offset_us, &mut draw),
        drift_ppm: around_zero(drift_ppm, &mut draw) as i32,
    })
}

/// A number from -`most` to `most`, its extremes as likely as all that lies between: they are where bounds break.
fn around_zero(most: u64, draw: &mut Draw) -> i64 {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    match draw.below(4) {
        0 => most,
        1 => -most,
        _ => draw.below(most as u64 * 2 + 1) as i64 - most,
    }
}
