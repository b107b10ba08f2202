//! What a test starts from: an empty list on files of its own.

use std::path::{Path, PathBuf};

use terrace::database::{Config, Database};
use terrace::production::Options;
use terrace::{Env, Ref};

use application_name::items::{Items, SCHEMA, Shelf};

/// An empty folder for the test `name`; what it leaves may be looked at.
pub fn folder(name: &str) -> PathBuf {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_PKG_NAME"));
    let folder = all.join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// An empty list for the test `name`, in this process.
pub async fn items(name: &str) -> Ref<dyn Items> {
    let options = Options {
        data: Some(folder(name)),
        ..Options::default()
    };
    let env = Env::production_with("test", options);
    let db = Database::open(&env, "Items", &Config::default(), &SCHEMA).await;
    Ref::new(Shelf::new(db.expect("a database")))
}
