//! Random numbers: from the operating system in production, from (seed, node, purpose) in memory.

/// Bytes asked of the operating system at once.
const SYSTEM_BYTES: usize = 256;

/// A source of random numbers for one purpose. In production every bit comes from the operating system, so it may make
/// secrets; in memory it is a repeatable stream.
pub struct Random(Source);

enum Source {
    System {
        bytes: Box<[u8; SYSTEM_BYTES]>,
        used: usize,
    },
    Stream([u64; 4]),
}

impl Random {
    /// Bits of the operating system.
    pub(crate) fn system() -> Random {
        Random(Source::System {
            bytes: Box::new([0; SYSTEM_BYTES]),
            used: SYSTEM_BYTES,
        })
    }

    /// A repeatable stream. Its state is filled by SplitMix64, as the authors of xoshiro256++ ask.
    #[cfg(feature = "memory")]
    pub(crate) fn stream(mut seed: u64) -> Random {
        Random(Source::Stream(std::array::from_fn(|_| split_mix(&mut seed))))
    }

    /// 64 random bits.
    pub fn u64(&mut self) -> u64 {
        match &mut self.0 {
            Source::System { bytes, used } => {
                if *used == SYSTEM_BYTES {
                    // Without randomness no id is unique and no secret is one: there is nothing to go on with.
                    getrandom::fill(&mut bytes[..]).expect("the operating system gives no random bytes");
                    *used = 0;
                }
                let word = &mut bytes[*used..*used + 8];
                *used += 8;
                let value = u64::from_le_bytes(word.try_into().expect("a word has 8 bytes"));
                word.fill(0);
                value
            }
            Source::Stream(state) => xoshiro(state),
        }
    }

    /// 128 random bits.
    pub fn u128(&mut self) -> u128 {
        (u128::from(self.u64()) << 64) | u128::from(self.u64())
    }

    /// Fills `bytes` with random ones.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.u64().to_le_bytes()[..chunk.len()]);
        }
    }

    /// A number from 0 up to but not including `n`, each as likely; 0 if `n` is 0. The method is Lemire's (*Fast random
    /// integer generation in an interval*, 2019).
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        let threshold = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.u64()) * u128::from(n);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// A number from 0.0 up to but not including 1.0, a multiple of 2⁻⁵³.
    pub fn fraction(&mut self) -> f64 {
        (self.u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// xoshiro256++ 1.0 of David Blackman and Sebastiano Vigna (2019), <https://prng.di.unimi.it/xoshiro256plusplus.c>.
fn xoshiro(state: &mut [u64; 4]) -> u64 {
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

/// SplitMix64 of Sebastiano Vigna (2015), <https://prng.di.unimi.it/splitmix64.c>.
#[cfg(feature = "memory")]
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::xoshiro;

    #[test]
    fn the_generator_is_the_published_one() {
        let mut state = [1, 2, 3, 4];
        let drawn: Vec<u64> = (0..4).map(|_| xoshiro(&mut state)).collect();
        assert_eq!(
            drawn,
            [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]
        );
    }
}
