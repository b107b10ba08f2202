//! A server's folder: fresh, and removed with its owner however the owner ends.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Error;

/// Waits for its standard input to end, which the owner's end does, too; then ends the server and removes the folder.
const KEEPER: &str = include_str!("keeper.sh");

static MADE: AtomicU32 = AtomicU32::new(0);

/// A fresh folder for one server.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    keeper: Child,
}

impl Folder {
    /// Makes `terrace-<name>-...` among the temporary files, for this user only.
    ///
    /// `process_file` is where, inside the folder, the server writes its process id as the first line.
    pub(crate) fn fresh(name: &str, process_file: &str) -> Result<Self, Error> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("terrace-{name}-{}-{number}", std::process::id()));
        if path.exists() {
            // Of an earlier process of this id, whose keeper was killed with it.
            std::fs::remove_dir_all(&path).map_err(Error::refused("remove the left-over folder", &path))?;
        }
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(Error::refused("make the folder", &path))?;
        // In a process group of its own: what ends the group of a test must not end its keeper.
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&path)
            .arg(process_file)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(Error::refused("start a keeper (sh) for", &path))?;
        Ok(Self { path, keeper })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // The keeper ends by itself; it cannot be helped where the operating system does not say so.
        let _ = self.keeper.wait();
    }
}
