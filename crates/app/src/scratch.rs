//! Data of nobody: an application that is opened to be looked at must not touch what it would migrate, nor wait for who has it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::failure::CommandError;

/// A folder for data that nobody keeps.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Result<Scratch, CommandError> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("terrace-look-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        // What a process of the same number left.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder)?;
        Ok(Scratch(folder))
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// `set`, and that databases lie here.
    pub(crate) fn set(&self, mut set: Vec<OsString>) -> Vec<OsString> {
        if cfg!(feature = "database") {
            let mut here = OsString::from("tiers.database=sqlite:");
            here.push(&self.0);
            set.push(here);
        }
        set
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is among the temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
