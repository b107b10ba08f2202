//! A digest of arguments.

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// The digest of `value`: equal values have equal digests in every process and every version that added optional fields
/// at the end.
pub fn digest<T: Serialize + ?Sized>(seed: u128, value: &T) -> u128 {
    let mut out = seed.to_le_bytes().to_vec();
    let _ = crate::codec::encode(crate::codec::Codec::Tagged, value, &mut out);
    xxh3_128_with_seed(&out, 0)
}
