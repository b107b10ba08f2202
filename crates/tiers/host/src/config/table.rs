//! A table of the configuration that is read key by key, and then knows which keys nobody asked for.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::nearest::{shown, suggested};
use super::problem::Problems;

/// One table, and the keys that were asked of it.
pub(super) struct Table<'t> {
    /// As a person writes it: `[service]`.
    place: String,
    table: &'t DeTable<'t>,
    known: Vec<&'static str>,
}

/// A value and where it stands.
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

impl<'t> Table<'t> {
    pub(super) fn new(place: impl Into<String>, table: &'t DeTable<'t>) -> Table<'t> {
        Table {
            place: place.into(),
            table,
            known: Vec::new(),
        }
    }

    /// The value of `key` as it is.
    pub(super) fn value(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.known.push(key);
        self.table.get(key)
    }

    pub(super) fn text(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Option<At<String>> {
        let read = |value: &DeValue<'_>| value.as_str().map(str::to_owned);
        self.read(key, "a text in quotes", read, problems)
    }

    pub(super) fn boolean(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Option<At<bool>> {
        self.read(key, "true or false", |value| value.as_bool(), problems)
    }

    pub(super) fn bytes(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Option<At<usize>> {
        let read = |value: &DeValue<'_>| {
            let number = value.as_integer()?;
            let digits = number.as_str().replace('_', "");
            usize::from_str_radix(&digits, number.radix())
                .ok()
                .filter(|bytes| *bytes > 0)
        };
        self.read(key, "a number of bytes, at least 1", read, problems)
    }

    pub(super) fn texts(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Option<At<Vec<String>>> {
        let read = |value: &DeValue<'_>| {
            let items = value.as_array()?.iter();
            items.map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
        };
        self.read(key, "a list of texts, such as [\"todo.example\"]", read, problems)
    }

    /// A table below this one.
    pub(super) fn table(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Option<At<&'t DeTable<'t>>> {
        let value = self.value(key)?;
        let place = format!("[{key}]");
        table_of(value, &place, problems)
    }

    /// Every key that was not asked for is a problem.
    pub(super) fn finish(self, problems: &mut Problems<'_>) {
        for key in self.table.keys() {
            if !self.known.contains(&key.get_ref().as_ref()) {
                let suggested = suggested(key.get_ref(), self.known.iter().copied());
                problems.add(&key.span(), format!("unknown key in {}: {suggested}", self.place));
            }
        }
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&DeValue<'_>) -> Option<T>,
        problems: &mut Problems<'_>,
    ) -> Option<At<T>> {
        let found = self.value(key)?;
        match read(found.get_ref()) {
            Some(value) => Some(At {
                value,
                span: found.span(),
            }),
            None => {
                let message = format!("`{key}` in {} is {expected}, not {}", self.place, kind(found.get_ref()));
                problems.add(&found.span(), message);
                None
            }
        }
    }
}

/// `value` as a table.
pub(super) fn table_of<'t>(
    value: &'t Spanned<DeValue<'t>>,
    place: &str,
    problems: &mut Problems<'_>,
) -> Option<At<&'t DeTable<'t>>> {
    match value.get_ref().as_table() {
        Some(table) => Some(At {
            value: table,
            span: value.span(),
        }),
        None => {
            let message = format!("{place} is a table, not {}", kind(value.get_ref()));
            problems.add(&value.span(), message);
            None
        }
    }
}

/// `value` as a text.
pub(super) fn text_of(value: &Spanned<DeValue<'_>>, place: &str, problems: &mut Problems<'_>) -> Option<At<String>> {
    match value.get_ref().as_str() {
        Some(text) => Some(At {
            value: text.to_owned(),
            span: value.span(),
        }),
        None => {
            let message = format!("{place} is a text in quotes, not {}", kind(value.get_ref()));
            problems.add(&value.span(), message);
            None
        }
    }
}

/// What a value is, in words.
fn kind(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text \"{}\"", shown(text)),
        DeValue::Integer(number) => format!("the number {}", shown(number.as_str())),
        DeValue::Float(number) => format!("the number {}", shown(number.as_str())),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(_) => "a date".to_string(),
        DeValue::Array(_) => "a list".to_string(),
        DeValue::Table(_) => "a table".to_string(),
    }
}
