//! A digest of arguments: XXH3-128 of a canonical form, by which a repeated call id is told from a reused one.
//!
//! The form is positional, with three differences. A struct's fields carry their index and those that are `None` are
//! left out, so an optional field added at the end leaves every digest as it was. The entries of a map are hashed one
//! by one and their hashes added, so that its order does not matter. Numbers have a fixed width, and lengths are
//! inside, so no two values of one type share a form. It is not a defence against an adversary.

mod form;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

/// Memory that a thread keeps between digests.
const KEPT_BYTES_MAX: usize = 64 << 10;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The digest of `value` under `seed`: equal in every process and in every version that only added optional fields at
/// the end of structs.
///
/// A value whose own serde code fails has the digest of what it wrote until then; such a value cannot cross either.
#[inline]
pub fn digest<T: Serialize + ?Sized>(seed: u128, value: &T) -> u128 {
    let kept = BUFFER.try_with(|buffer| {
        buffer
            .try_borrow_mut()
            .ok()
            .map(|mut buffer| write(seed, value, &mut buffer))
    });
    match kept {
        Ok(Some(digest)) => digest,
        // The thread is ending, or a value's serde code takes a digest itself.
        _ => write(seed, value, &mut Vec::new()),
    }
}

#[inline]
fn write<T: Serialize + ?Sized>(seed: u128, value: &T, buffer: &mut Vec<u8>) -> u128 {
    buffer.clear();
    buffer.extend_from_slice(&seed.to_le_bytes());
    if value.serialize(&mut form::Form::new(buffer)).is_err() {
        buffer.push(form::FAILED);
    }
    let digest = xxh3_128(buffer);
    if buffer.capacity() > KEPT_BYTES_MAX {
        *buffer = Vec::new();
    }
    digest
}
