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
