//! A model from its text, and back.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::model::Model;
use crate::model::words::{Argument, PARTITIONS, PRESETS, Value, WORDS, Word};

/// Bytes of a model's text.
const TEXT_BYTES_MAX: usize = 512;
/// Nodes that a model may call faulty.
const COUNT_MAX: u32 = 1_000;
/// No chaos lasts longer.
const DURATION_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a text is no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Nothing is written before, after or between `+`.
    #[error(
        "a model is a preset, or a preset and axes, as in `datacentre + lossy(0.05)`; nothing is written at word {0}"
    )]
    Empty(usize),
    /// It is too long to be one.
    #[error("a model has at most {TEXT_BYTES_MAX} bytes, not {0}")]
    TooLong(usize),
    /// It begins with an axis.
    #[error("`{0}` is an axis; begin with a preset, as in `datacentre + {0}`")]
    NoPreset(String),
    /// A word that is known nowhere.
    #[error("unknown {what} {hint}")]
    Unknown {
        /// `preset` or `axis`.
        what: &'static str,
        /// The word and the nearest known one, or all known ones.
        hint: String,
    },
    /// What stands in parentheses is not what must stand there.
    #[error("{0}")]
    Argument(String),
    /// Two words say two things of one.
    #[error("`{word}` contradicts `{before}`: both settle {both}; keep one")]
    Contradiction {
        /// The later one.
        word: String,
        /// The earlier one.
        before: String,
        /// What both settle.
        both: &'static str,
    },
    /// An axis that makes no sense with the preset.
    #[error("`{word}` contradicts `{preset}`: {why}")]
    Senseless {
        /// The axis.
        word: String,
        /// The preset.
        preset: String,
        /// What it would need.
        why: &'static str,
    },
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl From<Model> for String {
    fn from(model: Model) -> String {
        model.name
    }
}

impl TryFrom<String> for Model {
    type Error = ModelError;

    fn try_from(text: String) -> Result<Model, ModelError> {
        text.parse()
    }
}

impl FromStr for Model {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Model, ModelError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(ModelError::TooLong(text.len()));
        }
        let mut terms = Vec::new();
        for (at, written) in text.split('+').enumerate() {
            terms.push(Term::read(written).ok_or(ModelError::Empty(at + 1))??);
        }
        let (first, rest) = terms.split_first().ok_or(ModelError::Empty(1))?;
        let mut model = preset(first)?;
        let axes = axes(first, rest)?;
        if axes.iter().any(|(word, _)| word.axis == PARTITIONS) {
            model.partitions.clear();
        }
        for word in WORDS {
            let Some((_, term)) = axes.iter().find(|(axis, _)| axis.name == word.name) else {
                continue;
            };
            let value = value(word.argument, term)?;
            (word.apply)(&mut model, value).map_err(|why| ModelError::Senseless {
                word: term.text(),
                preset: first.text(),
                why,
            })?;
        }
        model.name = terms.iter().map(Term::text).collect::<Vec<String>>().join(" + ");
        Ok(model)
    }
}

/// A word and what stands in parentheses after it.
struct Term<'t> {
    word: &'t str,
    argument: Option<&'t str>,
}

