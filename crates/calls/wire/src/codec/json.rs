//! JSON of the HTTP face.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CodecError, Limits};

pub(super) fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let mut writer = serde_json::Serializer::new(out);
    value
        .serialize(&mut writer)
        .map_err(|error| CodecError::new(error.to_string()))
}

pub(super) fn decode<T: DeserializeOwned>(input: &[u8], _limits: &Limits) -> Result<T, CodecError> {
    serde_json::from_slice(input).map_err(|error| CodecError::new(error.to_string()))
}
