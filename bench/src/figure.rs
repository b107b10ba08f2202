//! A median with its spread.

/// What one thing measured over all rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// The middle value; the mean of the two middle ones when the rounds are even.
    pub median: f64,
    /// The lowest round.
    pub lowest: f64,
    /// The highest round.
    pub highest: f64,
}

impl Figure {
    /// The figure of these rounds, or `None` when there was no round.
    pub fn of(rounds: impl IntoIterator<Item = f64>) -> Option<Figure> {
        let mut sorted: Vec<f64> = rounds.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (lowest, highest) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        } else {
            sorted[middle]
        };
        Some(Figure {
            median,
            lowest,
            highest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Figure;

    #[test]
    fn the_median_ignores_the_order_and_one_wild_round() {
        let figure = Figure::of([3.0, 1000.0, 1.0, 2.0, 2.5]);
        assert_eq!(
            figure,
            Some(Figure {
                median: 2.5,
                lowest: 1.0,
                highest: 1000.0
            })
        );
    }

    #[test]
    fn even_rounds_give_the_mean_of_the_middle_two() {
        assert_eq!(Figure::of([4.0, 1.0, 2.0, 3.0]).map(|figure| figure.median), Some(2.5));
    }

    #[test]
    fn no_round_gives_no_figure() {
        assert_eq!(Figure::of([]), None);
    }
}
