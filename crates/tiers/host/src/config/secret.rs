//! Secrets by reference: the file says where one is, and its value is never shown.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use toml::Spanned;
use toml::de::DeValue;

use super::lenient::deserialized;
use super::nearest::{shown, suggested};
use super::problem::Problems;
use super::source::{Origin, Source};
use super::table::{At, Table};
use super::url::Url;
use crate::limits::SECRET_BYTES_MAX;

/// A value that is never shown: `Debug` and `Display` write `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

/// Where a secret is: `{ env = "VARIABLE" }`, `{ file = "PATH" }`, or a literal, which is accepted with a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretReference {
    /// In an environment variable.
    Env(String),
    /// In a file, whose path is relative to the configuration's folder.
    File(PathBuf),
    /// In the configuration itself.
    Literal(Secret),
}

/// Why a secret could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set.
    #[error("environment variable `{variable}` is not set; set it, or name another in `{{ env = \"..\" }}`")]
    NoVariable {
        /// Its name.
        variable: String,
    },
    /// The variable or the file holds nothing that is text.
    #[error("{place} is not UTF-8; a secret is text")]
    NotText {
        /// Which.
        place: String,
    },
    /// The variable or the file is empty.
    #[error("{place} is empty; put the secret there")]
    Empty {
        /// Which.
        place: String,
    },
    /// The file cannot be read.
    #[error("file `{}` of a secret cannot be read; create it, or name another in `{{ file = \"..\" }}`", path.display())]
    Unreadable {
        /// Where it was looked for.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Adds every variable to which something in `value` refers.
pub(super) fn variables(value: &DeValue<'_>, found: &mut BTreeSet<String>) {
    match value {
        DeValue::Table(table) => {
            let variable = table.get("env").and_then(|variable| variable.get_ref().as_str());
            found.extend(variable.filter(|_| table.len() == 1).map(str::to_owned));
            table.values().for_each(|below| variables(below.get_ref(), found));
        }
        DeValue::Array(items) => items.iter().for_each(|item| variables(item.get_ref(), found)),
        _ => {}
    }
}

impl Secret {
    /// A secret with this value.
    pub fn new(value: impl Into<Box<str>>) -> Secret {
        Secret(value.into())
    }

    /// The value itself, to be sent.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl SecretReference {
    /// The secret it refers to; a relative path begins at `folder`.
    pub fn resolve(&self, folder: &Path) -> Result<Secret, SecretError> {
        match self {
            SecretReference::Literal(secret) => Ok(secret.clone()),
            SecretReference::Env(variable) => {
                let value = std::env::var_os(variable).ok_or_else(|| SecretError::NoVariable {
                    variable: shown(variable),
                })?;
                let place = format!("environment variable `{}`", shown(variable));
                let bytes = value
                    .into_string()
                    .map_err(|_| SecretError::NotText { place: place.clone() })?;
                text(bytes, place)
            }
            SecretReference::File(path) => {
                let path = folder.join(path);
                let bytes = world::production::read_file(&path, SECRET_BYTES_MAX).map_err(|source| {
                    SecretError::Unreadable {
                        path: path.clone(),
                        source,
                    }
                })?;
                let place = format!("file `{}` of a secret", path.display());
                let bytes = String::from_utf8(bytes).map_err(|_| SecretError::NotText { place: place.clone() })?;
                text(bytes, place)
            }
        }
    }
}

/// Editors end files with a line end, which no secret has.
fn text(value: String, place: String) -> Result<Secret, SecretError> {
    match value.trim_end_matches(['\r', '\n']) {
        "" => Err(SecretError::Empty { place }),
        value => Ok(Secret::new(value)),
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for SecretReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SecretReference, D::Error> {
        deserializer.deserialize_any(ReferenceVisitor)
    }
}

/// The name of a variable or a file. What is none is not shown: it may be the secret.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
        let name = String::deserialize(deserializer);
        name.map(Name)
            .map_err(|_| D::Error::custom("a variable or a file is named by a text in quotes"))
    }
}

struct ReferenceVisitor;

