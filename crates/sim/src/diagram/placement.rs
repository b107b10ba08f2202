//! Where a text may stand: turned boxes, each claimed once.

/// A box around a text: its middle, its size, and the angle it is turned by, in radians.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) angle: f64,
}

/// The places that are taken.
#[derive(Debug, Default)]
pub(super) struct Taken(Vec<Place>);

impl Taken {
    /// Takes a place, if it is free.
    pub(super) fn claim(&mut self, place: Place) -> bool {
        let is_free = !self.0.iter().any(|other| overlap(other, &place));
        if is_free {
            self.0.push(place);
        }
        is_free
    }

    /// Takes a place, free or not.
    pub(super) fn take(&mut self, place: Place) {
        self.0.push(place);
    }
}

/// Whether two turned boxes overlap: they do not if some side of one of them separates them.
fn overlap(one: &Place, other: &Place) -> bool {
    let directions = [one.angle, one.angle + QUARTER, other.angle, other.angle + QUARTER];
    directions.into_iter().all(|direction| {
        let between = (other.x - one.x) * direction.cos() + (other.y - one.y) * direction.sin();
        between.abs() < reach(one, direction) + reach(other, direction)
    })
}

const QUARTER: f64 = std::f64::consts::FRAC_PI_2;

/// How far a box reaches from its middle in a direction.
fn reach(place: &Place, direction: f64) -> f64 {
    let turned = direction - place.angle;
    (place.width * turned.cos().abs() + place.height * turned.sin().abs()) / 2.0
}
