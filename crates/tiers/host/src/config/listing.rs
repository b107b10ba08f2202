//! What is configured, for people: each value with its origin, and no secret.

use serde::Serialize;
use toml::Spanned;
use toml::de::DeValue;

use super::known::Known;
use super::source::Source;
use super::url;

/// One value of the configuration as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Configured {
    /// Its key: `tiers.database.url`.
    pub key: String,
    /// The value as TOML; `***` for what is or may be a secret.
    pub value: String,
    /// Where it was written.
    pub origin: String,
}

const HIDDEN: &str = "***";

/// Adds every single value below `value`, which is `key`.
pub(super) fn list(
    known: Known,
    key: &str,
    value: &Spanned<DeValue<'_>>,
    source: &Source,
    listed: &mut Vec<Configured>,
) {
    let shown = match (known, value.get_ref()) {
        // A reference names a place, which is no secret.
        (Known::Secret, DeValue::Table(_)) | (Known::Value, _) => as_toml(value.get_ref()),
        (Known::Secret, _) => HIDDEN.to_owned(),
        (Known::Url | Known::Tier(_), DeValue::String(text)) => address(text),
        (_, DeValue::Table(table)) => {
            for (name, value) in table {
                let name = name.get_ref();
                let below = known.below(name);
                let key = match key {
                    "" => bare(name),
                    key => format!("{key}.{}", bare(name)),
                };
                list(below, &key, value, source, listed);
            }
            return;
        }
        // Which of a component's own texts is a secret is known to its module only.
        (_, DeValue::Boolean(value)) => value.to_string(),
        (_, DeValue::Integer(_) | DeValue::Float(_)) if source.whole(&value.span()).is_none() => {
            as_toml(value.get_ref())
        }
        _ => HIDDEN.to_owned(),
    };
    listed.push(Configured {
        key: key.to_owned(),
        value: shown,
        origin: source.place(&value.span()),
    });
}

fn address(text: &str) -> String {
    match url::shown(text) {
        Some((url, false)) => quoted(&url),
        Some((url, true)) => format!("{}, its password is not shown", quoted(&url)),
        None => HIDDEN.to_owned(),
    }
}

fn as_toml(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => quoted(text),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(value) => value.to_string(),
        DeValue::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| as_toml(item.get_ref())).collect();
            format!("[{}]", items.join(", "))
        }
        DeValue::Table(table) => {
            let keys = table.iter();
            let keys: Vec<String> = keys
                .map(|(key, value)| format!("{} = {}", bare(key.get_ref()), as_toml(value.get_ref())))
                .collect();
            format!("{{ {} }}", keys.join(", "))
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

/// A key, in quotes where TOML wants them.
fn bare(key: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    match !key.is_empty() && key.chars().all(plain) {
        true => key.to_owned(),
        false => quoted(key),
    }
}