impl<'de> Visitor<'de> for ReferenceVisitor {
    type Value = SecretReference;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret: `{ env = \"VARIABLE\" }` or `{ file = \"PATH\" }`")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<SecretReference, E> {
        Ok(SecretReference::Literal(Secret::new(value)))
    }

    /// serde's own message would show the number, which may well be the secret.
    fn visit_i64<E: Error>(self, _: i64) -> Result<SecretReference, E> {
        Err(E::custom(
            "a secret is a text, not a number; put it into quotes, or better, outside the file",
        ))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<SecretReference, E> {
        self.visit_i64(0)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<SecretReference, E> {
        self.visit_i64(0)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<SecretReference, E> {
        self.visit_i64(0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretReference, A::Error> {
        let none = || A::Error::custom("a secret says where it is: `{ env = \"VARIABLE\" }` or `{ file = \"PATH\" }`");
        let key: String = map.next_key()?.ok_or_else(none)?;
        let mut value = || map.next_value::<Name>().map(|name| name.0);
        let reference = match key.as_str() {
            "env" => SecretReference::Env(value()?),
            "file" => SecretReference::File(value()?.into()),
            other => {
                let suggested = suggested(other, ["env", "file"]);
                return Err(A::Error::custom(format!("unknown key in a secret: {suggested}")));
            }
        };
        match map.next_key::<String>()? {
            None => Ok(reference),
            Some(_) => Err(A::Error::custom("a secret is in one place; keep one of its keys")),
        }
    }
}

/// A secret of the configuration itself, and where it is better kept.
pub(super) struct Kept {
    /// Its key: `service.token`.
    pub(super) key: &'static str,
    /// The variable that a message proposes.
    pub(super) variable: &'static str,
}

/// The secret at `key`. A literal one in the file or on the command line is a warning.
pub(super) fn secret(
    table: &Table<'_>,
    key: &'static str,
    kept: &Kept,
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> Option<At<SecretReference>> {
    let found = table.value(key)?;
    let span = found.span();
    if is_half_a_table(found, problems.source) {
        let message = "it begins like a table and is none; close every quote and brace of it, or put it into quotes";
        problems.add(&span, format!("{}: {message}", table.named(key)));
        return None;
    }
    let value: SecretReference = deserialized(found, &table.named(key), problems)?;
    if let SecretReference::Literal(_) = value {
        let paste = match problems.source.origin(&span) {
            Some(Origin::Set { .. }) => format!("--set '{}={{ env = \"{}\" }}'", kept.key, kept.variable),
            _ => format!("{key} = {{ env = \"{}\" }}", kept.variable),
        };
        warnings.extend(warning(problems.source, &span, "a secret", &paste));
    }
    Some(At { value, span })
}

/// The warning of a password in a URL, which is now `url`.
pub(super) fn warn_of_url(source: &Source, span: &Range<usize>, url: &Url, kept: &Kept) -> Option<String> {
    let tier = kept.key.trim_end_matches(".password");
    let Url { url, user, .. } = url;
    let user = user
        .as_ref()
        .map(|user| format!(", user = \"{}\"", user.escape_debug()));
    let table = format!(
        "{{ url = \"{url}\"{}, password = {{ env = \"{}\" }} }}",
        user.unwrap_or_default(),
        kept.variable
    );
    let paste = match source.origin(span)? {
        Origin::Set { .. } => format!("--set '{tier}={table}'"),
        _ => format!("{} = {table}", tier.trim_start_matches("tiers.")),
    };
    warning(source, span, "a password", &paste)
}

fn warning(source: &Source, span: &Range<usize>, what: &str, paste: &str) -> Option<String> {
    let place = source.place(span);
    match source.origin(span)? {
        Origin::File { .. } => Some(format!(
            "{place}: {what} is written in the file; keep it outside: {paste}"
        )),
        Origin::Set { .. } => Some(format!(
            "{place}: {what} is written on the command line, which others on this machine can read; keep it outside: \
             {paste}"
        )),
        Origin::Environment { .. } => None,
    }
}

/// `{ env = "X"`, unquoted: a variable or a `--set` that was meant as a table would be a secret of its own.
fn is_half_a_table(value: &Spanned<DeValue<'_>>, source: &Source) -> bool {
    let text = source.whole(&value.span());
    value.get_ref().is_str() && text.is_some_and(|text| text.trim_start().starts_with('{'))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;

    #[test]
    fn every_variable_that_holds_a_secret_is_known() {
        let text = "[service]\ntoken = { env = \"A\" }\n\
                    [external.N]\nurl = \"http://a\"\ntoken = { env = \"B\" }\n\
                    [components.C.config]\nkey = { env = \"D\" }\nother = { file = \"f\" }\nenv = \"no\"\nnumber = 1\n\
                    keys = [{ env = \"F\" }]\n\
                    [components.C.config.deep]\nkey = { env = \"E\" }";
        let config = Config::parse(text, Path::new("terrace.toml")).expect("it is right");
        let found: Vec<String> = config.secret_variables().into_iter().collect();
        assert_eq!(found, ["A", "B", "D", "E", "F"]);
    }
}
