//! Random numbers: from the operating system in production, from (seed, node, purpose) in memory.

#[cfg(feature = "memory")]
mod stream;

#[cfg(feature = "memory")]
pub(crate) use stream::Hash;

#[cfg(feature = "memory")]
use stream::Stream;

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
    #[cfg(feature = "memory")]
    Stream(Stream),
}

impl Random {
    /// Bits of the operating system.
    pub(crate) fn system() -> Random {
        Random(Source::System {
            bytes: Box::new([0; SYSTEM_BYTES]),
            used: SYSTEM_BYTES,
        })
    }

    /// A repeatable stream.
    #[cfg(feature = "memory")]
    pub(crate) fn stream(seed: u64) -> Random {
        Random(Source::Stream(Stream::new(seed)))
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
            #[cfg(feature = "memory")]
            Source::Stream(stream) => stream.next(),
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
