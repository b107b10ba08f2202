//! The origins beside the file: which variables of the environment are configuration, and which key each of them and
//! each `--set` means.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use super::known::{Known, ROOT};
use super::nearest::{listed, shown};
use super::source::Source;
use crate::limits::{CONFIG_BYTES_MAX, KEY_LEVELS_MAX};

/// What a configuration is read from, the weakest first.
#[derive(Clone, Default)]
pub struct Layers {
    /// `terrace.toml`; without it, the other two are all.
    pub file: Option<PathBuf>,
    /// Variables of the environment, of which only some are configuration.
    pub environment: Vec<(OsString, OsString)>,
    /// The `KEY=VALUE` of each `--set`, as they were given.
    pub set: Vec<OsString>,
    /// Names of the application's components, which a variable spells in upper case.
    pub components: Vec<String>,
}

/// How the name of a variable begins that may be configuration.
const PREFIX: &str = "TERRACE_";

/// What is between two levels in the name of a variable.
const BETWEEN: &str = "__";

/// Adds the variables that are configuration, in the order of their names. `file` is what the file says.
pub(super) fn add_environment(
    source: &mut Source,
    layers: &Layers,
    file: &DeTable<'_>,
    problems: &mut Vec<String>,
    warnings: &mut Vec<String>,
) {
    let mut variables: Vec<_> = layers
        .environment
        .iter()
        .map(|(name, value)| (name.to_string_lossy(), value))
        .collect();
    variables.sort();
    for (name, value) in &variables {
        let Some(path) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if !is_configuration(path) {
            warnings.extend(nearly(path));
            continue;
        }
        let read = keys_of(path, file, &layers.components).and_then(|keys| Ok((keys, text_of(value)?)));
        match read {
            Ok((keys, text)) => source.add_variable(name, keys, text),
            Err(problem) => problems.push(format!("environment variable `{}`: {problem}", shown(name))),
        }
    }
}

/// Adds each `--set`, in the order of the command line.
pub(super) fn add_set(source: &mut Source, layers: &Layers, problems: &mut Vec<String>) {
    for (nth, given) in layers.set.iter().enumerate() {
        // What is not understood is not repeated: a secret may be in it.
        let Some((key, value)) = given.to_str().and_then(halves) else {
            problems.push(format!(
                "--set, given as number {}: it is not KEY=VALUE; write --set tiers.database=sqlite:data, for one",
                nth + 1
            ));
            continue;
        };
        let read = keys_set(key).and_then(|keys| Ok((keys, text_of(OsStr::new(value))?)));
        match read {
            Ok((keys, text)) => source.add_set(key, keys, text),
            Err(problem) => problems.push(format!("--set {}=..: {problem}", shown(key))),
        }
    }
}

/// An argument of a command line as it may be shown: `tiers.mail.password=***`. Whatever is no `KEY=VALUE` of the
/// configuration is as it was, unless it stands behind `--set=`: then it is not shown, either.
pub fn concealed(argument: &str) -> String {
    if let Some(given) = argument.strip_prefix("--set=") {
        return hidden(given, true).map_or_else(|| argument.to_owned(), |hidden| format!("--set={hidden}"));
    }
    let whole = hidden(argument, false);
    let behind_option = || {
        let (option, given) = argument
            .split_once('=')
            .filter(|(option, _)| option.starts_with("--"))?;
        Some(format!("{option}={}", hidden(given, false)?))
    };
    whole.or_else(behind_option).unwrap_or_else(|| argument.to_owned())
}

/// `KEY=***`, unless `given` may be shown as it is.
fn hidden(given: &str, is_set: bool) -> Option<String> {
    let Some((key, _)) = halves(given) else {
        return is_set.then(|| "***".to_owned());
    };
    let levels = key.trim_start_matches('-').split('.').map(str::trim);
    let is_table = |level: &str| ROOT.iter().any(|(table, _)| level.eq_ignore_ascii_case(table));
    let is_ours = is_set || levels.clone().next().is_some_and(is_table);
    match levels.fold(Known::Keys(ROOT), Known::below) {
        Known::Value => None,
        _ => is_ours.then(|| format!("{key}=***")),
    }
}

/// `TERRACE_TOKEN` is not: it has one level, which is no table.
fn is_configuration(path: &str) -> bool {
    path.contains(BETWEEN) || ROOT.iter().any(|(table, _)| path.eq_ignore_ascii_case(table))
}

