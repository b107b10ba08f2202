//! Tests of the house itself. What they share: where the house stands, what it says, what cargo says about it.
#![expect(
    clippy::disallowed_methods,
    reason = "these tests read and write the project's own files"
)]

use std::io;
use std::path::{Path, PathBuf};

pub use cargo::{Package, cargo, cargo_in, packages, printed};

mod cargo;

/// The folder of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// What the file at `path`, from the root, says.
///
/// # Panics
/// Where it cannot be read: a test of the house cannot go on without it.
pub fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

/// Writes the file at `path`, from the root.
///
/// # Errors
/// As the file system has them.
pub fn write(path: impl AsRef<Path>, text: &str) -> io::Result<()> {
    std::fs::write(root().join(path), text)
}

/// Every file below `folder`, from the root, with the ending `.rs`, sorted. Build output and fixtures are left out.
///
/// # Panics
/// Where a folder cannot be listed.
pub fn sources(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.as_ref().to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = root().join(&folder).read_dir() else {
            continue;
        };
        for entry in entries {
            let entry = entry.unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
            let path = folder.join(entry.file_name());
            let name = entry.file_name();
            if entry.path().is_dir() {
                if name != "target" && name != "fixtures" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
