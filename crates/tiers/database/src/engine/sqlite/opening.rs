//! Where a component's file is, and whose it is: in the real world one process has it.

use std::path::Path;
use std::time::Duration;

use wire::Ran;
use world::production::{FileId, FileLock, NotLocked};
use world::{Env, SqlitePlace};

use super::{closed, failure};
use crate::config::{Config, Owner};
use crate::error::Error;

/// What the connections of one database have in common.
pub(super) struct Settings {
    pub(super) env: Env,
    pub(super) component: String,
    pub(super) place: SqlitePlace,
    pub(super) slow: Duration,
}

impl Settings {
    pub(super) fn new(env: &Env, component: &str, config: &Config) -> Result<Settings, Error> {
        let name = failure::file(component);
        let place = env.sqlite(&name).map_err(|error| Error::Open {
            message: format!("the database `{name}` has no place: {error}"),
        })?;
        Ok(Settings {
            env: env.clone(),
            component: component.to_owned(),
            place,
            slow: config.slow,
        })
    }

    /// Which file it is, if it is there and on no simulated disk.
    pub(super) fn file_id(&self) -> Result<Option<FileId>, Error> {
        if self.place.vfs.is_some() {
            return Ok(None);
        }
        world::production::file_id(&self.place.path).map_err(|error| Error::Unavailable {
            message: format!("`{}` cannot be looked at: {error}", self.place.path.display()),
            ran: Ran::No,
        })
    }

    /// Makes the file this process's own. On a simulated disk nobody else comes.
    pub(super) async fn lock(&self, owner: Option<&Owner>) -> Result<Option<FileLock>, Error> {
        if self.place.vfs.is_some() {
            return Ok(None);
        }
        let path = self.place.path.clone();
        self.env.disk().create_dir("").await.map_err(|error| Error::Open {
            message: format!(
                "the folder of `{}` cannot be made: {}; name another one, or make the one above it writable",
                path.display(),
                error.kind()
            ),
        })?;
        let lock = path.with_file_name(format!("{}.lock", self.component));
        let says = says(owner);
        let taken = self.env.blocking("lock database", move || {
            FileLock::take(&lock, &says).map_err(|error| not_locked(&path, &lock, error))
        });
        taken.await.map_err(|lost| closed(&lost.to_string()))?.map(Some)
    }
}

/// What the lock file says to whoever comes second.
fn says(owner: Option<&Owner>) -> String {
    let mut says = serde_json::json!({ "pid": std::process::id() });
    if let Some(Owner { address, token }) = owner {
        says["address"] = address.as_str().into();
        says["token"] = token.as_str().into();
    }
    says.to_string()
}

fn not_locked(path: &Path, lock: &Path, error: NotLocked) -> Error {
    let (path, lock) = (path.display(), lock.display());
    let message = match error {
        NotLocked::Held { said } => {
            let said: serde_json::Value = serde_json::from_str(&said).unwrap_or_default();
            let holder = match said["pid"].as_u64() {
                Some(pid) if pid == u64::from(std::process::id()) => {
                    return Error::Open {
                        message: format!("this process has `{path}` open already; open it once, and clone that"),
                    };
                }
                Some(pid) => format!("process {pid}"),
                None => "another process".to_owned(),
            };
            format!("{holder} has `{path}`, as `{lock}` says; stop that process, or have this one use another folder")
        }
        NotLocked::Io(error) => {
            format!("`{lock}` cannot be written: {error}; make its folder writable, or name another one")
        }
    };
    Error::Open { message }
}
