//! MessagePack with the names of fields and cases, by `rmp-serde` within our bounds.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::bounded::{Bounded, State};
use super::{CodecError, Limits};

pub(super) fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let mut writer = rmp_serde::Serializer::new(out).with_struct_map();
    value
        .serialize(&mut writer)
        .map_err(|error| CodecError::new(error.to_string()))
}

pub(super) fn decode<T: DeserializeOwned>(input: &[u8], limits: &Limits) -> Result<T, CodecError> {
    let state = State::new(input, limits);
    let mut reader = rmp_serde::Deserializer::from_read_ref(input);
    let value = T::deserialize(Bounded::new(&mut reader, &state)).map_err(|error| state.place(&sentence(&error)))?;
    // The reader does not tell how far it came: only at the end does one more value fail for want of its first byte.
    match bool::deserialize(&mut reader) {
        Err(rmp_serde::decode::Error::InvalidMarkerRead(_)) => Ok(value),
        _ => Err(CodecError::new("bytes are left after the value")),
    }
}

fn sentence(error: &rmp_serde::decode::Error) -> String {
    use rmp_serde::decode::Error;
    match error {
        Error::InvalidMarkerRead(_) | Error::InvalidDataRead(_) => "the bytes end inside the value".to_string(),
        Error::TypeMismatch(marker) => format!("MessagePack's {marker:?} is not what the field's type expects"),
        other => other.to_string(),
    }
}
