//! `terrace new`: writes an application.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::command_line::New;
use crate::machine;
use crate::name::Name;
use crate::source::Source;
use crate::template;

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
enum NewError {
    /// There is something of that name.
    #[error("`{0}` is here already; choose another name, or remove it first")]
    Exists(String),
    /// The file system refuses.
    #[error("cannot write `{}`; nothing is left of it", path.display())]
    Unwritten { path: PathBuf, source: io::Error },
}

pub(crate) fn run(asked: &New) -> Result<u8, Box<dyn Error>> {
    let name = Name::parse(&asked.name)?;
    let source = match (&asked.path, &asked.git) {
        (_, Some((url, rev))) => Source::git(url, rev)?,
        (Some(folder), None) => Source::checkout(folder)?,
        (None, None) => Source::built_from()?,
    };
    write(&name, &source)?;
    let name = name.package();
    if asked.json {
        let folder = std::env::current_dir()?.join(name);
        writeln!(
            io::stdout(),
            "{}",
            serde_json::json!({ "name": name, "folder": folder })
        )?;
    } else {
        writeln!(
            io::stdout(),
            "{name} is written. Next: cd {name} && cargo test && cargo run"
        )?;
    }
    Ok(0)
}

/// Writes the application to a folder beside its own, which becomes its own once all is there: whoever looks finds all or
/// nothing.
fn write(name: &Name, source: &Source) -> Result<(), NewError> {
    let folder = Path::new(name.package());
    // Also where it is a link to nothing.
    if folder.symlink_metadata().is_ok() {
        return Err(NewError::Exists(name.package().to_owned()));
    }
    let unwritten = |path: &Path| {
        let path = path.to_owned();
        move |source| NewError::Unwritten { path, source }
    };
    let partial = Partial(format!(".{}.partial-{}", name.package(), std::process::id()).into());
    std::fs::create_dir(&partial.0).map_err(unwritten(folder))?;
    for (path, text) in template::files(name, source) {
        machine::write(&partial.0.join(path), &text).map_err(unwritten(&folder.join(path)))?;
    }
    if let Some(lock) = source.lock().map_err(unwritten(&folder.join("Cargo.lock")))? {
        machine::write(&partial.0.join("Cargo.lock"), &lock).map_err(unwritten(&folder.join("Cargo.lock")))?;
    }
    std::fs::rename(&partial.0, folder).map_err(unwritten(folder))
}

/// A folder that is removed, unless it got another name.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        // It is not there any more, or there is nobody to tell.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
