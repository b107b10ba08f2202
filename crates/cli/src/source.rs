//! [`Source`]: where an application gets Terrace from.

use std::io;
use std::path::{Path, PathBuf};

use crate::machine;

/// The folder of the crate that users name, in a checkout.
const FACE: &str = "crates/terrace";

/// Where an application gets Terrace from.
pub(crate) enum Source {
    /// A checkout, by its absolute path.
    Checkout(String),
    /// A revision of a repository.
    Git { url: String, rev: String },
}

/// Why it cannot be had from there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// It is something else.
    #[error("`{}` is no checkout of Terrace: there is no {FACE}/Cargo.toml in it; give the folder that `git clone` made", .0.display())]
    NoCheckout(PathBuf),
    /// It was moved, or removed.
    #[error("the checkout that this program was built from is not at `{}` any more; give --path DIR or --git URL --rev REVISION", .0.display())]
    Gone(PathBuf),
    /// TOML is text.
    #[error("the path `{}` is not UTF-8, and Cargo.toml is; move the checkout to another", .0.display())]
    NoText(PathBuf),
    /// Cargo would not take it, or would take the latest.
    #[error("`{0}` is no URL of a repository; write it as https://host/path, ssh://git@host/path or file:///path")]
    NoUrl(String),
    /// It says nothing.
    #[error("--rev is empty; give a commit or a tag")]
    NoRevision,
    /// It cannot be looked at.
    #[error("cannot look at `{}`", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
}

impl Source {
    /// The checkout this program was built from.
    pub(crate) fn built_from() -> Result<Source, SourceError> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let checkout = here.parent().and_then(Path::parent).unwrap_or(here);
        Source::checkout(checkout).map_err(|error| match error {
            SourceError::NoText(path) => SourceError::NoText(path),
            _ => SourceError::Gone(checkout.to_owned()),
        })
    }

    /// A revision of a repository.
    pub(crate) fn git(url: &str, rev: &str) -> Result<Source, SourceError> {
        let (url, rev) = (url.trim().to_owned(), rev.trim().to_owned());
        let place = url.split_once("://").filter(|(scheme, _)| {
            !scheme.is_empty()
                && scheme
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        });
        if place.is_none_or(|(_, place)| place.is_empty() || place.contains(char::is_whitespace)) {
            return Err(SourceError::NoUrl(url));
        }
        match rev.is_empty() {
            true => Err(SourceError::NoRevision),
            false => Ok(Source::Git { url, rev }),
        }
    }

    /// The checkout in `folder`.
    pub(crate) fn checkout(folder: &Path) -> Result<Source, SourceError> {
        let absolute = folder.canonicalize().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => SourceError::NoCheckout(folder.to_owned()),
            _ => SourceError::Unreadable {
                path: folder.to_owned(),
                source,
            },
        })?;
        if !absolute.join(FACE).join("Cargo.toml").is_file() {
            return Err(SourceError::NoCheckout(folder.to_owned()));
        }
        match absolute.into_os_string().into_string() {
            Ok(path) => Ok(Source::Checkout(path)),
            Err(path) => Err(SourceError::NoText(path.into())),
        }
    }

    /// What stands in the braces of `terrace = { .. }`.
    pub(crate) fn dependency(&self) -> String {
        match self {
            Source::Checkout(path) => format!("path = {}", quoted(&format!("{path}/{FACE}"))),
            Source::Git { url, rev } => format!("git = {}, rev = {}", quoted(url), quoted(rev)),
        }
    }

    /// The versions that the checkout is tested with. Cargo takes what it needs of them, so that the application builds
    /// what is downloaded already; a repository's are found by cargo.
    pub(crate) fn lock(&self) -> io::Result<Option<String>> {
        match self {
            Source::Checkout(path) => machine::read(&Path::new(path).join("Cargo.lock")),
            Source::Git { .. } => Ok(None),
        }
    }
}

/// A text in TOML: what JSON escapes is escaped in the same way there.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Source;

    #[test]
    fn a_dependency_is_what_cargo_reads() {
        let git = Source::Git {
            url: "https://example.org/a\"b".to_owned(),
            rev: "0123abc".to_owned(),
        };
        assert_eq!(git.dependency(), r#"git = "https://example.org/a\"b", rev = "0123abc""#);
        let checkout = Source::Checkout("/home/ada/terrace".to_owned());
        assert_eq!(checkout.dependency(), r#"path = "/home/ada/terrace/crates/terrace""#);
    }

    #[test]
    fn a_repository_has_a_url_and_a_revision() {
        for url in [
            "https://example.org/terrace",
            "ssh://git@example.org/terrace.git",
            "file:///tmp/terrace",
        ] {
            assert!(Source::git(url, "v1").is_ok(), "{url}");
            assert!(Source::git(url, " ").is_err(), "{url}");
        }
        for url in [
            "",
            "not a url",
            "/tmp/terrace",
            "git@example.org:acme/terrace.git",
            "https://",
            "https://a b",
        ] {
            let error = Source::git(url, "v1").err().expect(url).to_string();
            assert!(error.contains("ssh://git@host/path"), "{error}");
        }
    }

    #[test]
    fn this_checkout_is_one_and_another_folder_is_refused() {
        assert!(Source::built_from().is_ok());
        for folder in ["src", "nowhere"] {
            let error = Source::checkout(Path::new(folder)).err().expect(folder).to_string();
            assert!(error.contains("give the folder that `git clone` made"), "{error}");
        }
    }
}
