//! Time folded onto paper: moments in order, near ones apart enough to be read, quiet stretches cut short.

use std::collections::BTreeMap;

/// Between two different moments, in pixels.
const STEP_MIN: f64 = 11.0;

/// Between two moments however far apart, in pixels.
const STEP_MAX: f64 = 58.0;

/// The usual latency of a message is drawn this tall, in pixels.
const LATENCY_HEIGHT: f64 = 40.0;

/// A stretch is marked as folded from this many times its drawn height.
const FOLD_FACTOR: f64 = 3.0;

/// The moments of a picture, each with the room it needs above and below, in pixels.
#[derive(Debug, Default)]
pub(super) struct Moments(BTreeMap<u64, (f64, f64)>);

impl Moments {
    /// Asks for room below a moment; the greatest wish counts.
    pub(super) fn add(&mut self, at: u64, room: f64) {
        let (_, below) = self.0.entry(at).or_default();
        *below = below.max(room);
    }

    /// Asks for room above a moment; the greatest wish counts.
    pub(super) fn add_above(&mut self, at: u64, room: f64) {
        let (above, _) = self.0.entry(at).or_default();
        *above = above.max(room);
    }
}

/// Where a moment is drawn.
#[derive(Debug, Default)]
pub(super) struct Scale {
    knots: Vec<(u64, f64)>,
    /// Stretches drawn much shorter than they were: where, and how long they were.
    pub(super) folds: Vec<(f64, u64)>,
}

impl Scale {
    /// Lays moments out below `top`; `latency` is the usual time of a message under way, in nanoseconds.
    pub(super) fn new(moments: &Moments, latency: u64, top: f64) -> Self {
        let mut scale = Self::default();
        let mut y = top;
        let mut before: Option<(u64, f64)> = None;
        for (at, (above, below)) in &moments.0 {
            if let Some((last, room)) = before {
                let honest = height(at - last, latency);
                let step = honest.clamp(STEP_MIN, STEP_MAX).max(room + above);
                if honest > STEP_MAX * FOLD_FACTOR {
                    // The mark of a fold needs room of its own below the texts.
                    let step = step.max(room + above + 22.0);
                    scale.folds.push((y + room + (step - room - above) / 2.0, at - last));
                    y += step;
                } else {
                    y += step;
                }
            }
            scale.knots.push((*at, y));
            before = Some((*at, *below));
        }
        scale
    }

    /// The height of a moment; one between two that were laid out is in proportion.
    pub(super) fn y(&self, at: u64) -> f64 {
        let after = self.knots.partition_point(|(knot, _)| *knot < at);
        let below = self.knots.get(after);
        let above = self.knots.get(after.wrapping_sub(1));
        match (above, below) {
            (Some((from, top)), Some((to, bottom))) => {
                let share = (at - from) as f64 / (to - from) as f64;
                top + (bottom - top) * share
            }
            (_, Some((_, y))) | (Some((_, y)), None) => *y,
            (None, None) => 0.0,
        }
    }

    /// The moments that were laid out, first to last.
    pub(super) fn knots(&self) -> &[(u64, f64)] {
        &self.knots
    }
}

fn height(nanoseconds: u64, latency: u64) -> f64 {
    nanoseconds as f64 / latency.max(1) as f64 * LATENCY_HEIGHT
}
