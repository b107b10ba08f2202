//! The bytes of a session's cookie.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac as _;

use super::key::Keys;
use super::{ACCOUNT_BYTES_MAX, DATA_BYTES_MAX};

/// Bytes of a cookie that are looked at; browsers keep no larger one.
const COOKIE_BYTES_MAX: usize = 4096;

const VERSION: u8 = 2;

/// Bytes before the account.
const FIXED_BYTES: usize = 1 + 8 + 8 + 16 + 2;

// The longest account and data fit into a cookie with its signature, all in base64.
const _: () = assert!((FIXED_BYTES + ACCOUNT_BYTES_MAX + DATA_BYTES_MAX).div_ceil(3) * 4 + 1 + 43 <= COOKIE_BYTES_MAX);

/// What a cookie says.
pub(super) struct Payload<'a> {
    /// Seconds since 1970.
    pub(super) issued: i64,
    pub(super) epoch: i64,
    pub(super) id: [u8; 16],
    pub(super) account: Option<&'a str>,
    pub(super) data: &'a [u8],
}

pub(super) fn seal(keys: &Keys, name: &str, payload: &Payload<'_>) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&payload.issued.to_be_bytes());
    bytes.extend_from_slice(&payload.epoch.to_be_bytes());
    bytes.extend_from_slice(&payload.id);
    // A name past the bounds makes a cookie that is too long to be looked at.
    let account = payload.account.unwrap_or_default();
    let length = u16::try_from(account.len()).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(account.as_bytes());
    bytes.extend_from_slice(payload.data);
    let signature = keys.cookie(name).chain_update(&bytes).finalize().into_bytes();
    let mut sealed = URL_SAFE_NO_PAD.encode(&bytes);
    sealed.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut sealed);
    sealed
}

/// What `read` makes of the payload, if the cookie is one of ours.
pub(super) fn open<T>(
    keys: &Keys,
    name: &str,
    sealed: &str,
    read: impl FnOnce(&Payload<'_>) -> Option<T>,
) -> Option<T> {
    if sealed.len() > COOKIE_BYTES_MAX {
        return None;
    }
    let (payload, signature) = sealed.split_once('.')?;
    let bytes = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    keys.cookie(name).chain_update(&bytes).verify_slice(&signature).ok()?;
    read(&parsed(&bytes)?)
}

fn parsed(bytes: &[u8]) -> Option<Payload<'_>> {
    let (version, rest) = bytes.split_first()?;
    if *version != VERSION {
        return None;
    }
    let (issued, rest) = rest.split_first_chunk()?;
    let (epoch, rest) = rest.split_first_chunk()?;
    let (id, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (account, data) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let account = std::str::from_utf8(account).ok()?;
    Some(Payload {
        issued: i64::from_be_bytes(*issued),
        epoch: i64::from_be_bytes(*epoch),
        id: *id,
        account: Some(account).filter(|account| !account.is_empty()),
        data,
    })
}
