//! What a site keeps in a session, as it is written: tagged, so that another release finds its fields by name.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::{Codec, CodecError, Limits, Shape};

/// Bytes of what a site keeps in one session: a browser keeps cookies of up to 4,096 bytes in all, and sends each of them with
/// every request.
pub const DATA_BYTES_MAX: usize = 768;

/// What a site may keep in a session: anything with `#[terrace::data]` that has a default, which is what a new session has.
pub trait SessionData: Shape + Serialize + DeserializeOwned + Default + Clone + Send + Sync {}

impl<D: Shape + Serialize + DeserializeOwned + Default + Clone + Send + Sync> SessionData for D {}

/// Why something is not kept in a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionDataError {
    /// It is too large.
    #[error(
        "the data of a session has {bytes} bytes, and a browser keeps little: keep at most {DATA_BYTES_MAX} there, and the rest \
         in a database"
    )]
    TooLarge {
        /// How large it is as it is written.
        bytes: usize,
    },
    /// It cannot be written.
    #[error("the data of a session cannot be written: {0}")]
    Unwritable(#[from] CodecError),
}

pub(super) fn written<D: SessionData>(data: &D) -> Result<Vec<u8>, SessionDataError> {
    let mut bytes = Vec::new();
    wire::encode(Codec::Tagged, data, &mut bytes)?;
    if bytes.len() > DATA_BYTES_MAX {
        return Err(SessionDataError::TooLarge { bytes: bytes.len() });
    }
    Ok(bytes)
}

pub(super) fn read<D: SessionData>(bytes: &[u8]) -> Option<D> {
    if bytes.len() > DATA_BYTES_MAX {
        return None;
    }
    wire::decode(Codec::Tagged, bytes, &Limits::default()).ok()
}
