//! Where a shop keeps its data.

use std::path::PathBuf;

use servers::Postgres;

/// The databases of one shop.
pub(crate) struct Place {
    /// What `tiers.database` is.
    pub(crate) database: String,
    /// Where the shop runs; on SQLite its data lies there.
    pub(crate) folder: PathBuf,
}

impl Place {
    /// Files of its own.
    pub(crate) fn sqlite(name: &str) -> Place {
        Place {
            database: r#"{ url = "sqlite:data" }"#.to_owned(),
            folder: folder("sqlite", name),
        }
    }

    /// A database of its own on a server.
    pub(crate) fn postgres(server: &Postgres, name: &str) -> Place {
        let database = format!("shop_{}", name.replace('.', "_"));
        server.create_database(&database).expect("the server makes it");
        Place {
            // Each connection is a password checked, which a program that is not optimized takes long for.
            database: format!(r#"{{ url = "{}", connections = 2 }}"#, server.url(&database)),
            folder: folder("postgres", name),
        }
    }

    /// Removes the files of a shop that has passed; of one that has not they may be looked at.
    pub(crate) fn remove(&self) {
        std::fs::remove_dir_all(&self.folder).expect("nobody has it any more");
    }
}

fn folder(engine: &str, name: &str) -> PathBuf {
    let name = format!("shop-{engine}-{name}-{}", std::process::id());
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}
