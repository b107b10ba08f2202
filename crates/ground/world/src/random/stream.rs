//! Repeatable randomness, for the world in memory.

/// The generator xoshiro256++ 1.0 of David Blackman and Sebastiano Vigna (2019),
/// <https://prng.di.unimi.it/xoshiro256plusplus.c>.
pub(super) struct Stream([u64; 4]);

impl Stream {
    /// The state is filled by SplitMix64, as the authors of the generator ask.
    pub(super) fn new(mut seed: u64) -> Stream {
        Stream(std::array::from_fn(|_| split_mix(&mut seed)))
    }

    pub(super) fn next(&mut self) -> u64 {
        let state = &mut self.0;
        let result = state[0].wrapping_add(state[3]).rotate_left(23).wrapping_add(state[0]);
        let shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = state[3].rotate_left(45);
        result
    }
}

/// FNV-1a of Fowler, Noll and Vo, <http://www.isthe.com/chongo/tech/comp/fnv/>: turns names into
/// seeds. Not for what an adversary chooses.
pub(crate) struct Hash(u64);

impl Hash {
    pub(crate) fn new() -> Hash {
        Hash(0xcbf2_9ce4_8422_2325)
    }

    /// A hash that goes on from `finished`.
    pub(crate) fn continued(finished: u64) -> Hash {
        Hash(finished)
    }

    pub(crate) fn u64(self, value: u64) -> Hash {
        self.bytes(&value.to_le_bytes())
    }

    /// The length goes first, so that no two lists of texts are one.
    pub(crate) fn text(self, text: &str) -> Hash {
        self.u64(text.len() as u64).bytes(text.as_bytes())
    }

    pub(crate) fn finish(self) -> u64 {
        self.0
    }

    fn bytes(self, bytes: &[u8]) -> Hash {
        Hash(bytes.iter().fold(self.0, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }
}

/// SplitMix64 of Sebastiano Vigna (2015), <https://prng.di.unimi.it/splitmix64.c>.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::{Stream, split_mix};

    #[test]
    fn the_generators_are_the_published_ones() {
        let mut stream = Stream([1, 2, 3, 4]);
        let drawn: [u64; 4] = std::array::from_fn(|_| stream.next());
        assert_eq!(
            drawn,
            [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]
        );
        let mut state = 1_234_567;
        let drawn: [u64; 3] = std::array::from_fn(|_| split_mix(&mut state));
        assert_eq!(
            drawn,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }
}
