//! PostgreSQL's programs on this machine, and the user to run them as.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, process};

/// Where Debian puts the programs, one folder for each major version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Who runs a server that root starts, the first that is there: PostgreSQL refuses to run as root.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// The programs of one version.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    folder: PathBuf,
    /// User and group to run as, where this process is root.
    user: Option<(u32, u32)>,
}

impl Programs {
    /// Finds them in PATH, else the newest where Debian puts them.
    pub(super) fn find() -> Result<Self, Error> {
        let in_path = process::in_path("postgres").and_then(|program| program.canonicalize().ok());
        let in_path = in_path.and_then(|program| program.parent().map(Path::to_path_buf));
        let folder = in_path.into_iter().chain(debian()).find(|folder| {
            ["postgres", "initdb"]
                .iter()
                .all(|program| folder.join(program).is_file())
        });
        let folder = folder.ok_or(Error::Missing {
            program: "postgres",
            also: " with `initdb` beside it, nor in /usr/lib/postgresql/*/bin",
            package: "postgresql",
        })?;
        Ok(Self {
            folder,
            user: user_for_root()?,
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A command of the server's side: as the server's user, in a process group of its own, untouched by what the
    /// environment says about other servers.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.folder.join(program));
        without_settings(&mut command);
        // The present folder may be one that the server's user cannot enter.
        command.process_group(0).current_dir("/");
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// `psql` of the same version, else the one in PATH.
    pub(super) fn psql(&self) -> Result<Command, Error> {
        let beside = Some(self.folder.join("psql")).filter(|program| program.is_file());
        let program = beside.or_else(|| process::in_path("psql")).ok_or(Error::Missing {
            program: "psql",
            also: "",
            package: "postgresql-client",
        })?;
        let mut command = Command::new(program);
        without_settings(&mut command);
        Ok(command)
    }

    /// Makes `path` the server's user's own.
    pub(super) fn give(&self, path: &Path) -> Result<(), Error> {
        let Some((user, group)) = self.user else { return Ok(()) };
        chown(path, Some(user), Some(group)).map_err(Error::refused("change the owner of", path))
    }

    /// What `postgres --version` says, as a part of a file's name.
    pub(super) fn version(&self) -> Result<String, Error> {
        let said = process::run(self.command("postgres").arg("--version"), "")?;
        let version = said.split_whitespace().nth(2).unwrap_or("unknown");
        let user = self.user.map_or(String::new(), |(user, _)| format!("-{user}"));
        Ok(format!("{version}{user}"))
    }
}

/// The folders of Debian's packages, newest version first.
fn debian() -> Vec<PathBuf> {
    let entries = Path::new(DEBIAN).read_dir().into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn user_for_root() -> Result<Option<(u32, u32)>, Error> {
    let id = |which: &str, user: Option<&str>| {
        let said = process::run(Command::new("id").arg(which).args(user), "")?;
        Ok::<u32, Error>(said.trim().parse().unwrap_or(u32::MAX))
    };
    if id("-u", None)? != 0 {
        return Ok(None);
    }
    let mut last = None;
    for user in USERS {
        match id("-u", Some(user)).and_then(|user_id| Ok((user_id, id("-g", Some(user))?))) {
            Ok(found) => return Ok(Some(found)),
            Err(error) => last = Some(error),
        }
    }
    last.map_or(Ok(None), Err)
}

/// libpq and the server read `PG...` variables (PostgreSQL documentation, "Environment Variables").
fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
}
