//! What is made once for a machine and used by every test: folders below the temporary files, each under a lock.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::Error;

/// The last thing to be written into a folder: what has it is whole.
const WHOLE: &str = "whole";
/// Cleaners of temporary files take files of ten days (tmpfiles.d(5) on Debian 13), one by one; what is older than this
/// is made again before it has holes.
const AGE_MAX: Duration = Duration::from_secs(9 * 24 * 60 * 60);

/// A folder that is whole, and stays as it is while this value lives.
#[derive(Debug)]
pub(crate) struct Cached {
    path: PathBuf,
    _lock: File,
}

impl Cached {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// The folder `name`, made by `make` where this machine does not have it yet.
pub(crate) fn cached(name: &str, make: impl Fn(&Path) -> Result<(), Error>) -> Result<Cached, Error> {
    let base = base()?;
    let path = base.join(name);
    let lock_path = base.join(format!("{name}.lock"));
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path)
        .map_err(Error::refused("open", &lock_path))?;
    loop {
        lock.lock_shared().map_err(Error::refused("lock", &lock_path))?;
        if is_whole(&path) {
            return Ok(Cached { path, _lock: lock });
        }
        lock.unlock().map_err(Error::refused("unlock", &lock_path))?;
        lock.lock().map_err(Error::refused("lock", &lock_path))?;
        // Another process may have made it while this one waited.
        if !is_whole(&path) {
            if path.exists() {
                std::fs::remove_dir_all(&path).map_err(Error::refused("remove", &path))?;
            }
            folder(&path, 0o700)?;
            make(&path)?;
            std::fs::write(path.join(WHOLE), "").map_err(Error::refused("write into", &path))?;
        }
        lock.unlock().map_err(Error::refused("unlock", &lock_path))?;
    }
}

fn is_whole(path: &Path) -> bool {
    let made = std::fs::metadata(path.join(WHOLE)).and_then(|whole| whole.modified());
    made.is_ok_and(|made| SystemTime::now().duration_since(made).is_ok_and(|age| age < AGE_MAX))
}

/// Each user has a folder of its own: one cannot write into that of another.
fn base() -> Result<PathBuf, Error> {
    let temporary = std::env::temp_dir();
    let me = std::fs::metadata("/proc/self").map_or(0, |me| me.uid());
    let base = temporary.join(format!("terrace-servers-{me}"));
    // Others may pass through: PostgreSQL's own user, where root runs the tests.
    folder(&base, 0o711)?;
    let owner = std::fs::metadata(&base).map_err(Error::refused("read", &base))?.uid();
    if owner == me {
        return Ok(base);
    }
    let source = std::io::Error::other(format!("it belongs to user {owner}, and this process runs as {me}"));
    Err(Error::refused("use the folder", &base)(source))
}

fn folder(path: &Path, mode: u32) -> Result<(), Error> {
    // `recursive` only so that a folder that is there is no error.
    let made = DirBuilder::new().mode(mode).recursive(true).create(path);
    made.map_err(Error::refused("make the folder", path))?;
    // Also where the process masks modes of what it makes (umask).
    let permissions = Permissions::from_mode(mode);
    std::fs::set_permissions(path, permissions).map_err(Error::refused("set the mode of", path))
}
