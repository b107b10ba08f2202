//! Passwords: Argon2id (RFC 9106) with what OWASP's Password Storage Cheat Sheet recommends, a bounded number at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use terrace::{CallError, CallErrorKind, Env};
use tokio::sync::Semaphore;

use crate::hidden::Hidden;

/// KiB of memory, passes over it, and lanes.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Bytes of a salt.
const SALT_BYTES: usize = 16;

/// Passwords that are worked on at once, each with its memory and a processor.
const AT_ONCE_MAX: usize = 2;

/// Passwords that wait for that; the next is refused.
const WAITING_MAX: usize = 32;

/// How long one waits.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Where passwords are worked on. A clone is the same place.
#[derive(Clone)]
pub(super) struct Passwords {
    env: Env,
    at_once: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl Passwords {
    pub(super) fn new(env: &Env) -> Passwords {
        Passwords {
            env: env.clone(),
            at_once: Arc::new(Semaphore::new(AT_ONCE_MAX)),
            waiting: Arc::default(),
        }
    }

    /// What is kept of a password, in the PHC string format.
    pub(super) async fn hash(&self, password: &Hidden) -> Result<String, CallError> {
        let mut salt = [0; SALT_BYTES];
        self.env.random("salts").fill(&mut salt);
        let password = password.clone();
        let hashed = self.work(move |argon2| {
            let hash = argon2.hash_password_with_salt(password.reveal().as_bytes(), &salt);
            hash.map(|hash| hash.to_string())
        });
        hashed.await?.map_err(|error| failed(&error))
    }

    /// Whether `password` is the one of which `kept` was made. Where there is none it takes as long to say no.
    pub(super) async fn is(&self, kept: Option<String>, password: &Hidden) -> Result<bool, CallError> {
        let password = password.clone();
        self.work(move |argon2| {
            let kept = kept.as_deref();
            let same = argon2.verify_password(password.reveal().as_bytes(), kept.unwrap_or(NOBODYS));
            same.is_ok() && kept.is_some()
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T, CallError> {
        let overloaded = || {
            CallError::not_run(
                CallErrorKind::Overloaded,
                "too many passwords are being checked; try again",
            )
        };
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(overloaded());
        }
        let permit = self.env.timeout(WAIT_MAX, self.at_once.clone().acquire_owned()).await;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        let permit = permit.ok().and_then(Result::ok).ok_or_else(overloaded)?;
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| failed(&error))?;
        let done = self.env.blocking("password", move || {
            let done = work(Argon2::new(Algorithm::Argon2id, Version::V0x13, params));
            drop(permit);
            done
        });
        done.await.map_err(|lost| failed(&lost))
    }
}

/// The hash of a password that nobody has, made with the same costs.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn failed(error: &dyn std::fmt::Display) -> CallError {
    CallError::not_run(
        CallErrorKind::Failed,
        format!("the password could not be worked on: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use terrace::Env;

    use super::{NOBODYS, Passwords};
    use crate::hidden::Hidden;

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other_is() {
        let passwords = Passwords::new(&Env::production("test"));
        let right = Hidden::new("correct horse battery");
        let kept = passwords.hash(&right).await.expect("it is hashed");
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_ne!(kept, passwords.hash(&right).await.expect("with another salt"));
        assert_eq!(passwords.is(Some(kept.clone()), &right).await, Ok(true));
        assert_eq!(passwords.is(Some(kept), &Hidden::new("wrong")).await, Ok(false));
        assert_eq!(passwords.is(None, &right).await, Ok(false));
        assert_eq!(passwords.is(Some("not a hash".to_owned()), &right).await, Ok(false));
    }

    #[test]
    fn nobodys_hash_can_be_read() {
        argon2::password_hash::phc::PasswordHash::new(NOBODYS).expect("it is in the format");
    }
}