impl<'t> Term<'t> {
    /// None if nothing is written.
    fn read(written: &'t str) -> Option<Result<Term<'t>, ModelError>> {
        let written = written.trim();
        if written.is_empty() {
            return None;
        }
        let Some((word, rest)) = written.split_once('(') else {
            let argument = None;
            return Some(Ok(Term {
                word: written,
                argument,
            }));
        };
        let Some(argument) = rest.strip_suffix(')') else {
            let message = format!("`{}` has no `)` at its end", shown(written));
            return Some(Err(ModelError::Argument(message)));
        };
        Some(Ok(Term {
            word: word.trim(),
            argument: Some(argument.trim()),
        }))
    }

    fn text(&self) -> String {
        match self.argument {
            None => shown(self.word),
            Some(argument) => format!("{}({})", shown(self.word), shown(argument)),
        }
    }
}

fn preset(term: &Term<'_>) -> Result<Model, ModelError> {
    let model = match term.word {
        "synchronous" => Model::synchronous(),
        "datacentre" => Model::datacentre(),
        "web" => Model::web(),
        "asynchronous" => Model::asynchronous(),
        "byzantine" => {
            let faulty_max = value(Argument::Count, term)?.faulty();
            let mut model = Model::byzantine(1);
            model.faulty_max = faulty_max;
            return Ok(model);
        }
        word if WORDS.iter().any(|known| known.name == word) => return Err(ModelError::NoPreset(term.text())),
        word => {
            let hint = hint(word, &PRESETS);
            return Err(ModelError::Unknown { what: "preset", hint });
        }
    };
    value(Argument::None, term)?;
    Ok(model)
}

/// The words of the axes, none of which contradicts another or the preset.
fn axes<'t>(first: &'t Term<'t>, rest: &'t [Term<'t>]) -> Result<Vec<(&'static Word, &'t Term<'t>)>, ModelError> {
    let word = |name: &str| WORDS.iter().find(|word| word.name == name);
    // The preset `byzantine(f)` settles what the axis of that name does.
    let mut said: Vec<(&Word, &Term<'_>)> = word(first.word).map(|word| (word, first)).into_iter().collect();
    let of_preset = said.len();
    for term in rest {
        let Some(word) = word(term.word) else {
            if PRESETS.contains(&term.word) {
                return Err(contradiction(term, first, "everything, as presets"));
            }
            let known: Vec<&str> = WORDS.iter().map(|word| word.name).collect();
            let hint = hint(term.word, &known);
            return Err(ModelError::Unknown { what: "axis", hint });
        };
        for (other, before) in &said {
            if let Some(both) = settled_by_both(word, other) {
                return Err(contradiction(term, before, both));
            }
        }
        said.push((word, term));
    }
    Ok(said.split_off(of_preset))
}

fn contradiction(term: &Term<'_>, before: &Term<'_>, both: &'static str) -> ModelError {
    ModelError::Contradiction {
        word: term.text(),
        before: before.text(),
        both,
    }
}

fn settled_by_both(left: &Word, right: &Word) -> Option<&'static str> {
    let both = left.settles.iter().find(|what| right.settles.contains(what));
    let against = left.against.contains(&right.name) || right.against.contains(&left.name);
    let excluded = (against || left.name == right.name).then_some(left.axis);
    both.copied().or(excluded)
}

/// What stands in parentheses after the word.
fn value(argument: Argument, term: &Term<'_>) -> Result<Value, ModelError> {
    let value = match (argument, term.argument) {
        (argument, None) if !argument.needed() => Some(Value::None),
        (_, None) => None,
        (Argument::None, Some(_)) => {
            let message = format!("`{}` takes nothing in parentheses", shown(term.word));
            return Err(ModelError::Argument(message));
        }
        (Argument::Count, Some(text)) => count(text).map(Value::Count),
        (Argument::Share, Some(text)) => share(text).map(Value::Share),
        (Argument::Duration | Argument::DurationOrNone, Some(text)) => duration(text).map(Value::Duration),
    };
    value.ok_or_else(|| {
        let (written, word) = (term.text(), shown(term.word));
        let (wanted, example) = (argument.wanted(), argument.example());
        ModelError::Argument(format!(
            "`{written}` needs {wanted} in parentheses, as in `{word}({example})`"
        ))
    })
}

fn count(text: &str) -> Option<u32> {
    let count = text.parse().ok()?;
    (1..=COUNT_MAX).contains(&count).then_some(count)
}

fn share(text: &str) -> Option<f64> {
    let share = text.parse().ok()?;
    (0.0 < share && share < 1.0).then_some(share)
}

fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let number: u64 = number.parse().ok()?;
    let us = match unit.trim_start() {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "min" => 60_000_000,
        _ => return None,
    };
    let duration = Duration::from_micros(number.checked_mul(us)?);
    (!duration.is_zero() && duration <= DURATION_MAX).then_some(duration)
}

/// `` `lossi`; did you mean `lossy`? ``
fn hint(word: &str, known: &[&str]) -> String {
    let shown = shown(word);
    match nearest(word, known) {
        Some(near) => format!("`{shown}`; did you mean `{near}`?"),
        None => format!("`{shown}`; known are {}", known.join(", ")),
    }
}

/// The known word that is fewest edits from `word`, if they are at most a third of its letters.
fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let edits_max = (word.len().max(3) / 3).min(3);
    let edited = known
        .iter()
        .map(|known| (edits(word.as_bytes(), known.as_bytes()), *known));
    edited
        .min()
        .filter(|(edits, _)| *edits <= edits_max)
        .map(|(_, known)| known)
}

/// Levenshtein's distance without regard to case.
fn edits(left: &[u8], right: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, l) in left.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for (at, r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(!l.eq_ignore_ascii_case(r));
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[right.len()]
}

/// A word as a message shows it: bounded, without control characters.
fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 40;
    let mut shown: String = text.chars().take(CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}
