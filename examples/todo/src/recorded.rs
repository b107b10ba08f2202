//! Digests of arguments, by which a call id that was given by a person is known to be used for something else.

use serde::Serialize;
use sha2::{Digest, Sha256};
use terrace::{CallError, CallErrorKind};
use uuid::Uuid;

/// Kept beside the recorded answer of a call.
pub(crate) fn digest(arguments: &impl Serialize) -> Result<Uuid, CallError> {
    let unwritten = |error: serde_json::Error| {
        let message = format!("the arguments cannot be compared: {error}");
        CallError::not_run(CallErrorKind::Failed, message)
    };
    let whole = Sha256::digest(serde_json::to_vec(arguments).map_err(unwritten)?);
    let mut half = [0; 16];
    half.copy_from_slice(&whole[..16]);
    Ok(Uuid::from_bytes(half))
}

/// An id for something new.
pub(crate) fn new_id(env: &terrace::Env) -> Uuid {
    uuid::Builder::from_random_bytes(env.random("ids").u128().to_le_bytes()).into_uuid()
}
