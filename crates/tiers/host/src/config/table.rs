//! A table of the configuration that is read key by key, and knows which keys it may have.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::duration;
use super::known::Key;
use super::nearest::{shown, suggested};
use super::problem::Problems;
use super::source::Source;

/// One table, and the keys that it may have.
pub(super) struct Table<'t> {
    /// As a person writes it: `[service]`.
    pub(super) place: String,
    table: &'t DeTable<'t>,
    known: &'static [Key],
}

/// A value and where it stands.
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

impl<'t> Table<'t> {
    pub(super) fn new(place: impl Into<String>, table: &'t DeTable<'t>, known: &'static [Key]) -> Table<'t> {
        Table {
            place: place.into(),
            table,
            known,
        }
    }

    /// The value of `key` as it is.
    pub(super) fn value(&self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        debug_assert!(
            self.known.iter().any(|(known, _)| *known == key),
            "`{key}` is not known"
        );
        self.table.get(key)
    }

    pub(super) fn text(&self, key: &'static str, problems: &mut Problems<'_>) -> Option<At<String>> {
        text_of(self.value(key)?, &self.named(key), problems)
    }

    pub(super) fn duration(&self, key: &'static str, problems: &mut Problems<'_>) -> Option<Duration> {
        let text = self.text(key, problems)?;
        let read = duration::read(&text.value);
        let named = self.named(key);
        read.map_err(|error| problems.add(&text.span, format!("{named}: {error}")))
            .ok()
    }

    /// A duration that is no shorter than `least`.
    pub(super) fn at_least(&self, key: &'static str, least: Duration, problems: &mut Problems<'_>) -> Option<Duration> {
        let read = self.duration(key, problems)?;
        if read < least {
            let span = self.value(key).map(Spanned::span).unwrap_or_default();
            problems.add(&span, format!("{} is at least \"{least:?}\"", self.named(key)));
        }
        Some(read)
    }

    pub(super) fn count(&self, key: &'static str, problems: &mut Problems<'_>) -> Option<usize> {
        let count = self.read(key, "a whole number, at least 1", positive, problems)?;
        Some(count.value)
    }

    /// `` `listen` in [service] ``
    pub(super) fn named(&self, key: &str) -> String {
        format!("`{key}` in {}", self.place)
    }

    pub(super) fn boolean(&self, key: &'static str, problems: &mut Problems<'_>) -> Option<At<bool>> {
        self.read(key, "true or false", |value| value.as_bool(), problems)
    }

    pub(super) fn bytes(&self, key: &'static str, problems: &mut Problems<'_>) -> Option<At<usize>> {
        self.read(key, "a number of bytes, at least 1", positive, problems)
    }

    /// `such` is one.
    pub(super) fn texts(&self, key: &'static str, such: &str, problems: &mut Problems<'_>) -> Option<At<Vec<String>>> {
        let read = |value: &DeValue<'_>| {
            let items = value.as_array()?.iter();
            items.map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
        };
        self.read(key, &format!("a list of texts, such as {such}"), read, problems)
    }

    /// A table below this one.
    pub(super) fn table(&self, key: &'static str, problems: &mut Problems<'_>) -> Option<At<&'t DeTable<'t>>> {
        let value = self.value(key)?;
        let place = format!("[{key}]");
        table_of(value, &place, problems)
    }

    /// Every key that is not known is a problem.
    pub(super) fn finish(self, problems: &mut Problems<'_>) {
        let known = || self.known.iter().map(|(known, _)| *known);
        for key in self.table.keys() {
            if !known().any(|known| known == key.get_ref()) {
                let suggested = suggested(key.get_ref(), known().collect::<Vec<_>>());
                problems.add(&key.span(), format!("unknown key in {}: {suggested}", self.place));
            }
        }
    }

    fn read<T>(
        &self,
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

/// A whole number above 0.
fn positive(value: &DeValue<'_>) -> Option<usize> {
    let number = value.as_integer()?;
    let digits = number.as_str().replace('_', "");
    let number = usize::from_str_radix(&digits, number.radix()).ok();
    number.filter(|number| *number > 0)
}

/// `value` as a table. A text that should have been one is not shown: what looked like `{ password = ".." }` may be in it.
pub(super) fn table_of<'t>(
    value: &'t Spanned<DeValue<'t>>,
    place: &str,
    problems: &mut Problems<'_>,
) -> Option<At<&'t DeTable<'t>>> {
    match value.get_ref() {
        DeValue::Table(table) => Some(At {
            value: table,
            span: value.span(),
        }),
        other => {
            let kind = match other {
                DeValue::String(_) => "a text; close every quote and brace of it".to_owned(),
                other => kind(other),
            };
            problems.add(&value.span(), format!("{place} is a table, not {kind}"));
            None
        }
    }
}

/// `value` as a text.
pub(super) fn text_of(value: &Spanned<DeValue<'_>>, place: &str, problems: &mut Problems<'_>) -> Option<At<String>> {
    let span = value.span();
    match as_text(value, problems.source) {
        Some(value) => Some(At { value, span }),
        None => {
            let message = format!("{place} is a text in quotes, not {}", kind(value.get_ref()));
            problems.add(&span, message);
            None
        }
    }
}

/// A text; or the letters of a number, of `true` or of a date, if a variable or a `--set` is nothing else.
pub(super) fn as_text(value: &Spanned<DeValue<'_>>, source: &Source) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Array(_) | DeValue::Table(_) => None,
        _ => source.whole(&value.span()).map(str::to_owned),
    }
}

/// What a value is, in words.
pub(super) fn kind(value: &DeValue<'_>) -> String {
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
