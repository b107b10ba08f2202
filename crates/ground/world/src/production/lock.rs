//! [`FileLock`]: one process at a time has a file, and whoever comes second reads who that is.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

/// Bytes of what the holder says of itself that are read.
const SAID_BYTES_MAX: u64 = 4096;

/// How often a lock is tried, and what is waited in between.
const ATTEMPTS: u32 = 5;
const ATTEMPTS_APART: Duration = Duration::from_millis(20);

/// A lock of the operating system on a file, held until this is dropped or the process ends, however it ends. The file
/// stays; only whether it is locked says whether anybody holds it.
#[derive(Debug)]
pub struct FileLock {
    file: File,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotLocked {
    /// Somebody has it.
    #[error("it is held by another")]
    Held {
        /// What the holder says of itself; empty if it has not yet.
        said: String,
    },
    /// There is no such file, and it cannot be made.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl FileLock {
    /// Takes the lock on the file at `path`, which is made if it is missing, and leaves `said` in it for whoever comes
    /// second. Only the file's owner may read it.
    pub fn take(path: &Path, said: &str) -> Result<FileLock, NotLocked> {
        let mut file = options().open(path)?;
        match try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut said = Vec::new();
                file.take(SAID_BYTES_MAX).read_to_end(&mut said)?;
                return Err(NotLocked::Held {
                    said: String::from_utf8_lossy(&said).into_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        restrict(&file)?;
        file.set_len(0)?;
        file.write_all(said.as_bytes())?;
        Ok(FileLock { file })
    }

    /// What the holder of the lock on the file at `path` says of itself; `None` where nobody has it, or there is no file.
    pub fn held_by(path: &Path) -> io::Result<Option<String>> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => {
                let mut said = String::new();
                (&file).take(SAID_BYTES_MAX).read_to_string(&mut said)?;
                Ok(Some(said))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Whoever only looks has the lock for a moment too, and a process that ends a little longer.
fn try_lock(file: &File) -> Result<(), TryLockError> {
    for _ in 1..ATTEMPTS {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(ATTEMPTS_APART),
            done => return done,
        }
    }
    file.try_lock()
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // What is left in it is of no use to anybody, and the lock is released with the file.
        let _ = self.file.set_len(0);
    }
}

#[cfg(unix)]
fn options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(OWNER_ONLY);
    options
}

#[cfg(not(unix))]
fn options() -> OpenOptions {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    options
}

#[cfg(unix)]
const OWNER_ONLY: u32 = 0o600;

/// Also where the file was there before.
#[cfg(unix)]
fn restrict(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(OWNER_ONLY))
}

#[cfg(not(unix))]
fn restrict(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{FileLock, NotLocked};

    #[test]
    fn who_comes_second_reads_who_was_first_until_that_lets_go() {
        let path = std::env::temp_dir().join(format!("terrace-lock-{}", std::process::id()));
        let first = FileLock::take(&path, "the first").expect("nobody has it");
        match FileLock::take(&path, "the second") {
            Err(NotLocked::Held { said }) => assert_eq!(said, "the first"),
            taken => panic!("{taken:?}"),
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = path.metadata().expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        drop(first);
        let second = FileLock::take(&path, "the second").expect("nobody has it any more");
        drop(second);
        std::fs::remove_file(&path).expect("it is there");
    }
}
