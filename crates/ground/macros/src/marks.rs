//! `#[call(..)]`: the marks of a method, which of them go together, and what to say when they do not.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, LitStr, Meta, Path, Token};

use crate::mistakes::Mistakes;
use crate::nearest::{listed, nearest};

/// The marks that can be used.
const KNOWN: [&str; 5] = ["read", "idempotent", "once", "key", "deadline"];

/// The marks that the design has and the code has not.
pub(crate) const LATER: [&str; 4] = ["hedge", "cached", "tags", "allow"];

/// All marks of one method.
#[derive(Default)]
pub(crate) struct Marks {
    /// How often it may happen; none is at most once.
    pub(crate) effect: Option<Effect>,
    /// The argument by which calls prefer a replica.
    pub(crate) key: Option<Ident>,
    /// The upper bound on a call.
    pub(crate) deadline_ms: Option<u64>,
}

/// What a second time does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It changes nothing.
    Read,
    /// It is harmless by nature.
    Idempotent,
    /// Its effects are inside `database.once`.
    Once,
}

impl Effect {
    fn from_name(name: &str) -> Option<Effect> {
        Some(match name {
            "read" => Effect::Read,
            "idempotent" => Effect::Idempotent,
            "once" => Effect::Once,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Effect::Read => "read",
            Effect::Idempotent => "idempotent",
            Effect::Once => "once",
        }
    }

    /// What it says of a method, for the message about two of them.
    fn meaning(self) -> &'static str {
        match self {
            Effect::Read => "changes nothing",
            Effect::Idempotent => "is harmless twice by nature",
            Effect::Once => "happens once by `database.once`",
        }
    }
}

impl Marks {
    /// Takes the `#[call(..)]` attributes out of `attributes` and reads them.
    pub(crate) fn take(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) -> Marks {
        let mut marks = Marks::default();
        let calls: Vec<Attribute> = attributes.extract_if(.., |attribute| is_call(attribute)).collect();
        for call in &calls {
            if let Meta::NameValue(_) = call.meta {
                mistakes.add(call, "marks are a list: write `#[call(read)]`");
            } else if let Meta::List(_) = call.meta {
                let read = call.parse_nested_meta(|meta| {
                    marks.read(&meta, mistakes);
                    skip_value(&meta)
                });
                mistakes.take(read);
            }
        }
        marks
    }

    /// Reads one mark; a mistake in one does not hide those in the next.
    fn read(&mut self, meta: &ParseNestedMeta<'_>, mistakes: &mut Mistakes) {
        let name = meta
            .path
            .get_ident()
            .map(|ident| ident.unraw().to_string())
            .unwrap_or_default();
        let path = &meta.path;
        if let Some(effect) = Effect::from_name(&name) {
            return self.read_effect(effect, path, mistakes);
        }
        match name.as_str() {
            "key" => match meta.value().and_then(Ident::parse_any) {
                Ok(_) if self.key.is_some() => mistakes.add(path, "`key` is given twice: keep one"),
                Ok(argument) => self.key = Some(argument),
                Err(_) => mistakes.add(path, "`key` names an argument: write `key = owner`"),
            },
            "deadline" => match meta.value().and_then(|value| value.parse::<LitStr>()) {
                Ok(_) if self.deadline_ms.is_some() => mistakes.add(path, "`deadline` is given twice: keep one"),
                Ok(text) => self.deadline_ms = mistakes.take(parse_duration_ms(&text)),
                Err(_) => mistakes.add(path, "`deadline` is a time in quotes: write `deadline = \"30s\"`"),
            },
            later if LATER.contains(&later) => mistakes.add(path, format!("`{later}` is not there yet: remove it")),
            _ => mistakes.add(path, unknown("mark", &crate::spelling::written(path), &KNOWN)),
        }
    }

    fn read_effect(&mut self, effect: Effect, path: &Path, mistakes: &mut Mistakes) {
        match self.effect {
            None => self.effect = Some(effect),
            Some(other) if other == effect => {
                mistakes.add(path, format!("`{}` is given twice: keep one", effect.name()));
            }
            Some(other) => {
                let (one, two) = (other.name(), effect.name());
                let (means_one, means_two) = (other.meaning(), effect.meaning());
                let message = format!(
                    "`{one}` and `{two}` do not go together: a method {means_one}, or it {means_two}; keep one"
                );
                mistakes.add(path, message);
            }
        }
    }
}

/// `` `x` is no mark; did you mean `y`? the marks are .. ``
pub(crate) fn unknown(what: &str, word: &str, known: &[&'static str]) -> String {
    let meant = nearest(word, known.iter().copied())
        .map(|word| format!("did you mean `{word}`? "))
        .unwrap_or_default();
    format!(
        "`{word}` is no {what}; {meant}the {what}s are {}",
        listed(known.iter().copied())
    )
}

/// Passes over what is left of a mark's value, so that the next one can be read.
pub(crate) fn skip_value(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    while !meta.input.is_empty() && !meta.input.peek(Token![,]) {
        meta.input.parse::<proc_macro2::TokenTree>()?;
    }
    Ok(())
}

fn is_call(attribute: &Attribute) -> bool {
    attribute
        .path()
        .segments
        .last()
        .is_some_and(|last| last.ident == "call")
}

/// Reads `500ms`, `30s`, `5m` or `1h`.
fn parse_duration_ms(text: &LitStr) -> syn::Result<u64> {
    let value = text.value();
    let error = |why: &str| syn::Error::new(text.span(), format!("`{value}` is no deadline: {why}"));
    let digits = value
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(error("write a number and one of `ms`, `s`, `m`, `h`, as in `30s`")),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| error("write a number before the unit, as in `30s`"))?;
    match number.checked_mul(unit_ms) {
        None => Err(error("it is too long")),
        Some(0) => Err(error("no call ends at once; leave it out for the caller's own")),
        Some(deadline_ms) => Ok(deadline_ms),
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;
    use syn::LitStr;

    use super::parse_duration_ms;

    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(
            parse_duration_ms(&LitStr::new(text, Span::call_site())).ok(),
            expected,
            "{text}"
        );
    }

    #[test]
    fn a_deadline_is_a_whole_number_and_a_unit() {
        check("500ms", Some(500));
        check("30s", Some(30_000));
        check("5m", Some(300_000));
        check("1h", Some(3_600_000));
        for wrong in [
            "",
            "30",
            "s",
            "0s",
            "1.5s",
            "-1s",
            "30 s",
            "3d",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            check(wrong, None);
        }
    }
}