/// `TERRACE_TIERS_DATABASE` is none and was most likely meant to be.
fn nearly(path: &str) -> Option<String> {
    let (table, key) = path.split_once('_')?;
    let (_, known) = ROOT.iter().find(|(known, _)| table.eq_ignore_ascii_case(known))?;
    let known = known.keys().iter().any(|(known, _)| key.eq_ignore_ascii_case(known));
    known.then(|| {
        format!(
            "environment variable `{PREFIX}{path}` is no configuration, since two underscores stand between levels: \
             `{PREFIX}{table}{BETWEEN}{key}`"
        )
    })
}

/// The keys that `TIERS__DATABASE` means.
fn keys_of(path: &str, file: &DeTable<'_>, components: &[String]) -> Result<Vec<String>, String> {
    let levels: Vec<&str> = path.split(BETWEEN).collect();
    if levels.len() > KEY_LEVELS_MAX {
        return Err(too_deep(levels.len()));
    }
    let mut known = Known::Keys(ROOT);
    let mut file = Some(file);
    let mut keys = Vec::new();
    for level in levels {
        if level.is_empty() {
            return Err(format!(
                "a level of its name is empty; two underscores stand between levels, as in \
                 `{PREFIX}TIERS{BETWEEN}DATABASE`"
            ));
        }
        let written = file.into_iter().flat_map(|table| table.keys());
        let mut candidates: Vec<&str> = written.map(|key| key.get_ref().as_ref()).collect();
        candidates.extend(known.keys().iter().map(|(key, _)| *key));
        if let Known::Components(_) = known {
            candidates.extend(components.iter().map(String::as_str));
        }
        let key = meant(level, candidates)?;
        known = known.below(&key);
        file = file
            .and_then(|table| table.get(key.as_str()))
            .and_then(|value| value.get_ref().as_table());
        keys.push(key);
    }
    Ok(keys)
}

/// The one of `candidates` that is `level` but for case; without one, `level` in lower case, as keys are written.
fn meant(level: &str, mut candidates: Vec<&str>) -> Result<String, String> {
    let lower = level.to_lowercase();
    candidates.retain(|candidate| candidate.to_lowercase() == lower);
    candidates.sort_unstable();
    candidates.dedup();
    match candidates.as_slice() {
        [] => Ok(lower),
        [one] => Ok((*one).to_owned()),
        several if several.contains(&level) => Ok(level.to_owned()),
        several => Err(format!(
            "`{}` may be any of {}; say which by --set, where case counts",
            shown(level),
            listed(several.iter().copied())
        )),
    }
}

/// The two sides of the first `=` that is not in quotes.
fn halves(given: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, letter) in given.char_indices() {
        match (quote, letter) {
            (None, '=') => return Some((&given[..at], &given[at + 1..])),
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            _ => {}
        }
    }
    None
}

/// The keys of `log.targets."terrace::wire"`, which is a key as TOML writes it.
fn keys_set(key: &str) -> Result<Vec<String>, String> {
    let wrong = || "its left side is no key; write levels with dots between them, as in tiers.database".to_owned();
    if key.contains(char::is_control) {
        return Err(wrong());
    }
    let line = format!("{key} = 0");
    let table = DeTable::parse(&line).map_err(|_| wrong())?;
    let mut keys = Vec::new();
    let mut level = Some(table.get_ref());
    while let Some(table) = level {
        let mut entries = table.iter();
        let (Some((key, value)), None) = (entries.next(), entries.next()) else {
            return Err(wrong());
        };
        keys.push(key.get_ref().clone().into_owned());
        level = value.get_ref().as_table();
        if level.is_none() && !matches!(value.get_ref(), DeValue::Integer(_)) {
            return Err(wrong());
        }
    }
    match keys.len() {
        levels if levels > KEY_LEVELS_MAX => Err(too_deep(levels)),
        _ => Ok(keys),
    }
}

fn too_deep(levels: usize) -> String {
    format!("its key has {levels} levels, and at most {KEY_LEVELS_MAX} are read; write the rest as an inline table")
}

fn text_of(value: &OsStr) -> Result<&str, String> {
    let text = value
        .to_str()
        .ok_or("its value is not UTF-8; a configuration is text")?;
    if text.trim().is_empty() {
        return Err("its value is empty; give one, leave it out, or write '' for an empty text".to_owned());
    }
    match text.len() {
        bytes if bytes > CONFIG_BYTES_MAX => Err(format!(
            "its value has {bytes} bytes, and at most {CONFIG_BYTES_MAX} are read"
        )),
        _ => Ok(text),
    }
}
