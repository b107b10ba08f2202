//! Tokens of others, sealed (ChaCha20-Poly1305, RFC 8439): who reads the database's file reads none of them. The key is the
//! operator's, or made once and kept on the node's disk, beside the database and not in it.

use std::io;

use bytes::Bytes;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest, Sha256};
use terrace::Env;
use uuid::Uuid;

use crate::hidden::Hidden;

const KEY_BYTES: usize = 32;

/// Bytes of a secret, below which it could be guessed.
const SECRET_BYTES_MIN: usize = 32;

/// Where the key is kept where nobody gives one.
const FILE: &str = "events.key";

/// What seals and opens.
pub(super) struct Sealer {
    env: Env,
    key: LessSafeKey,
}

impl Sealer {
    /// By the operator's `secret`, or by the key that is kept.
    pub(super) async fn open(env: &Env, secret: Option<&str>) -> io::Result<Sealer> {
        let key = match secret {
            Some(secret) if secret.len() < SECRET_BYTES_MIN => {
                let message = format!("`key` of Events can be guessed; give at least {SECRET_BYTES_MIN} random bytes");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
            Some(secret) => Bytes::copy_from_slice(&Sha256::digest(secret)),
            None => kept_or_made(env).await?,
        };
        let key = UnboundKey::new(&CHACHA20_POLY1305, &key).map_err(|_| io::Error::other("no key"))?;
        Ok(Sealer {
            env: env.clone(),
            key: LessSafeKey::new(key),
        })
    }

    /// What is kept of `secret`; it opens for the same `purpose` and `whose` only.
    pub(super) fn seal(&self, purpose: &str, whose: Uuid, secret: &Hidden) -> Vec<u8> {
        // 96 random bits: a key seals far fewer than the 2^32 secrets after which one might come twice.
        let mut nonce = [0; NONCE_LEN];
        self.env.random("seals").fill(&mut nonce);
        let mut sealed = secret.reveal().as_bytes().to_vec();
        let bound = Aad::from(bound(purpose, whose));
        let nonce_of = Nonce::assume_unique_for_key(nonce);
        // It fails only above 256 GiB.
        if self.key.seal_in_place_append_tag(nonce_of, bound, &mut sealed).is_err() {
            return Vec::new();
        }
        [&nonce, &*sealed].concat()
    }

    /// The secret, if it was sealed so.
    pub(super) fn unseal(&self, purpose: &str, whose: Uuid, sealed: &[u8]) -> Option<Hidden> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let bound = Aad::from(bound(purpose, whose));
        let opened = self.key.open_in_place(nonce, bound, &mut sealed).ok()?;
        String::from_utf8(opened.to_vec()).ok().map(Hidden::new)
    }
}

fn bound(purpose: &str, whose: Uuid) -> Vec<u8> {
    [b"terrace todo events 1 ", purpose.as_bytes(), b" ", whose.as_bytes()].concat()
}

async fn kept_or_made(env: &Env) -> io::Result<Bytes> {
    let disk = env.disk();
    match disk.open(FILE).await {
        Ok(file) => {
            let key = file.read_at(0, KEY_BYTES + 1).await?;
            if key.len() == KEY_BYTES {
                return Ok(key);
            }
            let message = format!(
                "`{FILE}` in the data folder is not the {KEY_BYTES} bytes that were written; remove it, and people connect anew"
            );
            Err(io::Error::new(io::ErrorKind::InvalidData, message))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut key = [0; KEY_BYTES];
            env.random("key of seals").fill(&mut key);
            let key = Bytes::copy_from_slice(&key);
            // Whole or not at all.
            let new = format!("{FILE}.new");
            // What a process has left that ended here.
            match disk.remove(&new).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let file = disk.create(&new).await?;
            file.write_at(0, key.clone()).await?;
            file.sync().await?;
            disk.rename(&new, FILE).await?;
            disk.sync_dir("").await?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}
