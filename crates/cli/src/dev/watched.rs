//! [`Watched`]: files whose changes count, told apart by time and size.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Folders within folders.
const DEPTH_MAX: usize = 16;

/// Files that are looked at; what comes behind them is not.
const FILES_MAX: usize = 20_000;

/// What is written by building and running, and must not lead to more of it.
const WRITTEN: &[&str] = &["target", "data"];

/// Time of the last change, and bytes.
type Seen = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// Files, and folders with all that is in them.
pub(super) struct Watched {
    roots: Vec<PathBuf>,
    seen: Seen,
}

impl Watched {
    /// Begins with what is there now. What is not there may come later.
    pub(super) fn new(roots: impl IntoIterator<Item = PathBuf>) -> Watched {
        let roots: Vec<PathBuf> = roots.into_iter().collect();
        Watched {
            seen: look(&roots),
            roots,
        }
    }

    /// A file that is new, gone or different since the last time.
    pub(super) fn changed(&mut self) -> Option<PathBuf> {
        let before = std::mem::replace(&mut self.seen, look(&self.roots));
        let is_other = |(path, seen): &(&PathBuf, _)| before.get(*path) != Some(*seen);
        let other = self.seen.iter().find(is_other).map(|(path, _)| path);
        let gone = || before.keys().find(|path| !self.seen.contains_key(*path));
        other.or_else(gone).cloned()
    }
}

fn look(roots: &[PathBuf]) -> Seen {
    let mut seen = Seen::new();
    for root in roots {
        if let Ok(metadata) = root.metadata() {
            add(root, &metadata, DEPTH_MAX, &mut seen);
        }
    }
    seen
}

/// What cannot be read is as good as not there: a file may be gone between the list of a folder and a look at it.
fn add(path: &Path, metadata: &Metadata, depth: usize, seen: &mut Seen) {
    if !metadata.is_dir() {
        seen.insert(path.to_owned(), (metadata.modified().ok(), metadata.len()));
        return;
    }
    let Ok(entries) = path.read_dir() else { return };
    for entry in entries.flatten() {
        // Editors keep notes of their own beside a file.
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if depth == 0 || seen.len() >= FILES_MAX || name.starts_with(['.', '#']) || name.ends_with('~') {
            continue;
        }
        let is_written = path == Path::new(".") && WRITTEN.contains(&&*name);
        // Cargo marks what it writes into, wherever that is (Cache Directory Tagging Specification).
        if is_written || entry.path().join("CACHEDIR.TAG").is_file() {
            continue;
        }
        // A link to a folder may lead round.
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        if let Ok(metadata) = entry.path().metadata()
            && !(is_link && metadata.is_dir())
        {
            add(&entry.path(), &metadata, depth - 1, seen);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::Watched;
    use crate::machine::write;

    #[test]
    fn what_is_new_different_or_gone_is_told_once() {
        let folder = std::env::temp_dir().join(format!("terrace-watched-{}", std::process::id()));
        let path = |name: &str| folder.join(name);
        let put = |name: &str, text: &str| write(&path(name), text).expect("it is written");
        put("src/a.rs", "1");
        let mut watched = Watched::new([path("src"), path("Cargo.toml")]);
        let mut check = |expected: Option<&str>| {
            let changed: Option<PathBuf> = watched.changed();
            assert_eq!(changed, expected.map(path));
            assert_eq!(watched.changed(), None);
        };
        check(None);
        put("src/a.rs", "22");
        check(Some("src/a.rs"));
        put("src/deep/b.rs", "1");
        check(Some("src/deep/b.rs"));
        put("Cargo.toml", "");
        check(Some("Cargo.toml"));
        put("src/.a.rs.swp", "1");
        put("src/a.rs~", "1");
        put("other", "1");
        check(None);
        put("src/target/CACHEDIR.TAG", "");
        put("src/target/c.rs", "1");
        check(None);
        #[cfg(unix)]
        std::os::unix::fs::symlink(path("src"), path("src/round")).expect("it is written");
        check(None);
        std::fs::remove_file(path("src/a.rs")).expect("it was there");
        check(Some("src/a.rs"));
        std::fs::remove_dir_all(&folder).expect("it was there");
    }
}
