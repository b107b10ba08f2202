//! What the forms send. All that a person writes is a text here; what it may be is for the components.

use serde::Deserialize;

/// A form with nothing but its token, and where it was.
#[derive(Deserialize)]
pub(super) struct Plain {
    #[serde(default)]
    pub(super) csrf: String,
    #[serde(default)]
    pub(super) back: String,
}

#[derive(Deserialize)]
pub(super) struct Todo {
    #[serde(default)]
    pub(super) csrf: String,
    /// Hidden and random: the form sent twice adds once.
    #[serde(default)]
    pub(super) key: String,
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) due: String,
    #[serde(default)]
    pub(super) tags: String,
    #[serde(default)]
    pub(super) back: String,
}

#[derive(Deserialize)]
pub(super) struct Reminder {
    #[serde(default)]
    pub(super) csrf: String,
    #[serde(default)]
    pub(super) key: String,
    #[serde(default)]
    pub(super) at: String,
}

/// Somebody who comes in.
#[derive(Deserialize)]
pub(super) struct Entrance {
    #[serde(default)]
    pub(super) csrf: String,
    #[serde(default)]
    pub(super) email: String,
    #[serde(default)]
    pub(super) password: String,
    #[serde(default)]
    pub(super) zone: String,
    #[serde(default)]
    pub(super) token: String,
    #[serde(default)]
    pub(super) next: String,
}

#[derive(Deserialize)]
pub(super) struct Account {
    #[serde(default)]
    pub(super) csrf: String,
    #[serde(default)]
    pub(super) zone: String,
    #[serde(default)]
    pub(super) old: String,
    #[serde(default)]
    pub(super) new: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) export: String,
}

/// A calendar to be read.
#[derive(Deserialize)]
pub(super) struct Source {
    #[serde(default)]
    pub(super) csrf: String,
    #[serde(default)]
    pub(super) key: String,
    #[serde(default)]
    pub(super) url: String,
    #[serde(default)]
    pub(super) name: String,
}

/// Tags as a person writes them: words between commas.
pub(super) fn tags(text: &str) -> Vec<String> {
    let words = text.split(',').map(|tag| tag.trim().trim_start_matches('#'));
    words.filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

/// The page to go back to: the list as it was asked for.
pub(super) fn back(query: &str) -> String {
    let plain = query.len() <= 1000
        && query
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#');
    match query.is_empty() || !plain {
        true => "/".to_owned(),
        false => format!("/?{query}"),
    }
}
