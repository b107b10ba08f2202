//! Where an application keeps its data.

use std::path::PathBuf;

use servers::Postgres;

/// A folder of its own, and the databases.
pub(crate) struct Place {
    /// What `tiers.database` is, if it is not a file in the folder.
    pub(crate) database: Option<String>,
    pub(crate) folder: PathBuf,
}

impl Place {
    /// Files of its own.
    pub(crate) fn sqlite(name: &str) -> Place {
        Place {
            database: None,
            folder: folder(name),
        }
    }

    /// A database of its own on a server.
    pub(crate) fn postgres(name: &str) -> Place {
        let server = Postgres::shared();
        // A name of PostgreSQL has 63 bytes.
        let plain: String = name.replace("::", "_").chars().rev().take(50).collect();
        let database: String = plain.chars().rev().collect::<String>().to_lowercase();
        server.create_database(&database).expect("the server makes it");
        // Each connection is a password checked, which a program that is not optimized takes long for.
        Place {
            database: Some(format!(r#"{{ url = "{}", connections = 2 }}"#, server.url(&database))),
            folder: folder(name),
        }
    }

    /// Removes the files of a test that has passed; of one that has not they may be looked at.
    pub(crate) fn remove(&self) {
        std::fs::remove_dir_all(&self.folder).expect("nobody has it any more");
    }
}

fn folder(name: &str) -> PathBuf {
    let name = format!("todo-{}-{}", name.replace("::", "-"), std::process::id());
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}
