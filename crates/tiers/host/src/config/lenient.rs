//! Values of serde's types. Where a type wants a text, a variable or a `--set` that is only a number is its letters.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeValue, Error, ValueDeserializer};

use super::first_line;
use super::problem::Problems;
use super::source::Source;
use super::table::as_text;

/// `value` as a `T`; an error is a problem.
pub(super) fn deserialized<T: DeserializeOwned>(
    value: &Spanned<DeValue<'_>>,
    place: &str,
    problems: &mut Problems<'_>,
) -> Option<T> {
    let read = read(value, problems.source);
    read.map_err(|error| {
        let span = error.span().unwrap_or_else(|| value.span());
        problems.add(&span, format!("{place}: {}", first_line(error.message())));
    })
    .ok()
}

/// `value` as a `T`. serde does not say beforehand which type is wanted where, so a number that was refused is tried once
/// more as a text; each turn makes one number of the value a text, which ends.
pub(super) fn read<T: DeserializeOwned>(value: &Spanned<DeValue<'_>>, source: &Source) -> Result<T, Error> {
    let mut value = value.clone();
    let mut refused: Option<Error> = None;
    loop {
        let error = match T::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(read) => return Ok(read),
            Err(error) => error,
        };
        let span = error.span();
        if span.as_ref().is_some_and(|span| make_text(&mut value, span, source)) {
            refused = Some(error);
            continue;
        }
        // The message about what was written is better than the one about its letters.
        return Err(match refused {
            Some(first) if first.span() == span => first,
            _ => error,
        });
    }
}

/// Replaces what stands at `span` by its letters, if it is a number, and the whole of a variable or a `--set`.
fn make_text(value: &mut Spanned<DeValue<'_>>, span: &Range<usize>, source: &Source) -> bool {
    let here = value.span() == *span;
    let text = if here { as_text(value, source) } else { None };
    match value.get_mut() {
        DeValue::Table(table) => table.iter_mut().any(|(_, value)| make_text(value, span, source)),
        DeValue::Array(items) => items.iter_mut().any(|item| make_text(item, span, source)),
        DeValue::String(_) => false,
        single => match text {
            Some(text) => {
                *single = DeValue::String(text.into());
                true
            }
            None => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use crate::config::{Config, ConfigError, Layers, SecretReference};

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        name: String,
        times: u8,
        key: Option<SecretReference>,
        #[serde(default)]
        words: Vec<String>,
    }

    fn read(given: &[(&str, &str)]) -> Result<Wanted, ConfigError> {
        let set = given
            .iter()
            .map(|(key, value)| format!("components.A.config.{key}={value}").into());
        let layers = Layers {
            set: set.collect(),
            ..Layers::default()
        };
        Config::layered(&layers)?.of_component("A")
    }

    #[test]
    fn a_number_is_a_text_where_the_type_wants_one() {
        let read = read(&[("name", "007"), ("times", "7"), ("key", "12345"), ("words", "[\"a\"]")]).expect("it fits");
        assert_eq!((read.name.as_str(), read.times, read.words.len()), ("007", 7, 1));
        assert!(matches!(read.key, Some(SecretReference::Literal(key)) if key.reveal() == "12345"));
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_own_place() {
        for (given, told) in [
            (
                &[("name", "1"), ("times", "300")][..],
                "--set components.A.config.times=..: `config` in [components.A]: invalid value: integer `300`, expected u8",
            ),
            (
                &[("name", "1"), ("times", "1"), ("words", "[1]")],
                "--set components.A.config.words=..: `config` in [components.A]: invalid type: integer `1`, expected a string",
            ),
            (
                &[("name", "1"), ("times", "1"), ("tims", "1")],
                "--set components.A.config.tims=..: `config` in [components.A]: unknown field `tims`, expected one of \
                 `name`, `times`, `key`, `words`",
            ),
            (
                &[],
                "the configuration: `config` in [components.A]: missing field `name`",
            ),
        ] {
            assert_eq!(read(given).expect_err("it is wrong").to_string(), told);
        }
    }
}
