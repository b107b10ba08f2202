//! A folder of the package that is built, as macros look at it.

use std::path::{Path, PathBuf};

use syn::parse::ParseStream;
use syn::{LitStr, Token};

use crate::root::Root;

/// The arguments of a macro about a folder: `"migrations"`, and `crate = ".."` after it.
pub(crate) struct Arguments {
    pub(crate) folder: LitStr,
    pub(crate) root: Root,
}

impl Arguments {
    /// Reads them; `form` says how they are written.
    pub(crate) fn read(form: &'static str) -> impl FnOnce(ParseStream<'_>) -> syn::Result<Arguments> {
        move |input| {
            let folder: LitStr = input.parse().map_err(|error| syn::Error::new(error.span(), form))?;
            let mut root = Root::default();
            if input.parse::<Option<Token![,]>>()?.is_some() && !input.is_empty() {
                let option = input.parse::<Token![crate]>().and_then(|_| input.parse::<Token![=]>());
                option.map_err(|error| syn::Error::new(error.span(), form))?;
                root = Root::of(&input.parse()?)?;
            }
            if !input.is_empty() {
                return Err(input.error(form));
            }
            Ok(Arguments { folder, root })
        }
    }
}

/// A file or folder in a folder.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) is_folder: bool,
}

/// What is in `folder` below the package, by name, or what is wrong with it. An absolute path is the same on no two machines.
/// What begins with a dot is left out: an editor or a file browser left it behind.
pub(crate) fn list(folder: &str, form: &str) -> Result<Vec<Entry>, Vec<String>> {
    if folder.is_empty() || Path::new(folder).is_absolute() {
        return Err(vec![format!("`{folder}` is no folder of the package: {form}")]);
    }
    let package = std::env::var_os("CARGO_MANIFEST_DIR");
    let package = package.ok_or_else(|| vec!["only cargo says where the package is: build with it".to_owned()])?;
    let unreadable = |error: std::io::Error| vec![format!("the folder `{folder}` cannot be read ({error}): {form}")];
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(Path::new(&package).join(folder)).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            entries.push(Entry {
                name,
                is_folder: entry.path().is_dir(),
                path: entry.path(),
            });
        }
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}
