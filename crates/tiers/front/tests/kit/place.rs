//! A folder of the real file system that is gone with its test.

use std::path::{Path, PathBuf};

pub(crate) struct Place(PathBuf);

impl Place {
    /// An empty folder for the test `name`.
    pub(crate) fn new(name: &str) -> Place {
        let folder = format!("kit-{name}-{}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        Place(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the test is the operator who writes a site's files"
    )]
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.0.join(name), bytes).expect("written");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
