//! The keys of sessions: from a secret of the operator's, or made once and kept on the node's disk.

use std::io::{self, ErrorKind};

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use world::Env;

use crate::kept::keep;

/// Bytes of a secret, below which it could be guessed.
const SECRET_BYTES_MIN: usize = 32;

const KEY_BYTES: usize = 32;

const FILE: &str = "session.key";

/// One key for each purpose, so that what is signed for one is nothing for another.
pub(super) struct Keys {
    cookie: Hmac<Sha256>,
    csrf: Hmac<Sha256>,
}

impl Keys {
    pub(super) fn of_secret(secret: &str) -> io::Result<Keys> {
        if secret.len() < SECRET_BYTES_MIN {
            let bytes = secret.len();
            let message = format!(
                "the secret of sessions has {bytes} bytes, which can be guessed; give at least {SECRET_BYTES_MIN} random ones"
            );
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(Keys::new(secret.as_bytes()))
    }

    pub(super) async fn kept_or_made(env: &Env) -> io::Result<Keys> {
        let file = match env.disk().open(FILE).await {
            Ok(file) => file.read_at(0, KEY_BYTES + 1).await?,
            Err(error) if error.kind() == ErrorKind::NotFound => made(env).await?,
            Err(error) => return Err(error),
        };
        if file.len() != KEY_BYTES {
            let message = format!(
                "`{FILE}` in the data folder is not the {KEY_BYTES} bytes that were written; remove it, and everybody signs in anew"
            );
            return Err(io::Error::new(ErrorKind::InvalidData, message));
        }
        Ok(Keys::new(&file))
    }

    fn new(secret: &[u8]) -> Keys {
        let purpose = |purpose: &str| keyed(&keyed(secret).chain_update(purpose).finalize().into_bytes());
        Keys {
            cookie: purpose("terrace session cookie 1"),
            csrf: purpose("terrace session csrf 1"),
        }
    }

    /// What signs a cookie called `name`.
    pub(super) fn cookie(&self, name: &str) -> Hmac<Sha256> {
        self.cookie.clone().chain_update(name).chain_update([0])
    }

    /// What a form of the session `id` has to send.
    pub(super) fn csrf(&self, id: &[u8; 16]) -> [u8; 32] {
        self.csrf.clone().chain_update(id).finalize().into_bytes().into()
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

async fn made(env: &Env) -> io::Result<Bytes> {
    let mut key = [0; KEY_BYTES];
    env.random("session key").fill(&mut key);
    let key = Bytes::copy_from_slice(&key);
    keep(env, "", FILE, key.clone()).await?;
    Ok(key)
}
