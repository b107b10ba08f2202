//! The bytes of a session's cookie.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac as _;

use super::ACCOUNT_BYTES_MAX;
use super::key::Keys;

/// Bytes of a cookie that are looked at; browsers keep no larger one.
const COOKIE_BYTES_MAX: usize = 4096;

const VERSION: u8 = 1;

/// Bytes before the account.
const FIXED_BYTES: usize = 1 + 8 + 8 + 16;

// The longest account fits into a cookie with its signature, both in base64.
const _: () = assert!((FIXED_BYTES + ACCOUNT_BYTES_MAX).div_ceil(3) * 4 + 1 + 43 <= COOKIE_BYTES_MAX);

/// What a cookie says.
pub(super) struct Payload<'a> {
    /// Seconds since 1970.
    pub(super) issued: i64,
    pub(super) epoch: i64,
    pub(super) id: [u8; 16],
    pub(super) account: Option<&'a str>,
}

pub(super) fn seal(keys: &Keys, name: &str, payload: &Payload<'_>) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&payload.issued.to_be_bytes());
    bytes.extend_from_slice(&payload.epoch.to_be_bytes());
    bytes.extend_from_slice(&payload.id);
    bytes.extend_from_slice(payload.account.unwrap_or_default().as_bytes());
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
    let (fixed, account) = bytes.split_at_checked(FIXED_BYTES)?;
    let (version, rest) = fixed.split_first()?;
    let (issued, rest) = rest.split_first_chunk()?;
    let (epoch, rest) = rest.split_first_chunk()?;
    let (id, _) = rest.split_first_chunk()?;
    let account = std::str::from_utf8(account).ok()?;
    (*version == VERSION).then(|| Payload {
        issued: i64::from_be_bytes(*issued),
        epoch: i64::from_be_bytes(*epoch),
        id: *id,
        account: Some(account).filter(|account| !account.is_empty()),
    })
}
