//! What opens something: made of 32 random bytes, and kept as a digest only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use terrace::Env;

use crate::hidden::Hidden;

/// Bytes of randomness.
const BYTES: usize = 32;

/// A new one: the only time that it is known.
pub fn new(env: &Env) -> Hidden {
    let mut bytes = [0; BYTES];
    env.random("secrets").fill(&mut bytes);
    Hidden::new(URL_SAFE_NO_PAD.encode(bytes))
}

/// What is kept of it. It has too many bits to be guessed, so one round of a fast digest is enough.
pub(super) fn digest(secret: &Hidden) -> Vec<u8> {
    Sha256::digest(secret.reveal().as_bytes()).to_vec()
}
