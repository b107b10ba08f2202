//! Repeatable randomness of a run: one stream for each (seed, purpose), so that a draw in one place shifts no other.

/// The generator SplitMix64 (Guy Steele, Doug Lea and Christine Flood, *Fast splittable pseudorandom number generators*,
/// OOPSLA 2014). Only integers decide, so that a seed means the same on every machine.
pub(crate) struct Draw(u64);

impl Draw {
    /// The stream of this seed for this purpose; the two are hashed by FNV-1a.
    pub(crate) fn new(seed: u64, purpose: &str) -> Draw {
        let bytes = seed.to_le_bytes().into_iter().chain(purpose.bytes());
        Draw(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }

    /// The stream of these numbers, such as the seed and what tells one message from all others.
    pub(crate) fn keyed(key: &[u64]) -> Draw {
        Draw(key.iter().fold(0, |state, part| Draw(state ^ part).u64()))
    }

    /// 64 random bits.
    pub(crate) fn u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to but not including `n`; 0 if `n` is 0. Its bias, below n/2⁶⁴, does not matter here.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.u64()) * u128::from(n)) >> 64) as u64
    }

    /// Whether something of this probability happens.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        ((self.u64() >> 11) as f64) < probability * (1_u64 << 53) as f64
    }

    /// One of them; none of none.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len() as u64) as usize)
    }

    /// Another order, each as likely (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// A number from `low` to `high`, in which each power of two is as likely: timeouts that matter are of every size.
    pub(crate) fn magnitude(&mut self, low: u64, high: u64) -> u64 {
        let (low, high) = (low.max(1), high.max(low).max(1));
        let power = low.ilog2() + self.below(u64::from(high.ilog2() - low.ilog2() + 1)) as u32;
        let start = 1_u64 << power;
        start.saturating_add(self.below(start)).clamp(low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::Draw;

    #[test]
    fn a_seed_and_a_purpose_name_one_stream() {
        let first = |seed, purpose| Draw::new(seed, purpose).u64();
        assert_eq!(first(7, "plan"), first(7, "plan"));
        assert_ne!(first(7, "plan"), first(8, "plan"));
        assert_ne!(first(7, "plan"), first(7, "link"));
    }

    #[test]
    fn draws_stay_in_their_bounds_and_reach_them() {
        let mut draw = Draw::new(1, "test");
        let (mut least, mut most, mut heads, mut reached) = (u64::MAX, 0, 0, [false; 5]);
        for _ in 0..10_000 {
            let magnitude = draw.magnitude(100, 1_000_000);
            (least, most) = (least.min(magnitude), most.max(magnitude));
            heads += u32::from(draw.chance(0.3));
            reached[draw.below(5) as usize] = true;
            assert!(!draw.chance(0.0) && draw.chance(1.0));
        }
        assert!((100..200).contains(&least) && (900_000..=1_000_000).contains(&most));
        assert!((2_700..3_300).contains(&heads), "{heads}");
        assert_eq!(reached, [true; 5]);
    }

    #[test]
    fn the_smallest_and_the_largest_ranges_are_no_trouble() {
        let mut draw = Draw::new(1, "test");
        assert_eq!(draw.below(0), 0);
        assert_eq!(draw.pick::<u8>(&[]), None);
        assert_eq!(draw.magnitude(0, 0), 1);
        for _ in 0..1_000 {
            assert!(draw.magnitude(1, u64::MAX) >= 1);
        }
    }

    #[test]
    fn a_shuffle_keeps_what_it_orders() {
        let mut items: Vec<u32> = (0..50).collect();
        Draw::new(3, "test").shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<u32>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<u32>>());
    }
}
